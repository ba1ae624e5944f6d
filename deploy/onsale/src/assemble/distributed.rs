//! Puts a process of the distributed mode together: ingress, processor, projector, in any
//! combination.

mod base;
mod ending;
mod http;
mod roles;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use onsale_cluster::{Announcer, Internal, Nodes, reconcile_every};
use onsale_log::kafka::{NodesPublisher, refuse_faked_clock};
use onsale_schemas::NodeName;
use uuid::Uuid;

use super::{Parts, payments};
use crate::config::{Config, NodeRole};
use crate::exit::{Failure, OrFail, kafka_failure};
use crate::private;
use base::Base;
use ending::Ending;

/// The roles that are configured, put together.
pub(super) async fn parts(config: &Config) -> Result<Parts, Failure> {
    refuse_faked_clock().map_err(kafka_failure)?;
    private::data_folder(&config.data.dir).or_use()?;
    let base = Base::open(config).await?;
    let node = roles::processor(config, &base).await?;
    let projection = roles::projector(config, &base);
    let nodes = Arc::new(Nodes::follow(&base.settings).map_err(kafka_failure)?);
    let internal = Arc::new(Internal {
        gate: http::gate(config)?,
        registry: base.registry.clone(),
        metrics: base.metrics.clone(),
        nodes,
        process: http::probe(&base.registry)?,
        store: base.store.clone(),
        counts: base.counts.clone(),
        node,
        projection,
        projects: config.node.is(NodeRole::Projector),
        foreign: base.settings.foreign.clone(),
        contact: base.settings.contact.clone(),
    });
    let stopping = Arc::new(AtomicBool::new(false));
    let announcer = announcer(config, &base, &internal, stopping.clone())?;
    watch(config, &base, &internal);
    let announcing = tokio::spawn(announcer.run(base.stop.clone()));
    let commands = if config.node.is(NodeRole::Ingress) || config.does_jobs() {
        Some(roles::commands(&base).await?)
    } else {
        None
    };
    let log = commands.as_ref().map(|commands| commands.log.clone());
    let taken_on_by = match &log {
        Some(log) => Some(payments::executor(
            config,
            &base.store,
            log.clone(),
            &base.registry,
        )?),
        None => None,
    };
    let serve = match (commands, &taken_on_by) {
        (Some(commands), Some((executor, simulated))) if config.node.is(NodeRole::Ingress) => {
            let ingress = roles::ingress(config, &base, internal.clone(), commands)?;
            let desk = payments::desk(config, executor, simulated.clone());
            super::serve_ingress(ingress.with_payments(desk))
        }
        _ => http::serve_alone(config, internal.clone())?,
    };
    let ending = Ending {
        node: internal.node.clone(),
        nodes: internal.nodes.clone(),
        projection: internal.projection.clone(),
        log,
        stopping,
        stop: base.stop,
    };
    Ok(Parts {
        store: base.store,
        registry: base.registry,
        payments: taken_on_by.map(|(executor, _)| executor),
        serve,
        failure: Box::pin(ending.failure()),
        before_stop: Box::pin(ending.hand_over()),
        stop: Box::pin(ending.stop(announcing)),
    })
}

/// Says once a second what this node is doing.
fn announcer(
    config: &Config,
    base: &Base,
    internal: &Internal,
    stopping: Arc<AtomicBool>,
) -> Result<Announcer, Failure> {
    let roles = config.node.roles.iter();
    Ok(Announcer {
        publisher: NodesPublisher::new(&base.settings).map_err(kafka_failure)?,
        name: NodeName(config.node.id.clone()),
        roles: roles.map(|role| role.as_str().to_owned()).collect(),
        url: config.advertise_url(),
        operations_url: config.operations_advertise_url(),
        data_dir: config.data.dir.clone(),
        node: internal.node.clone(),
        projection: internal.projection.clone(),
        stopping,
        run: Uuid::new_v4().to_string(),
        log_partitions: base.topics.partitions,
        foreign: base.settings.foreign.clone(),
        contact: base.settings.contact.clone(),
    })
}

/// Watches that every partition has an owner; compares on schedule, where that is configured.
fn watch(config: &Config, base: &Base, internal: &Internal) {
    tokio::spawn(onsale_cluster::watch(
        internal.nodes.clone(),
        base.topics.partitions,
        base.metrics.clone(),
        base.stop.clone(),
    ));
    let every_seconds = config.reconcile.every_seconds;
    if let Some(node) = internal.node.clone().filter(|_| every_seconds > 0) {
        tokio::spawn(reconcile_every(
            Duration::from_secs(every_seconds),
            config.data.dir.clone(),
            node,
            base.store.clone(),
            base.counts.clone(),
            base.stop.clone(),
        ));
    }
}
