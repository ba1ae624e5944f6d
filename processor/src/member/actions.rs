//! What goes in and comes out of a member.

use onsale_schemas::{Asker, Command, LogTimeMs, NodeName, Offset, PartitionId};

use crate::replica::{ReplicaRole, StopReason};

/// What a driver has to do for its member, in the order given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MemberAction {
    /// Append this command to the partition's log. It may get lost: the member asks again.
    Append(Command),
    /// Publish these outcomes, in this order and after all that were given before. When the
    /// publisher fails, say so by [`super::Member::on_publish_failed`].
    Publish(Vec<Publication>),
    /// Freeze the machine for a snapshot at the present position. It may be written once
    /// [`MemberStatus::published`] has reached the [`onsale_engine::Partition::last_outcome`] it
    /// holds, not before: unpublished outcomes cannot be derived again from a snapshot that
    /// contains them.
    CutSnapshot,
    /// The member's role is now this.
    RoleChanged(ReplicaRole),
    /// Report that something in log or topic is not as it should be. The member continues.
    Alarm(Alarm),
    /// Stop: going on would be wrong. Nothing comes after it.
    Stop(StopReason),
}

/// What a member passes over, loudly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// A record of the log is no command. It does nothing.
    NoCommand {
        /// Its offset.
        offset: Offset,
        /// What is wrong with it.
        why: String,
    },
    /// The topic holds an outcome that is not what this member computes, and may be foreign. Should
    /// the topic continue from it, the member stops for this reason.
    Disputed {
        /// Offset of the command that it names.
        offset: Offset,
        /// What it contradicts.
        reason: StopReason,
    },
}

/// An outcome for the topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publication {
    /// Offset of its command.
    pub offset: Offset,
    /// Log time of its command.
    pub log_time_ms: LogTimeMs,
    /// Digest of the machine right after the command.
    pub digest: u64,
    /// The encoded [`onsale_schemas::OutcomeRecord`].
    pub payload: Vec<u8>,
    /// Who asked for it, where its command says so and the outcome does not.
    pub asker: Option<Asker>,
}

/// An outcome as it was read from the topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeenOutcome<'a> {
    /// Offset of its command.
    pub offset: Offset,
    /// Digest of the publisher's machine right after the command.
    pub digest: u64,
    /// The encoded [`onsale_schemas::OutcomeRecord`].
    pub payload: &'a [u8],
}

/// How a member stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberStatus {
    /// Its partition.
    pub partition: PartitionId,
    /// What it is to it.
    pub role: ReplicaRole,
    /// Epoch in force, as far as it has read.
    pub epoch: u64,
    /// Owner in force, as far as it has read.
    pub owner: Option<NodeName>,
    /// Offset of the record it applies next.
    pub next_offset: Offset,
    /// Machine time.
    pub log_time_ms: LogTimeMs,
    /// Digest of the machine.
    pub digest: u64,
    /// Offset of the last record that yielded an outcome.
    pub last_outcome: Option<Offset>,
    /// Highest outcome it has read from the topic.
    pub published: Option<Offset>,
    /// Own outcomes that were not read back yet.
    pub unpublished: usize,
    /// True when it has applied all there was at the last look.
    pub at_end_of_log: bool,
    /// Why it stopped, if it did.
    pub stopped: Option<StopReason>,
}
