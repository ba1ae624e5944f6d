//! Snapshots on one of the journal's disks for tests, which lose and tear what was not synced.

use std::io;
use std::path::Path;
use std::sync::Arc;

use onsale_disk::{Access, Disk, DiskFile};

use super::{Files, NewFile};

/// A disk in memory.
pub(crate) struct OnDisk(pub(crate) Arc<dyn Disk>);

impl std::fmt::Debug for OnDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a disk for tests")
    }
}

struct Written {
    file: Box<dyn DiskFile>,
    position: u64,
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(bytes, self.position)?;
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for Written {
    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl Files for OnDisk {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.create_folder(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.0.list(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = self.0.open(path, Access::Create)?;
        Ok(Box::new(Written { file, position: 0 }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.0.open(path, Access::Read)?;
        let mut bytes = vec![0; usize::try_from(file.size_bytes()?).unwrap()];
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.sync_folder(folder)
    }
}
