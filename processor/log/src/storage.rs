//! The log as a processor sees it. Every implementation passes the same contract suite.

use onsale_schemas::{Entry, LogTimeMs, Offset, PartitionId};

/// A record to append.
#[derive(Clone, Copy, Debug)]
pub struct AppendRecord<'a> {
    /// Where it goes.
    pub partition: PartitionId,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// Where a record was put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    /// Its offset in its partition.
    pub offset: Offset,
    /// The time stamped on it; never less than that of the record before it in the partition, but
    /// for [`LogWriter::set_back`].
    pub log_time_ms: LogTimeMs,
}

/// Appends records durably.
pub trait LogWriter: Send {
    /// Appends all records in order and returns once every one of them is durable. `now_ms` is the
    /// wall clock; the log stamps `max(now_ms, last stamp)`. Positions are pushed onto `appended`
    /// in the order of `records`.
    ///
    /// # Errors
    /// [`LogError::DiskFull`], [`LogError::NoDescriptors`]: nothing was appended, the log is as before and may be tried again.
    /// [`LogError::UnknownPartition`], [`LogError::RecordTooLarge`], [`LogError::BatchTooLarge`]:
    /// nothing was appended, because of what was asked; the writer may be used for something else.
    /// Any other error: what was appended is unknown and the writer must not be used again.
    fn append(
        &mut self,
        records: &[AppendRecord<'_>],
        now_ms: LogTimeMs,
        appended: &mut Vec<Appended>,
    ) -> Result<(), LogError>;

    /// Lets the next records be stamped from this time on, also where earlier ones were stamped
    /// later: an operator has said that the clock was wrong. Does nothing where the log has a clock
    /// of its own.
    fn set_back(&mut self, log_time_ms: LogTimeMs) {
        let _ = log_time_ms;
    }
}

/// Reads records. A reader never sees a record that is not durable.
pub trait LogReader: Send {
    /// The first offset still kept and the offset after the last durable record.
    ///
    /// # Errors
    /// When the log cannot be reached.
    fn bounds(&self, partition: PartitionId) -> Result<(Offset, Offset), LogError>;

    /// Clears `into` and fills it with records from `from` on, in order and without gaps, until it
    /// holds `bytes_max` bytes or the log ends. At least one record is read where there is one,
    /// whatever its size. An empty batch means that the end was reached.
    ///
    /// # Errors
    /// [`LogError::OffsetGone`] when retention removed `from`.
    fn read(
        &mut self,
        partition: PartitionId,
        from: Offset,
        bytes_max: usize,
        into: &mut EntryBatch,
    ) -> Result<(), LogError>;
}

impl LogReader for Box<dyn LogReader> {
    fn bounds(&self, partition: PartitionId) -> Result<(Offset, Offset), LogError> {
        (**self).bounds(partition)
    }

    fn read(
        &mut self,
        partition: PartitionId,
        from: Offset,
        bytes_max: usize,
        into: &mut EntryBatch,
    ) -> Result<(), LogError> {
        (**self).read(partition, from, bytes_max, into)
    }
}

/// Records that were read together, in one buffer that is used again and again.
#[derive(Debug, Default)]
pub struct EntryBatch {
    bytes: Vec<u8>,
    entries: Vec<(Offset, LogTimeMs, std::ops::Range<usize>)>,
}

impl EntryBatch {
    /// Forgets all entries, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Adds a record.
    pub fn push(&mut self, offset: Offset, log_time_ms: LogTimeMs, payload: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.entries
            .push((offset, log_time_ms, start..self.bytes.len()));
    }

    /// The records in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.entries
            .iter()
            .map(|(offset, log_time_ms, range)| Entry {
                offset: *offset,
                log_time_ms: *log_time_ms,
                payload: &self.bytes[range.clone()],
            })
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all payloads.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No room on the disk. Nothing was appended.
    #[error("the disk of the log is full: {0}")]
    DiskFull(std::io::Error),
    /// The process may open no further file. Nothing was appended.
    #[error("no file descriptor is left for the log: {0}")]
    NoDescriptors(std::io::Error),
    /// A partition that the log does not have.
    #[error("partition {partition} does not exist, the log has {partitions} (0 to {})", .partitions - 1)]
    UnknownPartition {
        /// The partition asked for.
        partition: PartitionId,
        /// How many there are.
        partitions: u16,
    },
    /// Retention has removed the offset.
    #[error("offset {asked} of partition {partition} is gone, the log begins at {first}")]
    OffsetGone {
        /// The partition.
        partition: PartitionId,
        /// The offset asked for.
        asked: Offset,
        /// The first one kept.
        first: Offset,
    },
    /// The record is larger than the log takes.
    #[error("a record of {size_bytes} bytes is larger than the log takes ({size_max_bytes})")]
    RecordTooLarge {
        /// Its size.
        size_bytes: usize,
        /// The most it may have.
        size_max_bytes: usize,
    },
    /// The records of one append are together larger than the log takes at once. Nothing was
    /// appended; fewer of them may be.
    #[error("a batch of {size_bytes} bytes is larger than the log takes ({size_max_bytes})")]
    BatchTooLarge {
        /// Its size.
        size_bytes: usize,
        /// The most it may have.
        size_max_bytes: usize,
    },
    /// Damage that is not a torn tail.
    #[error("{file}: damaged at byte {byte}: {what}. {advice}")]
    Damaged {
        /// The file.
        file: std::path::PathBuf,
        /// Where in it.
        byte: u64,
        /// What is wrong.
        what: String,
        /// What an operator can do.
        advice: &'static str,
    },
    /// Another process has the folder open.
    #[error("{folder} is in use by another process (lock file {lock_file}); stop it first")]
    Locked {
        /// The folder.
        folder: std::path::PathBuf,
        /// The lock file.
        lock_file: std::path::PathBuf,
    },
    /// The folder holds a log with other frozen settings.
    #[error("{0}")]
    Mismatch(String),
    /// The log on Kafka failed.
    #[error(transparent)]
    Kafka(Box<crate::kafka::KafkaError>),
    /// Reading or writing failed.
    #[error("{doing} {path}: {cause}")]
    Io {
        /// What was tried, as in "open".
        doing: &'static str,
        /// On which file.
        path: std::path::PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

impl From<crate::kafka::KafkaError> for LogError {
    fn from(error: crate::kafka::KafkaError) -> Self {
        Self::Kafka(Box::new(error))
    }
}
