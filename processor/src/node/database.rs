//! Whether a database belongs to the log on Kafka, and whether what it lacks is still there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_log::LogReader as _;
use onsale_log::kafka::{
    KafkaError, KafkaReader, KafkaSettings, OutcomeConsumer, OutcomeEvent, OutcomeStart, read_nodes,
};
use onsale_schemas::{Offset, PartitionId};
use onsale_store::booking::{Watermark, projected_offset};
use onsale_store::{Store, StoreError};
use tokio::runtime::Handle;

use super::status::NodeStatus;
use crate::fit::{self, FitError, Misfit};

/// Outcomes at the beginning of the topic that show what is gone: a single one may be foreign.
const OLDEST_OUTCOMES: usize = 16;
/// Longest wait for one of them, and for all.
const OLDEST_WAIT: Duration = Duration::from_millis(100);
const OLDEST_PATIENCE: Duration = Duration::from_secs(10);
/// How long the announcements of projectors may take.
const ANNOUNCED_PATIENCE: Duration = Duration::from_secs(3);

/// Which log it is, and how many partitions it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogIdentity {
    /// Its id.
    pub log_id: [u8; 16],
    /// Number of its partitions.
    pub partitions: u16,
}

/// What does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// In which way.
    pub misfit: Misfit,
    /// Whether the outcomes bring the database to where the log is: all that it lacks are kept.
    pub is_brought: bool,
}

/// Looks whether `store` is a projection of this log, and of the outcomes that are kept.
///
/// # Errors
/// When broker or database do not answer.
pub async fn look(
    kafka: &KafkaSettings,
    log: LogIdentity,
    store: &Store,
) -> Result<Option<Found>, FitError> {
    let (kafka, store) = (kafka.clone(), store.clone());
    blocking(move |runtime| {
        let mut reader = KafkaReader::new(&kafka)?;
        let LogIdentity { log_id, partitions } = log;
        if !runtime.block_on(store.has_schema())? {
            let misfit = nothing_of_ours(partitions, &reader)?;
            return Ok(misfit.map(|misfit| Found {
                misfit,
                is_brought: false,
            }));
        }
        // Before the watermarks are read: a projector that advances meanwhile is not ahead of them.
        let announced = announced(&kafka);
        let look = fit::look(&store, log_id, partitions, &mut reader);
        let misfit = runtime.block_on(look)?;
        // Nothing of the outcomes can be compared with a watermark that was changed by hand either.
        let is_in_the_way = |misfit: &&Misfit| {
            misfit.is_foreign() || matches!(misfit, Misfit::WatermarkBeyond { .. })
        };
        if let Some(misfit) = misfit.as_ref().filter(is_in_the_way) {
            return Ok(Some(Found {
                misfit: misfit.clone(),
                is_brought: false,
            }));
        }
        let watermarks = runtime.block_on(store.watermarks())?;
        let gone = gone(&kafka, log.partitions, &watermarks)?;
        Ok(match (misfit, gone) {
            (Some(misfit), gone) => Some(Found {
                misfit,
                is_brought: gone.is_none(),
            }),
            (None, Some(older)) => Some(Found {
                misfit: older,
                is_brought: false,
            }),
            (None, None) => older(&announced, &watermarks, &reader)?.map(|older| Found {
                misfit: older,
                is_brought: true,
            }),
        })
    })
    .await
}

