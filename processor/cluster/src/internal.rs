//! What a node offers the others and its probes beside the public interface.

use std::sync::{Arc, OnceLock};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use onsale_counts::Counts;
use onsale_log::kafka::{BrokerContact, ForeignRecords};
use onsale_processor::metrics::Metrics;
use onsale_processor::node::Node;
use onsale_processor::node::projection::Projection;
use onsale_processor::snapshots::Written;
use onsale_schemas::PartitionId;
use onsale_store::Store;
use prometheus::{Registry, TextEncoder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gate::{Gate, admit};
use crate::nodes::{Nodes, twice_advice};

/// The snapshots of an ingress's API.
const ADMIN_SNAPSHOTS: &str = "/api/v1/admin/snapshots";

/// A projector that may still be waiting for its database.
pub type ProjectionSlot = Arc<OnceLock<Projection>>;

/// Which partitions a call is about.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct OfPartitions {
    /// The partitions.
    pub(crate) partitions: Vec<PartitionId>,
}

/// Whether a process can serve.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Readiness {
    /// True when it can.
    pub ready: bool,
    /// What is in the way, one sentence each, without secrets.
    pub problems: Vec<String>,
}

/// What the binary watches of its own process.
pub trait ProcessProbe: Send + Sync {
    /// What is wrong, in a sentence. Cheap: it is asked every second.
    fn problem(&self) -> Option<String>;

    /// Brings its gauges up to date.
    fn refresh_metrics(&self);
}

/// What a node answers from.
pub struct Internal {
    /// Who may ask.
    pub gate: Arc<Gate>,
    /// All metrics of the process.
    pub registry: Registry,
    /// Those of the processor.
    pub metrics: Metrics,
    /// The database.
    pub store: Store,
    /// The counts in Redis.
    pub counts: Option<Counts>,
    /// The processor, where it is one.
    pub node: Option<Arc<Node>>,
    /// The other nodes.
    pub nodes: Arc<Nodes>,
    /// The projector, where it is one.
    pub projection: ProjectionSlot,
    /// The process itself.
    pub process: Box<dyn ProcessProbe>,
    /// Whether this process is to have a projector.
    pub projects: bool,
    /// Foreign records, as the readers of this process have found them.
    pub foreign: ForeignRecords,
    /// Whether its Kafka clients hear from their brokers.
    pub contact: BrokerContact,
}

impl Internal {
    /// Whether the roles beside the ingress do what they should.
    pub fn readiness(&self) -> Readiness {
        let silent = self.contact.silent();
        let mut problems: Vec<String> = silent.iter().map(ToString::to_string).collect();
        if let Some(node) = &self.node {
            problems.extend(node.problems());
        }
        // No role uses it, and a projector waits for it.
        let refused = self.store.refused();
        let is_refused = refused.is_some();
        problems.extend(refused);
        if self.projects && !is_refused {
            match self.projection.get() {
                Some(projection) => problems.extend(projection.problems()),
                None => problems.push("the database does not say where to project from".to_owned()),
            }
        }
        let ready = problems.is_empty();
        if let Some(node) = &self.node {
            problems.extend(node.warnings());
        }
        problems.extend(self.nodes.list().twice().map(twice_advice));
        problems.extend(self.process.problem());
        Readiness { ready, problems }
    }

    /// Brings gauges up to date.
    pub fn refresh_metrics(&self) {
        self.process.refresh_metrics();
        if let Some(node) = &self.node {
            node.refresh_metrics();
        }
        if let Some(projection) = self.projection.get() {
            self.show_projection_lag(projection);
        }
        let foreign = self.foreign.counts();
        let foreign = foreign
            .iter()
            .map(|(topic, count)| (topic.as_str(), *count));
        self.metrics.show_foreign_records(foreign);
        let replacements = self.contact.replacements();
        self.metrics
            .show_kafka_clients(self.contact.silent().len(), replacements.into_iter());
        self.metrics.show_db_connections(self.store.connections().0);
    }

    /// Shows how far the database is behind the outcomes that owners have published, as they say
    /// once a second.
    fn show_projection_lag(&self, projection: &Projection) {
        let list = self.nodes.list();
        for (partition, projected) in projection.offsets() {
            let published = list
                .replicas(partition)
                .and_then(|replicas| replicas.leading.published);
            // A projection past the last outcome has nothing left to do, however many ticks follow.
            let wanted = published.map_or(0, |last| last.saturating_add(1));
            let lag = wanted.saturating_sub(projected);
            self.metrics.show_projection_lag(partition, lag);
        }
    }

