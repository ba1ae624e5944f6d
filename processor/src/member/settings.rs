//! Settings of a member: timing and bounds.

use crate::replica::SnapshotPolicy;

/// Settings of a member. All members of a cluster should run with the same timing.
#[derive(Clone, Copy, Debug)]
pub struct MemberSettings {
    /// How often an owner appends a tick, in milliseconds.
    pub tick_ms: u64,
    /// How long a follower bears the owner's silence before it claims, in milliseconds; several
    /// ticks long. Also how long a full buffer waits for another node to publish it.
    pub patience_ms: u64,
    /// How much longer each rank waits than the one before it, in milliseconds.
    pub stagger_ms: u64,
    /// Own outcomes kept until they are read back from the topic; a member that holds this many wants
    /// no more entries. At least 1.
    pub unpublished_max: usize,
    /// When a standby asks for snapshots.
    pub snapshots_as_standby: SnapshotPolicy,
    /// When an owner does; rarer, for the case that no standby is there to do it.
    pub snapshots_as_owner: SnapshotPolicy,
}

impl Default for MemberSettings {
    fn default() -> Self {
        Self {
            tick_ms: 100,
            patience_ms: 500,
            stagger_ms: 250,
            unpublished_max: 65_536,
            snapshots_as_standby: SnapshotPolicy {
                every_records: 1_000_000,
                every_ms: 60_000,
            },
            snapshots_as_owner: SnapshotPolicy {
                every_records: 5_000_000,
                every_ms: 300_000,
            },
        }
    }
}
