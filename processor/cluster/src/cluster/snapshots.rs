//! Snapshots, of nodes all over the cluster.

use std::collections::BTreeMap;

use onsale_processor::snapshots::Written;
use onsale_schemas::{NodeName, PartitionId};

use super::{Cluster, ClusterError, unavailable, with_causes};
use crate::internal::OfPartitions;

/// Where nodes are asked for snapshots.
const SNAPSHOTS: &str = "/internal/snapshots";

impl Cluster {
    /// Has a snapshot cut of each of these partitions.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] when no node follows one of them, or one cannot be written.
    pub async fn create_snapshots(
        &self,
        partitions: Vec<PartitionId>,
    ) -> Result<Vec<Written>, ClusterError> {
        let list = self.nodes.list();
        let mut by_node: BTreeMap<&NodeName, OfPartitions> = BTreeMap::new();
        for partition in partitions {
            // The standby, so that the owner is left alone where there is one.
            let replicas = list.replicas(partition);
            let standby = replicas.as_ref().and_then(|replicas| replicas.standby);
            let node = match (standby, replicas.and_then(|replicas| replicas.owner)) {
                (Some((node, _)), _) => Some(node),
                (None, owner) => owner.and_then(|owner| list.node(&owner)),
            };
            let node = node.ok_or_else(|| {
                ClusterError::Unavailable(format!("no node follows partition {partition}"))
            })?;
            let of = by_node.entry(&node.node).or_default();
            of.partitions.push(partition);
        }
        let mut all = Vec::new();
        for (name, of) in &by_node {
            if let Some(node) = list.node(name) {
                let cut = self.peers.post(node, SNAPSHOTS, of).await;
                // Only the caller can do something about a full disk.
                let cut: Vec<Written> = cut.map_err(|error| unavailable(&error))?;
                all.extend(cut);
            }
        }
        all.sort_by_key(|snapshot| snapshot.partition);
        Ok(all)
    }

    /// The snapshots that nodes keep, newest first within a partition.
    ///
    /// # Errors
    /// [`ClusterError::Failed`] when a node does not say.
    pub async fn snapshots(&self) -> Result<Vec<Written>, ClusterError> {
        let list = self.nodes.list();
        let mut all = Vec::new();
        for node in list.alive().filter(|node| !node.partitions.is_empty()) {
            let kept: Vec<Written> = self
                .peers
                .get(node, SNAPSHOTS)
                .await
                .map_err(|error| ClusterError::Failed(with_causes(&error)))?;
            all.extend(kept);
        }
        all.sort_by_key(|kept| (kept.partition, std::cmp::Reverse(kept.next_offset)));
        all.dedup();
        Ok(all)
    }
}
