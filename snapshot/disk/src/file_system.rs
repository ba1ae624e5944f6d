//! The disk of the operating system.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use super::descriptors::with_reserve;
use super::{Access, Disk, DiskFile, DiskLock, FILE_MODE, FOLDER_MODE};

/// The disk of the operating system.
#[derive(Clone, Copy, Default, Debug)]
pub struct FileSystem {
    has_reserve: bool,
}

impl FileSystem {
    /// With the file descriptors that are kept back for the log: it goes on where the process has no
    /// other left.
    pub fn of_the_log() -> Self {
        Self { has_reserve: true }
    }

    fn opened<T>(self, open: impl Fn() -> io::Result<T>) -> io::Result<T> {
        if self.has_reserve {
            with_reserve(open)
        } else {
            open()
        }
    }
}

impl DiskFile for File {
    fn size_bytes(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        FileExt::read_at(self, into, position)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, position)
    }

    fn allocate(&self, size_bytes: u64) -> io::Result<()> {
        let flags = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(self, flags, 0, size_bytes) {
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn set_size(&self, size_bytes: u64) -> io::Result<()> {
        self.set_len(size_bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }
}

struct LockedFile(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl DiskLock for LockedFile {}

impl Disk for FileSystem {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|at| !at.exists()).collect();
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)?;
        // What is synced in a folder is lost with the folder's own name.
        for parent in missing.into_iter().filter_map(Path::parent) {
            self.sync_folder(parent)?;
        }
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in self.opened(|| std::fs::read_dir(folder))? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).mode(FILE_MODE);
        match access {
            Access::Read => &mut options,
            Access::ReadWrite => options.write(true),
            Access::Create => options.write(true).create(true).truncate(true),
        };
        Ok(Box::new(self.opened(|| options.open(path))?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let is_here = folder.as_os_str().is_empty();
        let folder = if is_here { Path::new(".") } else { folder };
        self.opened(|| File::open(folder))?.sync_all()
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(LockedFile(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_created_is_its_owners_only() {
        let base = tempfile::tempdir().unwrap();
        let (outer, disk) = (base.path().join("outer"), FileSystem::default());
        let inner = outer.join("inner");
        disk.create_folder(&inner).unwrap();
        let (file, lock) = (inner.join("file"), inner.join("lock"));
        disk.open(&file, Access::Create).unwrap();
        assert!(disk.try_lock(&lock).unwrap().is_some());
        crate::replace(&disk, &inner.join("replaced"), b"x").unwrap();
        for folder in [&outer, &inner] {
            assert_eq!(mode(folder), FOLDER_MODE);
        }
        for file in [&file, &lock, &inner.join("replaced")] {
            assert_eq!(mode(file), FILE_MODE);
        }
        // Where it exists already it stays as it is.
        disk.create_folder(&inner).unwrap();
        assert_eq!(crate::read(&disk, &inner.join("replaced")).unwrap(), b"x");
    }
}
