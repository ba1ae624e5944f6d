//! librdkafka settings of each kind of client, and what all clients have in common. Whether they
//! still hear from brokers is watched in [`contact`](super::contact).

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use onsale_schemas::PartitionId;
use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext, PurgeConfig};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::contact::{ClientContact, SILENCE_MAX, STATISTICS_EVERY};
use super::{KafkaError, KafkaSettings};

/// Room for a record of the largest size and Kafka's framing.
pub(super) const MESSAGE_MAX_BYTES: usize = RECORD_SIZE_MAX_BYTES + (64 << 10);
/// How long a request to the brokers may take.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before a request is repeated.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Pause after a failed connection; doubles up to the next one.
const RECONNECT_MS: u32 = 20;
const RECONNECT_MAX_MS: u32 = 500;
/// How long records gather before a request goes out. Each hop is that much slower under low load;
/// with half a millisecond, brokers and clients were busy with requests of two records at 5,000 a
/// second (see `bench/README.md`).
const LINGER_MS: &str = "2";
/// How long the broker holds a consumer's request until there are records.
const FETCH_WAIT_MAX_MS: u32 = 100;
/// Bytes fetched ahead per partition and over all of them.
const FETCH_AHEAD_MAX_KIB: u32 = 16 << 10;
const FETCH_PARTITION_MAX_BYTES: usize = 2 << 20;
/// Bytes that wait in a producer.
const PRODUCER_QUEUE_MAX_KIB: u32 = 128 << 10;
/// A client that cannot connect keeps saying so; once in this time is enough.
const COMPLAINT_EVERY: Duration = Duration::from_secs(10);
/// How long a new producer asks for the leaders of its topic, before it is needed.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long the polling thread of a producer waits at a time.
const PRODUCER_POLL: Duration = Duration::from_millis(500);
const KEEPER_THREAD: &str = "kafka-keeper";
/// How often a producer is looked at: what a client sends that has given something up may be in the
/// log twice.
const KEEPER_EVERY: Duration = Duration::from_millis(50);
const KEEPER_REPORTS_EVERY: Duration = Duration::from_secs(10);
/// The thread on which a replaced consumer is closed.
const CLOSING_THREAD: &str = "kafka-closing";

/// Passes librdkafka's log lines on.
#[derive(Debug, Default)]
pub(super) struct Logging {
    complained: Mutex<Option<Instant>>,
}

impl Logging {
    pub(super) fn line(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
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
    pub(super) fn error(&self, error: &rdkafka::error::KafkaError, reason: &str) {
        let line = format!("{error}: {reason}");
        self.line(RDKafkaLogLevel::Warning, "client", &line);
    }
}

/// The context of clients that only log.
#[derive(Debug, Default)]
pub(super) struct PlainContext {
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
    pub(super) fn complaint(&self) -> Option<String> {
        self.complaint.lock().clone()
    }
}

/// A consumer that is assigned its partitions, and whose client can be replaced.
pub(super) struct Consumer {
    client: ConsumerClient,
    settings: KafkaSettings,
    contact: ClientContact,
    replaced: Option<Instant>,
}

impl Consumer {
    /// Reads these partitions instead of what was read before.
    pub(super) fn assign(&self, list: &TopicPartitionList) -> Result<(), ClientError> {
        self.client.come_to_rest()?;
        self.client.0.assign(list)
    }

    /// Reads these partitions beside the others.
    pub(super) fn start(&self, list: &TopicPartitionList) -> Result<(), ClientError> {
        self.client.come_to_rest()?;
        self.client.0.incremental_assign(list)
    }

    /// Reads these partitions no more.
    pub(super) fn stop(&self, list: &TopicPartitionList) -> Result<(), ClientError> {
        self.client.come_to_rest()?;
        self.client.0.incremental_unassign(list)
    }

    /// The owner has read something that only a broker can have sent since the last loss.
    pub(super) fn heard(&self) {
        self.contact.heard();
    }

    /// The client reported an error to its owner.
    pub(super) fn lost(&self) {
        self.contact.lost();
    }

    /// Replaces a client that has been silent for too long. True when it was replaced: the owner has
    /// to assign its partitions then.
    pub(super) fn replace_if_silent(&mut self) -> bool {
        let is_due = |at: Instant| at.elapsed() >= SILENCE_MAX;
        self.contact.silence() >= SILENCE_MAX
            && self.replaced.is_none_or(is_due)
            && self.replace("nothing was heard since it lost its brokers")
    }

