//! Separate topics for each test, and a separate broker for the test that kills it.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use onsale_schemas::{Offset, Outcome, OutcomeRecord, PartitionId, Rejection, RequestId, codec};
use rdkafka::config::FromClientConfig as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use uuid::Uuid;

use super::super::{KafkaSettings, OutcomePublisher, Topics, clients, ensure, topics};

/// Nothing in these tests takes longer unless it is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const P0: PartitionId = PartitionId(0);
pub(super) const P1: PartitionId = PartitionId(1);

/// The brokers to test on. Without any the tests are skipped, but never in CI.
pub(super) fn brokers() -> Option<String> {
    let brokers = std::env::var("ONSALE_TEST_KAFKA_BROKERS").ok();
    if brokers.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "no Kafka to test on: run deploy/test.sh, which starts one and sets \
             ONSALE_TEST_KAFKA_BROKERS"
        );
        eprintln!(
            "LEFT OUT: no ONSALE_TEST_KAFKA_BROKERS. deploy/services/kafka.sh start prints what to \
             set it to"
        );
    }
    brokers
}

/// Settings with a prefix of their own.
pub(super) fn settings(brokers: &str, partitions: u16) -> KafkaSettings {
    KafkaSettings {
        brokers: brokers.to_owned(),
        topic_prefix: format!("test-{}", Uuid::new_v4().simple()),
        partitions,
        ..KafkaSettings::default()
    }
}

/// Topics that are deleted when the test is over.
pub(super) struct TestTopics {
    pub(super) settings: KafkaSettings,
    pub(super) topics: Topics,
}

impl TestTopics {
    /// `None` without brokers.
    pub(super) fn make(partitions: u16) -> Option<Self> {
        Some(Self::make_on(&brokers()?, partitions))
    }

    pub(super) fn make_on(brokers: &str, partitions: u16) -> Self {
        let settings = settings(brokers, partitions);
        let topics = ensure(&settings).unwrap();
        Self { settings, topics }
    }
}

impl Drop for TestTopics {
    fn drop(&mut self) {
        if let Err(error) = topics::delete(&self.settings) {
            eprintln!("the topics of a test stay behind: {error}");
        }
    }
}

/// A broker that nothing else uses.
pub(super) struct OwnBroker {
    folder: tempfile::TempDir,
    port: u16,
    /// Variables for the script.
    env: Vec<(&'static str, OsString)>,
}

impl OwnBroker {
    pub(super) fn start() -> Self {
        Self::start_with(|_, _| Vec::new())
    }

    /// With variables for the script, made from the broker's folder and port.
    pub(super) fn start_with(
        env: impl FnOnce(&Path, u16) -> Vec<(&'static str, OsString)>,
    ) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), two_free_ports());
        let env = env(folder.path(), port);
        let broker = Self { folder, port, env };
        broker.run("start");
        broker
    }

    pub(super) fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `kill -9`.
    pub(super) fn kill(&self) {
        self.run("kill");
    }

    pub(super) fn start_again(&self) {
        self.run("start");
    }

    fn run(&self, verb: &str) {
        let script =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/services/kafka.sh");
        let output = Command::new(script)
            .arg(verb)
            .arg(self.folder.path())
            .arg(self.port.to_string())
            .envs(self.env.iter().map(|(name, value)| (*name, value)))
            .output()
            .unwrap();
        let log = || std::fs::read_to_string(self.folder.path().join("server.log"));
        assert!(
            output.status.success(),
            "{verb}: {}\n{}",
            String::from_utf8_lossy(&output.stderr),
            log().unwrap_or_default()
        );
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.run("kill");
    }
}

/// A free port with a free one after it.
pub(super) fn two_free_ports() -> u16 {
    for _ in 0..1_000 {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no two free ports in a row");
}

/// Waits until `done`, doing `step` over and over.
pub(super) fn until(what: &str, mut step: impl FnMut() -> bool) {
    let began = Instant::now();
    while !step() {
        assert!(began.elapsed() < PATIENCE, "{what} did not happen");
    }
}

/// An outcome in a chain.
pub(super) fn outcome(
    offset: Offset,
    previous: Option<Offset>,
    request_id: Option<RequestId>,
) -> OutcomeRecord {
    OutcomeRecord {
        offset,
        previous,
        log_time_ms: offset * 100,
        request_id,
        replay_of: None,
        expired: Vec::new(),
        outcome: Outcome::Rejected(Rejection::UnknownShow),
    }
}

/// Publishes one, with its offset for a digest.
pub(super) fn publish(
    publisher: &OutcomePublisher,
    partition: PartitionId,
    record: &OutcomeRecord,
) {
    let payload = codec::encode(record).unwrap();
    publisher
        .publish(
            partition,
            record.offset,
            record.log_time_ms,
            record.offset,
            &payload,
            None,
        )
        .unwrap();
}

/// A publisher that must not fail.
pub(super) fn publisher(settings: &KafkaSettings) -> OutcomePublisher {
    OutcomePublisher::new(settings, |failure| panic!("{failure:?}")).unwrap()
}

/// Key and value, as they are.
pub(super) type Raw<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Writes anything into a topic, as an intruder would.
pub(super) fn put(
    settings: &KafkaSettings,
    topic: &str,
    partition: PartitionId,
    records: &[Raw<'_>],
) {
    let config = clients::producer_config(settings, 1_024, Some(PATIENCE));
    let producer: BaseProducer = BaseProducer::from_config(&config).unwrap();
    for (key, payload) in records {
        let mut record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(topic).partition(clients::native(partition));
        record.key = *key;
        record.payload = *payload;
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}
