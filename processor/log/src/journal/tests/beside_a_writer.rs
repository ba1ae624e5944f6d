//! A reader beside a running writer finds the log whole, wherever the writer is.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use onsale_schemas::PartitionId;

use super::support::{append, bytes, folder, read, segment_path};
use crate::journal::{Journal, JournalOptions, JournalWriter, PrepareSegments};
use crate::storage::{EntryBatch, LogError, LogReader as _};
use onsale_disk::{Access, Disk, DiskFile, DiskLock, MemoryDisk};

/// More than is read at once, so that a place is read before and the next one after a write.
const SEGMENT_BYTES: u64 = 3 << 20;
const P0: PartitionId = PartitionId(0);

fn options(prepare: PrepareSegments) -> JournalOptions {
    JournalOptions {
        segment_size_bytes: SEGMENT_BYTES,
        prepare,
        ..super::support::options()
    }
}

/// A disk on which something happens before each read of a file and after each look at a folder.
#[derive(Clone)]
struct Busy {
    disk: MemoryDisk,
    meanwhile: Arc<Mutex<dyn FnMut() + Send>>,
}

impl Busy {
    fn new(disk: &MemoryDisk, meanwhile: impl FnMut() + Send + 'static) -> Self {
        Self {
            disk: disk.clone(),
            meanwhile: Arc::new(Mutex::new(meanwhile)),
        }
    }

    fn open(&self) -> Result<Journal, LogError> {
        Journal::open_read_only_on(Arc::new(self.clone()), folder())
    }

    fn pass(&self) {
        (self.meanwhile.lock().unwrap())();
    }
}

struct BusyFile {
    file: Box<dyn DiskFile>,
    disk: Busy,
}

impl DiskFile for BusyFile {
    fn size_bytes(&self) -> io::Result<u64> {
        self.file.size_bytes()
    }

    fn read_at(&self, into: &mut [u8], position: u64) -> io::Result<usize> {
        self.disk.pass();
        self.file.read_at(into, position)
    }

    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        unreachable!("a reader writes nothing")
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        unreachable!("a reader writes nothing")
    }

    fn set_size(&self, _: u64) -> io::Result<()> {
        unreachable!("a reader writes nothing")
    }

    fn sync_data(&self) -> io::Result<()> {
        unreachable!("a reader writes nothing")
    }
}

impl Disk for Busy {
    fn create_folder(&self, _: &Path) -> io::Result<()> {
        unreachable!("a reader makes nothing")
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = self.disk.list(folder);
        self.pass();
        names
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        assert_eq!(access, Access::Read);
        Ok(Box::new(BusyFile {
            file: self.disk.open(path, access)?,
            disk: self.clone(),
        }))
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        unreachable!("a reader renames nothing")
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        unreachable!("a reader removes nothing")
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        unreachable!("a reader syncs nothing")
    }

    fn try_lock(&self, _: &Path) -> io::Result<Option<Box<dyn DiskLock>>> {
        unreachable!("a reader locks nothing")
    }
}

fn started(disk: &MemoryDisk) -> (JournalWriter, Journal) {
    let options = options(PrepareSegments::OnDemand);
    Journal::open_on(Arc::new(disk.clone()), folder(), &options).unwrap()
}

#[test]
fn a_writer_that_goes_on_between_any_two_reads_damages_nothing() {
    for (size, at_once) in [(10, 1), (10, 3), (700, 1), (5_000, 2), (400_000, 1)] {
        let disk = MemoryDisk::new();
        let (mut writer, _journal) = started(&disk);
        append(&mut writer, 1, &vec![(0, bytes(1, size))]).unwrap();
        let appended = Arc::new(Mutex::new(1u64));
        let count = Arc::clone(&appended);
        let busy = Busy::new(&disk, move || {
            for _ in 0..at_once {
                let mut count = count.lock().unwrap();
                let batch = vec![(0, bytes(*count, size))];
                append(&mut writer, 2, &batch).unwrap();
                *count += 1;
            }
        });
        // Through the rolls of some segments.
        for _ in 0..12 {
            let before = *appended.lock().unwrap();
            let opened = busy.open().unwrap();
            assert_eq!(opened.torn_tail(), None);
            assert!(opened.bounds(P0).unwrap().1 >= before);
        }
    }
}

