//! A replica of one partition as a sans-IO step function.
//!
//! It is given log entries ([`Replica::on_entry`]) and the time ([`Replica::on_time`]), and answers
//! with [`Action`]s for its driver. It reads no clock and does no I/O, so the embedded driver, the
//! Kafka driver and the simulator all run this same code.

use onsale_engine::{OutcomeSink, Partition};
use onsale_schemas::{Command, Entry, LogTimeMs, NodeName, Offset};

/// How long an asked-for tick may stay unseen before it is asked for again, in milliseconds.
const TICK_RETRY_MS: u64 = 200;

/// What a replica is to its partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplicaRole {
    /// Applies and watches.
    Follower,
    /// Applies and acts: its ticks move time.
    Owner {
        /// The epoch it owns the partition in.
        epoch: u64,
    },
}

/// What a driver has to do for its replica.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Append this command to the partition's log.
    Append(Command),
    /// Cut a snapshot at the present position.
    CutSnapshot,
    /// Stop applying: going on would be wrong.
    Stop(StopReason),
}

/// Why a replica must not continue.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StopReason {
    /// A barrier raised the machine version above what this program knows.
    #[error("the log asks for machine version {asked}, this program knows {known}: upgrade it")]
    UnsupportedVersion {
        /// The version asked for.
        asked: u16,
        /// The highest this program knows.
        known: u16,
    },
    /// Another replica holds other bytes at the same offset.
    #[error(
        "digest mismatch at offset {offset}: this replica has {own:016x}, the owner has \
         {owner:016x}; replay the partition with `onsale verify` before trusting either"
    )]
    DigestMismatch {
        /// Where.
        offset: Offset,
        /// The digest here.
        own: u64,
        /// The digest of the owner.
        owner: u64,
    },
    /// The same digest, other bytes: the outcome was changed in transit or computed by another
    /// program.
    #[error(
        "the outcome at offset {offset} in the topic has other bytes than the one computed here"
    )]
    OutcomeMismatch {
        /// Where.
        offset: Offset,
    },
    /// The topic continues past an outcome that was computed here.
    #[error("the outcome at offset {offset} is missing in the topic, which continues past it")]
    OutcomeMissing {
        /// Where.
        offset: Offset,
    },
    /// The topic holds an outcome of a record that yielded none here.
    #[error("the topic holds an outcome for offset {offset}, which yielded none here")]
    OutcomeUnknown {
        /// Where.
        offset: Offset,
    },
    /// An own outcome cannot be encoded, so it can never be published.
    #[error("the outcome at offset {offset} cannot be encoded: {why}")]
    OutcomeUnencodable {
        /// Where.
        offset: Offset,
        /// What the codec said.
        why: String,
    },
    /// The machine contains unpublished outcomes, which cannot be derived from it again.
    #[error(
        "the snapshot contains the outcome at offset {last_outcome}, the outcomes topic ends at \
         {published:?}: start from an older snapshot"
    )]
    AheadOfOutcomes {
        /// Last outcome that the machine contains.
        last_outcome: Offset,
        /// Highest outcome in the topic.
        published: Option<Offset>,
    },
    /// Records are missing between what was applied and what was read.
    #[error("the log continues at offset {got}, expected {expected}: records are missing")]
    LogGap {
        /// Offset to apply next.
        expected: Offset,
        /// Offset that came.
        got: Offset,
    },
}

/// When a replica asks for snapshots.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotPolicy {
    /// After this many records.
    pub every_records: u64,
    /// After so long, when there was at least one record, in milliseconds.
    pub every_ms: u64,
}

/// One replica: the machine and what it is to its partition.
#[derive(Debug)]
pub struct Replica {
    machine: Partition,
    node: NodeName,
    role: ReplicaRole,
    snapshots: Option<SnapshotPolicy>,
    snapshot_offset: Offset,
    snapshot_at_ms: Option<u64>,
    tick_asked_at_ms: Option<u64>,
}

impl Replica {
    /// A follower that holds `machine`; it asks for snapshots when it has a policy.
    pub fn new(machine: Partition, node: NodeName, snapshots: Option<SnapshotPolicy>) -> Self {
        let snapshot_offset = machine.next_offset();
        Self {
            machine,
            node,
            role: ReplicaRole::Follower,
            snapshots,
            snapshot_offset,
            snapshot_at_ms: None,
            tick_asked_at_ms: None,
        }
    }

