//! One snapshot as one file: replaced as a whole, and read back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use onsale_disk::{Disk, FileSystem, TEMPORARY_SUFFIX};
use onsale_schemas::{Offset, PartitionId};

use crate::error::SnapshotError;
use crate::format::Snapshot;

const SUFFIX: &str = ".snapshot";

/// The files of a folder.
pub(crate) struct Folder {
    path: PathBuf,
    disk: Arc<dyn Disk>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Folder").field(&self.path).finish()
    }
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
        Self::of(Arc::new(FileSystem::default()), path)
    }

    pub(crate) fn of(disk: Arc<dyn Disk>, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            disk,
        }
    }

    /// Where the snapshot of this partition and offset lies. Names sort by offset.
    pub(crate) fn path_of(&self, partition: PartitionId, next_offset: Offset) -> PathBuf {
        self.path
            .join(format!("p{partition}-{next_offset:020}{SUFFIX}"))
    }

    fn names(&self) -> Result<Vec<String>, SnapshotError> {
        self.disk
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

    /// Creates the folder where there is none, and removes what a crash in the middle of writing left
    /// behind.
    pub(crate) fn make_ready(&self) -> Result<(), SnapshotError> {
        self.disk
            .create_folder(&self.path)
            .map_err(SnapshotError::io("create", &self.path))?;
        for name in self.names()? {
            let is_half_written = name.strip_suffix(TEMPORARY_SUFFIX);
            if is_half_written.is_some_and(|name| name.ends_with(SUFFIX)) {
                let path = self.path.join(name);
                self.disk
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
        onsale_disk::replace(&*self.disk, &path, &bytes)
            .map_err(SnapshotError::io("write", &path))?;
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
        onsale_disk::read(&*self.disk, path).map_err(SnapshotError::io("read", path))
    }

    /// Deletes a snapshot durably.
    pub(crate) fn remove(
        &self,
        partition: PartitionId,
        next_offset: Offset,
    ) -> Result<(), SnapshotError> {
        let path = self.path_of(partition, next_offset);
        self.disk
            .remove(&path)
            .map_err(SnapshotError::io("delete", &path))?;
        self.disk
            .sync_folder(&self.path)
            .map_err(SnapshotError::io("sync", &self.path))
    }
}
