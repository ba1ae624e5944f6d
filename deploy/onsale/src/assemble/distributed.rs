//! Puts a process of the distributed mode together: ingress, processor, projector, in any
//! combination.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use onsale_auth::{PeerGate, PeerTokens};
use onsale_cluster::{
    Announcer, Cluster, Gate, Internal, Nodes, Owners, Peers, ProjectionSlot, StoredSeats,
    Watermarks, http_client, reconcile_every, recorded_partitions,
};
use onsale_counts::{Counts, CountsSettings};
use onsale_ingress::{Ingress, SystemClock, Transport};
use onsale_log::CommandLog as _;
use onsale_log::kafka::{
    ForeignRecords, KafkaCommandLog, KafkaCommandLogOptions, KafkaError, KafkaSettings,
    NodesPublisher, Serving, Topics, ensure_as, refuse_faked_clock,
};
use onsale_processor::counts_feed::CountsFeed;
use onsale_processor::member::MemberSettings;
use onsale_processor::metrics::Metrics;
use onsale_processor::node::database::LogIdentity;
use onsale_processor::node::projection::Projection;
use onsale_processor::node::status::MemberRole;
use onsale_processor::node::{Node, NodeOptions};
use onsale_processor::replica::SnapshotPolicy;
use onsale_processor::standings::Standings;
use onsale_schemas::{NodeName, PartitionId};
use onsale_store::{Store, StoreError};
use prometheus::Registry;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Parts, Serve, resume_openings, serve_ingress, snapshot_policy};
use crate::config::{Config, Role};
use crate::descriptors::Descriptors;
use crate::exit::{Failure, OrFail, kafka_failure};
use crate::log_source::log_source;
use crate::operations::DistributedOperations;
use crate::private;

/// How much rarer an owner cuts snapshots than a standby: only where no standby does it.
const OWNER_SNAPSHOTS_RARER: u64 = 4;
/// Pause before a database that does not answer is asked again for its schema.
const MIGRATE_RETRY: Duration = Duration::from_secs(2);

/// The Kafka settings of this node.
pub(crate) fn kafka_settings(config: &Config) -> KafkaSettings {
    let kafka = &config.kafka;
    let settings = KafkaSettings {
        brokers: kafka.brokers.clone(),
        topic_prefix: kafka.topic_prefix.clone(),
        partitions: config.log.partitions,
        replication: kafka.replication,
        min_insync: kafka.min_insync,
        retention_hours: kafka.retention_hours,
        create_topics: kafka.create_topics,
        properties: kafka.properties.clone(),
        client_id: config.node.id.clone(),
        foreign: ForeignRecords::default(),
    };
    for topic in [
        settings.commands_topic(),
        settings.outcomes_topic(),
        settings.nodes_topic(),
    ] {
        settings.foreign.watch(topic);
    }
    settings
}

/// The processors of the cluster.
fn processors(config: &Config) -> Vec<NodeName> {
    let names = config.cluster.processors.iter();
    names.map(|name| NodeName(name.clone())).collect()
}

