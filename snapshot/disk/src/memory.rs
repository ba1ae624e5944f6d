//! A disk in memory that forgets what was not synced, runs full and fails on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, Disk, DiskFile, DiskLock};

/// What a device writes as a whole, in bytes.
const SECTOR_BYTES: usize = 512;

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<PathBuf, FileId>,
    durable_names: BTreeMap<PathBuf, FileId>,
    /// Changes of names since the folder was synced, in order.
    name_changes: Vec<NameChange>,
    files: BTreeMap<FileId, Content>,
    next_id: FileId,
    locked: BTreeSet<PathBuf>,
    /// Bytes that all files together may have.
    capacity_bytes: Option<u64>,
    /// Writes that still succeed, then writes that fail.
    write_faults: Option<(u64, u64)>,
    /// Syncs that still succeed.
    syncs_left: Option<u64>,
    syncs: u64,
}

type FileId = u64;

#[derive(Clone)]
enum NameChange {
    Set(PathBuf, FileId),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Clone, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    dirty_sectors: BTreeSet<usize>,
}

impl MemoryDisk {
    /// An empty disk without limit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that all files together may have from now on; `None` for no limit.
    pub fn set_capacity(&self, capacity_bytes: Option<u64>) {
        self.state().capacity_bytes = capacity_bytes;
    }

    /// Lets `after` more writes succeed; then `count` write half and report a full disk, even in
    /// place, as file systems that copy on write do.
    pub fn fail_writes(&self, after: u64, count: u64) {
        self.state().write_faults = Some((after, count));
    }

    /// Lets this many more syncs, of files and folders, succeed; those after them do nothing and report
    /// an I/O error. `None` ends it.
    pub fn fail_syncs_after(&self, syncs: Option<u64>) {
        self.state().syncs_left = syncs;
    }

    /// How many syncs of files and folders there were.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Bytes of all files.
    pub fn used_bytes(&self) -> u64 {
        self.state().used_bytes()
    }

    /// The disk as it may be after a power cut now. `choose(n)` picks a number below `n`, for every
    /// sector that was not synced (kept, lost, or written only up to some byte), for sizes and for
    /// how many changes of names survived. Locks are gone; limits and faults are not taken over.
    pub fn after_crash(&self, choose: &mut dyn FnMut(usize) -> usize) -> Self {
        let state = self.state();
        let mut files = BTreeMap::new();
        for (&id, content) in &state.files {
            files.insert(id, content.after_crash(choose));
        }
        let mut names = state.durable_names.clone();
        for change in &state.name_changes[..choose(state.name_changes.len() + 1)] {
            change.apply(&mut names);
        }
        Self::of(names, files, state.next_id)
    }

    /// The disk as a killed process leaves it: everything written is there, but what was not synced
    /// can still be lost by a power cut. Locks are gone; limits and faults are not taken over.
    pub fn after_kill(&self) -> Self {
        let state = self.state();
        let copy = State {
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            name_changes: state.name_changes.clone(),
            files: state.files.clone(),
            next_id: state.next_id,
            ..State::default()
        };
        drop(state);
        Self {
            state: Arc::new(Mutex::new(copy)),
        }
    }

    /// The bytes of a file.
    pub fn bytes_of(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        let id = state.names.get(path)?;
        state.files.get(id).map(|content| content.live.clone())
    }

    /// Replaces the bytes of a file behind everybody's back, durably.
    pub fn put_bytes(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.state();
        let id = state.id_of(path);
        state.durable_names.insert(path.to_path_buf(), id);
        state.files.insert(id, Content::settled(bytes));
    }

