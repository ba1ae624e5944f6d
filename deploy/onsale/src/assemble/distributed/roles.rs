//! The roles of a process.

use std::sync::Arc;

use anyhow::Context;
use onsale_auth::PeerTokens;
use onsale_cluster::{
    Claims, Cluster, Internal, Peers, ProjectionSlot, StoredSeats, Watermarks, between_nodes,
    http_client,
};
use onsale_counts::Counts;
use onsale_ingress::{Ingress, SystemClock};
use onsale_log::CommandLog as _;
use onsale_log::kafka::{KafkaCommandLog, KafkaCommandLogOptions, Serving};
use onsale_processor::counts_feed::CountsFeed;
use onsale_processor::member::MemberSettings;
use onsale_processor::node::database::LogIdentity;
use onsale_processor::node::projection::Projection;
use onsale_processor::node::{Node, NodeOptions};
use onsale_processor::replica::SnapshotPolicy;
use onsale_schemas::NodeName;
use onsale_store::Store;
use tokio_util::sync::CancellationToken;

use super::base::{Base, blocking};
use crate::assemble::resume_openings;
use crate::config::{Config, NodeRole};
use crate::exit::{Failure, OrFail};
use crate::log_source;
use crate::operations::DistributedOperations;

/// How much rarer an owner cuts snapshots than a standby: only where no standby does it.
const OWNER_SNAPSHOTS_RARER: u64 = 4;

/// The processor, where this process is one.
pub(super) async fn processor(config: &Config, base: &Base) -> Result<Option<Arc<Node>>, Failure> {
    if !config.node.is(NodeRole::Processor) {
        return Ok(None);
    }
    let options = node_options(config, base);
    let node = Node::start(options, base.store.clone(), base.metrics.clone()).await;
    let node = Arc::new(node.context("cannot recover").or_found()?);
    node.look_at_catalog(base.store.clone());
    Ok(Some(node))
}

fn node_options(config: &Config, base: &Base) -> NodeOptions {
    let standby = config.snapshots.policy();
    NodeOptions {
        node: NodeName(config.node.id.clone()),
        kafka: base.settings.clone(),
        topics: base.topics.clone(),
        processors: config.cluster.processors(),
        replicas: config.cluster.replicas,
        member: MemberSettings {
            tick_ms: config.cluster.tick_ms,
            patience_ms: config.cluster.patience_ms,
            stagger_ms: config.cluster.stagger_ms,
            snapshots_as_standby: standby,
            snapshots_as_owner: SnapshotPolicy {
                every_records: standby.every_records.saturating_mul(OWNER_SNAPSHOTS_RARER),
                every_ms: standby.every_ms.saturating_mul(OWNER_SNAPSHOTS_RARER),
            },
            ..MemberSettings::default()
        },
        snapshots_dir: config.snapshots_dir(),
        snapshots_kept: config.snapshots.keep,
        snapshots_in_database: config.snapshots.in_database,
    }
}

/// The projector, where this process is one, once the database says where it has come to.
pub(super) fn projector(config: &Config, base: &Base) -> ProjectionSlot {
    let projection = ProjectionSlot::default();
    if config.node.is(NodeRole::Projector) {
        let counts = base.counts.clone();
        let feed = counts.map(|counts| start_feed(&base.store, counts, &base.stop));
        let log = LogIdentity {
            log_id: base.topics.log_id,
            partitions: base.topics.partitions,
        };
        let (store, metrics) = (base.store.clone(), base.metrics.clone());
        let started = Projection::start(base.settings.clone(), log, store, metrics, feed);
        // The database may take its time; nothing else waits for it.
        let slot = projection.clone();
        tokio::spawn(async move { drop(slot.set(started.await)) });
    }
    projection
}

fn start_feed(store: &Store, counts: Counts, stop: &CancellationToken) -> CountsFeed {
    let (feed, task) = CountsFeed::new(store.clone(), counts);
    let running = tokio::spawn(task.run());
    let stop = stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        running.abort();
    });
    feed
}

/// The log as those see it who hand commands in: the ingress, and the worker for payments.
pub(super) struct Commands {
    pub(super) log: Arc<KafkaCommandLog>,
    watermarks: Arc<Watermarks>,
}

/// See [`Commands`].
pub(super) async fn commands(base: &Base) -> Result<Commands, Failure> {
    let watermarks = Watermarks::start(
        base.store.clone(),
        base.topics.partitions,
        base.stop.clone(),
    );
    let watermarks = Arc::new(watermarks);
    let seats = Arc::new(StoredSeats::new(base.store.clone(), watermarks.clone()));
    let (settings, topics) = (base.settings.clone(), base.topics.clone());
    let log = blocking(move || {
        KafkaCommandLog::start(&settings, &topics, seats, KafkaCommandLogOptions::default())
    })
    .await?;
    Ok(Commands {
        log: Arc::new(log),
        watermarks,
    })
}

/// The ingress, which resumes what a crash interrupted once its log serves.
pub(super) fn ingress(
    config: &Config,
    base: &Base,
    internal: Arc<Internal>,
    Commands { log, watermarks }: Commands,
) -> Result<Ingress, Failure> {
    let cluster = Cluster {
        log: log.clone(),
        claims: Claims::follow(log.subscribe(), log.partitions(), base.stop.clone()),
        nodes: internal.nodes.clone(),
        watermarks,
        internal: internal.clone(),
        peers: peers(config)?,
    };
    let operations = DistributedOperations::new(cluster, log_source::standings(config));
    let ingress = Ingress::with_counts(
        config.ingress(),
        log.clone(),
        base.store.clone(),
        Arc::new(operations),
        Arc::new(SystemClock),
        base.registry.clone(),
        base.counts.clone(),
    )
    .context("cannot set up the ingress")
    .or_use()?
    .with_routes(between_nodes(internal));
    tokio::spawn(resume_once_serving(log, ingress.clone()));
    tokio::spawn(ingress.clone().follow_catalog());
    Ok(ingress)
}

/// Calls to other nodes, each with a token of this one.
fn peers(config: &Config) -> Result<Peers, Failure> {
    let secret = config.cluster.shared_secret().context("cluster").or_use()?;
    let tokens = PeerTokens::new(&config.node.id, secret.as_ref(), &config.auth)
        .context("nodes cannot be asked")
        .or_use()?;
    let http = http_client::build(config.http.tls_ca_file.as_deref()).or_use()?;
    Ok(Peers::new(http, tokens))
}

async fn resume_once_serving(log: Arc<KafkaCommandLog>, ingress: Ingress) {
    let mut serving = log.serving();
    if serving
        .wait_for(|serving| *serving == Serving::Ready)
        .await
        .is_ok()
    {
        ingress.add_first_categories().await;
        resume_openings(&ingress).await;
        ingress.describe_catalog().await;
    }
}