    /// Replaces the client, as [`Consumer::replace_if_silent`]. The old one is kept when there is no
    /// new one.
    pub(super) fn replace(&mut self, why: &str) -> bool {
        self.replaced = Some(Instant::now());
        let fresh = match ConsumerClient::new(&self.settings) {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!(%error, "no Kafka client can be created; trying again");
                return false;
            }
        };
        self.contact.note_replacement(why);
        close_aside(std::mem::replace(&mut self.client, fresh));
        true
    }
}

impl Deref for Consumer {
    type Target = BaseConsumer<PlainContext>;

    fn deref(&self) -> &Self::Target {
        &self.client.0
    }
}

/// The client of a consumer.
///
/// librdkafka up to 2.15.0 ends the process when it has to stop a partition that it is stopping
/// already (an assertion of `rktp->rktp_started`, confluentinc/librdkafka#5573): partitions are
/// therefore only added, taken away and closed once the client has come to rest. Nothing is paused
/// and resumed either: a resumption that is overtaken by the start of its partition is lost
/// (confluentinc/librdkafka#5591).
struct ConsumerClient(BaseConsumer<PlainContext>);

impl ConsumerClient {
    fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        BaseConsumer::from_config_and_context(&consumer_config(settings), PlainContext::default())
            .map(Self)
            .map_err(|error| KafkaError::Settings(error.to_string()))
    }

    /// Waits until every stop that was asked for is done. The client's main thread works on one thing
    /// after the other: before it answers the first question it has stopped the partitions, before
    /// it answers the second it has heard of it.
    fn come_to_rest(&self) -> Result<(), ClientError> {
        self.0.assignment()?;
        self.0.assignment()?;
        Ok(())
    }
}

impl Drop for ConsumerClient {
    fn drop(&mut self) {
        if let Err(error) = self.come_to_rest() {
            tracing::debug!("a Kafka client that is closed does not answer: {error}");
        }
    }
}

/// Closes a client on a thread of its own: one that has lost its brokers may take its time, for
/// example for a name that is being looked up.
fn close_aside(client: ConsumerClient) {
    let closing = std::thread::Builder::new().name(CLOSING_THREAD.to_owned());
    if let Err(error) = closing.spawn(move || drop(client)) {
        // It was closed here.
        tracing::debug!("no thread to close a Kafka client: {error}");
    }
}

/// What every client has.
fn common(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.brokers)
        .set("client.id", &settings.client_id)
        .set("socket.keepalive.enable", "true")
        .set("socket.timeout.ms", REQUEST_TIMEOUT.as_millis().to_string())
        .set("reconnect.backoff.ms", RECONNECT_MS.to_string())
        .set("reconnect.backoff.max.ms", RECONNECT_MAX_MS.to_string())
        .set("retry.backoff.ms", RECONNECT_MS.to_string())
        .set("retry.backoff.max.ms", RECONNECT_MAX_MS.to_string())
        .set("message.max.bytes", MESSAGE_MAX_BYTES.to_string());
    config
}

/// The operator's settings come last.
fn with_properties(mut config: ClientConfig, settings: &KafkaSettings) -> ClientConfig {
    for (name, value) in &settings.properties {
        config.set(name, value);
    }
    config
}

/// For administering topics.
pub(super) fn admin_config(settings: &KafkaSettings) -> ClientConfig {
    with_properties(common(settings), settings)
}

/// For producers: nothing lost, nothing doubled, nothing reordered by the client itself.
/// `message_timeout` of `None` means that a message never times out.
pub(super) fn producer_config(
    settings: &KafkaSettings,
    queue_max: usize,
    message_timeout: Option<Duration>,
) -> ClientConfig {
    let timeout_ms = message_timeout.map_or(0, |timeout| timeout.as_millis().max(1));
    let mut config = common(settings);
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // A standby publishes nothing for days, and then at once.
        .set("enable.sparse.connections", "false")
        .set("linger.ms", LINGER_MS)
        .set("compression.type", "none")
        .set("message.timeout.ms", timeout_ms.to_string())
        .set("queue.buffering.max.messages", queue_max.to_string())
        .set(
            "queue.buffering.max.kbytes",
            PRODUCER_QUEUE_MAX_KIB.to_string(),
        );
    with_properties(config, settings)
}

/// A consumer of one topic that assigns its partitions itself and is notified of the end of each.
/// `name` is what it is called in reports.
pub(super) fn consumer(
    settings: &KafkaSettings,
    name: &'static str,
) -> Result<Consumer, KafkaError> {
    Ok(Consumer {
        client: ConsumerClient::new(settings)?,
        settings: settings.clone(),
        contact: settings.contact.of(name),
        replaced: None,
    })
}

