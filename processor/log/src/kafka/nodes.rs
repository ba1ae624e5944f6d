//! Which nodes are alive: one small record per node, written once a second, the newest of each
//! kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_schemas::LogTimeMs;
use rdkafka::Message as _;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::clients::{self, Logging, PolledProducer, REQUEST_TIMEOUT, broker_error};
use super::{KafkaError, KafkaSettings};

const THREAD: &str = "kafka-nodes";
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
    client: PolledProducer<Reports>,
    topic: String,
}

#[derive(Default)]
struct Reports {
    logging: Logging,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.logging.line(level, facility, line);
    }

    fn error(&self, error: ClientError, reason: &str) {
        self.logging.error(&error, reason);
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
        Ok(Self {
            client: PolledProducer::start(&config, Reports::default(), THREAD, &topic)?,
            topic,
        })
    }

    /// Sends a status without waiting. One that cannot be sent is dropped: the next one follows in
    /// a second.
    pub fn publish(&self, node: &str, status: &[u8]) {
        let message: BaseRecord<'_, [u8], [u8], ()> = BaseRecord::to(&self.topic)
            .partition(PARTITION)
            .key(node.as_bytes())
            .payload(status);
        if let Err((error, _)) = self.client.client().send(message) {
            tracing::debug!(node, "a status was not sent: {error}");
        }
    }

    /// Waits until everything published is known to be delivered or not, at most `wait`.
    pub fn flush(&self, wait: Duration) -> bool {
        self.client.flush(wait)
    }
}

/// Follows the nodes' statuses from the oldest record kept. Belongs on a thread of its own.
pub struct NodesConsumer {
    consumer: clients::Consumer,
    at_end: bool,
}

impl NodesConsumer {
    /// A consumer of the nodes topic, which exists.
    ///
    /// # Errors
    /// When no client can be created from the settings.
    pub fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        let consumer = clients::consumer(settings)?;
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(
            &settings.nodes_topic(),
            PARTITION,
            rdkafka::Offset::Beginning,
        )
        .and_then(|()| consumer.assign(&list))
        .map_err(broker_error(settings, "assign"))?;
        Ok(Self {
            consumer,
            at_end: false,
        })
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
        let mut wait = wait;
        for _ in 0..RECORDS_PER_POLL_MAX {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => tell(NodeRecord {
                    node: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
                    time_ms: message
                        .timestamp()
                        .to_millis()
                        .map_or(0, clients::offset_of),
                    status: message.payload().unwrap_or_default().to_vec(),
                }),
                Some(Err(ClientError::PartitionEOF(_))) => {
                    self.at_end = true;
                    break;
                }
                Some(Err(error @ ClientError::MessageConsumptionFatal(_))) => {
                    return Err(KafkaError::Fatal(error.to_string()));
                }
                // The client recovers from everything else by itself and has logged it.
                Some(Err(_)) => break,
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
