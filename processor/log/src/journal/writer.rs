//! Appends batches: one write and one sync each, for all partitions together.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use onsale_schemas::LogTimeMs;
use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;

use super::batch::{BatchBuffer, BatchPlace, FRAME_HEADER_BYTES, Frame, batch_size};
use super::bytes::SECTOR_BYTES;
use super::error::{failed, is_full};
use super::options::BATCH_SIZE_MAX_BYTES;
use super::prepare::Preparer;
use super::repair::{erase, erase_batch};
use super::segment::{BASE_POSITION, Identity, PartitionEnd, Segment, header_bytes, path_of};
use super::shared::{DurablePosition, OpenJournal};
use crate::storage::{AppendRecord, Appended, LogError, LogWriter};
use onsale_disk::DiskFile;

/// The one writer of a journal. Dropping it closes the journal.
pub struct JournalWriter {
    shared: Arc<OpenJournal>,
    /// There until the writer is dropped.
    preparer: Option<Preparer>,
    segment: Arc<Segment>,
    file: Box<dyn DiskFile>,
    /// Where the next batch goes.
    place: BatchPlace,
    ends: Vec<PartitionEnd>,
    /// The ends as they will be once the batch at hand is durable.
    new_ends: Vec<PartitionEnd>,
    batch: BatchBuffer,
    segment_size_bytes: u64,
    /// Why the writer stopped for good.
    stopped: bool,
    /// The last batch has records.
    in_doubt: bool,
    last_sync: Duration,
    last_batch_bytes: usize,
}

/// What a writer goes on from.
pub(super) struct WriterStart {
    pub(super) shared: Arc<OpenJournal>,
    pub(super) preparer: Preparer,
    pub(super) segment: Arc<Segment>,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) place: BatchPlace,
    pub(super) ends: Vec<PartitionEnd>,
    pub(super) segment_size_bytes: u64,
    pub(super) in_doubt: bool,
}

impl JournalWriter {
    pub(super) fn start(start: WriterStart) -> Result<Self, LogError> {
        let mut writer = Self {
            new_ends: start.ends.clone(),
            shared: start.shared,
            preparer: Some(start.preparer),
            segment: start.segment,
            file: start.file,
            place: start.place,
            ends: start.ends,
            batch: BatchBuffer::default(),
            segment_size_bytes: start.segment_size_bytes,
            stopped: false,
            in_doubt: start.in_doubt,
            last_sync: Duration::ZERO,
            last_batch_bytes: 0,
        };
        writer.write_closing_batch()?;
        writer.ask_for_next_segment();
        Ok(writer)
    }

    /// How long the sync of the last append took.
    pub fn last_sync(&self) -> Duration {
        self.last_sync
    }

    /// Bytes that the last append wrote.
    pub fn last_batch_bytes(&self) -> usize {
        self.last_batch_bytes
    }

    /// Most bytes that one append takes, frames included.
    pub fn batch_size_max_bytes(&self) -> usize {
        let header = header_bytes(self.shared.meta.partitions);
        let room = usize::try_from(self.segment_size_bytes)
            .unwrap_or(usize::MAX)
            .saturating_sub(header);
        room.min(BATCH_SIZE_MAX_BYTES)
    }

    /// Closes the journal in good order. Dropping does the same, but cannot tell what went wrong.
    ///
    /// # Errors
    /// When the last, empty batch cannot be written. Nothing is lost by that.
    pub fn close(mut self) -> Result<(), LogError> {
        self.write_closing_batch()
    }

