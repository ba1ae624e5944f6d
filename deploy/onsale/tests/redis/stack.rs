//! One engine, its projector with the feed, and two ingress nodes that share Redis.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_auth::{AuthConfig, Grant, Minter};
use onsale_counts::{Counts, CountsSettings};
use onsale_ingress::{
    ClockMoved, ClockStatus, Expected, Ingress, IngressConfig, OperationError, Operations,
    PartitionStatus, Readiness, SnapshotDone, Standings, SystemClock, Which,
};
use onsale_log::journal::JournalOptions;
use onsale_processor::clock;
use onsale_processor::counts_feed::CountsFeed;
use onsale_processor::embedded::{Embedded, EmbeddedOptions, Retention};
use onsale_processor::metrics::Metrics;
use onsale_processor::projector::Projected;
use onsale_processor::replica::SnapshotPolicy;
use onsale_schemas::{NodeName, Offset, PartitionId, RequestId, Staff, Standing, TenantId, UserId};
use onsale_settings::Secret;
use onsale_store::Store;
use onsale_store::audit::Actor;
use prometheus::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::server::Server;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const ORGANIZER: u128 = 0xaaaa;

pub(crate) struct Stack {
    pub(crate) embedded: Embedded,
    pub(crate) store: Store,
    pub(crate) counts: Counts,
    pub(crate) http: reqwest::Client,
    nodes: Vec<Node>,
    _folder: TempDir,
}

struct Node {
    ingress: Ingress,
    address: SocketAddr,
    registry: Registry,
}

impl Stack {
    /// Everything, with or without a feed of Redis.
    pub(crate) async fn start(redis: &Server, fed: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("onsale.sqlite").display());
        let store = Store::connect(&url, 4).await.unwrap();
        store.migrate().await.unwrap();
        let registry = Registry::new();
        let counts = counts(redis, "projector-1", &registry);
        let feed = fed.then(|| {
            let (feed, task) = CountsFeed::new(store.clone(), counts.clone());
            tokio::spawn(task.run());
            feed
        });
        let options = EmbeddedOptions {
            node: NodeName("node-1".to_owned()),
            journal_dir: folder.path().join("journal"),
            snapshots_dir: folder.path().join("snapshots"),
            journal: JournalOptions::new(1),
            snapshots: SnapshotPolicy {
                every_records: u64::MAX >> 1,
                every_ms: u64::MAX >> 1,
            },
            silence_max_days: 0,
            retention: Retention {
                snapshots_kept: 1,
                log_age_max_ms: None,
                in_database: false,
            },
        };
        let metrics = Metrics::register(&registry).unwrap();
        let embedded = Embedded::start_with_counts(options, store.clone(), metrics, feed)
            .await
            .unwrap();
        let mut nodes = Vec::new();
        for name in ["ingress-1", "ingress-2"] {
            nodes.push(Node::start(name, redis, &embedded, &store).await);
        }
        Self {
            embedded,
            store,
            counts,
            http: crate::http_client::builder(None).build().unwrap(),
            nodes,
            _folder: folder,
        }
    }

    /// (status, body) of a POST to one of the ingress nodes.
    pub(crate) async fn post(
        &self,
        node: usize,
        token: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let address = self.nodes[node % self.nodes.len()].address;
        let response = self
            .http
            .post(format!("http://{address}/api/v1{path}"))
            .bearer_auth(token)
            .json(body)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    /// A show of `capacity` places of general admission and, for the same event, this limit per buyer;
    /// returns the ids of event and show.
    pub(crate) async fn open_show(&self, capacity: u32, limit: u32) -> (Uuid, Uuid) {
        let organizer = token("organizer", ORGANIZER);
        let event = json!({
            "name": "Test", "starts_at": "2099-01-01T20:00:00Z", "max_tickets_per_user": limit,
        });
        let (status, body) = self.post(0, &organizer, "/events", &event).await;
        assert_eq!(status, 201, "{body}");
        let event: Uuid = body["data"]["event_id"].as_str().unwrap().parse().unwrap();
        let show = json!({
            "starts_at": "2099-01-01T20:00:00Z",
            "zones": [{
                "name": "Floor", "price": { "amount": 100, "currency": "THB" },
                "admission": "general", "capacity": capacity,
            }],
        });
        let path = format!("/events/{event}/shows");
        let (status, body) = self.post(0, &organizer, &path, &show).await;
        assert_eq!(status, 201, "{body}");
        let show = body["data"]["show_id"].as_str().unwrap().parse().unwrap();
        (event, show)
    }

    /// How often both ingress nodes together asked Redis.
    pub(crate) fn asked(&self) -> u64 {
        self.nodes
            .iter()
            .flat_map(|node| node.registry.gather())
            .filter(|family| family.name() == "redis_operation_duration_seconds")
            .flat_map(|family| family.get_metric().to_vec())
            .map(|metric| metric.get_histogram().get_sample_count())
            .sum()
    }

    pub(crate) async fn stop(self) {
        for node in &self.nodes {
            node.ingress.close();
        }
        self.embedded.stop().await;
    }
}

