//! One snapshot as one file: written beside its place, synced, moved, read back.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use onsale_schemas::{Offset, PartitionId};

use crate::error::SnapshotError;
use crate::files::{FileSystem, Files};
use crate::format::Snapshot;

const SUFFIX: &str = ".snapshot";
const TEMPORARY_SUFFIX: &str = ".snapshot.tmp";

/// The files of a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: Box<dyn Files>,
}

/// Partition and offset that a file name says.
fn parse(name: &str) -> Option<(PartitionId, Offset)> {
    let (partition, offset) = name
        .strip_prefix('p')?
        .strip_suffix(SUFFIX)?
        .split_once('-')?;
    Some((PartitionId(partition.parse().ok()?), offset.parse().ok()?))
}

impl Folder {
    /// A folder of the operating system's files.
    pub(crate) fn new(path: &Path) -> Self {
        Self::of(Box::new(FileSystem), path)
    }

    pub(crate) fn of(files: Box<dyn Files>, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            files,
        }
    }

    /// Where the snapshot of this partition and offset lies. Names sort by offset.
    pub(crate) fn path_of(&self, partition: PartitionId, next_offset: Offset) -> PathBuf {
        self.path
            .join(format!("p{partition}-{next_offset:020}{SUFFIX}"))
    }

    fn names(&self) -> Result<Vec<String>, SnapshotError> {
        self.files
            .list(&self.path)
            .map_err(SnapshotError::io("list", &self.path))
    }

    /// The snapshots by their names, ascending by partition and offset.
    pub(crate) fn scan(&self) -> Result<Vec<(PartitionId, Offset)>, SnapshotError> {
        let names = self.names()?;
        let mut found: Vec<_> = names.iter().filter_map(|name| parse(name)).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// Makes the folder where there is none, and removes what a crash in the middle of writing left
    /// behind.
    pub(crate) fn make_ready(&self) -> Result<(), SnapshotError> {
        self.files
            .create_folder(&self.path)
            .map_err(SnapshotError::io("create", &self.path))?;
        for name in self.names()? {
            if name.ends_with(TEMPORARY_SUFFIX) {
                let path = self.path.join(name);
                self.files
                    .remove(&path)
                    .map_err(SnapshotError::io("delete", &path))?;
            }
        }
        Ok(())
    }

    /// Writes a snapshot durably and gives its size. A crash at any point leaves the file whole or
    /// not there.
    pub(crate) fn write(&self, snapshot: &Snapshot) -> Result<u64, SnapshotError> {
        let bytes = snapshot.encode()?;
        let path = self.path_of(snapshot.header.partition, snapshot.header.next_offset);
        let temporary = path.with_extension("snapshot.tmp");
        let written = self.files.create(&temporary).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync()
        });
        if let Err(error) = written {
            // Half a file is of no use, and its room may be what is missing.
            drop(self.files.remove(&temporary));
            return Err(SnapshotError::io("write", &temporary)(error));
        }
        self.files
            .rename(&temporary, &path)
            .map_err(SnapshotError::io("rename", &temporary))?;
        self.sync()?;
        if self.read_bytes(&path)? != bytes {
            return Err(SnapshotError::ReadBack(path));
        }
        Ok(bytes.len() as u64)
    }

    /// Reads and checks a snapshot.
    pub(crate) fn read(
        &self,
        partition: PartitionId,
        next_offset: Offset,
    ) -> Result<(Snapshot, u64), SnapshotError> {
        let bytes = self.read_bytes(&self.path_of(partition, next_offset))?;
        let snapshot = Snapshot::decode(&bytes)?;
        let header = &snapshot.header;
        if (header.partition, header.next_offset) != (partition, next_offset) {
            return Err(SnapshotError::Damaged("its name and its header differ"));
        }
        Ok((snapshot, bytes.len() as u64))
    }

    fn read_bytes(&self, path: &Path) -> Result<Vec<u8>, SnapshotError> {
        self.files
            .read(path)
            .map_err(SnapshotError::io("read", path))
    }

    /// Deletes a snapshot durably.
    pub(crate) fn remove(
        &self,
        partition: PartitionId,
        next_offset: Offset,
    ) -> Result<(), SnapshotError> {
        let path = self.path_of(partition, next_offset);
        self.files
            .remove(&path)
            .map_err(SnapshotError::io("delete", &path))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), SnapshotError> {
        self.files
            .sync_folder(&self.path)
            .map_err(SnapshotError::io("sync", &self.path))
    }
}
