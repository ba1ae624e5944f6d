//! What can go wrong with snapshots.

use std::path::PathBuf;

use onsale_schemas::codec::CodecError;

/// Why a snapshot cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Reading or writing failed.
    #[error("{doing} {path}: {cause}")]
    Io {
        /// What was tried, as in "open".
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Another process writes to the folder.
    #[error(
        "{0} is in use by another process: each process needs a data folder of its own (data.dir)"
    )]
    InUse(PathBuf),
    /// The bytes are not a snapshot, or a damaged one.
    #[error("not a sound snapshot: {0}")]
    Damaged(&'static str),
    /// Written by a later program.
    #[error("snapshot format {found}, this program knows {known}")]
    Version {
        /// The format found.
        found: u16,
        /// The format known.
        known: u16,
    },
    /// The header does not decode.
    #[error("not a sound snapshot: header: {0}")]
    Header(CodecError),
    /// What was read back is not what was written.
    #[error("{0}: what was read back is not what was written; the disk lies")]
    ReadBack(PathBuf),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] onsale_store::StoreError),
}

impl SnapshotError {
    pub(crate) fn io(
        doing: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { doing, path, cause }
    }
}