#[test]
fn a_batch_in_the_midst_of_being_written_is_left_to_its_writer() {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = started(&disk);
    append(&mut writer, 1, &vec![(0, bytes(1, 10))]).unwrap();
    let from = usize::try_from(journal.durable_position().position()).unwrap();
    append(&mut writer, 1, &vec![(0, bytes(2, 9_000))]).unwrap();
    let until = usize::try_from(journal.durable_position().position()).unwrap();
    let path = segment_path(1);
    let whole = disk.bytes_of(&path).unwrap();
    for stopped_at in [from + 1, from + 64, from + 512, from + 5_000, until - 1] {
        for reads in 1..9 {
            let part = disk.after_kill();
            let mut bytes = whole.clone();
            bytes[stopped_at..until].fill(0);
            part.put_bytes(&path, bytes);
            let (files, all, at) = (part.clone(), whole.clone(), path.clone());
            let mut left = reads;
            let busy = Busy::new(&part, move || {
                left -= 1;
                if left == 0 {
                    files.put_bytes(&at, all.clone());
                }
            });
            let records = read(&busy.open().unwrap()).unwrap()[0].len();
            assert!((1..=2).contains(&records), "{stopped_at} {reads}");
        }
    }
}

#[test]
fn damage_is_found_beside_a_writer_that_goes_on() {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = started(&disk);
    append(&mut writer, 1, &vec![(0, bytes(1, 2_000))]).unwrap();
    let damaged_at = journal.durable_position().position();
    append(&mut writer, 1, &vec![(0, bytes(2, 2_000))]).unwrap();
    let path = segment_path(1);
    let file = disk.open(&path, Access::ReadWrite).unwrap();
    for byte in [0, 70, 600, 1_500] {
        let mut old = [0];
        file.read_at(&mut old, damaged_at + byte).unwrap();
        file.write_all_at(&[old[0] ^ 0x40], damaged_at + byte)
            .unwrap();
        let busy = Busy::new(&disk, || ());
        let at_rest = super::support::damage_in(1, busy.open().err().unwrap());
        assert_eq!(at_rest.0, damaged_at);
        file.write_all_at(&old, damaged_at + byte).unwrap();
    }
    file.write_all_at(&[0xee], damaged_at + 70).unwrap();
    let busy = Busy::new(&disk, move || {
        append(&mut writer, 2, &vec![(0, bytes(3, 100))]).unwrap();
    });
    let (byte, _) = super::support::damage_in(1, busy.open().err().unwrap());
    assert_eq!(byte, damaged_at);
}

#[test]
fn readers_of_real_files_never_meet_damage() {
    const OPENS: u64 = 250;
    let folder = tempfile::tempdir().unwrap();
    let options = options(PrepareSegments::Ahead);
    let (mut writer, _journal) = Journal::open(folder.path(), &options).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut i = 0u64;
            while !done.load(Ordering::Relaxed) {
                let size = [10, 300, 9_000, 70_000][usize::try_from(i % 4).unwrap()];
                append(&mut writer, i, &vec![(0, bytes(i, size))]).unwrap();
                i += 1;
            }
        });
        let reading = || {
            let mut last = 0;
            let mut batch = EntryBatch::default();
            for _ in 0..OPENS {
                let journal = Journal::open_read_only(folder.path()).unwrap();
                let (_, end) = journal.bounds(P0).unwrap();
                assert!(end >= last);
                last = end;
                if let Some(newest) = end.checked_sub(1) {
                    let mut reader = journal.reader();
                    reader.read(P0, newest, 1, &mut batch).unwrap();
                    assert_eq!(batch.iter().next().unwrap().offset, newest);
                }
            }
        };
        let readers = [scope.spawn(reading), scope.spawn(reading)];
        let read: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        done.store(true, Ordering::Relaxed);
        writing.join().unwrap();
        assert!(read.iter().all(Result::is_ok));
    });
}
