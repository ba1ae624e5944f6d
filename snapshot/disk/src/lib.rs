//! The few file operations that journal and snapshots are made of, as a seam.
//!
//! They run on [`FileSystem`]; crash tests and the simulator run the very same code on a disk in memory
//! that loses or tears what was not synced.

mod descriptors;
mod file_system;
mod files;
#[cfg(any(test, feature = "simulation"))]
mod memory;
#[cfg(any(test, feature = "simulation"))]
pub mod power_cuts;

use std::io;
use std::path::Path;

pub use descriptors::is_out_of_descriptors;
pub use file_system::FileSystem;
pub use files::{TEMPORARY_SUFFIX, read, replace};
#[cfg(any(test, feature = "simulation"))]
pub use memory::MemoryDisk;

/// Mode of the folders that are created: their owner reads, writes and enters them.
pub const FOLDER_MODE: u32 = 0o700;
/// Mode of the files that are created: their owner reads and writes them.
pub const FILE_MODE: u32 = 0o600;

/// A file that is read and written by position.
pub trait DiskFile: Send + Sync {
    /// Its size.
    ///
    /// # Errors
    /// Of the system.
    fn size_bytes(&self) -> io::Result<u64>;

    /// Reads up to `into.len()` bytes at `position`; 0 at the end of the file.
    ///
    /// # Errors
    /// Of the system.
    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `position`.
    ///
    /// # Errors
    /// Of the system; any part of `bytes` may have been written.
    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;

    /// Reserves room for `size_bytes` in all and makes the file that long. Where the file system
    /// cannot reserve, the file is left as it is and writing will tell.
    ///
    /// # Errors
    /// No room, or of the system.
    fn allocate(&self, size_bytes: u64) -> io::Result<()>;

    /// Makes the file that long.
    ///
    /// # Errors
    /// Of the system.
    fn set_size(&self, size_bytes: u64) -> io::Result<()>;

    /// Makes content and size durable (`fdatasync`).
    ///
    /// # Errors
    /// Of the system; what is durable is then unknown.
    fn sync_data(&self) -> io::Result<()>;
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// It exists and is only read.
    Read,
    /// It exists and is read and written.
    ReadWrite,
    /// It is created, or emptied where it exists.
    Create,
}

/// A lock that ends when it is dropped.
pub trait DiskLock: Send {}

/// Files in folders.
pub trait Disk: Send + Sync {
    /// Creates a folder and those above it, durably, for its owner only; it may exist.
    ///
    /// # Errors
    /// Of the system.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// The names of the files in a folder, in no order. Names that are not UTF-8 are left out: nothing
    /// that this program writes has one.
    ///
    /// # Errors
    /// Of the system.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Opens a file; one that is created is its owner's only.
    ///
    /// # Errors
    /// Of the system.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// Renames a file, replacing what had the name.
    ///
    /// # Errors
    /// Of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Of the system.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Locks a file, which is created where it is missing; `None` when another process has the lock.
    ///
    /// # Errors
    /// Of the system.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>>;
}
