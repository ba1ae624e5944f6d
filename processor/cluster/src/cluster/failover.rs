//! Moves partitions between nodes: a claim in the log, on behalf of the node that is to have it.

use std::time::Duration;

use onsale_schemas::{Command, NodeName, Outcome, PartitionId};

use onsale_processor::node::status::NodeStatus;

use super::{ANSWER_PATIENCE, Cluster, ClusterError};
use crate::nodes::NodeList;

/// Claims that are tried when the epoch known here turns out to be old.
const CLAIM_ATTEMPTS_MAX: u32 = 4;
/// Pause before another try: by then every node has said again where it stands.
const CLAIM_PAUSE: Duration = Duration::from_millis(1_100);

/// The living nodes that a partition can be moved to.
fn followers(list: &NodeList, partition: PartitionId) -> Vec<&str> {
    let follows = |node: &NodeStatus| {
        let mut on_node = node.partitions.iter();
        on_node.any(|on| on.partition == partition && on.stopped.is_none())
    };
    list.alive()
        .filter(|node| follows(node))
        .map(|node| node.node.0.as_str())
        .collect()
}

impl Cluster {
    /// Moves each of these partitions to the node `to`.
    ///
    /// # Errors
    /// [`ClusterError::Refused`] when the node does not follow one of them,
    /// [`ClusterError::Unavailable`] when the log does not answer.
    pub async fn failover(
        &self,
        partitions: Vec<PartitionId>,
        to: &NodeName,
    ) -> Result<(), ClusterError> {
        for partition in partitions {
            self.move_one(partition, to).await?;
        }
        Ok(())
    }

    /// Moves one partition: a claim on behalf of the node, repeated where the log knows a later
    /// epoch than the nodes have announced.
    async fn move_one(&self, partition: PartitionId, to: &NodeName) -> Result<(), ClusterError> {
        let mut epoch = 0;
        for attempt in 0..CLAIM_ATTEMPTS_MAX {
            if attempt > 0 {
                tokio::time::sleep(CLAIM_PAUSE).await;
            }
            let list = self.nodes.list();
            let Some(replicas) = list.replicas(partition) else {
                continue;
            };
            let (known_epoch, owner) = self.owner(&replicas);
            if owner.as_ref() == Some(to) {
                return Ok(());
            }
            let is_there = replicas.standby.is_some_and(|(node, _)| node.node == *to)
                || list.node(to).is_some_and(|node| {
                    node.partitions
                        .iter()
                        .any(|on_node| on_node.partition == partition && on_node.stopped.is_none())
                });
            if !is_there {
                let others = followers(&list, partition).join(", ");
                return Err(ClusterError::Refused {
                    field: "to",
                    why: format!(
                        "node {to} does not follow partition {partition} right now; these do: {others}"
                    ),
                    expected: others,
                });
            }
            epoch = known_epoch.max(epoch) + 1;
            if self.claim(partition, to, epoch).await? {
                return Ok(());
            }
        }
        Err(ClusterError::Unavailable(format!(
            "partition {partition} was not taken over by {to}; see `onsale status`"
        )))
    }

    /// True when the claim was the one that counted.
    async fn claim(
        &self,
        partition: PartitionId,
        to: &NodeName,
        epoch: u64,
    ) -> Result<bool, ClusterError> {
        let command = Command::Claim {
            node: to.clone(),
            epoch,
        };
        let received = self.submit(partition, command, None)?;
        match tokio::time::timeout(ANSWER_PATIENCE, received).await {
            Ok(Ok(Ok(record))) => Ok(matches!(
                &record.outcome,
                Outcome::Claimed { node, .. } if node == to
            )),
            Ok(Ok(Err(error))) => Err(ClusterError::Unavailable(error.to_string())),
            // A stale claim answers nobody, and a node that does not publish neither.
            Ok(Err(_)) | Err(_) => Ok(false),
        }
    }
}
