//! Short ways to the errors of a journal.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::storage::LogError;
use onsale_disk::is_out_of_descriptors;

/// What to do about damage in a segment.
pub(super) const SEGMENT_ADVICE: &str = "Nothing was changed. Restore this file from a copy (a standby, a backup); \
     if there is none, keep a copy of the folder and give up what follows only knowingly";

pub(super) fn io_error(doing: &'static str, path: &Path, cause: io::Error) -> LogError {
    if is_full(&cause) {
        return LogError::DiskFull(cause);
    }
    failed(doing, path, cause)
}

/// As [`io_error`] where even a full disk is no clean failure. A file that could not be opened for
/// want of a descriptor was not touched.
pub(super) fn failed(doing: &'static str, path: &Path, cause: io::Error) -> LogError {
    if is_out_of_descriptors(&cause) {
        return LogError::NoDescriptors(cause);
    }
    LogError::Io {
        doing,
        path: path.to_path_buf(),
        cause,
    }
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

pub(super) fn damaged(
    file: &Path,
    byte: u64,
    what: impl Into<String>,
    advice: &'static str,
) -> LogError {
    LogError::Damaged {
        file: file.to_path_buf(),
        byte,
        what: what.into(),
        advice,
    }
}
