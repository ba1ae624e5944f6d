//! Where the members of a node start: the newest usable snapshot, from disk or from the database,
//! whichever is further; else the beginning of the log.

use onsale_engine::{Limits, Partition};
use onsale_log::LogReader;
use onsale_schemas::{Offset, PartitionId};
use onsale_snapshot::directory::Directory;
use onsale_store::Store;
use onsale_store::snapshot::SnapshotInfo;

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
}

impl<'a> Bases<'a> {
    /// Looks what there is. A database that is down has no snapshots; the disk may.
    pub(super) async fn look(log_id: [u8; 16], directory: &'a Directory, store: &'a Store) -> Self {
        let stored = store.snapshots().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the snapshots in the database cannot be used");
            Vec::new()
        });
        Self {
            log_id,
            directory,
            store,
            stored,
        }
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
