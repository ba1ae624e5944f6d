//! Sending commands without waiting for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use onsale_schemas::{LogTimeMs, Offset, PartitionId};
use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, DeliveryResult};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext};
use rdkafka::{Message as _, Statistics};

use super::clients::{self, LastingProducer, Logging, PolledProducer, Replaceable};
use super::contact::{ClientContact, ProducerWatch};
use super::{KafkaError, KafkaSettings, writer};
use crate::storage::AppendRecord;

const THREAD: &str = "kafka-commands";
/// What it is called in reports.
const NAME: &str = "commands producer";

/// Where a command was put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// Its offset in its partition.
    pub offset: Offset,
    /// The time that the broker stamped on it.
    pub log_time_ms: LogTimeMs,
}

impl Delivered {
    pub(super) fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            offset: clients::offset_of(message.offset()),
            log_time_ms: message
                .timestamp()
                .to_millis()
                .map_or(0, clients::offset_of),
        }
    }
}

/// Why a command was not delivered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// The bounded queue in front of the broker is full. The command is certainly not in the log.
    #[error("the queue in front of Kafka is full")]
    QueueFull,
    /// The command is certainly not in the log.
    #[error("Kafka refused the command: {0}")]
    Refused(String),
    /// The command may or may not be in the log; its outcome will tell.
    #[error("it is unknown whether Kafka took the command: {0}")]
    Unknown(String),
}

impl SendError {
    /// True when the command may be in the log.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// The result of a delivery. Only what can never have been appended, by any of the client's
    /// attempts, counts as refused: an earlier attempt may have succeeded without an answer.
    fn of_delivery(error: &rdkafka::error::KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::InvalidTopic,
            ) => Self::Refused(error.to_string()),
            _ => Self::Unknown(error.to_string()),
        }
    }
}

/// Called once per sent command, on the producer's own thread: it must not block.
pub type OnDelivered = Box<dyn FnOnce(Result<Delivered, SendError>) + Send>;

/// Limits of a [`CommandProducer`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandProducerOptions {
    /// Most commands waiting for the broker; the next one gets [`SendError::QueueFull`].
    pub queue_max: usize,
    /// After this time a command that the broker has not acknowledged is given up as
    /// [`SendError::Unknown`] and no longer sent.
    pub timeout: Duration,
}

impl Default for CommandProducerOptions {
    fn default() -> Self {
        Self {
            queue_max: 8_192,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Sends commands in the order given, per partition. Cheap to clone; all clones share one client. A
/// client that fails for good, has lost all its brokers or was not answered in time is replaced
/// internally; what waited in it ends as [`SendError::Unknown`].
#[derive(Clone)]
pub struct CommandProducer {
    shared: Arc<ProducerState>,
}

struct ProducerState {
    settings: KafkaSettings,
    options: CommandProducerOptions,
    topic: String,
    client: LastingProducer<Reports>,
}

/// Hands delivery reports to those who wait for them.
struct Reports {
    logging: Logging,
    watch: ProducerWatch,
    /// The client reported that it cannot continue.
    failed: AtomicBool,
    /// A command was given up. The client numbers what still waits anew then and sends it again, also
    /// what the broker has stored without an answer: so it is given up as a whole, before the client
    /// has come so far. (Its own exchange with the broker would have to be faster than the keeper of
    /// [`LastingProducer`] for a command to be stored twice.)
    gave_up: AtomicBool,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logging.line(level, facility, line);
    }

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.failed.store(true, Ordering::Relaxed);
        }
        self.logging.error(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.watch.statistics(&statistics);
    }
}

impl Replaceable for Reports {
    fn failure(&self) -> Option<&'static str> {
        let failed = self.failed.load(Ordering::Relaxed);
        let gave_up = self.gave_up.load(Ordering::Relaxed);
        failed
            .then_some("it has failed")
            .or(gave_up.then_some("commands in it were not acknowledged in time"))
            .or(self.watch.failure())
    }

    fn note_replacement(&self, why: &str) {
        self.watch.contact().note_replacement(why);
    }
}