impl Node {
    async fn start(name: &str, redis: &Server, embedded: &Embedded, store: &Store) -> Self {
        let registry = Registry::new();
        let mut config = IngressConfig {
            auth: auth(),
            ..IngressConfig::default()
        };
        config.rate_limit.enabled = false;
        let ingress = Ingress::with_counts(
            config,
            Arc::new(embedded.log()),
            store.clone(),
            Arc::new(ProjectionOnly(embedded.projected())),
            Arc::new(SystemClock),
            registry.clone(),
            Some(counts(redis, name, &registry)),
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn({
            let ingress = ingress.clone();
            async move { ingress.serve(listener, std::future::pending()).await }
        });
        Self {
            ingress,
            address,
            registry,
        }
    }
}

fn counts(redis: &Server, node: &str, registry: &Registry) -> Counts {
    let settings = CountsSettings::new(redis.url(), "onsale-test", node);
    Counts::new(&settings, registry).unwrap()
}

/// Where tokens are signed with a shared secret.
fn auth() -> AuthConfig {
    AuthConfig {
        hs256_secret: Some(Secret::new(SECRET)),
        ..AuthConfig::default()
    }
}

pub(crate) fn token(role: &str, user: u128) -> String {
    let grant = Grant {
        user: UserId(Uuid::from_u128(user)),
        role: role.parse().unwrap(),
        tenant: TenantId(Uuid::from_u128(7)),
        life_seconds: 86_400,
    };
    let minter = Minter::new(&auth(), None).unwrap();
    minter.mint(&grant, clock::now_ms()).unwrap()
}

/// What reads wait for; the rest is not asked for here.
struct ProjectionOnly(Projected);

fn not_here<T>() -> Result<T, OperationError> {
    Err(OperationError::NotSupported("not in this test".to_owned()))
}

#[async_trait]
impl Operations for ProjectionOnly {
    async fn partitions(&self) -> Vec<PartitionStatus> {
        Vec::new()
    }

    fn projected(&self, partition: PartitionId) -> Offset {
        self.0.offset(partition)
    }

    async fn wait_projected(
        &self,
        partition: PartitionId,
        offset: Offset,
        deadline: Duration,
    ) -> bool {
        self.0.wait_for(partition, offset, deadline).await
    }

    fn ready(&self) -> Readiness {
        Readiness {
            ready: true,
            problems: Vec::new(),
        }
    }

    async fn create_snapshots(&self, _which: Which) -> Result<Vec<SnapshotDone>, OperationError> {
        not_here()
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotDone>, OperationError> {
        not_here()
    }

    async fn reconcile(&self) -> Result<Value, OperationError> {
        not_here()
    }

    async fn apply_reconciliation(
        &self,
        _report: Value,
        _by: Actor,
    ) -> Result<Value, OperationError> {
        not_here()
    }

    fn refresh_metrics(&self) {}

    async fn failover(&self, _which: Which, _to: NodeName) -> Result<(), OperationError> {
        not_here()
    }

    fn standings(&self) -> &dyn Standings {
        self
    }

    async fn clock(&self) -> Result<Vec<ClockStatus>, OperationError> {
        not_here()
    }

    async fn reset_clock(
        &self,
        _which: Which,
        _force: bool,
        _by: Staff,
    ) -> Result<Vec<ClockMoved>, OperationError> {
        not_here()
    }
}

#[async_trait]
impl Standings for ProjectionOnly {
    async fn of(
        &self,
        _partition: PartitionId,
        _offset: Offset,
        _expected: Option<Expected>,
        _is_its_turn: bool,
    ) -> Result<Option<Standing>, OperationError> {
        not_here()
    }

    async fn find(
        &self,
        _request: RequestId,
    ) -> Result<Option<(PartitionId, Offset)>, OperationError> {
        not_here()
    }
}
