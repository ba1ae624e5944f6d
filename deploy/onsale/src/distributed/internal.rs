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
use onsale_ingress::Readiness;
use onsale_log::kafka::ForeignRecords;
use onsale_processor::metrics::Metrics;
use onsale_processor::node::Node;
use onsale_processor::node::projection::Projection;
use onsale_processor::snapshots::Written;
use onsale_schemas::PartitionId;
use onsale_store::Store;
use prometheus::{Registry, TextEncoder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gate::{Gate, admit};
use super::nodes::{Nodes, twice_advice};
use crate::descriptors::Descriptors;
use crate::output;

/// The snapshots of an ingress's API.
const ADMIN_SNAPSHOTS: &str = "/api/v1/admin/snapshots";

/// A projector that may still be waiting for its database.
pub(crate) type ProjectionSlot = Arc<OnceLock<Projection>>;

/// Which partitions a call is about; all that the node follows when there are none.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct OfPartitions {
    pub(crate) partitions: Vec<PartitionId>,
}

/// A snapshot as a node tells of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotBody {
    pub(crate) partition: PartitionId,
    pub(crate) next_offset: u64,
    pub(crate) size_bytes: u64,
    pub(crate) created_at_ms: u64,
}

impl From<Written> for SnapshotBody {
    fn from(written: Written) -> Self {
        Self {
            partition: written.partition,
            next_offset: written.next_offset,
            size_bytes: written.size_bytes,
            created_at_ms: written.created_at_ms,
        }
    }
}

/// What the routes work on.
pub(crate) struct Internal {
    pub(crate) gate: Arc<Gate>,
    pub(crate) registry: Registry,
    pub(crate) metrics: Metrics,
    pub(crate) store: Store,
    pub(crate) counts: Option<Counts>,
    pub(crate) node: Option<Arc<Node>>,
    pub(crate) nodes: Arc<Nodes>,
    pub(crate) projection: ProjectionSlot,
    pub(crate) descriptors: Descriptors,
    /// Whether this process is to have a projector.
    pub(crate) projects: bool,
    /// Records that are not ours, as the readers of this process have found them.
    pub(crate) foreign: ForeignRecords,
}

impl Internal {
    /// Whether the roles beside the ingress do what they should.
    pub(crate) fn readiness(&self) -> Readiness {
        let mut problems = Vec::new();
        if let Some(node) = &self.node {
            problems.extend(node.problems());
        }
        if self.projects {
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
        problems.extend(self.descriptors.problem());
        Readiness { ready, problems }
    }

    /// Brings gauges up to date.
    pub(crate) fn refresh_metrics(&self) {
        self.descriptors.refresh();
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
        self.metrics.show_db_connections(self.store.connections().0);
    }

    /// Shows how far the database is behind the outcomes that owners have published, as they say
    /// once a second.
    fn show_projection_lag(&self, projection: &Projection) {
        let list = self.nodes.list();
        for (partition, projected) in projection.offsets() {
            let published = list
                .place(partition)
                .and_then(|place| place.leading.published);
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

    pub(super) fn node(&self) -> Result<&Arc<Node>, Refusal> {
        self.node.as_ref().ok_or_else(|| {
            let why = "this process is no processor";
            Refusal::new(StatusCode::NOT_FOUND, why)
        })
    }
}

/// An answer that says no, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    why: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, why: impl std::fmt::Display) -> Self {
        Self {
            status,
            why: why.to_string(),
        }
    }

    /// What was asked for went wrong here.
    pub(super) fn failed(why: impl std::fmt::Display) -> Self {
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
pub(crate) fn between_nodes(internal: Arc<Internal>) -> Router {
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
pub(crate) fn public(internal: Arc<Internal>) -> Router {
    common(internal).fallback(no_api)
}

/// What its operations listener answers.
pub(crate) fn operations(internal: Arc<Internal>) -> Router {
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
                "created_at": output::time(written.created_at_ms),
            })
        })
        .collect();
    Json(serde_json::json!({ "data": data }))
}

async fn no_api() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "this process is no ingress: ask one, or the operations address of a processor for its \
         snapshots",
    )
}

async fn list(State(internal): State<Arc<Internal>>) -> Result<Json<Vec<SnapshotBody>>, Refusal> {
    let kept = internal.node()?.snapshots();
    Ok(bodies(kept.map_err(Refusal::failed)?))
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
) -> Result<Json<Vec<SnapshotBody>>, Refusal> {
    let node = internal.node()?;
    let mut done = Vec::new();
    for partition in of.partitions {
        let written = node.snapshot(Some(partition)).await;
        done.extend(written.map_err(Refusal::failed)?);
    }
    Ok(bodies(done))
}

fn bodies(written: Vec<Written>) -> Json<Vec<SnapshotBody>> {
    Json(written.into_iter().map(SnapshotBody::from).collect())
}
