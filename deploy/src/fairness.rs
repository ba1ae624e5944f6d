//! Explains requests from the log, beside whoever writes it.

use std::sync::Arc;

use onsale_engine::Partition;
use onsale_processor::recovery;
use onsale_processor::replay;
use onsale_processor::standing::{self, StandingError};
use onsale_schemas::{Offset, PartitionId, RequestId, Standing};
use onsale_snapshot::directory::Directory;

use crate::config::Config;
use crate::log_source::LogSource;

/// Records that are replayed for one explanation at most: a few seconds.
const REPLAY_RECORDS_MAX: u64 = 4_000_000;
/// Records that are looked through for a request, over all partitions.
const FIND_RECORDS_MAX: u64 = 400_000;

/// What explanations are made from: the log, and snapshots where this node keeps some.
#[derive(Clone, Debug)]
pub(crate) struct Fairness {
    config: Arc<Config>,
}

/// Why a request cannot be explained.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExplainError {
    /// Retention has removed the record, or what stood before it.
    #[error(
        "The log of partition {partition} begins at offset {first} and no snapshot early enough is \
         kept, so offset {asked} cannot be explained any more."
    )]
    Gone {
        partition: PartitionId,
        first: Offset,
        asked: Offset,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl Fairness {
    /// Explains from the log that the configuration names.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            config: Arc::new(config.clone()),
        }
    }

    fn log(&self) -> Result<LogSource, ExplainError> {
        LogSource::open(&self.config).map_err(|failure| failure.into_error().into())
    }

    /// The request at a position; `None` when there is none.
    pub(crate) fn explain(
        &self,
        partition: PartitionId,
        offset: Offset,
    ) -> Result<Option<Standing>, ExplainError> {
        let mut reader = self.log()?.reader;
        let (first, end) = reader.bounds(partition).map_err(anyhow::Error::new)?;
        if offset >= end {
            return Ok(None);
        }
        let base = self
            .base(partition, first, offset)?
            .filter(|_| offset >= first)
            .ok_or(ExplainError::Gone {
                partition,
                first,
                asked: offset,
            })?;
        match standing::standing(&mut reader, base, offset) {
            Ok(standing) => Ok(Some(standing)),
            Err(StandingError::NoRequest(_)) => Ok(None),
            Err(StandingError::Log(error)) => Err(anyhow::Error::new(error).into()),
        }
    }

    /// The machine to begin with: as early as a bounded replay allows, because whoever was ahead
    /// is counted from there.
    fn base(
        &self,
        partition: PartitionId,
        first: Offset,
        offset: Offset,
    ) -> Result<Option<Partition>, ExplainError> {
        if first == 0 && offset <= REPLAY_RECORDS_MAX {
            return Ok(Some(replay::genesis(partition)));
        }
        let Ok(directory) = Directory::open_read_only(&self.config.snapshots_dir()) else {
            return Ok(None);
        };
        let mut kept: Vec<Offset> = directory
            .list()
            .map_err(anyhow::Error::new)?
            .into_iter()
            .map(|listed| listed.header)
            .filter(|header| {
                header.partition == partition
                    && (first..=offset).contains(&header.next_offset)
                    && offset - header.next_offset <= REPLAY_RECORDS_MAX
            })
            .map(|header| header.next_offset)
            .collect();
        kept.sort_unstable();
        for at in kept {
            let snapshot = directory
                .newest(partition, Some(at))
                .map_err(anyhow::Error::new)?;
            if let Some(snapshot) = snapshot {
                return Ok(Some(
                    recovery::machine_of(&snapshot).map_err(anyhow::Error::new)?,
                ));
            }
        }
        Ok(None)
    }

    /// Where the newest record of a request stands, among the latest records.
    pub(crate) fn find(
        &self,
        request: RequestId,
    ) -> Result<Option<(PartitionId, Offset)>, ExplainError> {
        let LogSource {
            partitions,
            mut reader,
        } = self.log()?;
        let each = FIND_RECORDS_MAX / u64::from(partitions.max(1));
        for partition in (0..partitions).map(PartitionId) {
            let found = standing::find(&mut reader, partition, request, each)
                .map_err(anyhow::Error::new)?;
            if let Some(offset) = found {
                return Ok(Some((partition, offset)));
            }
        }
        Ok(None)
    }
}
