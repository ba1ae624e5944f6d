//! The outcomes topic of a cluster: one chain, and nothing else in it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use onsale_log::kafka::{ForeignRecord, OutcomeConsumer, OutcomeEvent, OutcomeStart, not_in_chain};
use onsale_log::{OutcomeChain, OutcomeReader, Step};
use onsale_schemas::PartitionId;

use crate::config::Config;
use crate::exit::{Failure, OrFail};

/// Longest wait for records at a time.
const POLL: Duration = Duration::from_millis(200);
/// Polls in a row without events before the brokers count as gone.
const SILENT_POLLS_MAX: u32 = 150;
/// Foreign records that are named.
const FOREIGN_MAX: usize = 8;

/// Reads the outcomes of one partition or of all from the oldest kept on, and fails if some are
/// missing. Returns the number of foreign records, and the newest of them.
pub(super) fn look(
    config: &Config,
    only: Option<PartitionId>,
) -> Result<(u64, Vec<ForeignRecord>), Failure> {
    let settings = config.kafka_settings();
    let partitions = (0..settings.partitions).map(PartitionId);
    let partitions: Vec<PartitionId> = partitions
        .filter(|partition| only.is_none_or(|only| only == *partition))
        .collect();
    let starts: Vec<_> = partitions
        .iter()
        .map(|partition| (*partition, OutcomeStart::Beginning))
        .collect();
    let mut consumer = OutcomeConsumer::new(&settings).or_reach()?;
    consumer.assign(&starts).or_reach()?;
    // Retention may have deleted the first ones.
    let new = |partition: &PartitionId| (*partition, OutcomeReader::new(OutcomeChain::anywhere()));
    let mut chains: BTreeMap<PartitionId, OutcomeReader> = partitions.iter().map(new).collect();
    let mut open = partitions;
    let (mut missing, mut silent) = (None, 0);
    while !open.is_empty() && missing.is_none() {
        let mut aside = Vec::new();
        let polled = consumer.poll(POLL, |event| match event {
            OutcomeEvent::Seen { partition, outcome } => {
                let chain = chains.entry(partition);
                let chain = chain.or_insert_with(|| OutcomeReader::new(OutcomeChain::anywhere()));
                match chain.step(outcome.offset, outcome.previous) {
                    Step::New | Step::Seen => {}
                    Step::Aside { expected, got } => {
                        let why = not_in_chain(outcome.offset, expected, got);
                        aside.push((partition, outcome.position, why));
                    }
                    Step::Gap { expected, got } => {
                        missing.get_or_insert((partition, expected, got));
                    }
                }
            }
            OutcomeEvent::End { partition } => open.retain(|other| *other != partition),
            OutcomeEvent::Lost => {}
        });
        silent = if polled.or_reach()? == 0 {
            silent + 1
        } else {
            0
        };
        if silent > SILENT_POLLS_MAX {
            return Err(Failure::Reach(anyhow!(
                "the outcomes cannot be read to their end"
            )));
        }
        for (partition, position, why) in aside {
            consumer.note_foreign(partition, position, why);
        }
    }
    if let Some((partition, expected, got)) = missing {
        return Err(Failure::Found(anyhow!(
            "partition {partition}: outcomes are missing in the topic, which continues from {got:?} after \
             {expected:?}"
        )));
    }
    let count = settings.foreign.counts().values().sum();
    Ok((count, settings.foreign.newest(FOREIGN_MAX)))
}
