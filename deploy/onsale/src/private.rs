//! Permissions of what this program writes: readable by its own user only.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use onsale_cluster::REPORTS_DIR;
use onsale_disk::{FILE_MODE, FOLDER_MODE};
use onsale_settings::NamedFile;
use rustix::fs::Mode;

use crate::config::Config;

/// Every bit that lets other users in.
const OTHERS: u32 = 0o077;
/// What belongs to Onsale in a data folder. Nothing else is touched: the folder may have existed
/// before, for something else.
const OURS: [&str; 10] = [
    "journal",
    "snapshots",
    REPORTS_DIR,
    "onsale.sqlite",
    "onsale.sqlite-wal",
    "onsale.sqlite-shm",
    "dev-secret",
    "booking-secret",
    "accounts-secret",
    "outbox",
];

/// What to do about a secret that every user of the machine can read.
pub(crate) const CLOSE_IT: &str = "chmod 600 it, and give it to the user of the server";

/// Makes everything that this process creates from now on private to its user, whichever library
/// creates it.
pub(crate) fn keep_others_out() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Creates the data folder, or closes one that an earlier version left open.
///
/// # Errors
/// When it cannot be created.
pub(crate) fn data_folder(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)
        .with_context(|| format!("cannot make the data folder {}", dir.display()))?;
    let open = open_in(dir);
    if open.is_empty() {
        return Ok(());
    }
    let closed: io::Result<()> = open.iter().try_for_each(|(path, mode)| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(*mode))
    });
    match closed {
        Ok(()) => tracing::warn!(
            folder = %dir.display(),
            files = open.len(),
            "the data folder was open to other users of this machine; it is closed now"
        ),
        Err(error) => tracing::warn!(
            folder = %dir.display(),
            %error,
            "the data folder is open to other users of this machine and cannot be closed"
        ),
    }
    Ok(())
}

/// What of Onsale's files in a data folder is open to others, with the mode that it should have.
/// The folder itself counts if it contains nothing else.
pub(crate) fn open_in(dir: &Path) -> Vec<(PathBuf, u32)> {
    let mut open = Vec::new();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_ours = OURS.iter().any(|ours| entry.file_name() == *ours);
        if is_ours {
            look(&entry.path(), &mut open);
        }
        names.push(is_ours);
    }
    let is_of_all = mode_of(dir).is_some_and(|mode| mode & 0o1000 != 0);
    if names.iter().all(|is_ours| *is_ours) && !is_of_all {
        note(dir, FOLDER_MODE, &mut open);
    }
    open
}

/// Walks a file or folder of Onsale's; symbolic links are a deliberate choice and left alone.
fn look(path: &Path, open: &mut Vec<(PathBuf, u32)>) {
    let Ok(found) = std::fs::symlink_metadata(path) else {
        return;
    };
    if found.is_dir() {
        note(path, FOLDER_MODE, open);
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            look(&entry.path(), open);
        }
    } else if found.is_file() {
        note(path, FILE_MODE, open);
    }
}

fn note(path: &Path, mode: u32, open: &mut Vec<(PathBuf, u32)>) {
    if mode_of(path).is_some_and(|found| found & OTHERS != 0) {
        open.push((path.to_owned(), mode));
    }
}

fn mode_of(path: &Path) -> Option<u32> {
    Some(std::fs::symlink_metadata(path).ok()?.mode())
}

/// Files with keys and passwords that every user of this machine can read.
pub(crate) fn readable_secrets(config: &Config) -> Vec<NamedFile> {
    let files = config.files().into_iter();
    files.filter(NamedFile::is_open_to_all).collect()
}

/// Reports files with secrets that every user can read.
pub(crate) fn warn_of_readable_secrets(config: &Config) {
    for file in readable_secrets(config) {
        tracing::warn!(
            setting = %file.key,
            file = %file.path.display(),
            "every user of this machine can read this secret: chmod 600 it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        mode_of(path).unwrap() & 0o7777
    }

    #[test]
    fn a_folder_that_was_left_open_is_closed() {
        let base = tempfile::tempdir().unwrap();
        let data = base.path().join("data");
        let journal = data.join("journal");
        std::fs::create_dir_all(&journal).unwrap();
        let segment = journal.join("1.segment");
        std::fs::write(&segment, "x").unwrap();
        let reports = data.join(REPORTS_DIR);
        std::fs::create_dir(&reports).unwrap();
        let report = reports.join("report-1.json");
        std::fs::write(&report, "{}").unwrap();
        let database = data.join("onsale.sqlite");
        std::fs::write(&database, "x").unwrap();
        for (path, mode) in [(&data, 0o755), (&journal, 0o755), (&reports, 0o755)] {
            set(path, mode);
        }
        set(&segment, 0o644);
        set(&report, 0o644);
        set(&database, 0o640);
        data_folder(&data).unwrap();
        for (path, expected) in [
            (&data, 0o700),
            (&journal, 0o700),
            (&segment, 0o600),
            (&reports, 0o700),
            (&report, 0o600),
            (&database, 0o600),
        ] {
            assert_eq!(mode(path), expected, "{}", path.display());
        }
        assert!(open_in(&data).is_empty());
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let base = tempfile::tempdir().unwrap();
        let data = base.path().join("srv");
        std::fs::create_dir(&data).unwrap();
        let other = data.join("index.html");
        std::fs::write(&other, "x").unwrap();
        set(&data, 0o755);
        set(&other, 0o644);
        data_folder(&data).unwrap();
        assert_eq!((mode(&data), mode(&other)), (0o755, 0o644));
        // One that all users share, as /tmp is.
        std::fs::remove_file(&other).unwrap();
        set(&data, 0o1777);
        data_folder(&data).unwrap();
        assert_eq!(mode(&data), 0o1777);
    }
}
