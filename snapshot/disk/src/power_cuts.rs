//! Every state of a disk that a power cut may leave, in the sense of ALICE (Pillai et al. 2014) and
//! CrashMonkey (Mohan et al. 2018): what a program does to its disk is recorded, and after each call
//! the disk is rebuilt with what was synced and with many selections of what was not.

mod explorer;
mod moment;
mod torn;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use explorer::Explorer;
pub use moment::Moment;

use super::{Access, Disk, DiskFile, DiskLock, MemoryDisk};

type FileId = usize;

/// A call that changes the disk, or a moment of the test; `C` is what the program wants to find.
#[derive(Clone, Debug)]
pub enum Op<C> {
    /// A file that was not there before.
    Create(PathBuf, FileId),
    /// Bytes at a position.
    Write(FileId, usize, Vec<u8>),
    /// Another size.
    Size(FileId, usize),
    /// Content and size of a file are durable.
    Sync(FileId),
    /// Another name, which may have been that of another file.
    Rename(PathBuf, PathBuf),
    /// A name is gone.
    Remove(PathBuf),
    /// All names are durable.
    SyncFolder,
    /// From here on a power cut may leave this too.
    Attempt(C),
    /// From here on it must leave this.
    Acknowledge(C),
}

/// A disk in memory that writes down what is done to it. Clones are the same disk.
#[derive(Clone)]
pub struct Recorder<C> {
    disk: MemoryDisk,
    recorded: Arc<Mutex<Recorded<C>>>,
}

struct Recorded<C> {
    ops: Vec<Op<C>>,
    names: BTreeMap<PathBuf, FileId>,
    files: usize,
}

impl<C> Default for Recorder<C> {
    fn default() -> Self {
        let recorded = Recorded {
            ops: Vec::new(),
            names: BTreeMap::new(),
            files: 0,
        };
        Self {
            disk: MemoryDisk::new(),
            recorded: Arc::new(Mutex::new(recorded)),
        }
    }
}

impl<C> Recorder<C> {
    /// A disk that holds these files durably.
    pub fn of(files: &BTreeMap<PathBuf, Vec<u8>>) -> Self {
        let recorder = Self::default();
        for (path, bytes) in files {
            recorder.disk.put_bytes(path, bytes.clone());
            let mut recorded = recorder.recorded();
            let id = recorded.name(path);
            recorded.ops.extend([
                Op::Write(id, 0, bytes.clone()),
                Op::Sync(id),
                Op::SyncFolder,
            ]);
        }
        recorder
    }

    /// From here on a power cut may leave `content` too.
    pub fn attempt(&self, content: C) {
        self.note(Op::Attempt(content));
    }

    /// From here on a power cut must leave `content`.
    pub fn acknowledge(&self, content: C) {
        self.note(Op::Acknowledge(content));
    }

    /// All that was done so far.
    pub fn ops(&self) -> Vec<Op<C>>
    where
        C: Clone,
    {
        self.recorded().ops.clone()
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded<C>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, op: Op<C>) {
        self.recorded().ops.push(op);
    }
}

impl<C> Recorded<C> {
    /// A file of this name, which is new.
    fn name(&mut self, path: &Path) -> FileId {
        let id = self.files;
        self.files += 1;
        self.names.insert(path.to_path_buf(), id);
        self.ops.push(Op::Create(path.to_path_buf(), id));
        id
    }
}

struct RecordedFile<C> {
    file: Box<dyn DiskFile>,
    id: FileId,
    recorder: Recorder<C>,
}

fn to_usize(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

impl<C: Send> DiskFile for RecordedFile<C> {
    fn size_bytes(&self) -> io::Result<u64> {
        self.file.size_bytes()
    }

    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        self.file.read_at(into, position)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let op = Op::Write(self.id, to_usize(position)?, bytes.to_vec());
        self.recorder.note(op);
        self.file.write_all_at(bytes, position)
    }

    fn allocate(&self, size_bytes: u64) -> io::Result<()> {
        self.recorder.note(Op::Size(self.id, to_usize(size_bytes)?));
        self.file.allocate(size_bytes)
    }

    fn set_size(&self, size_bytes: u64) -> io::Result<()> {
        self.recorder.note(Op::Size(self.id, to_usize(size_bytes)?));
        self.file.set_size(size_bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        self.recorder.note(Op::Sync(self.id));
        Ok(())
    }
}

impl<C: Clone + Send + 'static> Disk for Recorder<C> {
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.create_folder(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let file = self.disk.open(path, access)?;
        let mut recorded = self.recorded();
        let id = match (recorded.names.get(path).copied(), access) {
            (Some(id), Access::Read | Access::ReadWrite) => id,
            (Some(id), Access::Create) => {
                recorded.ops.push(Op::Size(id, 0));
                id
            }
            (None, _) => recorded.name(path),
        };
        drop(recorded);
        Ok(Box::new(RecordedFile {
            file,
            id,
            recorder: self.clone(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)?;
        let mut recorded = self.recorded();
        if let Some(id) = recorded.names.remove(from) {
            recorded.names.insert(to.to_path_buf(), id);
        }
        let op = Op::Rename(from.to_path_buf(), to.to_path_buf());
        recorded.ops.push(op);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)?;
        let mut recorded = self.recorded();
        recorded.names.remove(path);
        recorded.ops.push(Op::Remove(path.to_path_buf()));
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.sync_folder(folder)?;
        self.note(Op::SyncFolder);
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        self.disk.try_lock(path)
    }
}
