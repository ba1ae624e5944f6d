//! What a node tells of itself, once a second, in the nodes topic.

use onsale_schemas::{NodeName, Offset, PartitionId};
use serde::{Deserialize, Serialize};

use crate::snapshots::Written;

/// What a node says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub node: NodeName,
    /// What it does: `ingress`, `processor`, `projector`.
    pub roles: Vec<String>,
    /// Version of its program.
    pub version: String,
    /// Where it is reached.
    pub url: String,
    /// Its wall clock, in milliseconds since 1970.
    pub clock_ms: u64,
    /// Bytes left on the disk of its data folder.
    pub disk_free_bytes: Option<u64>,
    /// What is in its way, one sentence each.
    pub problems: Vec<String>,
    /// The partitions that it follows, ascending; empty where it is no processor.
    pub partitions: Vec<PartitionOnNode>,
    /// Every record before these offsets is projected, as far as this node knows; empty where it is
    /// no projector.
    pub projected: Vec<(PartitionId, Offset)>,
    /// True while it is going away in order.
    pub stopping: bool,
}

/// What a node is to a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// It acts.
    Owner,
    /// It would take over.
    Standby,
    /// It refused to go on.
    Stopped,
}

/// Where a partition stands on one node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartitionOnNode {
    /// The partition.
    pub partition: PartitionId,
    /// What the node is to it.
    pub role: MemberRole,
    /// Epoch in force, as far as the node has read.
    pub epoch: u64,
    /// Owner in force, as far as the node has read.
    pub owner: Option<NodeName>,
    /// Offset of the record it applies next.
    pub next_offset: Offset,
    /// Where the log ended when the node last stood there.
    pub end_offset: Offset,
    /// True when it had applied all there was at the last look.
    pub is_at_end: bool,
    /// Digest of the state at `next_offset`, in hex.
    pub digest: String,
    /// Highest outcome that it has read from the outcomes topic.
    pub published: Option<Offset>,
    /// Own outcomes that it has not read back.
    pub unpublished: u64,
    /// Live holds.
    pub live_holds: u32,
    /// The newest snapshot that it wrote or started from.
    pub snapshot: Option<SnapshotOnNode>,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
}

/// See [`PartitionOnNode::snapshot`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SnapshotOnNode {
    /// The first offset not contained.
    pub next_offset: Offset,
    /// When it was cut, in milliseconds since 1970.
    pub created_at_ms: u64,
}

impl From<Written> for SnapshotOnNode {
    fn from(written: Written) -> Self {
        Self {
            next_offset: written.next_offset,
            created_at_ms: written.created_at_ms,
        }
    }
}