    fn metrics(&self) -> Result<String, prometheus::Error> {
        self.refresh_metrics();
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    pub(crate) fn node(&self) -> Result<&Arc<Node>, Refusal> {
        self.node.as_ref().ok_or_else(|| {
            let why = "this process is no processor";
            Refusal::new(StatusCode::NOT_FOUND, why)
        })
    }
}

/// An answer that says no, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    why: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, why: impl std::fmt::Display) -> Self {
        Self {
            status,
            why: why.to_string(),
        }
    }

    /// What was asked for went wrong here.
    pub(crate) fn failed(why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = self.status.canonical_reason().unwrap_or("refused");
        let error = serde_json::json!({ "error": { "code": code, "message": self.why } });
        (self.status, Json(error)).into_response()
    }
}

/// The routes between nodes.
pub fn between_nodes(internal: Arc<Internal>) -> Router {
    Router::new()
        .route("/internal/snapshots", get(list).post(create))
        .route("/internal/clock/reset", post(reset_clock))
        .route("/internal/reconcile", post(super::reconcile::report))
        .route("/internal/reconcile/check", post(super::reconcile::check))
        .route("/internal/reconcile/apply", post(super::reconcile::apply))
        .layer(DefaultBodyLimit::disable())
        .route_layer(from_fn_with_state(internal.gate.clone(), admit))
        .with_state(internal)
}

/// What a process that is no ingress answers on both its listeners.
fn common(internal: Arc<Internal>) -> Router {
    let snapshots = Router::new()
        // As an ingress offers them, of what this node follows.
        .route(ADMIN_SNAPSHOTS, get(admin_list).post(admin_create))
        .layer(DefaultBodyLimit::disable())
        .route_layer(from_fn_with_state(internal.gate.clone(), admit));
    Router::new()
        .route(
            "/health/live",
            get(async || Json(serde_json::json!({ "status": "live" }))),
        )
        .route("/health/ready", get(ready))
        .merge(snapshots)
        .with_state(internal)
}

/// What such a process answers in public.
pub fn public(internal: Arc<Internal>) -> Router {
    common(internal).fallback(no_api)
}

/// What its operations listener answers.
pub fn operations(internal: Arc<Internal>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(internal.clone())
        .merge(common(internal.clone()))
        .merge(between_nodes(internal))
        .fallback(no_api)
}

async fn ready(State(internal): State<Arc<Internal>>) -> Response {
    let readiness = internal.readiness();
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

async fn metrics(State(internal): State<Arc<Internal>>) -> Result<Response, Refusal> {
    let text = internal.metrics().map_err(Refusal::failed)?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// A call of an operator that is about one partition or all.
#[derive(Debug, Default, Deserialize)]
struct Which {
    partition: Option<PartitionId>,
}

async fn admin_list(State(internal): State<Arc<Internal>>) -> Result<Json<Value>, Refusal> {
    let kept = internal.node()?.snapshots();
    Ok(enveloped(kept.map_err(Refusal::failed)?))
}

async fn admin_create(
    State(internal): State<Arc<Internal>>,
    Json(which): Json<Which>,
) -> Result<Json<Value>, Refusal> {
    let written = internal.node()?.snapshot(which.partition).await;
    Ok(enveloped(written.map_err(Refusal::failed)?))
}

/// As an ingress answers.
fn enveloped(written: Vec<Written>) -> Json<Value> {
    let data: Vec<Value> = written
        .into_iter()
        .map(|written| {
            serde_json::json!({
                "partition": written.partition,
                "next_offset": written.next_offset,
                "size_bytes": written.size_bytes,
                "created_at": time(written.created_at_ms),
            })
        })
        .collect();
    Json(serde_json::json!({ "data": data }))
}

/// As RFC 3339.
fn time(ms: u64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
}

async fn no_api() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "this process is not an ingress: ask one, or the operations address of a processor for its \
         snapshots",
    )
}

async fn list(State(internal): State<Arc<Internal>>) -> Result<Json<Vec<Written>>, Refusal> {
    let kept = internal.node()?.snapshots();
    kept.map(Json).map_err(Refusal::failed)
}

async fn reset_clock(
    State(internal): State<Arc<Internal>>,
) -> Result<Json<serde_json::Value>, Refusal> {
    internal.node()?.reset_clock();
    Ok(Json(serde_json::Value::Null))
}

async fn create(
    State(internal): State<Arc<Internal>>,
    Json(of): Json<OfPartitions>,
) -> Result<Json<Vec<Written>>, Refusal> {
    let node = internal.node()?;
    let mut done = Vec::new();
    for partition in of.partitions {
        let written = node.snapshot(Some(partition)).await;
        done.extend(written.map_err(Refusal::failed)?);
    }
    Ok(Json(done))
}
