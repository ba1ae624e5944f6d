//! Gives disk space back, whole segments at a time.

use std::sync::PoisonError;

use onsale_schemas::{Offset, PartitionId};

use super::error::failed;
use super::handle::Journal;
use super::segment::path_of;
use crate::storage::LogError;

impl Journal {
    /// Removes the segments in which every record of every partition is before the offset given for
    /// it; a partition that is not given keeps everything. The segment being written always stays.
    /// Returns how many were removed.
    ///
    /// # Errors
    /// [`LogError::UnknownPartition`]; when the journal has no writer in this process; or of the
    /// system, in which case files that were not deleted are back at the next start.
    pub fn truncate_before(&self, keep_from: &[(PartitionId, Offset)]) -> Result<usize, LogError> {
        let shared = &self.shared;
        let mut keep = vec![0; usize::from(shared.meta.partitions)];
        for &(partition, offset) in keep_from {
            keep[shared.index(partition)?] = offset;
        }
        // Held to the end: no other process may open the journal while files are deleted.
        let lock = shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            let error = std::io::Error::other("the journal has no writer in this process");
            return Err(failed("remove segments in", &shared.folder, error));
        }
        // A segment ends where the next one begins.
        let first_kept = shared.last_segment_where(|segment| {
            segment
                .bases
                .iter()
                .zip(&keep)
                .all(|(base, keep)| base.next <= *keep)
        });
        let Some(first_kept) = first_kept else {
            return Ok(0);
        };
        let removed = shared.remove_segments_before(first_kept.sequence);
        for segment in &removed {
            let path = path_of(&shared.folder, segment.sequence);
            // One by one from the oldest, each durably: a crash must not leave a gap.
            shared
                .disk
                .remove(&path)
                .and_then(|()| shared.disk.sync_folder(&shared.folder))
                .map_err(|error| failed("remove", &path, error))?;
        }
        Ok(removed.len())
    }
}
