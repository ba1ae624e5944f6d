//! Publishing outcomes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
use onsale_schemas::{Asker, LogTimeMs, Offset, PartitionId};
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{Message as _, Statistics};

use super::clients::{self, Logging, PolledProducer};
use super::contact::ProducerWatch;
use super::outcome_consumer::ASKER_HEADER;
use super::{KafkaError, KafkaSettings};

const THREAD: &str = "kafka-outcomes";
/// What it is called in reports.
const NAME: &str = "outcomes producer";
/// Most outcomes waiting for the broker.
const QUEUE_MAX: usize = 65_536;

/// Why an outcome was not taken for publication.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PublishError {
    /// The bounded queue in front of the broker is full: publish the same outcome again later,
    /// before any later one of its partition.
    #[error("the queue in front of Kafka is full")]
    QueueFull,
    /// This publisher has failed and accepts nothing more; see [`PublishFailure`].
    #[error("the publisher has failed and must be replaced")]
    Failed,
}

/// An outcome did not reach the topic, or it is not known whether it did. Reported once per
/// publisher, which accepts nothing more. The node reads the outcomes up to the end and publishes
/// from there with a new publisher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishFailure {
    /// The partition of the outcome that failed first; `None` when the client itself failed or has
    /// lost all its brokers.
    pub partition: Option<PartitionId>,
    /// What the client library said.
    pub reason: String,
}

/// Publishes outcomes, in the order given per partition, without gaps: a message never times out,
/// and after the first failure nothing more is sent.
#[derive(Debug)]
pub struct OutcomePublisher {
    client: PolledProducer<Reports>,
    topic: String,
}

type OnFailed = Box<dyn FnOnce(PublishFailure) + Send>;

struct Reports {
    logging: Logging,
    watch: ProducerWatch,
    failed: AtomicBool,
    on_failed: Mutex<Option<OnFailed>>,
    /// Set as soon as there is one.
    producer: OnceLock<Weak<BaseProducer<Self>>>,
}

impl Reports {
    fn fail(&self, partition: Option<PartitionId>, reason: String) {
        let is_first = !self.failed.swap(true, Ordering::AcqRel);
        // What is given up below is reported here too, and is not why.
        let on_failed = self.on_failed.lock().take();
        if let Some(on_failed) = on_failed {
            on_failed(PublishFailure { partition, reason });
        }
        if is_first {
            self.give_up();
        }
    }

    /// Gives up what still waits, at once: the client would number it anew and send it behind the gap, and
    /// a chain with a gap stops everyone who reads it.
    fn give_up(&self) {
        if let Some(producer) = self.producer.get().and_then(Weak::upgrade) {
            clients::give_up(&producer);
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logging.line(level, facility, line);
    }

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        self.logging.error(&error, reason);
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.fail(None, format!("{error}: {reason}"));
        }
    }

    fn stats(&self, statistics: Statistics) {
        self.watch.statistics(&statistics);
        if let Some(why) = self.watch.failure()
            && !self.failed.load(Ordering::Acquire)
        {
            self.watch.contact().note_replacement(why);
            self.fail(None, why.to_owned());
        }
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        if let Err((error, message)) = result {
            let partition = u16::try_from(message.partition()).ok().map(PartitionId);
            self.fail(partition, error.to_string());
        }
    }
}

impl OutcomePublisher {
    /// A publisher to the outcomes topic, which exists. `failed` is called at most once, on the
    /// publisher's own thread: it must not block. It is not called for what was still waiting when
    /// the publisher is dropped.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(
        settings: &KafkaSettings,
        failed: impl FnOnce(PublishFailure) + Send + 'static,
    ) -> Result<Self, KafkaError> {
        let reports = Reports {
            logging: Logging::default(),
            watch: ProducerWatch::new(Arc::new(settings.contact.of(NAME))),
            failed: AtomicBool::new(false),
            on_failed: Mutex::new(Some(Box::new(failed))),
            producer: OnceLock::new(),
        };
        let mut config = clients::producer_config(settings, QUEUE_MAX, None);
        // The client ends on its own thread at a record that is refused for good; what is under way behind
        // it would be numbered anew and sent before anyone here learns of it.
        config.set("enable.gapless.guarantee", "true");
        let topic = settings.outcomes_topic();
        let client = PolledProducer::start(&config, reports, THREAD, &topic)?;
        // Nothing was sent yet, so nothing had to be given up before.
        drop(client.client().context().producer.set(client.downgrade()));
        Ok(Self { client, topic })
    }

    /// Publishes an outcome without waiting: the encoded [`onsale_schemas::OutcomeRecord`] of the
    /// command at `offset`, the command's log time, the digest of the machine after it, and who asked.
    ///
    /// # Errors
    /// [`PublishError`]; the outcome was not taken.
    pub fn publish(
        &self,
        partition: PartitionId,
        offset: Offset,
        log_time_ms: LogTimeMs,
        digest: u64,
        payload: &[u8],
        asker: Option<Asker>,
    ) -> Result<(), PublishError> {
        let reports = self.client.client().context();
        if reports.failed.load(Ordering::Acquire) {
            return Err(PublishError::Failed);
        }
        if payload.len() > RECORD_SIZE_MAX_BYTES {
            // If it were sent, it alone would fail and its successors would pass.
            reports.fail(
                Some(partition),
                format!(
                    "the outcome of the command at {offset} is too large: {} bytes",
                    payload.len()
                ),
            );
            return Err(PublishError::Failed);
        }
        let digest = digest.to_le_bytes();
        let mut message: BaseRecord<'_, [u8], [u8], ()> = BaseRecord::to(&self.topic)
            .partition(clients::native(partition))
            .timestamp(clients::native_offset(log_time_ms))
            .key(&digest[..])
            .payload(payload);
        if let Some(asker) = asker {
            let bytes = asker.to_bytes();
            let header = Header {
                key: ASKER_HEADER,
                value: Some(&bytes),
            };
            message = message.headers(OwnedHeaders::new_with_capacity(1).insert(header));
        }
        match self.client.client().send(message) {
            Ok(()) => Ok(()),
            Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                Err(PublishError::QueueFull)
            }
            Err((error, _)) => {
                reports.fail(
                    Some(partition),
                    format!("the outcome of the command at {offset}: {error}"),
                );
                Err(PublishError::Failed)
            }
        }
    }

    /// Outcomes published and not acknowledged yet.
    pub fn waiting(&self) -> usize {
        self.client.waiting()
    }

    /// Waits until everything published is acknowledged, at most `wait`. True when it is and
    /// nothing failed.
    pub fn flush(&self, wait: Duration) -> bool {
        self.client.flush(wait)
            && !self
                .client
                .client()
                .context()
                .failed
                .load(Ordering::Acquire)
    }
}

impl Drop for OutcomePublisher {
    fn drop(&mut self) {
        self.client.client().context().on_failed.lock().take();
    }
}
