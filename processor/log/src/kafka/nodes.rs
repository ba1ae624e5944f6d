//! Which nodes are alive: one small record per node, written once a second, the newest of each
//! kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_schemas::LogTimeMs;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::{Message as _, Statistics};

use super::clients::{
    self, LastingProducer, Logging, PolledProducer, REQUEST_TIMEOUT, Replaceable, broker_error,
};
use super::contact::ProducerWatch;
use super::{KafkaError, KafkaSettings};

const THREAD: &str = "kafka-nodes";
/// What the clients are called in reports.
const PRODUCER: &str = "nodes producer";
const CONSUMER: &str = "nodes consumer";
/// Statuses waiting for the broker; older ones are worth nothing.
const QUEUE_MAX: usize = 64;
/// A status older than this is not sent any more.
const STATUS_TIMEOUT: Duration = Duration::from_secs(3);
/// Records reported at a time.
const RECORDS_PER_POLL_MAX: usize = 1_024;
/// The topic has one partition.
const PARTITION: i32 = 0;

/// A node's latest status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeRecord {
    /// The node's id.
    pub node: String,
    /// When the broker took it.
    pub time_ms: LogTimeMs,
    /// The status as JSON; empty when the node was removed from the list.
    pub status: Vec<u8>,
}

/// Tells what a node is doing.
#[derive(Debug)]
pub struct NodesPublisher {
    client: LastingProducer<Reports>,
    topic: String,
}

struct Reports {
    logging: Logging,
    watch: ProducerWatch,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logging.line(level, facility, line);
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.logging.error(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        self.watch.statistics(&statistics);
    }
}

impl Replaceable for Reports {
    fn failure(&self) -> Option<&'static str> {
        self.watch.failure()
    }

    fn note_replacement(&self, why: &str) {
        self.watch.contact().note_replacement(why);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {
        if let Err((error, _)) = result {
            let line = format!("a status was not delivered: {error}");
            self.logging
                .line(RDKafkaLogLevel::Warning, "producer", &line);
        }
    }
}

impl NodesPublisher {
    /// A publisher to the nodes topic, which exists.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        let mut config = clients::producer_config(settings, QUEUE_MAX, Some(STATUS_TIMEOUT));
        // A repeated status does no harm, and a client that fails for good would have to be
        // replaced.
        config.set("enable.idempotence", "false");
        let topic = settings.nodes_topic();
        let contact = Arc::new(settings.contact.of(PRODUCER));
        let client = {
            let topic = topic.clone();
            LastingProducer::new(move || {
                let reports = Reports {
                    logging: Logging::default(),
                    watch: ProducerWatch::new(Arc::clone(&contact)),
                };
                PolledProducer::start(&config, reports, THREAD, &topic)
            })?
        };
        Ok(Self { client, topic })
    }

    /// Sends a status without waiting. One that cannot be sent is dropped: the next one follows in
    /// a second.
    pub fn publish(&self, node: &str, status: &[u8]) {
        let client = match self.client.usable() {
            Ok(client) => client,
            Err(error) => {
                tracing::debug!(node, %error, "a status was not sent");
                return;
            }
        };
        let message: BaseRecord<'_, [u8], [u8], ()> = BaseRecord::to(&self.topic)
            .partition(PARTITION)
            .key(node.as_bytes())
            .payload(status);
        if let Err((error, _)) = client.client().send(message) {
            tracing::debug!(node, "a status was not sent: {error}");
        }
    }

    /// Waits until everything published is known to be delivered or not, at most `wait`.
    pub fn flush(&self, wait: Duration) -> bool {
        self.client.current().flush(wait)
    }
}

/// Follows the nodes' statuses from the oldest record kept. Belongs on a thread of its own.
pub struct NodesConsumer {
    settings: KafkaSettings,
    consumer: clients::Consumer,
    /// Where the first record is that was not reported; `None` for the beginning.
    next: Option<u64>,
    at_end: bool,
}

impl NodesConsumer {
    /// A consumer of the nodes topic, which exists.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        let consumer = Self {
            settings: settings.clone(),
            consumer: clients::consumer(settings, CONSUMER)?,
            next: None,
            at_end: false,
        };
        consumer.assign()?;
        Ok(consumer)
    }

    fn assign(&self) -> Result<(), KafkaError> {
        let next = self.next.map_or(rdkafka::Offset::Beginning, |next| {
            rdkafka::Offset::Offset(clients::native_offset(next))
        });
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.settings.nodes_topic(), PARTITION, next)
            .and_then(|()| self.consumer.assign(&list))
            .map_err(broker_error(&self.settings, "assign"))
    }

    /// Waits at most `wait` for the first record, then reports everything that is there (bounded).
    /// True once the end of the topic has been reached: all nodes are known.
    ///
    /// # Errors
    /// [`KafkaError::Fatal`].
    pub fn poll(
        &mut self,
        wait: Duration,
        mut tell: impl FnMut(NodeRecord),
    ) -> Result<bool, KafkaError> {
        if self.consumer.replace_if_silent() {
            self.assign()?;
        }
        let mut wait = wait;
        for _ in 0..RECORDS_PER_POLL_MAX {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    self.consumer.heard();
                    self.next = Some(clients::offset_of(message.offset()) + 1);
                    tell(NodeRecord {
                        node: String::from_utf8_lossy(message.key().unwrap_or_default())
                            .into_owned(),
                        time_ms: message
                            .timestamp()
                            .to_millis()
                            .map_or(0, clients::offset_of),
                        status: message.payload().unwrap_or_default().to_vec(),
                    });
                }
                Some(Err(ClientError::PartitionEOF(_))) => {
                    self.consumer.heard();
                    self.at_end = true;
                    break;
                }
                Some(Err(error @ ClientError::MessageConsumptionFatal(_))) => {
                    return Err(KafkaError::Fatal(error.to_string()));
                }
                // The client has logged it, and recovers by itself or is replaced.
                Some(Err(error)) => {
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) {
                        self.next = None;
                    }
                    self.consumer.lost();
                    break;
                }
            }
            wait = Duration::ZERO;
        }
        Ok(self.at_end)
    }
}

impl std::fmt::Debug for NodesConsumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodesConsumer")
            .field("at_end", &self.at_end)
            .finish_non_exhaustive()
    }
}

/// The newest record of each node, ordered by node, without removed ones. Blocks until the end of
/// the topic was reached.
///
/// # Errors
/// [`KafkaError::Broker`] when the brokers do not answer within `wait`.
pub fn read_nodes(settings: &KafkaSettings, wait: Duration) -> Result<Vec<NodeRecord>, KafkaError> {
    let began = Instant::now();
    let mut consumer = NodesConsumer::new(settings)?;
    let mut nodes = BTreeMap::new();
    loop {
        let at_end = consumer.poll(wait.min(REQUEST_TIMEOUT) / 10, |record| {
            nodes.insert(record.node.clone(), record);
        })?;
        if at_end {
            nodes.retain(|_, record| !record.status.is_empty());
            return Ok(nodes.into_values().collect());
        }
        if began.elapsed() > wait {
            return Err(broker_error(settings, "read the nodes")(
                ClientError::NoMessageReceived,
            ));
        }
    }
}
