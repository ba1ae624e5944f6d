//! The few file operations that snapshots are made of, as a seam: crash tests run the very same
//! code on a disk that loses and tears what was not synced.

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(test)]
mod on_disk;

#[cfg(test)]
pub(crate) use on_disk::OnDisk;

/// A file that is written from its beginning.
pub(crate) trait NewFile: io::Write {
    /// Makes content and size durable.
    fn sync(&self) -> io::Result<()>;
}

/// Files in folders.
pub(crate) trait Files: Send + Sync + std::fmt::Debug {
    /// Makes a folder and those above it, durably; it may exist.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// The names of the files in a folder, in no order. Names that are no UTF-8 are left out: none
    /// of ours is like that.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Makes a file, or empties it.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// All bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Renames a file, replacing what had the name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The files of the operating system.
#[derive(Debug)]
pub(crate) struct FileSystem;

impl NewFile for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Files for FileSystem {
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
        for entry in std::fs::read_dir(folder)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(File::create(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}