fn consumer_config(settings: &KafkaSettings) -> ClientConfig {
    let mut config = common(settings);
    config
        // Assigning needs a name, though nothing is ever stored under it.
        .set("group.id", &settings.client_id)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_uncommitted")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", FETCH_WAIT_MAX_MS.to_string())
        .set("fetch.min.bytes", "1")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.error.backoff.ms", "20")
        .set(
            "max.partition.fetch.bytes",
            FETCH_PARTITION_MAX_BYTES.to_string(),
        )
        .set("queued.min.messages", "10000")
        .set(
            "queued.max.messages.kbytes",
            FETCH_AHEAD_MAX_KIB.to_string(),
        );
    with_properties(config, settings)
}

/// A producer with the thread that calls it back. Dropping it gives up what is still waiting, each
/// with an error to its callback, without waiting for that.
pub(super) struct PolledProducer<C: ProducerContext + 'static> {
    producer: Arc<BaseProducer<C>>,
    stop: Arc<AtomicBool>,
}

impl<C: ProducerContext + 'static> PolledProducer<C> {
    /// Starts the client and its thread. It looks up beforehand where its messages go.
    pub(super) fn start(
        config: &ClientConfig,
        context: C,
        thread: &'static str,
        topic: &str,
    ) -> Result<Self, KafkaError> {
        let mut config = config.clone();
        // Its thread takes them at once; where nothing polls for long they would pile up.
        config.set(
            "statistics.interval.ms",
            STATISTICS_EVERY.as_millis().to_string(),
        );
        let producer = BaseProducer::from_config_and_context(&config, context)
            .map_err(|error| KafkaError::Settings(error.to_string()))?;
        let producer = Arc::new(producer);
        let stop = Arc::new(AtomicBool::new(false));
        let (polled, stopped) = (Arc::clone(&producer), Arc::clone(&stop));
        let topic = topic.to_owned();
        std::thread::Builder::new()
            .name(thread.to_owned())
            .spawn(move || {
                // Brokers that are down now are found when there is something to send.
                drop(polled.client().fetch_metadata(Some(&topic), WARM_UP));
                while !stopped.load(Ordering::Relaxed) {
                    polled.poll(PRODUCER_POLL);
                }
                // Purges and tells the callbacks when the last owner goes.
                drop(polled);
            })
            .map_err(|cause| KafkaError::Thread {
                name: thread,
                cause,
            })?;
        Ok(Self { producer, stop })
    }

    /// The client.
    pub(super) fn client(&self) -> &BaseProducer<C> {
        &self.producer
    }

    /// Waits until every message has been reported, at most `wait`. True when all have.
    pub(super) fn flush(&self, wait: Duration) -> bool {
        self.producer.flush(wait).is_ok()
    }

    /// Messages waiting for the broker, or for their callback.
    pub(super) fn waiting(&self) -> usize {
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }
}

impl<C: ProducerContext + 'static> Drop for PolledProducer<C> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl<C: ProducerContext + 'static> std::fmt::Debug for PolledProducer<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolledProducer").finish_non_exhaustive()
    }
}

/// A context that knows whether its producer has to be replaced.
pub(super) trait Replaceable: ProducerContext + 'static {
    /// Why it has to be.
    fn failure(&self) -> Option<&'static str>;

    /// Reports that it is replaced.
    fn note_replacement(&self, why: &str);
}

/// A producer whose client is replaced when it can send nothing more. What waits in a replaced one
/// is reported to its callbacks as not acknowledged, on the old client's thread. It looks after
/// itself: one through which nothing is sent recovers too.
pub(super) struct LastingProducer<C: Replaceable>(Arc<Lasting<C>>);

struct Lasting<C: Replaceable> {
    client: ArcSwap<PolledProducer<C>>,
    replacing: Mutex<()>,
    start: Box<dyn Fn() -> Result<PolledProducer<C>, KafkaError> + Send + Sync>,
}

impl<C: Replaceable> LastingProducer<C> {
    /// With the first of the clients that `start` starts, and a thread that replaces them.
    pub(super) fn new(
        start: impl Fn() -> Result<PolledProducer<C>, KafkaError> + Send + Sync + 'static,
    ) -> Result<Self, KafkaError> {
        let lasting = Arc::new(Lasting {
            client: ArcSwap::from_pointee(start()?),
            replacing: Mutex::new(()),
            start: Box::new(start),
        });
        let kept = Arc::downgrade(&lasting);
        std::thread::Builder::new()
            .name(KEEPER_THREAD.to_owned())
            .spawn(move || keep(&kept))
            .map_err(|cause| KafkaError::Thread {
                name: KEEPER_THREAD,
                cause,
            })?;
        Ok(Self(lasting))
    }

