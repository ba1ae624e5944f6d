//! The log that the configuration names, for reading.

use onsale_log::LogReader;
use onsale_log::journal::Journal;
use onsale_log::kafka::KafkaReader;

use crate::assemble::kafka_settings;
use crate::config::Config;
use crate::distributed::faked_clock;
use crate::exit::{Failure, OrFail, log_failure};

/// A log to read from, wherever it is.
pub(crate) struct LogSource {
    /// Number of its partitions.
    pub(crate) partitions: u16,
    /// A reader of its own for whoever asks.
    pub(crate) reader: Box<dyn LogReader>,
}

impl LogSource {
    /// The journal in the data folder, also beside a running server, or Kafka.
    ///
    /// # Errors
    /// When it cannot be reached or is damaged.
    pub(crate) fn open(config: &Config) -> Result<Self, Failure> {
        if config.kafka.is_used() {
            faked_clock::refuse()?;
            let reader = KafkaReader::new(&kafka_settings(config)).or_reach()?;
            return Ok(Self {
                partitions: config.log.partitions,
                reader: Box::new(reader),
            });
        }
        let journal = Journal::open_read_only(&config.journal_dir()).map_err(log_failure)?;
        Ok(Self {
            partitions: journal.partitions(),
            reader: Box::new(journal.reader()),
        })
    }
}
