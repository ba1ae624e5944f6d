//! Where the members of a node start: the newest usable snapshot, from disk or from the database,
//! whichever is further; else the beginning of the log.

use onsale_engine::{Limits, Partition};
use onsale_log::{LogError, LogReader};
use onsale_schemas::{Offset, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_store::Store;
use onsale_store::snapshot::SnapshotInfo;

use crate::fit::Misfit;
use crate::recovery::{Bound, RecoveryError, Sources};
use crate::snapshots::Written;

/// A partition as a start found it.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) machine: Partition,
    pub(super) last_record_checksum: Option<u64>,
    /// The snapshot it comes from.
    pub(super) snapshot: Option<Written>,
}

/// Finds a base for one partition after the other.
pub(super) struct Bases<'a> {
    log_id: [u8; 16],
    directory: &'a Directory,
    store: &'a Store,
    stored: Vec<SnapshotInfo>,
    /// The database says that it is of this log.
    is_of_log: bool,
}

impl<'a> Bases<'a> {
    /// Looks what there is. A database that is down has no snapshots; the disk may.
    pub(super) async fn look(log_id: [u8; 16], directory: &'a Directory, store: &'a Store) -> Self {
        let stored = store.snapshots().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the snapshots in the database cannot be used");
            Vec::new()
        });
        // One that does not answer says nothing, and neither does one of an earlier version.
        let identity = store.log_identity().await.unwrap_or_default();
        Self {
            log_id,
            directory,
            store,
            stored,
            is_of_log: identity == Some(log_id),
        }
    }

    /// A snapshot in the database that knows records which the log does not have.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) fn ahead_of(&self, reader: &impl LogReader) -> Result<Option<Misfit>, LogError> {
        for info in self.stored.iter().filter(|_| self.is_of_log) {
            let (_, end) = reader.bounds(info.partition)?;
            if info.next_offset > end {
                return Ok(Some(Misfit::SnapshotAhead {
                    place: "the database".to_owned(),
                    partition: info.partition,
                    next_offset: info.next_offset,
                    end,
                }));
            }
        }
        Ok(None)
    }

    /// Where a partition starts, whose outcomes are published up to `published`.
    ///
    /// # Errors
    /// When log or folder cannot be read, or the log begins after everything there is.
    pub(super) async fn base(
        &self,
        partition: PartitionId,
        published: Option<Offset>,
        reader: &mut impl LogReader,
    ) -> Result<Base, RecoveryError> {
        let sources = Sources {
            log_id: self.log_id,
            directory: self.directory,
            store: self.store,
            in_database: self
                .stored
                .iter()
                .find(|info| info.partition == partition)
                .map(|info| info.next_offset),
        };
        let bound = Bound {
            next_offset: Offset::MAX,
            published: Some(published),
        };
        if let Some((machine, snapshot)) = sources.newest_usable(partition, bound, reader).await? {
            return Ok(Base {
                machine,
                last_record_checksum: snapshot.header.last_record_checksum,
                snapshot: Some(Written::of(&snapshot)),
            });
        }
        let (first, _) = reader.bounds(partition)?;
        if first > 0 {
            return Err(RecoveryError::NoBase { partition, first });
        }
        Ok(Base {
            machine: Partition::new(partition, Limits::default()),
            last_record_checksum: None,
            snapshot: None,
        })
    }
}