    /// The machine.
    pub fn machine(&self) -> &Partition {
        &self.machine
    }

    /// The machine as something to begin with; `None` once it met rules that it does not know. A
    /// snapshot may have been asked for a few records before those.
    pub fn machine_to_keep(&self) -> Option<&Partition> {
        self.machine
            .unsupported_version()
            .is_none()
            .then_some(&self.machine)
    }

    /// What it is to its partition.
    pub fn role(&self) -> ReplicaRole {
        self.role
    }

    /// The command by which this replica claims its partition.
    pub fn claim(&self) -> Command {
        Command::Claim {
            node: self.node.clone(),
            epoch: self.machine.epoch() + 1,
        }
    }

    /// Applies one record of the log. Its outcome goes to `sink`.
    pub fn on_entry(
        &mut self,
        entry: Entry<'_>,
        sink: &mut impl OutcomeSink,
        actions: &mut Vec<Action>,
    ) {
        let epoch_before = self.machine.epoch();
        self.machine.apply(entry, sink);
        if self.machine.epoch() != epoch_before {
            self.role = match self.machine.owner() {
                Some(owner) if *owner == self.node => ReplicaRole::Owner {
                    epoch: self.machine.epoch(),
                },
                _ => ReplicaRole::Follower,
            };
        }
        if let Some(asked) = self.machine.unsupported_version() {
            let known = self.machine.machine_version_known();
            actions.push(Action::Stop(StopReason::UnsupportedVersion {
                asked,
                known,
            }));
            // What it leaves behind is nothing for a program to come to begin with.
            return;
        }
        if self.snapshots.is_some_and(|policy| {
            self.machine.next_offset() - self.snapshot_offset >= policy.every_records
        }) {
            self.ask_for_snapshot(actions);
        }
    }

    /// Looks at the clock: an owner ticks when a hold is due, everybody cuts snapshots by policy.
    pub fn on_time(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        if let ReplicaRole::Owner { epoch } = self.role {
            let due = self.machine.has_backlog()
                || self.machine.next_expiry_ms().is_some_and(|at| at <= now_ms);
            let asked = self
                .tick_asked_at_ms
                .is_some_and(|at| now_ms.saturating_sub(at) < TICK_RETRY_MS);
            if !due {
                self.tick_asked_at_ms = None;
            } else if !asked {
                self.tick_asked_at_ms = Some(now_ms);
                actions.push(Action::Append(Command::Tick { epoch }));
            }
        }
        self.look_at_snapshots(now_ms, actions);
    }

    /// Changes when snapshots are asked for.
    pub(crate) fn set_snapshots(&mut self, policy: SnapshotPolicy) {
        self.snapshots = Some(policy);
    }

    /// Asks for a snapshot when it is time for one.
    pub(crate) fn look_at_snapshots(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        if let Some(policy) = self.snapshots {
            let since = *self.snapshot_at_ms.get_or_insert(now_ms);
            if now_ms.saturating_sub(since) >= policy.every_ms {
                self.snapshot_at_ms = Some(now_ms);
                if self.machine.next_offset() > self.snapshot_offset {
                    self.ask_for_snapshot(actions);
                }
            }
        }
    }

    /// Says that an asked-for tick was applied, so that the next one may be asked for at once.
    pub fn on_tick_applied(&mut self) {
        self.tick_asked_at_ms = None;
    }

    /// When [`Replica::on_time`] has something to do next, if time alone decides.
    pub fn next_wake_ms(&self) -> Option<LogTimeMs> {
        match self.role {
            ReplicaRole::Owner { .. } if self.machine.has_backlog() => Some(0),
            ReplicaRole::Owner { .. } => self.machine.next_expiry_ms(),
            ReplicaRole::Follower => None,
        }
    }

    /// Compares with the digest that the owner had when it was at `next_offset`.
    ///
    /// # Errors
    /// [`StopReason::DigestMismatch`]. Positions other than the present one are not compared.
    pub fn compare_digest(&self, next_offset: Offset, owner: u64) -> Result<(), StopReason> {
        if self.machine.next_offset() == next_offset && self.machine.digest() != owner {
            return Err(StopReason::DigestMismatch {
                offset: next_offset,
                own: self.machine.digest(),
                owner,
            });
        }
        Ok(())
    }

    fn ask_for_snapshot(&mut self, actions: &mut Vec<Action>) {
        self.snapshot_offset = self.machine.next_offset();
        actions.push(Action::CutSnapshot);
    }
}