/// Looks before the first use whether a database, of whatever version, is another log's: no role may
/// read it or write into it then. One that does not say which log it belongs to passes.
///
/// # Errors
/// When broker or database do not answer.
pub async fn look_first(
    kafka: &KafkaSettings,
    log: LogIdentity,
    store: &Store,
) -> Result<Option<Misfit>, FitError> {
    let (kafka, store) = (kafka.clone(), store.clone());
    blocking(move |runtime| {
        let LogIdentity { log_id, partitions } = log;
        let is_of_log = runtime.block_on(store.log_identity())? == Some(log_id);
        let mut reader = KafkaReader::new(&kafka)?;
        let look = fit::look(&store, log_id, partitions, &mut reader);
        match runtime.block_on(look) {
            Ok(misfit) => Ok(misfit.filter(Misfit::is_foreign)),
            // Someone has dropped a table of it: the rest of it can be used.
            Err(FitError::Store(StoreError::Database(error))) if is_of_log => {
                tracing::warn!(%error, "the database cannot be compared with the log");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    })
    .await
}

/// How far projectors have announced that they had filled a database of this log. Without an answer
/// nothing is known.
fn announced(kafka: &KafkaSettings) -> BTreeMap<PartitionId, Offset> {
    let nodes = read_nodes(kafka, ANNOUNCED_PATIENCE).unwrap_or_else(|error| {
        tracing::debug!(%error, "what nodes have announced cannot be read");
        Vec::new()
    });
    let mut furthest = BTreeMap::new();
    for node in nodes {
        let status = serde_json::from_slice::<NodeStatus>(&node.status);
        let projected = status.map(|status| status.projected);
        for (partition, offset) in projected.into_iter().flatten() {
            let known = furthest.entry(partition).or_insert(offset);
            *known = offset.max(*known);
        }
    }
    furthest
}

/// The first partition in which a database has been further than it is, as projectors have
/// announced.
fn older(
    announced: &BTreeMap<PartitionId, Offset>,
    watermarks: &[Watermark],
    reader: &KafkaReader,
) -> Result<Option<Misfit>, FitError> {
    for (partition, was) in announced {
        let (partition, was) = (*partition, *was);
        let projected = projected_offset(watermarks, partition);
        // Beyond the end of the log it was another log that was meant, before the topics were
        // created anew.
        if projected < was && was <= reader.bounds(partition)?.1 {
            return Ok(Some(Misfit::Older {
                partition,
                projected,
                was,
            }));
        }
    }
    Ok(None)
}

/// A database without our tables has nothing of the log.
fn nothing_of_ours(partitions: u16, reader: &KafkaReader) -> Result<Option<Misfit>, FitError> {
    let mut records = 0;
    for partition in (0..partitions).map(PartitionId) {
        records += reader.bounds(partition)?.1;
    }
    Ok((records > 0).then_some(Misfit::Empty { records }))
}

/// Writes down in the database which log it is a projection of.
pub(super) async fn write_down(
    kafka: &KafkaSettings,
    log: LogIdentity,
    store: &Store,
) -> Result<(), FitError> {
    let (kafka, store) = (kafka.clone(), store.clone());
    blocking(move |runtime| {
        let mut reader = KafkaReader::new(&kafka)?;
        let watermarks = runtime.block_on(store.watermarks())?;
        let written = fit::write_down(&store, log.log_id, &watermarks, &mut reader);
        runtime.block_on(written)
    })
    .await
}

/// Where the outcomes of each partition end by now: the record after the last one.
pub(super) async fn outcomes_ends(
    kafka: &KafkaSettings,
    partitions: u16,
) -> Result<Vec<(PartitionId, Offset)>, FitError> {
    let kafka = kafka.clone();
    blocking(move |_| {
        let all: Vec<PartitionId> = (0..partitions).map(PartitionId).collect();
        let ends = OutcomeConsumer::new(&kafka)?.ends(&all)?.into_iter();
        Ok(ends
            .map(|(partition, end)| (partition, end.offset.saturating_add(1)))
            .collect())
    })
    .await
}

/// The first partition of which outcomes that the database lacks are no longer in their topic: the
/// oldest ones kept continue from others than it has.
fn gone(
    kafka: &KafkaSettings,
    partitions: u16,
    watermarks: &[Watermark],
) -> Result<Option<Misfit>, KafkaError> {
    let oldest = oldest(kafka, partitions)?;
    Ok(oldest.into_iter().find_map(|(partition, previous)| {
        let mark = watermarks.iter().find(|mark| mark.partition == partition);
        let has = mark.and_then(|mark| mark.last_outcome);
        // Of a foreign one among them nothing follows.
        let first = previous.into_iter().min()?;
        (first > has).then(|| Misfit::Older {
            partition,
            projected: projected_offset(watermarks, partition),
            was: first.map_or(0, |first| first.saturating_add(1)),
        })
    }))
}

/// What the oldest outcomes that are kept name as the ones before them.
fn oldest(
    kafka: &KafkaSettings,
    partitions: u16,
) -> Result<BTreeMap<PartitionId, Vec<Option<Offset>>>, KafkaError> {
    let all = (0..partitions).map(PartitionId);
    let starts: Vec<_> = all.map(|p| (p, OutcomeStart::Beginning)).collect();
    let mut consumer = OutcomeConsumer::new(kafka)?;
    consumer.assign(&starts)?;
    let mut open: Vec<PartitionId> = starts.iter().map(|(partition, _)| *partition).collect();
    let mut oldest: BTreeMap<PartitionId, Vec<Option<Offset>>> = BTreeMap::new();
    let deadline = Instant::now() + OLDEST_PATIENCE;
    // What was read until then has to do; the reader of all outcomes finds what is missing, too.
    while !open.is_empty() && Instant::now() < deadline {
        consumer.poll(OLDEST_WAIT, |event| match event {
            OutcomeEvent::Seen { partition, outcome } => {
                let found = oldest.entry(partition).or_default();
                if found.len() < OLDEST_OUTCOMES {
                    found.push(outcome.previous);
                }
                if found.len() >= OLDEST_OUTCOMES {
                    open.retain(|other| *other != partition);
                }
            }
            OutcomeEvent::End { partition } => open.retain(|other| *other != partition),
            OutcomeEvent::Lost => {}
        })?;
    }
    Ok(oldest)
}

/// Brokers are asked on a thread that may wait.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce(Handle) -> Result<T, FitError> + Send + 'static,
) -> Result<T, FitError> {
    let runtime = Handle::current();
    match tokio::task::spawn_blocking(move || ask(runtime)).await {
        Ok(answer) => answer,
        Err(error) => Err(FitError::BrokenOff(error.to_string())),
    }
}
