//! librdkafka settings of each kind of client.

use std::time::Duration;

use onsale_schemas::limits::RECORD_SIZE_MAX_BYTES;
use rdkafka::ClientConfig;

use crate::kafka::KafkaSettings;

/// Room for a record of the largest size and Kafka's framing.
pub(in crate::kafka) const MESSAGE_MAX_BYTES: usize = RECORD_SIZE_MAX_BYTES + (64 << 10);
/// How long a request to the brokers may take.
pub(in crate::kafka) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
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
pub(in crate::kafka) fn admin_config(settings: &KafkaSettings) -> ClientConfig {
    with_properties(common(settings), settings)
}

/// For producers: nothing lost, nothing doubled, nothing reordered by the client itself.
/// `message_timeout` of `None` means that a message never times out.
pub(in crate::kafka) fn producer_config(
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

pub(super) fn consumer_config(settings: &KafkaSettings) -> ClientConfig {
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
