//! Takes away what stands behind the end of the log.

use std::path::Path;

use super::batch::HEADER_BYTES;
use super::error::io_error;
use crate::storage::LogError;
use onsale_disk::DiskFile;

/// Writes zeros and makes them durable, so that what stood there cannot come back mixed with what
/// is written there next.
pub(super) fn erase(file: &dyn DiskFile, position: u64, len: usize) -> std::io::Result<()> {
    file.write_all_at(&vec![0; len], position)?;
    file.sync_data()
}

/// Erases what there is of a batch. The end of its header goes first, by a write of one byte, which
/// nothing can tear: so a crash on the way leaves what recovery takes for torn.
pub(super) fn erase_batch(file: &dyn DiskFile, position: u64, len: usize) -> std::io::Result<()> {
    erase(file, position + HEADER_BYTES as u64 - 1, 1)?;
    erase(file, position, len)
}

/// Makes a file as long as its segment and takes away what stands behind the end of the log.
pub(super) fn repair(
    path: &Path,
    file: &dyn DiskFile,
    size_bytes: u64,
    torn: Option<(u64, u64)>,
) -> Result<(), LogError> {
    let result = (|| {
        if let Some((byte, cut_bytes)) = torn {
            let len = usize::try_from(cut_bytes).unwrap_or(usize::MAX);
            erase_batch(file, byte, len)?;
        }
        let file_size = file.size_bytes()?;
        if file_size != size_bytes {
            tracing::warn!(
                file = %path.display(),
                file_size,
                size_bytes,
                "a segment of the journal did not have the size it was created with; corrected"
            );
            file.set_size(size_bytes)?;
        }
        // What is there may only be in the page cache of a process that was killed.
        file.sync_data()
    })();
    result.map_err(|error| io_error("repair", path, error))
}
