//! The journal as everybody but its writer holds it.

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onsale_schemas::{LogTimeMs, Offset, PartitionId};

use super::error::{failed, io_error};
use super::meta::{META_NAME, Meta};
use super::options::JournalOptions;
use super::prepare::{Prepared, Preparer, SegmentFolder, prepare};
use super::reader::JournalReader;
use super::recovery::{Beside, Layout, Tail, TornTail, find_tail, look_beside_writer, read_layout};
use super::repair::repair;
use super::scan::JournalScan;
use super::segment::{
    BASE_POSITION, FIRST_SEGMENT, Identity, PartitionEnd, Segment, path_of, sequence_of,
};
use super::shared::{DurablePosition, OpenJournal};
use super::writer::{JournalWriter, WriterStart};
use crate::storage::{LogError, LogReader};
use onsale_disk::{Access, Disk, DiskLock, FileSystem};

const LOCK_NAME: &str = "journal.lock";

/// A journal that is open: makes readers and scans. Clones are the same journal.
#[derive(Clone)]
pub struct Journal {
    pub(super) shared: Arc<OpenJournal>,
    torn_tail: Option<Arc<TornTail>>,
}

/// Figures of a journal for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalStats {
    /// Segments in use.
    pub segments: usize,
    /// Bytes of all segments in use on the disk.
    pub disk_bytes: u64,
    /// Bytes written by this process for batches and bases, without the zeros written ahead.
    pub written_bytes: u64,
}

impl Journal {
    /// Opens the journal in `folder` for writing, and makes it where there is none.
    ///
    /// # Errors
    /// [`LogError::Locked`], [`LogError::Mismatch`] when it was created with other frozen settings,
    /// [`LogError::Damaged`], [`LogError::DiskFull`], or of the system.
    pub fn open(
        folder: &Path,
        options: &JournalOptions,
    ) -> Result<(JournalWriter, Self), LogError> {
        Self::open_on(Arc::new(FileSystem::of_the_log()), folder, options)
    }

