//! How far the projection is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_log::kafka::{
    KafkaError, KafkaSettings, OutcomeConsumer, OutcomeEvent, OutcomeStart, refuse_faked_clock,
};
use onsale_schemas::{Offset, PartitionId};
use onsale_store::Store;
use onsale_store::booking::projected_offset;

use super::LISTEN;
use crate::commands::doctor::check::Check;
use crate::config::Config;

/// A projection further behind than this is reported, in records.
const PROJECTION_BEHIND_MAX_RECORDS: u64 = 10_000;

/// Compares the database's position with what was published.
pub(crate) async fn look_at_projection(config: &Config, checks: &mut Vec<Check>) {
    let Ok(url) = config.database_url() else {
        return;
    };
    // That was said already.
    if refuse_faked_clock().is_err() {
        return;
    }
    // That it cannot be reached was already reported.
    let Ok(store) = Store::connect(&url, 2).await else {
        return;
    };
    let store = store.for_installation();
    let Ok(watermarks) = store.watermarks().await else {
        return;
    };
    let settings = config.kafka_settings();
    let ends = tokio::task::spawn_blocking(move || last_outcomes(&settings)).await;
    let ends = match ends {
        Ok(Ok(ends)) => ends,
        Ok(Err(error)) => {
            checks.push(Check::failed(
                "outcomes",
                error.to_string(),
                "look at the brokers; before the first start there is no such topic, and it creates it",
            ));
            return;
        }
        Err(_) => return,
    };
    let mut is_right = true;
    for (partition, last) in ends {
        let projected = projected_offset(&watermarks, partition);
        let behind = (last + 1).saturating_sub(projected);
        if behind > PROJECTION_BEHIND_MAX_RECORDS {
            is_right = false;
            checks.push(Check::warning(
                "projection",
                format!("partition {partition} is {behind} records behind"),
                "see the projector's log; if it has stopped, run `onsale reconcile --report FILE`, then `onsale reconcile --apply FILE`",
            ));
        } else if projected > last + 1 {
            is_right = false;
            checks.push(Check::failed(
                "projection",
                format!(
                    "partition {partition}: the database has outcomes up to {projected}, the topic \
                     ends at {last}"
                ),
                "the database is of another log: check kafka.topic_prefix and database.url",
            ));
        }
    }
    if is_right {
        checks.push(Check::ok("projection", "the database keeps up"));
    }
}

/// The highest published outcome of each partition that has one.
fn last_outcomes(settings: &KafkaSettings) -> Result<BTreeMap<PartitionId, Offset>, KafkaError> {
    let mut consumer = OutcomeConsumer::new(settings)?;
    let partitions = (0..settings.partitions).map(PartitionId);
    let starts: Vec<_> = partitions.map(|p| (p, OutcomeStart::Last)).collect();
    consumer.assign(&starts)?;
    let mut last = BTreeMap::new();
    let mut open = starts.len();
    let deadline = Instant::now() + LISTEN;
    while open > 0 && Instant::now() < deadline {
        consumer.poll(Duration::from_millis(100), |event| match event {
            OutcomeEvent::Seen { partition, outcome } => {
                let highest = last.entry(partition).or_insert(outcome.offset);
                *highest = outcome.offset.max(*highest);
            }
            OutcomeEvent::End { .. } => open = open.saturating_sub(1),
            OutcomeEvent::Lost => {}
        })?;
    }
    Ok(last)
}
