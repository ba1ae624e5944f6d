//! What snapshots there are, in sled: answers listings without opening large files.
//!
//! It is never the only copy of anything: the files are. A manifest that does not open, or that makes
//! sled panic, is set aside and made anew from the folder; on a full disk there is none.

use std::fs::{File, OpenOptions, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bincode::{Decode, Encode};
use onsale_schemas::codec;
use onsale_schemas::{Offset, PartitionId};

use crate::error::SnapshotError;
use crate::format::SnapshotHeader;

const FOLDER_NAME: &str = "manifest";
/// Held by the process that writes to the folder. sled has a lock of its own, but says of one that is
/// taken what it says of a broken database.
const LOCK_NAME: &str = "manifest.lock";
/// sled's default cache is 1 GiB; the manifest has a few kilobytes.
const CACHE_BYTES: u64 = 1 << 20;

/// What the manifest says of one snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Listed {
    /// Its header.
    pub header: SnapshotHeader,
    /// Size of the object in bytes.
    pub size_bytes: u64,
}

/// The manifest of one folder.
#[derive(Debug)]
pub(crate) struct Manifest {
    db: sled::Db,
    /// Let go of last.
    _lock: File,
}

impl Manifest {
    /// Opens the manifest; one that is no good is set aside first. The second value says that it is
    /// new and has to be filled.
    ///
    /// # Errors
    /// [`SnapshotError::InUse`]; or when there is no room for one, or no usable one can be created.
    pub(crate) fn open(folder: &Path) -> Result<(Self, bool), SnapshotError> {
        let lock = lock(folder)?;
        let path = folder.join(FOLDER_NAME);
        let existed = path.exists();
        match open_db(&path) {
            Ok(db) => {
                if existed && list(&db).is_err() {
                    drop(db);
                    return Self::anew(&path, "its entries do not decode", lock);
                }
                Ok((Self { db, _lock: lock }, !existed))
            }
            // It may be as good as ever.
            Err(Unopened::Full(error)) => Err(SnapshotError::io("open", &path)(error)),
            Err(Unopened::Useless(why)) => Self::anew(&path, &why, lock),
        }
    }

    fn anew(path: &Path, why: &str, lock: File) -> Result<(Self, bool), SnapshotError> {
        let aside = free_name(path);
        tracing::warn!(
            manifest = %path.display(),
            set_aside_as = %aside.display(),
            why,
            "the manifest of the snapshots cannot be used and is rebuilt from the files"
        );
        if path.exists() {
            std::fs::rename(path, &aside).map_err(SnapshotError::io("rename", path))?;
        }
        let db = open_db(path).map_err(|unopened| {
            SnapshotError::io("open", path)(match unopened {
                Unopened::Full(error) => error,
                Unopened::Useless(why) => std::io::Error::other(why),
            })
        })?;
        Ok((Self { db, _lock: lock }, true))
    }

    /// Everything, ascending by partition and offset.
    pub(crate) fn list(&self) -> Result<Vec<Listed>, String> {
        list(&self.db)
    }

    pub(crate) fn put(&self, listed: &Listed) -> Result<(), String> {
        let mut value = Vec::new();
        codec::encode_body_into(listed, &mut value).map_err(|error| error.to_string())?;
        let key = key(listed.header.partition, listed.header.next_offset);
        guarded(|| {
            self.db
                .insert(key, value)
                .and_then(|_| self.db.flush())
                .map(drop)
                .map_err(|error| error.to_string())
        })
    }

    pub(crate) fn remove(&self, partition: PartitionId, offset: Offset) -> Result<(), String> {
        guarded(|| {
            self.db
                .remove(key(partition, offset))
                .and_then(|_| self.db.flush())
                .map(drop)
                .map_err(|error| error.to_string())
        })
    }

    pub(crate) fn clear(&self) -> Result<(), String> {
        guarded(|| {
            self.db
                .clear()
                .and_then(|()| self.db.flush())
                .map(drop)
                .map_err(|error| error.to_string())
        })
    }
}

fn list(db: &sled::Db) -> Result<Vec<Listed>, String> {
    guarded(|| {
        db.iter()
            .map(|entry| {
                let (_, value) = entry.map_err(|error| error.to_string())?;
                codec::decode_body(&value).map_err(|error| error.to_string())
            })
            .collect()
    })
}

/// Takes the folder for this process.
fn lock(folder: &Path) -> Result<File, SnapshotError> {
    let path = folder.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(&path)
        .map_err(SnapshotError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SnapshotError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(SnapshotError::io("lock", &path)(error)),
    }
}

fn key(partition: PartitionId, offset: Offset) -> [u8; 10] {
    let mut key = [0; 10];
    key[..2].copy_from_slice(&partition.0.to_be_bytes());
    key[2..].copy_from_slice(&offset.to_be_bytes());
    key
}

/// Why a manifest was not opened.
enum Unopened {
    /// There is no room on the disk.
    Full(std::io::Error),
    /// Anything else.
    Useless(String),
}

impl From<String> for Unopened {
    fn from(why: String) -> Self {
        Self::Useless(why)
    }
}

fn open_db(path: &Path) -> Result<sled::Db, Unopened> {
    guarded(|| {
        sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            // Every change is flushed by hand.
            .flush_every_ms(None)
            .open()
            .map_err(|error| match error {
                sled::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                    Unopened::Full(error)
                }
                error => Unopened::Useless(error.to_string()),
            })
    })
}

/// sled 0.34 panics on some damaged files where an error was due.
fn guarded<T, E: From<String>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("sled panicked".to_owned().into()))
}

/// A name for a manifest that is set aside.
fn free_name(path: &Path) -> PathBuf {
    (1u32..)
        .map(|n| path.with_extension(format!("bad-{n}")))
        .find(|candidate| !candidate.exists())
        .unwrap_or_else(|| path.with_extension("bad"))
}
