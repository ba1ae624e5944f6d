//! The source of a log for code that only reads it.

use std::path::PathBuf;

use crate::journal::Journal;
use crate::kafka::{KafkaReader, KafkaSettings, refuse_faked_clock};
use crate::storage::{LogError, LogReader};

/// Where a log is.
#[derive(Clone, Debug)]
pub enum LogSource {
    /// In this folder, also beside the process that writes it.
    Journal(PathBuf),
    /// On Kafka.
    Kafka(KafkaSettings),
}

/// A log that is open for reading.
pub struct OpenLog {
    /// Number of its partitions.
    pub partitions: u16,
    /// Reads it; nothing else uses this reader.
    pub reader: Box<dyn LogReader>,
}

impl LogSource {
    /// Opens the log for reading. What a journal holds now is seen; open it again for more.
    ///
    /// # Errors
    /// When it cannot be reached or is damaged.
    pub fn open(&self) -> Result<OpenLog, LogError> {
        match self {
            Self::Journal(folder) => {
                let journal = Journal::open_read_only(folder)?;
                Ok(OpenLog {
                    partitions: journal.partitions(),
                    reader: Box::new(journal.reader()),
                })
            }
            Self::Kafka(settings) => {
                refuse_faked_clock()?;
                Ok(OpenLog {
                    partitions: settings.partitions,
                    reader: Box::new(KafkaReader::new(settings)?),
                })
            }
        }
    }
}
