//! The disk of the operating system.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::descriptors::with_reserve;
use super::{Access, Disk, DiskFile, DiskLock};

/// The disk of the operating system.
#[derive(Clone, Copy, Default, Debug)]
pub struct FileSystem;

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
        std::fs::create_dir_all(folder)?;
        // Whatever is synced in a folder is lost with the folder's own name.
        for parent in missing.into_iter().filter_map(Path::parent) {
            let is_here = parent.as_os_str().is_empty();
            self.sync_folder(if is_here { Path::new(".") } else { parent })?;
        }
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in with_reserve(|| std::fs::read_dir(folder))? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match access {
            Access::Read => &mut options,
            Access::ReadWrite => options.write(true),
            Access::Create => options.write(true).create(true).truncate(true),
        };
        Ok(Box::new(with_reserve(|| options.open(path))?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        with_reserve(|| File::open(folder))?.sync_all()
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(LockedFile(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
