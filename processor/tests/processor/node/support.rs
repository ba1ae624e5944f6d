//! A log on a real broker, a database of its own, and nodes over both.

use std::path::PathBuf;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_log::kafka::{
    KafkaReader, KafkaSettings, KafkaWriter, OutcomeConsumer, OutcomeEvent, OutcomeStart, Topics,
    ensure,
};
use onsale_log::{AppendRecord, LogReader, LogWriter, OutcomeChain, OutcomeReader, Step};
use onsale_processor::member::MemberSettings;
use onsale_processor::metrics::Metrics;
use onsale_processor::node::database::LogIdentity;
use onsale_processor::node::status::MemberRole;
use onsale_processor::node::{Node, NodeError, NodeOptions};
use onsale_processor::replay::{Until, genesis, replay};
use onsale_schemas::command::{Admission, OpenShow, Pick, Reserve, ZoneLayout};
use onsale_schemas::seating::RowPlan;
use onsale_schemas::{
    Command, Envelope, EventId, NodeName, OutcomeRecord, PartitionId, RequestId, ShowId, UserId,
    codec,
};
use onsale_store::Store;
use onsale_store::catalog::{
    ChartRow, EventRow, EventStatus, Growth, RowSeats, ShowRow, ShowStatus, ZoneAdmission, ZoneRow,
};
use onsale_store::testing::TestDatabase;
use prometheus::Registry;
use uuid::Uuid;

/// Nothing in these tests takes longer unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const PARTITIONS: u16 = 2;
pub(crate) const ALL: [PartitionId; 2] = [PartitionId(0), PartitionId(1)];
const ROWS: usize = 20;
const SEATS_PER_ROW: u16 = 100;

/// A log, a database and folders. Both end with the test.
pub(crate) struct World {
    pub(crate) kafka: KafkaSettings,
    pub(crate) topics: Topics,
    pub(crate) store: Store,
    admin_url: String,
    database: TestDatabase,
    folder: tempfile::TempDir,
    writer: KafkaWriter,
    requests: u64,
}

impl World {
    /// `None` without services to test on, never so in CI.
    pub(crate) async fn new() -> Option<Self> {
        let service = |name: &str| {
            let found = std::env::var(name).ok();
            assert!(
                found.is_some() || std::env::var_os("CI").is_none(),
                "{name} is not set: run deploy/test.sh, which starts what tests need"
            );
            if found.is_none() {
                eprintln!("LEFT OUT: {name} is not set");
            }
            found
        };
        let brokers = service("ONSALE_TEST_KAFKA_BROKERS")?;
        let admin_url = service("ONSALE_TEST_POSTGRES_URL")?;
        let kafka = KafkaSettings {
            brokers,
            topic_prefix: format!("node-{}", Uuid::new_v4().simple()),
            partitions: PARTITIONS,
            ..KafkaSettings::default()
        };
        let topics = ensure(&kafka).unwrap();
        let database = TestDatabase::create(&admin_url).await.unwrap();
        let store = Store::connect(&database.url().unwrap(), 6).await;
        let store = store.unwrap().for_installation();
        store.check_schema().await.unwrap();
        let mut world = Self {
            writer: KafkaWriter::new(&kafka).unwrap(),
            kafka,
            topics,
            store,
            admin_url,
            database,
            folder: tempfile::tempdir().unwrap(),
            requests: 0,
        };
        for partition in ALL {
            add_show(&world.store, partition).await;
            world.append(partition, Command::OpenShow(open_show(partition)));
        }
        Some(world)
    }

    pub(crate) fn log(&self) -> LogIdentity {
        LogIdentity {
            log_id: self.topics.log_id,
            partitions: self.topics.partitions,
        }
    }

    pub(crate) fn snapshots_dir(&self, node: &str) -> PathBuf {
        self.folder.path().join(node)
    }

    pub(crate) async fn start(&self, node: &str) -> Arc<Node> {
        self.start_with(node, &self.store).await
    }

    /// Node one, once it owns every partition.
    pub(crate) async fn start_alone(&self) -> Arc<Node> {
        let one = self.start("one").await;
        until("it owns", || ALL.iter().all(|p| owns(&one, *p))).await;
        one
    }

