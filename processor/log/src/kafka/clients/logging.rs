//! What clients say goes to the log of the process.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::RDKafkaErrorCode;

/// A client that cannot connect keeps saying so; once in this time is enough.
const COMPLAINT_EVERY: Duration = Duration::from_secs(10);

/// Passes librdkafka's log lines on.
#[derive(Debug, Default)]
pub(in crate::kafka) struct Logging {
    complained: Mutex<Option<Instant>>,
}

impl Logging {
    pub(in crate::kafka) fn line(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(facility, "Kafka client: {line}");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                let mut complained = self.complained.lock();
                if complained.is_none_or(|at| at.elapsed() >= COMPLAINT_EVERY) {
                    *complained = Some(Instant::now());
                    drop(complained);
                    tracing::warn!(facility, "Kafka client: {line}");
                } else {
                    tracing::debug!(facility, "Kafka client: {line}");
                }
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, "Kafka client: {line}");
            }
        }
    }
}

impl Logging {
    /// An error that the client recovers from by itself.
    pub(in crate::kafka) fn error(&self, error: &rdkafka::error::KafkaError, reason: &str) {
        let line = format!("{error}: {reason}");
        self.line(RDKafkaLogLevel::Warning, "client", &line);
    }
}

/// The context of clients that only log.
#[derive(Debug, Default)]
pub(in crate::kafka) struct PlainContext {
    logging: Logging,
    complaint: Mutex<Option<String>>,
}

impl ClientContext for PlainContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logging.line(level, facility, line);
    }

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        // The end of a partition is reported this way, too, and often.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            self.logging.error(&error, reason);
        }
        // That all brokers are down follows from the reasons for each of them.
        let of_one = !matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AllBrokersDown)
        );
        if of_one {
            *self.complaint.lock() = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for PlainContext {}

impl PlainContext {
    /// What the client last complained about, such as a refused password or certificate.
    pub(in crate::kafka) fn complaint(&self) -> Option<String> {
        self.complaint.lock().clone()
    }
}
