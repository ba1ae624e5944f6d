//! One snapshot as one file: written beside its place, synced, moved, read back.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use onsale_schemas::{Offset, PartitionId};

use crate::error::SnapshotError;
use crate::format::Snapshot;

const SUFFIX: &str = ".snapshot";
const TEMPORARY_SUFFIX: &str = ".snapshot.tmp";

/// Where the snapshot of this partition and offset lies. Names sort by offset.
pub(crate) fn path_of(folder: &Path, partition: PartitionId, next_offset: Offset) -> PathBuf {
    folder.join(format!("p{partition}-{next_offset:020}{SUFFIX}"))
}

/// Partition and offset that a file name says.
fn parse(name: &str) -> Option<(PartitionId, Offset)> {
    let (partition, offset) = name
        .strip_prefix('p')?
        .strip_suffix(SUFFIX)?
        .split_once('-')?;
    Some((PartitionId(partition.parse().ok()?), offset.parse().ok()?))
}

/// The snapshots in a folder by their names, ascending by partition and offset.
pub(crate) fn scan(folder: &Path) -> Result<Vec<(PartitionId, Offset)>, SnapshotError> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(SnapshotError::io("list", folder))?;
    for entry in entries {
        let name = entry
            .map_err(SnapshotError::io("list", folder))?
            .file_name();
        found.extend(name.to_str().and_then(parse));
    }
    found.sort_unstable();
    Ok(found)
}

/// Removes what a crash in the middle of writing left behind.
pub(crate) fn remove_temporary(folder: &Path) -> Result<(), SnapshotError> {
    let entries = std::fs::read_dir(folder).map_err(SnapshotError::io("list", folder))?;
    for entry in entries {
        let path = entry.map_err(SnapshotError::io("list", folder))?.path();
        if path
            .to_str()
            .is_some_and(|name| name.ends_with(TEMPORARY_SUFFIX))
        {
            std::fs::remove_file(&path).map_err(SnapshotError::io("delete", &path))?;
        }
    }
    Ok(())
}

/// Writes a snapshot durably and gives its size. A crash at any point leaves the file whole or not
/// there.
pub(crate) fn write(folder: &Path, snapshot: &Snapshot) -> Result<u64, SnapshotError> {
    let bytes = snapshot.encode()?;
    let path = path_of(
        folder,
        snapshot.header.partition,
        snapshot.header.next_offset,
    );
    let temporary = path.with_extension("snapshot.tmp");
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    if let Err(error) = written {
        // Half a file is of no use, and its room may be what is missing.
        drop(std::fs::remove_file(&temporary));
        return Err(SnapshotError::io("write", &temporary)(error));
    }
    std::fs::rename(&temporary, &path).map_err(SnapshotError::io("rename", &temporary))?;
    sync_folder(folder)?;
    let read_back = std::fs::read(&path).map_err(SnapshotError::io("read", &path))?;
    if read_back != bytes {
        return Err(SnapshotError::ReadBack(path));
    }
    Ok(bytes.len() as u64)
}

/// Reads and checks a snapshot.
pub(crate) fn read(
    folder: &Path,
    partition: PartitionId,
    next_offset: Offset,
) -> Result<(Snapshot, u64), SnapshotError> {
    let path = path_of(folder, partition, next_offset);
    let bytes = std::fs::read(&path).map_err(SnapshotError::io("read", &path))?;
    let snapshot = Snapshot::decode(&bytes)?;
    let header = &snapshot.header;
    if (header.partition, header.next_offset) != (partition, next_offset) {
        return Err(SnapshotError::Damaged("its name and its header differ"));
    }
    Ok((snapshot, bytes.len() as u64))
}

/// Deletes a snapshot durably.
pub(crate) fn remove(
    folder: &Path,
    partition: PartitionId,
    next_offset: Offset,
) -> Result<(), SnapshotError> {
    let path = path_of(folder, partition, next_offset);
    std::fs::remove_file(&path).map_err(SnapshotError::io("delete", &path))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<(), SnapshotError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(SnapshotError::io("sync", folder))
}