    /// Nodes one and two, once every partition has its owner.
    pub(crate) async fn start_both(&self) -> (Arc<Node>, Arc<Node>) {
        let one = self.start("one").await;
        let two = self.start("two").await;
        owned_by_either(&one, &two).await;
        (one, two)
    }

    pub(crate) async fn start_with(&self, node: &str, store: &Store) -> Arc<Node> {
        self.try_start(node, store).await.unwrap()
    }

    pub(crate) async fn try_start(
        &self,
        node: &str,
        store: &Store,
    ) -> Result<Arc<Node>, NodeError> {
        let options = NodeOptions {
            node: NodeName(node.to_owned()),
            kafka: KafkaSettings {
                client_id: node.to_owned(),
                ..self.kafka.clone()
            },
            topics: self.topics.clone(),
            processors: vec![NodeName("one".to_owned()), NodeName("two".to_owned())],
            replicas: 2,
            member: MemberSettings::default(),
            snapshots_dir: self.snapshots_dir(node),
            snapshots_kept: 3,
            snapshots_in_database: true,
        };
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let started = Node::start(options, store.clone(), metrics).await;
        started.map(Arc::new)
    }

    /// Under which id the next command is appended.
    pub(crate) fn next_request(&self) -> RequestId {
        RequestId(Uuid::from_u64_pair(7, self.requests))
    }

    /// Appends a command as an ingress would.
    pub(crate) fn append(&mut self, partition: PartitionId, command: Command) {
        let request_id = Some(self.next_request());
        self.requests += 1;
        let envelope = Envelope {
            request_id,
            ..Envelope::machine(command)
        };
        let payload = codec::encode(&envelope).unwrap();
        let record = AppendRecord {
            partition,
            payload: &payload,
        };
        self.writer.append(&[record], 0, &mut Vec::new()).unwrap();
    }

    /// One buyer after the other takes the best seat of each partition's show.
    pub(crate) fn sell(&mut self, seats: u32) {
        for _ in 0..seats {
            for partition in ALL {
                let reserve = Reserve {
                    show: show_id(partition),
                    user: UserId::from_bytes([9; 16]),
                    zone: 0,
                    pick: Pick::BestAvailable {
                        quantity: 1,
                        together: true,
                    },
                    expected_unit_price: None,
                };
                self.append(partition, Command::Reserve(reserve));
            }
        }
    }

    /// What a sequential replay of a partition's log yields.
    pub(crate) fn replayed(&self, partition: PartitionId) -> Vec<OutcomeRecord> {
        let mut reader = KafkaReader::new(&self.kafka).unwrap();
        let (_, end) = reader.bounds(partition).unwrap();
        let until = Until {
            offset: Some(end),
            time_ms: None,
        };
        let mut all = Vec::new();
        replay(&mut reader, genesis(partition), until, |_, outcome, _| {
            all.extend(outcome)
        })
        .unwrap();
        all
    }

    /// What a reader of the outcomes topic takes, from its beginning: repeats dropped, and never a
    /// gap.
    pub(crate) fn published(&self) -> [Vec<OutcomeRecord>; 2] {
        let mut consumer = OutcomeConsumer::new(&self.kafka).unwrap();
        let starts = ALL.map(|partition| (partition, OutcomeStart::Beginning));
        consumer.assign(&starts).unwrap();
        let mut chains = ALL.map(|_| OutcomeReader::new(OutcomeChain::after(None)));
        let mut taken = ALL.map(|_| Vec::new());
        let mut open = ALL.to_vec();
        while !open.is_empty() {
            consumer
                .poll(Duration::from_millis(200), |event| match event {
                    OutcomeEvent::Seen { partition, outcome } => {
                        let index = usize::from(partition.0);
                        let step = chains[index].step(outcome.offset, outcome.previous);
                        assert!(!matches!(step, Step::Gap { .. }), "{partition}: {step:?}");
                        if step == Step::New {
                            taken[index].push(codec::decode(outcome.payload).unwrap());
                        }
                    }
                    OutcomeEvent::End { partition } => open.retain(|other| *other != partition),
                    OutcomeEvent::Lost => {}
                })
                .unwrap();
        }
        taken
    }