    fn of(
        names: BTreeMap<PathBuf, FileId>,
        files: BTreeMap<FileId, Content>,
        next_id: u64,
    ) -> Self {
        let state = State {
            durable_names: names.clone(),
            names,
            files,
            next_id,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, FileId>) {
        match self {
            Self::Set(path, id) => {
                names.insert(path.clone(), *id);
            }
            Self::Rename(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

impl State {
    fn used_bytes(&self) -> u64 {
        self.names
            .values()
            .filter_map(|id| self.files.get(id))
            .map(|content| content.live.len() as u64)
            .sum()
    }

    fn id_of(&mut self, path: &Path) -> FileId {
        if let Some(&id) = self.names.get(path) {
            return id;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.change(NameChange::Set(path.to_path_buf(), id));
        id
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    fn next_write_fails(&mut self) -> bool {
        match &mut self.write_faults {
            Some((after @ 1.., _)) => {
                *after -= 1;
                false
            }
            Some((0, count @ 1..)) => {
                *count -= 1;
                true
            }
            Some((0, 0)) | None => false,
        }
    }

    fn next_sync(&mut self) -> io::Result<()> {
        self.syncs += 1;
        match &mut self.syncs_left {
            Some(0) => return Err(io::Error::other("injected sync failure")),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }

    fn grow(&mut self, id: FileId, size: usize) -> io::Result<()> {
        let used = self.used_bytes();
        let capacity = self.capacity_bytes.unwrap_or(u64::MAX);
        let content = self.files.entry(id).or_default();
        let more = size.saturating_sub(content.live.len()) as u64;
        if used + more > capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        content.resize(content.live.len().max(size));
        Ok(())
    }
}

impl Content {
    fn settled(bytes: Vec<u8>) -> Self {
        Self {
            durable: bytes.clone(),
            live: bytes,
            dirty_sectors: BTreeSet::new(),
        }
    }

    fn resize(&mut self, size: usize) {
        let before = self.live.len();
        self.live.resize(size, 0);
        if size > before {
            self.touch(before, size);
        }
    }

    fn touch(&mut self, from: usize, until: usize) {
        self.dirty_sectors
            .extend(from / SECTOR_BYTES..until.div_ceil(SECTOR_BYTES));
    }

    fn write(&mut self, bytes: &[u8], position: usize) {
        let end = position + bytes.len();
        self.live[position..end].copy_from_slice(bytes);
        self.touch(position, end);
    }

    fn sync(&mut self) {
        // Sector by sector: a segment is large and a batch is small.
        self.durable.resize(self.live.len(), 0);
        for &sector in &self.dirty_sectors {
            let start = (sector * SECTOR_BYTES).min(self.live.len());
            let end = (start + SECTOR_BYTES).min(self.live.len());
            self.durable[start..end].copy_from_slice(&self.live[start..end]);
        }
        self.dirty_sectors.clear();
    }

    fn after_crash(&self, choose: &mut dyn FnMut(usize) -> usize) -> Self {
        let mut bytes = self.durable.clone();
        if self.live.len() != self.durable.len() && choose(2) == 0 {
            bytes.resize(self.live.len(), 0);
        }
        for &sector in &self.dirty_sectors {
            let start = (sector * SECTOR_BYTES).min(bytes.len());
            let end = (start + SECTOR_BYTES).min(bytes.len()).min(self.live.len());
            let written = match choose(4) {
                0 | 1 => 0,
                2 => SECTOR_BYTES,
                _ => choose(SECTOR_BYTES),
            };
            let end = end.min(start + written).max(start);
            bytes[start..end].copy_from_slice(&self.live[start..end]);
        }
        Self::settled(bytes)
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    id: FileId,
}

impl MemoryFile {
    fn with<T>(&self, f: impl FnOnce(&mut Content) -> T) -> T {
        f(self.disk.state().files.entry(self.id).or_default())
    }
}

fn to_usize(position: u64) -> io::Result<usize> {
    usize::try_from(position).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

impl DiskFile for MemoryFile {
    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.with(|content| content.live.len() as u64))
    }

    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        let position = to_usize(position)?;
        Ok(self.with(|content| {
            let from = content.live.get(position..).unwrap_or_default();
            let n = from.len().min(into.len());
            into[..n].copy_from_slice(&from[..n]);
            n
        }))
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let position = to_usize(position)?;
        let mut state = self.disk.state();
        state.grow(self.id, position + bytes.len())?;
        let fails = state.next_write_fails();
        let written = if fails { bytes.len() / 2 } else { bytes.len() };
        if let Some(content) = state.files.get_mut(&self.id) {
            content.write(&bytes[..written], position);
        }
        if fails {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn allocate(&self, size_bytes: u64) -> io::Result<()> {
        self.disk.state().grow(self.id, to_usize(size_bytes)?)
    }

    fn set_size(&self, size_bytes: u64) -> io::Result<()> {
        let size = to_usize(size_bytes)?;
        self.with(|content| content.resize(size));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.next_sync()?;
        if let Some(content) = state.files.get_mut(&self.id) {
            content.sync();
        }
        Ok(())
    }
}

struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.path);
    }
}

impl Disk for MemoryDisk {
    fn create_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        Ok(state
            .names
            .keys()
            .filter(|path| path.parent() == Some(folder))
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect())
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let id = match (state.names.get(path), access) {
            (Some(&id), Access::Read | Access::ReadWrite) => id,
            (None, Access::Read | Access::ReadWrite) => {
                return Err(io::ErrorKind::NotFound.into());
            }
            (_, Access::Create) => {
                let id = state.id_of(path);
                state.files.entry(id).or_default().resize(0);
                id
            }
        };
        drop(state);
        Ok(Box::new(MemoryFile {
            disk: self.clone(),
            id,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(NameChange::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change(NameChange::Remove(path.to_path_buf()));
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.next_sync()?;
        state.name_changes.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        if !self.state().locked.insert(path.to_path_buf()) {
            return Ok(None);
        }
        Ok(Some(Box::new(MemoryLock {
            disk: self.clone(),
            path: path.to_path_buf(),
        })))
    }
}