    /// As [`Journal::open`], on another disk.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        options: &JournalOptions,
    ) -> Result<(JournalWriter, Self), LogError> {
        options.check()?;
        disk.create_folder(folder)
            .map_err(|error| io_error("create", folder, error))?;
        let lock = lock(&*disk, folder)?;
        let meta = open_meta(&*disk, folder, options)?;
        // Names that a killed process gave may not be durable yet, and nothing is lost as surely as
        // a segment without a name.
        disk.sync_folder(folder)
            .map_err(|error| io_error("sync", folder, error))?;
        let layout = read_layout(&*disk, folder, &meta)?;
        let opening = Opening {
            location: SegmentFolder {
                disk,
                folder: folder.to_path_buf(),
            },
            meta,
            options,
        };
        opening.finish(layout, lock)
    }

    /// Opens the journal in `folder` for reading what it holds now, without a lock and without
    /// changing anything: for tools, also beside a running writer. What is written later is not
    /// seen, and of what is just being written nothing: only what a later read finds damaged again
    /// is called so.
    ///
    /// # Errors
    /// [`LogError::Mismatch`] when there is no journal, [`LogError::Damaged`], or of the system.
    pub fn open_read_only(folder: &Path) -> Result<Self, LogError> {
        Self::open_read_only_on(Arc::new(FileSystem::of_the_log()), folder)
    }

    /// As [`Journal::open_read_only`], on another disk.
    ///
    /// # Errors
    /// As [`Journal::open_read_only`].
    pub(super) fn open_read_only_on(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, LogError> {
        let Some(meta) = Meta::read(&*disk, folder)? else {
            return Err(LogError::Mismatch(format!(
                "there is no journal in {}: check the path of the data folder (--data, data.dir)",
                folder.display()
            )));
        };
        let (layout, tail) = look_beside_writer(&*disk, folder, &meta)?;
        let durable = match &tail {
            Some(tail) => DurablePosition::new(tail.place.segment, tail.place.position),
            None => DurablePosition::new(0, 0),
        };
        let (ends, torn) = match tail {
            Some(tail) => (tail.ends, tail.torn),
            None => (no_records(&meta), None),
        };
        let folder = folder.to_path_buf();
        let shared = OpenJournal::new(disk, folder, meta, layout.segments, &ends, durable, None);
        Ok(Self {
            shared: Arc::new(shared),
            torn_tail: torn.map(Arc::new),
        })
    }

    /// Whether there is a segment of a journal in `folder`, sound or damaged. One that cannot be looked
    /// at counts as there: opening it says what is wrong. Without a segment there never was a record,
    /// or all of them were lost.
    pub fn is_there(folder: &Path) -> bool {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return error.kind() != io::ErrorKind::NotFound,
        };
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| sequence_of(name).is_some())
        })
    }

    /// Whether some process has the journal in `folder` open for writing. It may seem so for a
    /// moment while another one asks, and where the lock cannot be looked at.
    pub fn is_in_use(folder: &Path) -> bool {
        let file = match File::open(folder.join(LOCK_NAME)) {
            Ok(file) => file,
            Err(error) => return error.kind() != io::ErrorKind::NotFound,
        };
        // Let go at once.
        !matches!(file.try_lock_shared(), Ok(()))
    }

    /// A reader of single partitions.
    pub fn reader(&self) -> JournalReader {
        JournalReader::new(Arc::clone(&self.shared))
    }

    /// Reads the given partitions, each from its offset on, in log order. Partitions that are not
    /// given are left out.
    ///
    /// # Errors
    /// [`LogError::UnknownPartition`], [`LogError::OffsetGone`].
    pub fn scan(&self, starts: &[(PartitionId, Offset)]) -> Result<JournalScan, LogError> {
        JournalScan::new(Arc::clone(&self.shared), starts)
    }

    /// The id that the journal got when it was created.
    pub fn log_id(&self) -> [u8; 16] {
        self.shared.meta.log_id
    }

    /// How many partitions.
    pub fn partitions(&self) -> u16 {
        self.shared.meta.partitions
    }

    /// The first offset still kept and the offset after the last durable record.
    ///
    /// # Errors
    /// [`LogError::UnknownPartition`].
    pub fn bounds(&self, partition: PartitionId) -> Result<(Offset, Offset), LogError> {
        let index = self.shared.index(partition)?;
        Ok((self.shared.first(index), self.shared.end(index)))
    }

    /// What was cut off when the journal was opened, or, read-only, what would be.
    pub fn torn_tail(&self) -> Option<&TornTail> {
        self.torn_tail.as_deref()
    }

    /// Up to where the log is durable.
    #[cfg(test)]
    pub(super) fn durable_position(&self) -> DurablePosition {
        self.shared.durable()
    }

    /// The first offset whose log time is one of `times`; the end of the partition where there is
    /// none. Times of a log need not rise: an operator may have set a wrong clock back.
    ///
    /// # Errors
    /// Damage, or when the log cannot be read.
    pub fn offset_in_time(
        &self,
        partition: PartitionId,
        times: &RangeInclusive<LogTimeMs>,
    ) -> Result<Offset, LogError> {
        let index = self.shared.index(partition)?;
        // A segment begins with where the one before it ended.
        let begins: Vec<(Offset, LogTimeMs)> = self.shared.segments(|segments| {
            let bases = segments.iter().map(|segment| segment.bases[index]);
            bases.map(|base| (base.next, base.log_time_ms)).collect()
        });
        let is_before = |time_ms: LogTimeMs| time_ms < *times.start();
        let mut reader = self.reader();
        let mut batch = crate::storage::EntryBatch::default();
        let mut from = self.shared.first(index);
        for (place, (next, time_ms)) in begins.iter().enumerate() {
            let end = begins.get(place + 1);
            if is_before(*time_ms) && end.is_some_and(|(_, end_ms)| is_before(*end_ms)) {
                continue;
            }
            from = from.max(*next);
            // The last one goes on to the end, which moves.
            while end.is_none_or(|(end, _)| from < *end) {
                reader.read(partition, from, LOOKUP_READ_BYTES, &mut batch)?;
                if batch.is_empty() {
                    return Ok(from);
                }
                let mut entries = batch.iter();
                if let Some(found) = entries.find(|entry| times.contains(&entry.log_time_ms)) {
                    return Ok(found.offset);
                }
                from += batch.len() as u64;
            }
        }
        Ok(from)
    }

    /// Figures for metrics.
    pub fn stats(&self) -> JournalStats {
        let (segments, disk_bytes) = self.shared.segments(|segments| {
            let bytes = segments.iter().map(|segment| segment.size_bytes).sum();
            (segments.len(), bytes)
        });
        JournalStats {
            segments,
            disk_bytes,
            written_bytes: self.shared.written_bytes.load(Ordering::Relaxed),
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

/// How much a search by time reads at once, in bytes.
const LOOKUP_READ_BYTES: usize = 1 << 20;

fn lock(disk: &dyn Disk, folder: &Path) -> Result<Box<dyn DiskLock>, LogError> {
    let path = folder.join(LOCK_NAME);
    disk.try_lock(&path)
        .map_err(|error| io_error("lock", &path, error))?
        .ok_or_else(|| LogError::Locked {
            folder: folder.to_path_buf(),
            lock_file: path,
        })
}

fn open_meta(disk: &dyn Disk, folder: &Path, options: &JournalOptions) -> Result<Meta, LogError> {
    let Some(meta) = Meta::read(disk, folder)? else {
        let names = disk
            .list(folder)
            .map_err(|error| failed("list", folder, error))?;
        if names.iter().any(|name| sequence_of(name).is_some()) {
            return Err(super::error::damaged(
                &folder.join(META_NAME),
                0,
                "the file is missing, but there are segments",
                "Restore the file from a copy of the same journal",
            ));
        }
        let log_id = match options.log_id {
            Some(log_id) => log_id,
            None => random_id(folder)?,
        };
        let meta = Meta {
            log_id,
            partitions: options.partitions,
        };
        meta.write(disk, folder)?;
        return Ok(meta);
    };
    if meta.partitions != options.partitions {
        return Err(LogError::Mismatch(format!(
            "the journal in {} was created with {} partitions, but {} are configured. The number is \
             frozen because it decides which partition a show lives on: configure {} again, or \
             begin a new data folder",
            folder.display(),
            meta.partitions,
            options.partitions,
            meta.partitions
        )));
    }
    if options.log_id.is_some_and(|log_id| log_id != meta.log_id) {
        return Err(LogError::Mismatch(format!(
            "the journal in {} is another one than was asked for: check the path of the data folder",
            folder.display()
        )));
    }
    Ok(meta)
}

fn random_id(folder: &Path) -> Result<[u8; 16], LogError> {
    use std::io::Read;
    let mut id = [0; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut id))
        .map_err(|error| failed("find a random id for", folder, error))?;
    Ok(id)
}

fn no_records(meta: &Meta) -> Vec<PartitionEnd> {
    vec![PartitionEnd::default(); usize::from(meta.partitions)]
}

/// A journal that is being opened for writing.
struct Opening<'a> {
    location: SegmentFolder,
    meta: Meta,
    options: &'a JournalOptions,
}