    /// Waits until everything in the log is published, and compares it with a sequential replay.
    pub(crate) async fn check_outcomes(&self) {
        // What is expected is fixed first: nodes go on ticking.
        let expected = ALL.map(|partition| self.replayed(partition));
        let began = Instant::now();
        loop {
            let published = self.published();
            let is_there = published
                .iter()
                .zip(&expected)
                .all(|(published, expected)| published.len() >= expected.len());
            if is_there {
                for (published, expected) in published.iter().zip(&expected) {
                    assert_eq!(&published[..expected.len()], expected);
                }
                return;
            }
            assert!(began.elapsed() < PATIENCE, "outcomes stay unpublished");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let name = self.database.name();
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        sql(&self.admin_url, &drop);
    }
}

/// Runs a statement as the administrator.
pub(crate) fn sql(url: &str, statement: &str) {
    let status = Process::new("psql")
        .args(["-q", "-d", url, "-c", statement])
        .status()
        .unwrap();
    assert!(status.success(), "{statement}");
}

impl World {
    /// Runs a statement in this world's database behind the store's back.
    pub(crate) fn tamper(&self, statement: &str) {
        sql(&self.database.url().unwrap(), statement);
    }
}

/// Waits until `done`.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until every partition has its owner.
pub(crate) async fn owned_by_either(one: &Node, two: &Node) {
    until("every partition has its owner", || {
        ALL.iter().all(|p| owns(one, *p) || owns(two, *p))
    })
    .await;
}

/// Whether a node owns a partition.
pub(crate) fn owns(node: &Node, partition: PartitionId) -> bool {
    node.status()
        .iter()
        .any(|on_node| on_node.partition == partition && on_node.role == MemberRole::Owner)
}

pub(crate) fn show_id(partition: PartitionId) -> ShowId {
    ShowId(Uuid::from_u64_pair(1, partition.0.into()))
}

pub(crate) fn event_id(partition: PartitionId) -> EventId {
    EventId(Uuid::from_u64_pair(2, partition.0.into()))
}

fn open_show(partition: PartitionId) -> OpenShow {
    OpenShow {
        show: show_id(partition),
        event: event_id(partition),
        max_tickets_per_user: 0,
        sale_opens_at_ms: 0,
        sale_closes_at_ms: 4_000_000_000_000,
        hold_ms: 600_000,
        zones: vec![ZoneLayout {
            unit_price: 100,
            currency: "THB".parse().unwrap(),
            admission: Admission::Seated {
                rows: vec![SEATS_PER_ROW; ROWS],
            },
        }],
    }
}

async fn add_show(store: &Store, partition: PartitionId) {
    let event = EventRow {
        event_id: event_id(partition),
        tenant_id: Uuid::nil(),
        organizer_id: UserId::from_bytes([8; 16]),
        name: "Event".to_owned(),
        description: None,
        venue: None,
        city: None,
        category: None,
        starts_at_ms: 4_000_000_000_000,
        max_tickets_per_user: 0,
        minimum_age: None,
        requires_verified_account: false,
        status: EventStatus::Published,
        created_at_ms: 0,
        details: onsale_store::catalog::EventDetails::default(),
    };
    store.add_event(&event).await.unwrap();
    store.add_show(&show_row(partition)).await.unwrap();
}

/// The show of a partition, as the catalog has it.
pub(crate) fn show_row(partition: PartitionId) -> ShowRow {
    ShowRow {
        show_id: show_id(partition),
        event_id: event_id(partition),
        partition,
        map: None,
        name: None,
        starts_at_ms: 4_000_000_000_000,
        sale_opens_at_ms: 0,
        sale_closes_at_ms: 4_000_000_000_000,
        closes_by_default: false,
        hold_ms: 600_000,
        cooldown_ms: 0,
        status: ShowStatus::Opening,
        created_at_ms: 0,
        companions_per_accessible: 0,
        offer: None,
        zones: vec![ZoneRow {
            zone_id: Uuid::from_u64_pair(3, partition.0.into()),
            index: 0,
            name: "Stalls".to_owned(),
            unit_price: 100,
            currency: "THB".to_owned(),
            admission: ZoneAdmission::Seated {
                rows: (0..ROWS)
                    .map(|row| ChartRow {
                        name: row.to_string(),
                        seats: RowSeats::Count(SEATS_PER_ROW),
                        plan: RowPlan::default(),
                    })
                    .collect(),
            },
            growth: Growth::default(),
        }],
    }
}
