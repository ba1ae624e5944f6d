//! How a process ends: by itself when going on would be wrong, otherwise in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onsale_cluster::{Nodes, ProjectionSlot};
use onsale_log::kafka::{KafkaCommandLog, Serving};
use onsale_processor::node::Node;
use onsale_processor::node::status::MemberRole;
use onsale_schemas::{NodeName, PartitionId};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What has to be ended.
pub(super) struct Ending {
    pub(super) node: Option<Arc<Node>>,
    pub(super) nodes: Arc<Nodes>,
    pub(super) projection: ProjectionSlot,
    pub(super) log: Option<Arc<KafkaCommandLog>>,
    /// Announced to the other nodes.
    pub(super) stopping: Arc<AtomicBool>,
    /// Ends what runs in the background.
    pub(super) stop: CancellationToken,
}

impl Ending {
    /// Completes with the reason when going on would be wrong.
    pub(super) fn failure(&self) -> impl Future<Output = String> + use<> {
        let (node, log) = (self.node.clone(), self.log.clone());
        async move {
            tokio::select! {
                why = failure_of_node(node) => why,
                why = failure_of_log(log) => why,
            }
        }
    }

    /// Hands the partitions of this node over, while requests are still answered.
    pub(super) fn hand_over(&self) -> impl Future<Output = ()> + Send + use<> {
        let (stopping, node, nodes) =
            (self.stopping.clone(), self.node.clone(), self.nodes.clone());
        async move {
            stopping.store(true, Ordering::Relaxed);
            if let Some(node) = node {
                node.hand_over(successors(&node, &nodes)).await;
            }
        }
    }

    /// Stops everything, after the last request.
    pub(super) async fn stop(self, announcing: JoinHandle<()>) {
        self.stop.cancel();
        drop(announcing.await);
        if let Some(log) = self.log {
            log.stop();
        }
        if let Some(node) = self.node {
            node.stop().await;
        }
        if let Some(projection) = self.projection.get() {
            projection.stop().await;
        }
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
            let (standby, _) = list.replicas(on_node.partition)?.standby?;
            Some((on_node.partition, standby.node.clone()))
        })
        .collect()
}