impl ProducerContext for Reports {
    // The client library needs it to be shareable, hence the lock; it is never contended.
    type DeliveryOpaque = Box<Mutex<OnDelivered>>;

    fn delivery(&self, result: &DeliveryResult<'_>, done: Self::DeliveryOpaque) {
        if let Err((error, _)) = result
            && error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageTimedOut)
        {
            self.gave_up.store(true, Ordering::Relaxed);
        }
        let done = done.into_inner();
        done(match result {
            Ok(message) => Ok(Delivered::of(message)),
            Err((error, _)) => Err(SendError::of_delivery(error)),
        });
    }
}

impl CommandProducer {
    /// A producer for the commands topic, which exists.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(
        settings: &KafkaSettings,
        options: CommandProducerOptions,
    ) -> Result<Self, KafkaError> {
        let contact = Arc::new(settings.contact.of(NAME));
        let client = {
            let settings = settings.clone();
            LastingProducer::new(move || start(&settings, options, &contact))?
        };
        Ok(Self {
            shared: Arc::new(ProducerState {
                settings: settings.clone(),
                options,
                topic: settings.commands_topic(),
                client,
            }),
        })
    }

    /// Sends a command (an encoded [`onsale_schemas::Envelope`]) without waiting. `done` is called
    /// once with the result, unless this call fails: then `done` is dropped uncalled.
    ///
    /// # Errors
    /// [`SendError::QueueFull`] and [`SendError::Refused`]: the command is certainly not in the
    /// log.
    pub fn send(
        &self,
        partition: PartitionId,
        payload: &[u8],
        done: OnDelivered,
    ) -> Result<(), SendError> {
        let shared = &*self.shared;
        writer::check(
            &AppendRecord { partition, payload },
            shared.settings.partitions,
        )
        .map_err(|error| SendError::Refused(error.to_string()))?;
        let client = shared.client.usable();
        let client = client.map_err(|error| SendError::Refused(error.to_string()))?;
        let message: BaseRecord<'_, [u8], [u8], Box<Mutex<OnDelivered>>> =
            BaseRecord::with_opaque_to(&shared.topic, Box::new(Mutex::new(done)))
                .partition(clients::native(partition))
                .payload(payload);
        client.client().send(message).map_err(|(error, _)| {
            // Nothing that is refused here was ever on its way.
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => SendError::QueueFull,
                _ => SendError::Refused(error.to_string()),
            }
        })?;
        // It may have been given up between the two, and what waited in it with it: this must not be sent
        // behind commands that another client has taken since.
        if client.client().context().failure().is_some() {
            client.give_up();
        }
        Ok(())
    }

    /// Where the commands of a partition end, as its broker says within `wait`. Blocks for a round
    /// trip. `None` when no broker answers.
    pub fn end(&self, partition: PartitionId, wait: Duration) -> Option<Offset> {
        let shared = &*self.shared;
        let producer = shared.client.usable().ok()?;
        let client = producer.client().client();
        let bounds = client.fetch_watermarks(&shared.topic, clients::native(partition), wait);
        bounds.ok().map(|(_, end)| clients::offset_of(end))
    }

    /// Commands waiting for the broker now.
    pub fn waiting(&self) -> usize {
        self.shared.client.current().waiting()
    }

    /// Waits until everything sent so far is known to be delivered or not, at most `wait`. True
    /// when it is.
    pub fn flush(&self, wait: Duration) -> bool {
        self.shared.client.current().flush(wait)
    }
}

fn start(
    settings: &KafkaSettings,
    options: CommandProducerOptions,
    contact: &Arc<ClientContact>,
) -> Result<PolledProducer<Reports>, KafkaError> {
    let config = clients::producer_config(settings, options.queue_max, Some(options.timeout));
    let reports = Reports {
        logging: Logging::default(),
        watch: ProducerWatch::new(Arc::clone(contact)),
        failed: AtomicBool::new(false),
        gave_up: AtomicBool::new(false),
    };
    PolledProducer::start(&config, reports, THREAD, &settings.commands_topic())
}

impl std::fmt::Debug for CommandProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandProducer")
            .field("topic", &self.shared.topic)
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}