/// The roles that are configured, put together.
pub(super) async fn parts(config: &Config) -> Result<Parts, Failure> {
    refuse_faked_clock().map_err(kafka_failure)?;
    let dir = &config.data.dir;
    private::data_folder(dir).or_use()?;
    let settings = kafka_settings(config);
    let topics = blocking({
        let settings = settings.clone();
        move || ensure_as(&settings, || recorded_partitions(&settings))
    })
    .await?;
    let store = database(config).await?;
    let registry = Registry::new();
    let metrics = Metrics::register(&registry).or_found()?;
    let stop = CancellationToken::new();
    let counts = counts(config, &topics, &registry)?;

    let node = if config.node.is(Role::Processor) {
        let options = node_options(config, &settings, &topics);
        let node = Node::start(options, store.clone(), metrics.clone()).await;
        Some(Arc::new(node.context("cannot recover").or_found()?))
    } else {
        None
    };
    let projection = ProjectionSlot::default();
    if config.node.is(Role::Projector) {
        let feed = counts
            .clone()
            .map(|counts| start_feed(&store, counts, &stop));
        let log = LogIdentity {
            log_id: topics.log_id,
            partitions: topics.partitions,
        };
        let started =
            Projection::start(settings.clone(), log, store.clone(), metrics.clone(), feed);
        // The database may take its time; nothing else waits for it.
        let slot = projection.clone();
        tokio::spawn(async move { drop(slot.set(started.await)) });
    }
    let secret = config.cluster.shared_secret().context("cluster").or_use()?;
    let peers = PeerGate::new(secret.as_ref(), &config.auth)
        .context("auth")
        .or_use()?;
    let nodes = Arc::new(Nodes::follow(&settings).map_err(kafka_failure)?);
    let internal = Arc::new(Internal {
        gate: Arc::new(Gate {
            peers,
            // As much as the ingress takes from an operator.
            body_max_bytes: config.http.layout_body_max_bytes,
            body_timeout: config.http.body_timeout(),
        }),
        registry: registry.clone(),
        metrics,
        nodes: nodes.clone(),
        process: Box::new(Descriptors::watch(&registry).or_found()?),
        store: store.clone(),
        counts: counts.clone(),
        node: node.clone(),
        projection: projection.clone(),
        projects: config.node.is(Role::Projector),
        foreign: settings.foreign.clone(),
    });
    let stopping = Arc::new(AtomicBool::new(false));
    let announcer = Announcer {
        publisher: NodesPublisher::new(&settings).map_err(kafka_failure)?,
        name: NodeName(config.node.id.clone()),
        roles: config
            .node
            .roles
            .iter()
            .map(|role| role.as_str().to_owned())
            .collect(),
        url: config.advertise_url(),
        operations_url: config.operations_advertise_url(),
        data_dir: dir.clone(),
        node: node.clone(),
        projection: projection.clone(),
        stopping: stopping.clone(),
        run: Uuid::new_v4().to_string(),
        log_partitions: topics.partitions,
        foreign: settings.foreign.clone(),
    };
    tokio::spawn(onsale_cluster::watch(
        nodes.clone(),
        topics.partitions,
        internal.metrics.clone(),
        stop.clone(),
    ));
    let every_seconds = config.reconcile.every_seconds;
    if let Some(node) = node.clone().filter(|_| every_seconds > 0) {
        tokio::spawn(reconcile_every(
            Duration::from_secs(every_seconds),
            dir.clone(),
            node,
            store.clone(),
            counts.clone(),
            stop.clone(),
        ));
    }
    let announcing = tokio::spawn(announcer.run(stop.clone()));

    let (log, serve) = if config.node.is(Role::Ingress) {
        let watermarks = Watermarks::start(store.clone(), topics.partitions, stop.clone());
        let watermarks = Arc::new(watermarks);
        let seats = Arc::new(StoredSeats::new(store.clone(), watermarks.clone()));
        let log = blocking(move || {
            KafkaCommandLog::start(&settings, &topics, seats, KafkaCommandLogOptions::default())
        })
        .await?;
        let log = Arc::new(log);
        let owners = Owners::follow(log.subscribe(), log.partitions(), stop.clone());
        let operations = DistributedOperations {
            cluster: Cluster {
                log: log.clone(),
                owners,
                nodes: nodes.clone(),
                watermarks,
                internal: internal.clone(),
                peers: peers(config)?,
            },
            standings: Standings::new(log_source(config), config.snapshots_dir()),
        };
        let ingress = Ingress::with_counts(
            config.ingress(),
            log.clone(),
            store.clone(),
            Arc::new(operations),
            Arc::new(SystemClock),
            registry.clone(),
            counts,
        )
        .context("cannot set up the ingress")
        .or_use()?
        .with_routes(onsale_cluster::between_nodes(internal));
        tokio::spawn(resume_once_serving(log.clone(), ingress.clone()));
        (Some(log), serve_ingress(ingress))
    } else {
        (None, serve_alone(config, &registry, internal)?)
    };

    let failure = {
        let (node, log) = (node.clone(), log.clone());
        async move {
            tokio::select! {
                why = failure_of_node(node) => why,
                why = failure_of_log(log) => why,
            }
        }
    };
    let before_stop = {
        let node = node.clone();
        async move {
            stopping.store(true, Ordering::Relaxed);
            if let Some(node) = node {
                node.hand_over(successors(&node, &nodes)).await;
            }
        }
    };
    let stopped = async move {
        stop.cancel();
        drop(announcing.await);
        if let Some(log) = log {
            log.stop();
        }
        if let Some(node) = node {
            node.stop().await;
        }
        if let Some(projection) = projection.get() {
            projection.stop().await;
        }
    };
    Ok(Parts {
        store,
        registry,
        serve,
        failure: Box::pin(failure),
        before_stop: Box::pin(before_stop),
        stop: Box::pin(stopped),
    })
}

