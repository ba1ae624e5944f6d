//! Whether the files that this process works on are still where it opened them. Files that were deleted or
//! exchanged are written all the same, and what is in them is gone with the process.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::config::Config;

/// The lock of the journal, which is held open as long as the journal is.
const JOURNAL_LOCK: &str = "journal.lock";

/// A file or folder as it was.
struct Opened {
    path: PathBuf,
    /// Device and number on it.
    identity: Option<(u64, u64)>,
}

impl Opened {
    fn at(path: PathBuf) -> Self {
        Self {
            identity: identity(&path),
            path,
        }
    }

    fn is_in_place(&self) -> bool {
        self.identity.is_none() || identity(&self.path) == self.identity
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// What a server on the embedded log works on.
pub(crate) struct InPlace {
    journal: [Opened; 2],
    /// The database, where it is a file.
    database: Option<Opened>,
}

impl InPlace {
    /// As they are now, while they are open.
    pub(crate) fn new(config: &Config) -> Self {
        let journal = config.journal_dir();
        let url = config.database_url().ok();
        let file = url.as_deref().and_then(|url| url.strip_prefix("sqlite://"));
        Self {
            journal: [Opened::at(journal.join(JOURNAL_LOCK)), Opened::at(journal)],
            database: file.map(|file| Opened::at(file.into())),
        }
    }

    /// What keeps this process from serving.
    pub(crate) fn problem(&self) -> Option<String> {
        let moved = self.journal.iter().find(|opened| !opened.is_in_place())?;
        Some(format!(
            "{} was deleted or exchanged while this server uses it: what is sold from then on is lost with \
             this process. Take it out of service, copy what it still holds open (/proc/{}/fd), restore \
             the journal (deploy/README.md, \"Backup\") and start again",
            moved.path.display(),
            std::process::id()
        ))
    }

    /// What is lost, although sales go on.
    pub(crate) fn warning(&self) -> Option<String> {
        let database = self.database.as_ref()?;
        if database.is_in_place() {
            return None;
        }
        Some(format!(
            "the database {} was deleted or exchanged while this server uses it: what is written to it is \
             lost with this process, accounts and tenants among it. Copy it from what the process still \
             holds open (/proc/{}/fd) or restore its newest backup before you start again",
            database.path.display(),
            std::process::id()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_or_exchanged_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("onsale.sqlite");
        let missing = Opened::at(file.clone());
        std::fs::write(&file, "1").unwrap();
        assert!(missing.is_in_place(), "it was not there");
        let opened = Opened::at(file.clone());
        assert!(opened.is_in_place());
        std::fs::write(&file, "2").unwrap();
        assert!(opened.is_in_place(), "it was written");
        let other = folder.path().join("other");
        std::fs::write(&other, "1").unwrap();
        std::fs::rename(&other, &file).unwrap();
        assert!(!opened.is_in_place());
        std::fs::remove_file(&file).unwrap();
        assert!(!opened.is_in_place());
    }
}
