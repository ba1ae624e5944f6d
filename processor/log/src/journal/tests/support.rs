//! A journal on a disk in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use onsale_schemas::PartitionId;

use crate::journal::options::SEGMENT_SIZE_MIN_BYTES;
use crate::journal::segment::path_of;
use crate::journal::{Journal, JournalOptions, JournalWriter, PrepareSegments};
use crate::storage::{AppendRecord, Appended, EntryBatch, LogError, LogReader, LogWriter};
use onsale_disk::MemoryDisk;

pub(super) const PARTITIONS: u16 = 3;
pub(super) const SEGMENT_BYTES: u64 = SEGMENT_SIZE_MIN_BYTES;

/// Records by partition: log time and payload.
pub(super) type Content = Vec<Vec<(u64, Vec<u8>)>>;
/// What one append gets: partition and payload of each record.
pub(super) type Batch = Vec<(u16, Vec<u8>)>;

pub(super) fn folder() -> &'static Path {
    Path::new("log")
}

pub(super) fn segment_path(sequence: u64) -> PathBuf {
    path_of(folder(), sequence)
}

pub(super) fn options() -> JournalOptions {
    JournalOptions {
        log_id: Some([9; 16]),
        segment_size_bytes: SEGMENT_BYTES,
        prepare: PrepareSegments::OnDemand,
        ..JournalOptions::new(PARTITIONS)
    }
}

pub(super) fn open(disk: &MemoryDisk) -> Result<(JournalWriter, Journal), LogError> {
    Journal::open_on(Arc::new(disk.clone()), folder(), &options())
}

pub(super) fn open_read_only(disk: &MemoryDisk) -> Result<Journal, LogError> {
    Journal::open_read_only_on(Arc::new(disk.clone()), folder())
}

pub(super) fn append(
    writer: &mut JournalWriter,
    now_ms: u64,
    batch: &Batch,
) -> Result<Vec<Appended>, LogError> {
    let records: Vec<_> = batch
        .iter()
        .map(|(partition, payload)| AppendRecord {
            partition: PartitionId(*partition),
            payload,
        })
        .collect();
    let mut appended = Vec::new();
    writer.append(&records, now_ms, &mut appended)?;
    Ok(appended)
}

pub(super) fn no_content() -> Content {
    vec![Vec::new(); usize::from(PARTITIONS)]
}

/// Adds a batch to what is expected.
pub(super) fn expect(content: &mut Content, now_ms: u64, batch: &Batch) {
    for (partition, payload) in batch {
        let records = &mut content[usize::from(*partition)];
        let last = records.last().map_or(0, |record| record.0);
        records.push((last.max(now_ms), payload.clone()));
    }
}

/// Everything that is kept, read partition by partition.
pub(super) fn read(journal: &Journal) -> Result<Content, LogError> {
    let mut reader = journal.reader();
    let mut content = no_content();
    let mut batch = EntryBatch::default();
    for (partition, records) in (0..PARTITIONS).map(PartitionId).zip(&mut content) {
        let (mut next, end) = reader.bounds(partition)?;
        loop {
            reader.read(partition, next, 4 << 10, &mut batch)?;
            if batch.is_empty() {
                break;
            }
            for entry in batch.iter() {
                assert_eq!(entry.offset, next);
                records.push((entry.log_time_ms, entry.payload.to_vec()));
                next += 1;
            }
        }
        assert_eq!(next, end);
    }
    Ok(content)
}

/// Payload bytes without a zero.
pub(super) fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..len)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0] | 1
        })
        .collect()
}

/// A journal that was killed, with what it held.
pub(super) struct Killed {
    pub(super) disk: MemoryDisk,
    /// Where each batch began, in its segment.
    pub(super) begins: Vec<(u64, u64)>,
    /// Where the last one ended.
    pub(super) end: u64,
    /// What the log held after each batch, beginning with nothing.
    pub(super) contents: Vec<Content>,
}

/// Writes batches with payloads of these sizes and kills the process.
pub(super) fn killed_after(batches: &[&[usize]]) -> Killed {
    let disk = MemoryDisk::new();
    let (mut writer, journal) = open(&disk).unwrap();
    let mut contents = vec![no_content()];
    let mut begins = Vec::new();
    let mut seed = 0;
    for (i, sizes) in batches.iter().enumerate() {
        let batch: Batch = sizes
            .iter()
            .map(|&size| {
                seed += 1;
                (
                    u16::try_from(seed % u64::from(PARTITIONS)).unwrap(),
                    bytes(seed, size),
                )
            })
            .collect();
        let now_ms = 0x0101_0101_0101 + i as u64;
        append(&mut writer, now_ms, &batch).unwrap();
        let after = journal.durable_position();
        let size = writer.last_batch_bytes() as u64;
        begins.push((after.segment(), after.position() - size));
        let mut content = contents[i].clone();
        expect(&mut content, now_ms, &batch);
        contents.push(content);
    }
    Killed {
        disk: disk.after_kill(),
        begins,
        end: journal.durable_position().position(),
        contents,
    }
}

impl Killed {
    /// The disk with other bytes in a segment.
    pub(super) fn with(&self, sequence: u64, change: impl FnOnce(&mut Vec<u8>)) -> MemoryDisk {
        let disk = self.disk.after_kill();
        let path = segment_path(sequence);
        let mut bytes = disk.bytes_of(&path).unwrap();
        change(&mut bytes);
        disk.put_bytes(&path, bytes);
        disk
    }

    pub(super) fn all(&self) -> &Content {
        self.contents.last().unwrap()
    }
}

/// The byte and what is wrong, of damage in the given file.
pub(super) fn damage_in(sequence: u64, error: LogError) -> (u64, String) {
    match error {
        LogError::Damaged {
            file, byte, what, ..
        } => {
            assert_eq!(file, segment_path(sequence));
            (byte, what)
        }
        other => panic!("{other}"),
    }
}