/// Serves both listeners of a process that is no ingress.
fn serve_alone(
    config: &Config,
    registry: &Registry,
    internal: Arc<Internal>,
) -> Result<Serve, Failure> {
    let transport = Transport::public(&config.http, registry).context("http");
    let transport = transport.or_use()?;
    let operations = Transport::operations(&config.http).context("http");
    let operations = operations.or_use()?;
    Ok(Box::new(move |listeners, stop| {
        Box::pin(async move {
            let routes = onsale_cluster::public(internal.clone());
            let stopped = stop.clone().cancelled_owned();
            let public = transport.serve(routes, listeners.public, stopped);
            let routes = onsale_cluster::operations(internal);
            let stopped = stop.cancelled_owned();
            let operations = operations.serve(routes, listeners.operations, stopped);
            tokio::try_join!(public, operations).map(|_| ())
        })
    }))
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

fn node_options(config: &Config, settings: &KafkaSettings, topics: &Topics) -> NodeOptions {
    let standby = snapshot_policy(config);
    NodeOptions {
        node: NodeName(config.node.id.clone()),
        kafka: settings.clone(),
        topics: topics.clone(),
        processors: processors(config),
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

/// The database, reached or not: it is brought up to date as soon as it answers.
async fn database(config: &Config) -> Result<Store, Failure> {
    let store = Store::connect_lazily(&config.database_url()?, config.database.connections_max)
        .await
        .context("database")
        .or_use()?;
    match store.migrate().await {
        Ok(0) => {}
        Ok(applied) => tracing::info!(applied, "database schema brought up to date"),
        Err(error @ StoreError::Unreachable(_)) => {
            tracing::warn!(%error, "starting without the database; it is asked until it answers");
            tokio::spawn(migrate_later(store.clone()));
        }
        Err(error) => {
            return Err(Failure::Found(
                anyhow::Error::new(error).context("database migrations"),
            ));
        }
    }
    Ok(store)
}

async fn migrate_later(store: Store) {
    loop {
        tokio::time::sleep(MIGRATE_RETRY).await;
        match store.migrate().await {
            Ok(_) => return tracing::info!("the database answers"),
            Err(StoreError::Unreachable(_)) => {}
            Err(error) => return tracing::error!(%error, "database migrations"),
        }
    }
}

/// Redis, where it is configured. Its keys name the log: counts of one say nothing about another.
fn counts(
    config: &Config,
    topics: &Topics,
    registry: &Registry,
) -> Result<Option<Counts>, Failure> {
    let Some(url) = &config.redis.url else {
        return Ok(None);
    };
    let log: String = topics.log_id.iter().map(|b| format!("{b:02x}")).collect();
    let prefix = format!("onsale:{log}");
    let settings = CountsSettings::new(url.expose(), prefix, config.node.id.as_str());
    let counts = Counts::new(&settings, registry).context("redis").or_use()?;
    tokio::spawn({
        let counts = counts.clone();
        async move {
            // Whatever is not there is loaded when it is needed.
            if let Err(error) = counts.preload().await {
                tracing::warn!(%error, "Redis does not answer; the log decides alone");
            }
        }
    });
    Ok(Some(counts))
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

async fn resume_once_serving(log: Arc<KafkaCommandLog>, ingress: Ingress) {
    let mut serving = log.serving();
    if serving
        .wait_for(|serving| *serving == Serving::Ready)
        .await
        .is_ok()
    {
        resume_openings(&ingress).await;
        ingress.describe_catalog().await;
    }
}

async fn failure_of_node(node: Option<Arc<Node>>) -> String {
    match node {
        Some(node) => node.failure().await,
        None => std::future::pending().await,
    }
}

async fn failure_of_log(log: Option<Arc<KafkaCommandLog>>) -> String {
    let Some(log) = log else {
        return std::future::pending().await;
    };
    let mut serving = log.serving();
    let stopped = serving.wait_for(|serving| matches!(serving, Serving::Stopped(_)));
    match stopped.await.as_deref() {
        Ok(Serving::Stopped(why)) => why.clone(),
        _ => std::future::pending().await,
    }
}

/// Who takes over what this node owns.
fn successors(node: &Node, nodes: &Nodes) -> BTreeMap<PartitionId, NodeName> {
    let list = nodes.list();
    node.status()
        .into_iter()
        .filter(|on_node| on_node.role == MemberRole::Owner)
        .filter_map(|on_node| {
            let (standby, _) = list.place(on_node.partition)?.standby?;
            Some((on_node.partition, standby.node.clone()))
        })
        .collect()
}

/// Kafka's clients block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(kafka_failure),
        Err(error) => Err(Failure::Found(anyhow!(error))),
    }
}