    fn check(&self, records: &[AppendRecord<'_>]) -> Result<(), LogError> {
        let mut frames_bytes = 0usize;
        for record in records {
            self.shared.index(record.partition)?;
            let size_bytes = record.payload.len();
            if size_bytes > RECORD_SIZE_MAX_BYTES {
                return Err(LogError::RecordTooLarge {
                    size_bytes,
                    size_max_bytes: RECORD_SIZE_MAX_BYTES,
                });
            }
            frames_bytes = frames_bytes.saturating_add(FRAME_HEADER_BYTES + size_bytes);
        }
        let size_max_bytes = self.batch_size_max_bytes();
        let size_bytes = batch_size(frames_bytes.min(usize::MAX / 2));
        if size_bytes > size_max_bytes {
            return Err(LogError::BatchTooLarge {
                size_bytes,
                size_max_bytes,
            });
        }
        Ok(())
    }

    fn encode(
        &mut self,
        records: &[AppendRecord<'_>],
        now_ms: LogTimeMs,
        appended: &mut Vec<Appended>,
    ) -> usize {
        self.new_ends.copy_from_slice(&self.ends);
        self.batch.clear();
        for record in records {
            let end = &mut self.new_ends[usize::from(record.partition.0)];
            end.log_time_ms = end.log_time_ms.max(now_ms);
            let frame = Frame {
                partition: record.partition,
                offset: end.next,
                log_time_ms: end.log_time_ms,
                payload: record.payload,
            };
            end.next += 1;
            self.batch.push(&frame);
            appended.push(Appended {
                offset: frame.offset,
                log_time_ms: frame.log_time_ms,
            });
        }
        self.batch.finish_body()
    }

    /// Makes the finished batch durable and visible.
    fn commit(&mut self, size: usize, now_ms: LogTimeMs) -> Result<(), LogError> {
        while self.place.position + size as u64 > self.segment.size_bytes {
            self.begin_next_segment()?;
        }
        self.write_batch(now_ms)?;
        self.ends.copy_from_slice(&self.new_ends);
        self.last_batch_bytes = size;
        let durable = DurablePosition::new(self.place.segment, self.place.position);
        self.shared.publish(durable, &self.ends);
        Ok(())
    }

    fn write_batch(&mut self, now_ms: LogTimeMs) -> Result<(), LogError> {
        let crc = self.batch.seal(self.shared.seed, &self.place, now_ms);
        let bytes = self.batch.bytes();
        if let Err(error) = self.file.write_all_at(bytes, self.place.position) {
            let (position, len) = (self.place.position, bytes.len());
            return Err(self.take_back(error, position, len));
        }
        let before = Instant::now();
        if let Err(error) = self.file.sync_data() {
            return Err(self.stop("sync", error));
        }
        self.last_sync = before.elapsed();
        let size = self.batch.bytes().len() as u64;
        self.shared.written_bytes.fetch_add(size, Ordering::Relaxed);
        self.place = BatchPlace {
            position: self.place.position + size,
            sequence: self.place.sequence + 1,
            previous_crc: crc,
            ..self.place
        };
        Ok(())
    }

    fn begin_next_segment(&mut self) -> Result<(), LogError> {
        let identity = self.next_identity();
        let Some(preparer) = &mut self.preparer else {
            return Err(self.is_stopped());
        };
        let prepared = preparer.take(identity)?;
        let segment = Segment::begin(&prepared.identity, &self.place, &self.ends);
        let base = segment.encode_base(self.shared.seed);
        let path = path_of(&self.shared.folder, segment.sequence);
        if let Err(error) = prepared.file.write_all_at(&base, BASE_POSITION) {
            if is_full(&error) && erase(&*prepared.file, BASE_POSITION, base.len()).is_ok() {
                preparer.give_back(prepared);
                return Err(LogError::DiskFull(error));
            }
            self.stopped = true;
            return Err(failed("write", &path, error));
        }
        if let Err(error) = prepared.file.sync_data() {
            self.stopped = true;
            return Err(failed("sync", &path, error));
        }
        self.shared
            .written_bytes
            .fetch_add(base.len() as u64, Ordering::Relaxed);
        self.segment = Arc::new(segment);
        self.file = prepared.file;
        self.place = self.segment.first;
        self.shared.add_segment(Arc::clone(&self.segment));
        self.ask_for_next_segment();
        Ok(())
    }

    fn next_identity(&self) -> Identity {
        Identity {
            log_id: self.shared.meta.log_id,
            partitions: self.shared.meta.partitions,
            sequence: self.segment.sequence + 1,
            size_bytes: self.segment_size_bytes,
        }
    }

    fn ask_for_next_segment(&mut self) {
        let identity = self.next_identity();
        if let Some(preparer) = &mut self.preparer {
            preparer.ask(identity);
        }
    }

    /// After a write that failed: on a full disk nothing of it may remain, anything else stops the
    /// writer.
    fn take_back(&mut self, error: std::io::Error, position: u64, len: usize) -> LogError {
        if is_full(&error) && erase_batch(&*self.file, position, len).is_ok() {
            return LogError::DiskFull(error);
        }
        self.stop("write", error)
    }

    fn stop(&mut self, doing: &'static str, error: std::io::Error) -> LogError {
        self.stopped = true;
        let path = path_of(&self.shared.folder, self.segment.sequence);
        failed(doing, &path, error)
    }

    fn is_stopped(&self) -> LogError {
        let path = path_of(&self.shared.folder, self.segment.sequence);
        let error = std::io::Error::other("the writer stopped after an earlier failure");
        failed("write", &path, error)
    }

    /// An empty batch: it proves that the one before was durable.
    fn write_closing_batch(&mut self) -> Result<(), LogError> {
        let has_room = self.place.position + SECTOR_BYTES as u64 <= self.segment.size_bytes;
        if self.stopped || !self.in_doubt || !has_room {
            return Ok(());
        }
        self.new_ends.copy_from_slice(&self.ends);
        self.batch.clear();
        let size = self.batch.finish_body();
        self.commit(size, 0)?;
        self.in_doubt = false;
        Ok(())
    }
}

impl LogWriter for JournalWriter {
    fn append(
        &mut self,
        records: &[AppendRecord<'_>],
        now_ms: LogTimeMs,
        appended: &mut Vec<Appended>,
    ) -> Result<(), LogError> {
        if self.stopped {
            return Err(self.is_stopped());
        }
        self.check(records)?;
        if records.is_empty() {
            return Ok(());
        }
        let before = appended.len();
        let size = self.encode(records, now_ms, appended);
        let result = self.commit(size, now_ms);
        match &result {
            Ok(()) => self.in_doubt = true,
            Err(error) => {
                appended.truncate(before);
                // Only these are known to have left the log as it was.
                self.stopped |=
                    !matches!(error, LogError::DiskFull(_) | LogError::NoDescriptors(_));
            }
        }
        result
    }

    fn set_back(&mut self, log_time_ms: LogTimeMs) {
        for end in &mut self.ends {
            end.log_time_ms = end.log_time_ms.min(log_time_ms);
        }
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        if let Err(error) = self.write_closing_batch() {
            tracing::warn!(%error, "the journal was not closed in good order; nothing is lost");
        }
        // The thread first: the lock says that nobody of this process writes any more.
        self.preparer = None;
        self.shared.unlock();
    }
}
