//! The log as a blocking processor writes it.

use std::time::Duration;

use onsale_schemas::LogTimeMs;
use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::clients::{self, Logging};
use super::commands::Delivered;
use super::{KafkaError, KafkaSettings};
use crate::storage::{AppendRecord, Appended, LogError, LogWriter};

/// Records that may wait at once; further ones of an append are handed over as room becomes
/// available.
const QUEUE_MAX: usize = 16_384;
/// How long an append may take before its result is unknown.
const APPEND_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait for callbacks at a time.
const POLL: Duration = Duration::from_millis(20);

/// Appends to the commands topic and waits until all records are acknowledged. `now_ms` has no
/// effect: the broker stamps the records. After an append that failed the next one uses a new
/// client.
pub struct KafkaWriter {
    settings: KafkaSettings,
    producer: BaseProducer<Reports>,
    topic: String,
}

/// Delivery reports of the append in progress, by the record's index.
#[derive(Default)]
struct Reports {
    logging: Logging,
    delivered: Mutex<Vec<(usize, Result<Delivered, rdkafka::error::KafkaError>)>>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logging.line(level, facility, line);
    }

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        self.logging.error(&error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, index: Self::DeliveryOpaque) {
        let report = match result {
            Ok(message) => Ok(Delivered::of(message)),
            Err((error, _)) => Err(error.clone()),
        };
        self.delivered.lock().push((*index, report));
    }
}

impl KafkaWriter {
    /// A writer of the commands topic, which exists.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        Ok(Self {
            settings: settings.clone(),
            producer: start(settings)?,
            topic: settings.commands_topic(),
        })
    }

    fn failed(&self, cause: rdkafka::error::KafkaError) -> LogError {
        LogError::from(KafkaError::Broker {
            brokers: self.settings.brokers.clone(),
            doing: "append",
            cause: Box::new(cause),
            complaint: None,
        })
    }

    fn send(&self, index: usize, record: &AppendRecord<'_>) -> Result<(), LogError> {
        let mut message: BaseRecord<'_, [u8], [u8], Box<usize>> =
            BaseRecord::with_opaque_to(&self.topic, Box::new(index))
                .partition(clients::native(record.partition))
                .payload(record.payload);
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((error, back))
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) =>
                {
                    message = back;
                    self.producer.poll(POLL);
                }
                Err((error, _)) => return Err(self.failed(error)),
            }
        }
    }
}

fn start(settings: &KafkaSettings) -> Result<BaseProducer<Reports>, KafkaError> {
    let config = clients::producer_config(settings, QUEUE_MAX, Some(APPEND_TIMEOUT));
    BaseProducer::from_config_and_context(&config, Reports::default())
        .map_err(|error| KafkaError::Settings(error.to_string()))
}

impl LogWriter for KafkaWriter {
    fn append(
        &mut self,
        records: &[AppendRecord<'_>],
        _now_ms: LogTimeMs,
        appended: &mut Vec<Appended>,
    ) -> Result<(), LogError> {
        for record in records {
            check(record, self.settings.partitions)?;
        }
        let result = self.append_checked(records, appended);
        if result.is_err() {
            // Reports of this append must not be taken for those of the next one, and it may be the
            // client that has lost the brokers.
            self.producer = start(&self.settings)?;
        }
        result
    }
}

impl KafkaWriter {
    fn append_checked(
        &self,
        records: &[AppendRecord<'_>],
        appended: &mut Vec<Appended>,
    ) -> Result<(), LogError> {
        for (index, record) in records.iter().enumerate() {
            self.send(index, record)?;
        }
        // Terminates: the client reports every message, at the latest when it times out.
        loop {
            let reported = self.producer.context().delivered.lock().len();
            if reported == records.len() {
                break;
            }
            self.producer.poll(Duration::ZERO);
            if self.producer.context().delivered.lock().len() == reported {
                self.producer.poll(Duration::from_millis(1));
            }
        }
        let mut reports = std::mem::take(&mut *self.producer.context().delivered.lock());
        reports.sort_unstable_by_key(|report| report.0);
        let start = appended.len();
        for (_, report) in reports {
            match report {
                Ok(at) => appended.push(Appended {
                    offset: at.offset,
                    log_time_ms: at.log_time_ms,
                }),
                Err(error) => {
                    appended.truncate(start);
                    return Err(self.failed(error));
                }
            }
        }
        Ok(())
    }
}

/// What can be tested without a broker.
pub(super) fn check(record: &AppendRecord<'_>, partitions: u16) -> Result<(), LogError> {
    if record.partition.0 >= partitions {
        return Err(LogError::UnknownPartition {
            partition: record.partition,
            partitions,
        });
    }
    if record.payload.len() > RECORD_SIZE_MAX_BYTES {
        return Err(LogError::RecordTooLarge {
            size_bytes: record.payload.len(),
            size_max_bytes: RECORD_SIZE_MAX_BYTES,
        });
    }
    Ok(())
}

impl std::fmt::Debug for KafkaWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaWriter")
            .field("brokers", &self.settings.brokers)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