impl Opening<'_> {
    fn finish(
        self,
        mut layout: Layout,
        lock: Box<dyn DiskLock>,
    ) -> Result<(JournalWriter, Journal), LogError> {
        let mut spare = self.reopen_spare(&layout)?;
        let (segment, tail) = match layout.segments.last() {
            Some(last) => {
                let SegmentFolder { disk, folder } = &self.location;
                let tail = find_tail(&**disk, folder, &self.meta, last, Beside::Nobody)?;
                (Arc::clone(last), tail)
            }
            None => {
                let first = self.begin_first_segment(spare.take())?;
                layout.segments.push(Arc::clone(&first.0));
                first
            }
        };
        let path = path_of(&self.location.folder, segment.sequence);
        let file = self
            .location
            .disk
            .open(&path, Access::ReadWrite)
            .map_err(|error| io_error("open", &path, error))?;
        if let Some(torn) = &tail.torn {
            tracing::warn!(
                file = %torn.file.display(),
                byte = torn.byte,
                cut_bytes = torn.cut_bytes,
                "the journal ended in a batch that was not written to its end; it had not been \
                 acknowledged and is cut off"
            );
        }
        let cut = tail.torn.as_ref().map(|torn| (torn.byte, torn.cut_bytes));
        repair(&path, &*file, segment.size_bytes, cut)?;
        let prepare = self.options.prepare;
        let preparer = Preparer::new(self.location.clone(), prepare, spare)?;
        let shared = Arc::new(OpenJournal::new(
            self.location.disk,
            self.location.folder,
            self.meta,
            layout.segments,
            &tail.ends,
            DurablePosition::new(tail.place.segment, tail.place.position),
            Some(lock),
        ));
        let writer = JournalWriter::start(WriterStart {
            shared: Arc::clone(&shared),
            preparer,
            segment,
            file,
            place: tail.place,
            ends: tail.ends,
            segment_size_bytes: self.options.segment_size(),
            in_doubt: tail.in_doubt,
        })?;
        let journal = Journal {
            shared,
            torn_tail: tail.torn.map(Arc::new),
        };
        Ok((writer, journal))
    }

    fn identity(&self, sequence: u64) -> Identity {
        Identity {
            log_id: self.meta.log_id,
            partitions: self.meta.partitions,
            sequence,
            size_bytes: self.options.segment_size(),
        }
    }

    /// The segment that was prepared before, made again where it is not as it should be.
    fn reopen_spare(&self, layout: &Layout) -> Result<Option<Prepared>, LogError> {
        let Some(spare) = &layout.spare else {
            return Ok(None);
        };
        let identity = spare.identity;
        if !spare.is_clean {
            let again = self.identity(identity.sequence);
            return prepare(&self.location, again, &AtomicBool::new(false)).map(Some);
        }
        let path = path_of(&self.location.folder, identity.sequence);
        let file = self
            .location
            .disk
            .open(&path, Access::ReadWrite)
            .map_err(|error| io_error("open", &path, error))?;
        Ok(Some(Prepared { identity, file }))
    }

    fn begin_first_segment(
        &self,
        spare: Option<Prepared>,
    ) -> Result<(Arc<Segment>, Tail), LogError> {
        let prepared = match spare {
            Some(spare) => spare,
            None => prepare(
                &self.location,
                self.identity(FIRST_SEGMENT),
                &AtomicBool::new(false),
            )?,
        };
        let nowhere = super::batch::BatchPlace {
            segment: 0,
            position: 0,
            sequence: 0,
            previous_crc: 0,
        };
        let ends = no_records(&self.meta);
        let segment = Segment::begin(&prepared.identity, &nowhere, &ends);
        let base = segment.encode_base(super::batch::crc_seed(&self.meta.log_id));
        let path = path_of(&self.location.folder, segment.sequence);
        prepared
            .file
            .write_all_at(&base, BASE_POSITION)
            .and_then(|()| prepared.file.sync_data())
            .map_err(|error| io_error("write", &path, error))?;
        let tail = Tail {
            place: segment.first,
            ends,
            in_doubt: false,
            torn: None,
        };
        Ok((Arc::new(segment), tail))
    }
}