    /// The client, or a new one where it has to be replaced.
    pub(super) fn usable(&self) -> Result<Arc<PolledProducer<C>>, KafkaError> {
        self.0.usable()
    }

    /// The client as it is.
    pub(super) fn current(&self) -> Guard<Arc<PolledProducer<C>>> {
        self.0.client.load()
    }
}

impl<C: Replaceable> Lasting<C> {
    fn usable(&self) -> Result<Arc<PolledProducer<C>>, KafkaError> {
        let failure = |client: &PolledProducer<C>| client.client().context().failure();
        let client = self.client.load_full();
        if failure(&client).is_none() {
            return Ok(client);
        }
        let _one = self.replacing.lock();
        let client = self.client.load_full();
        let Some(why) = failure(&client) else {
            return Ok(client);
        };
        // First of all, and not once its last owner lets it go: what is given up must not be sent
        // while a new client starts.
        client
            .client()
            .purge(PurgeConfig::default().queue().inflight());
        let fresh = Arc::new((self.start)()?);
        client.client().context().note_replacement(why);
        self.client.store(Arc::clone(&fresh));
        Ok(fresh)
    }
}

/// Replaces the client whenever it has to be, until the producer is dropped.
fn keep<C: Replaceable>(kept: &Weak<Lasting<C>>) {
    let mut reported: Option<Instant> = None;
    while let Some(lasting) = kept.upgrade() {
        if let Err(error) = lasting.usable()
            && reported.is_none_or(|at| at.elapsed() >= KEEPER_REPORTS_EVERY)
        {
            reported = Some(Instant::now());
            tracing::error!(%error, "a Kafka producer cannot be replaced; trying again");
        }
        drop(lasting);
        std::thread::sleep(KEEPER_EVERY);
    }
}

impl<C: Replaceable> std::fmt::Debug for LastingProducer<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LastingProducer").finish_non_exhaustive()
    }
}

/// Shorthand for [`KafkaError::Broker`].
pub(super) fn broker_error(
    settings: &KafkaSettings,
    doing: &'static str,
) -> impl FnOnce(rdkafka::error::KafkaError) -> KafkaError {
    let brokers = settings.brokers.clone();
    move |cause| KafkaError::Broker {
        brokers,
        doing,
        cause: Box::new(cause),
        complaint: None,
    }
}

/// The first offset that a topic's partition keeps and the one after its last.
pub(super) fn watermarks(
    settings: &KafkaSettings,
    consumer: &Consumer,
    topic: &str,
    partition: PartitionId,
) -> Result<(u64, u64), KafkaError> {
    let (first, next) = patiently(settings, "ask for the bounds", || {
        consumer.fetch_watermarks(topic, native(partition), REQUEST_TIMEOUT)
    })?;
    Ok((offset_of(first), offset_of(next)))
}

/// Asks again while a partition is between leaders, as it is for a moment after its topic was
/// created and while a broker starts.
pub(super) fn patiently<T>(
    settings: &KafkaSettings,
    doing: &'static str,
    mut ask: impl FnMut() -> Result<T, rdkafka::error::KafkaError>,
) -> Result<T, KafkaError> {
    let began = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) if is_transient(&error) && began.elapsed() < REQUEST_TIMEOUT => {
                std::thread::sleep(ASK_AGAIN);
            }
            Err(error) => return Err(broker_error(settings, doing)(error)),
        }
    }
}

fn is_transient(error: &rdkafka::error::KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::ReplicaNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::FencedLeaderEpoch
                | RDKafkaErrorCode::UnknownLeaderEpoch
                | RDKafkaErrorCode::OffsetNotAvailable
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::RequestTimedOut
        )
    )
}

/// Adds a partition that is read from `next` on.
pub(super) fn add(
    list: &mut TopicPartitionList,
    topic: &str,
    partition: PartitionId,
    next: u64,
) -> Result<(), ClientError> {
    let next = rdkafka::Offset::Offset(native_offset(next));
    list.add_partition_offset(topic, native(partition), next)
}

/// A partition as librdkafka numbers it.
pub(super) fn native(partition: PartitionId) -> i32 {
    i32::from(partition.0)
}

/// A place in a topic as librdkafka counts it. Offsets never come near the end of either type.
pub(super) fn native_offset(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// And back; librdkafka's negative ones are not offsets.
pub(super) fn offset_of(native: i64) -> u64 {
    u64::try_from(native).unwrap_or(0)
}
