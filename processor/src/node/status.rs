//! What a node announces of itself, once a second, in the nodes topic.

use onsale_log::kafka::ForeignRecord;
use onsale_schemas::{NodeName, Offset, PartitionId};
use serde::{Deserialize, Serialize};

use crate::clock::{BrokerClock, LEAP_MAX_MS, for_people};
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
    /// Where its operations listener is reached; empty where it is older than that.
    #[serde(default)]
    pub operations_url: String,
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
    /// Where its clocks stand; empty where it is no processor, or of a version that did not say.
    #[serde(default)]
    pub clocks: Vec<ClockOnNode>,
    /// Names this start of its process; empty where its program does not say.
    #[serde(default)]
    pub run: String,
    /// Partitions of the log, as it was started with; 0 where its program does not say.
    #[serde(default)]
    pub log_partitions: u16,
    /// The newest foreign records in the topics that it has skipped.
    #[serde(default)]
    pub foreign: Vec<ForeignOnNode>,
}

/// Where a clock stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClockOnNode {
    /// Which: `machine` is that of the node's machine held to the time that has passed, `broker`
    /// that of the broker held to the node's, `log` machine time of a partition held to the node's.
    pub clock: String,
    /// The partition of `log`.
    pub partition: Option<PartitionId>,
    /// The time that it is held to, in milliseconds since 1970.
    pub held_to_ms: u64,
    /// How far it is ahead of that, in milliseconds; negative where it is behind.
    pub ahead_ms: i64,
    /// What is wrong and what to do, where it is beyond the bound.
    pub problem: Option<String>,
}

impl ClockOnNode {
    pub(super) fn broker(broker: &BrokerClock, own_ms: u64) -> Self {
        let apart = for_people(broker.ahead_ms().unsigned_abs());
        let direction = if broker.ahead_ms() > 0 {
            "ahead of"
        } else {
            "behind"
        };
        Self {
            clock: "broker".to_owned(),
            partition: None,
            held_to_ms: own_ms,
            ahead_ms: broker.ahead_ms(),
            problem: broker.is_wrong().then(|| {
                format!(
                    "the broker's clock is {apart} {direction} that of this machine and stamps the \
                     records: set the clocks (NTP) of both, then look at `onsale clock status`"
                )
            }),
        }
    }

    /// Machine time of a partition where it is ahead: a broker's clock was wrong before, and no
    /// record moves it on until the clocks have caught up.
    pub(super) fn machine_time(
        partition: PartitionId,
        machine_ms: u64,
        own_ms: u64,
    ) -> Option<Self> {
        let ahead_ms = machine_ms.checked_sub(own_ms)?;
        (ahead_ms > LEAP_MAX_MS).then(|| Self {
            clock: "log".to_owned(),
            partition: Some(partition),
            held_to_ms: own_ms,
            ahead_ms: i64::try_from(ahead_ms).unwrap_or(i64::MAX),
            problem: Some(format!(
                "machine time of partition {partition} is {} ahead of the clock of this machine: a \
                 record was stamped by a wrong one. Once the clocks are right, `onsale clock reset` \
                 takes it back",
                for_people(ahead_ms)
            )),
        })
    }
}

/// See [`NodeStatus::foreign`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForeignOnNode {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: PartitionId,
    /// Offset of the record in the topic.
    pub offset: u64,
    /// What is wrong with it.
    pub why: String,
}

impl From<ForeignRecord> for ForeignOnNode {
    fn from(record: ForeignRecord) -> Self {
        Self {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            why: record.why,
        }
    }
}

impl NodeStatus {
    /// Where other nodes ask it.
    pub fn operations_url(&self) -> &str {
        match self.operations_url.as_str() {
            "" => &self.url,
            url => url,
        }
    }
}

/// What a node is to a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberRole {
    /// It acts.
    Owner,
    /// It would take over.
    Standby,
    /// It has stopped.
    Stopped,
}

/// The state of a partition on one node.
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
