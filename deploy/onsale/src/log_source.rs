//! The log that the configuration names, for reading.

use onsale_log::{LogSource, OpenLog};
use onsale_processor::standings::Standings;

use crate::config::Config;
use crate::exit::{Failure, log_failure};

/// Where the configured log is.
pub(crate) fn log_source(config: &Config) -> LogSource {
    if config.kafka.is_used() {
        LogSource::Kafka(config.kafka_settings())
    } else {
        LogSource::Journal(config.journal_dir())
    }
}

/// How requests fared, found in the configured log.
pub(crate) fn standings(config: &Config) -> Standings {
    let source = log_source(config);
    Standings::new(move || source.open(), config.snapshots_dir())
}

/// Opens the configured log for reading, also beside a running server.
///
/// # Errors
/// When it cannot be reached or is damaged.
pub(crate) fn open(config: &Config) -> Result<OpenLog, Failure> {
    log_source(config).open().map_err(log_failure)
}
