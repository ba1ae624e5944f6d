//! Who leads: heartbeats of the owner, patience of the followers.

use onsale_engine::Partition;
use onsale_schemas::{Command, NodeName};

use super::settings::MemberSettings;
use crate::replica::ReplicaRole;

/// How long the preferred owner has to be at the end of the log before it asks for its partition
/// back, in milliseconds.
const RETURN_AFTER_MS: u64 = 2_000;
/// Shortest time between two ticks that are asked for because a hold seems due, in milliseconds. A
/// log clock that stands still must not be answered by a storm of ticks.
const DUE_TICK_SPACING_MS: u64 = 10;

/// The part of a member that decides about ticks and claims.
#[derive(Debug)]
pub(super) struct Leadership {
    node: NodeName,
    rank: u32,
    settings: MemberSettings,
    role: ReplicaRole,
    /// Since when it has been at the end of the log without a break.
    at_end_since_ms: Option<u64>,
    /// Whether it ever was: until then it replays what it or others did in earlier lives.
    is_awake: bool,
    /// When the owner last showed life, or when silence began to count.
    sign_at_ms: u64,
    claim_asked_at_ms: Option<u64>,
    tick_asked_at_ms: u64,
    is_tick_under_way: bool,
    /// When the record that is applied last arrived here.
    applied_at_ms: u64,
    /// Whether the preferred owner may still ask for its partition back.
    may_return: bool,
    called_at_ms: u64,
}

impl Leadership {
    pub(super) fn new(node: NodeName, rank: u32, settings: MemberSettings, now_ms: u64) -> Self {
        Self {
            node,
            rank,
            settings,
            role: ReplicaRole::Follower,
            at_end_since_ms: None,
            is_awake: false,
            sign_at_ms: now_ms,
            claim_asked_at_ms: None,
            tick_asked_at_ms: now_ms,
            is_tick_under_way: false,
            applied_at_ms: now_ms,
            may_return: rank == 0,
            called_at_ms: now_ms,
        }
    }

    pub(super) fn role(&self) -> ReplicaRole {
        self.role
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at_end_since_ms.is_some()
    }

    /// How long this member bears silence, its rank counted in.
    pub(super) fn patience_ms(&self) -> u64 {
        self.settings.patience_ms + u64::from(self.rank) * self.settings.stagger_ms
    }

    /// Comes first in every call. A member that was itself asleep cannot say that the owner was
    /// silent.
    pub(super) fn wake(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.called_at_ms) > self.settings.patience_ms {
            self.hear(now_ms);
        }
        self.called_at_ms = now_ms;
    }

    /// Lets silence count from now.
    pub(super) fn hear(&mut self, now_ms: u64) {
        self.sign_at_ms = now_ms;
    }

    /// Looks at an applied record; true when the role has changed.
    pub(super) fn note_applied(
        &mut self,
        command: Option<&Command>,
        epoch_before: u64,
        machine: &Partition,
        now_ms: u64,
    ) -> bool {
        self.applied_at_ms = now_ms;
        let epoch = machine.epoch();
        if matches!(command, Some(Command::Tick { epoch: of }) if *of == epoch) {
            self.hear(now_ms);
            self.is_tick_under_way = false;
        }
        if epoch == epoch_before {
            return false;
        }
        self.hear(now_ms);
        self.claim_asked_at_ms = None;
        let role = match machine.owner() {
            // What is replayed happened in an earlier life of the node.
            Some(owner) if *owner == self.node && self.is_awake => ReplicaRole::Owner { epoch },
            _ => ReplicaRole::Follower,
        };
        if role != ReplicaRole::Follower {
            self.may_return = false;
            self.is_tick_under_way = false;
            self.tick_asked_at_ms = now_ms;
        }
        std::mem::replace(&mut self.role, role) != role
    }

    pub(super) fn reach_end(&mut self, now_ms: u64) {
        if self.at_end_since_ms.is_none() {
            self.at_end_since_ms = Some(now_ms);
            self.is_awake = true;
            self.hear(now_ms);
        }
    }

    pub(super) fn lose_log(&mut self) {
        self.at_end_since_ms = None;
    }

    /// The command to append now, if any.
    pub(super) fn decide(&mut self, machine: &Partition, now_ms: u64) -> Option<Command> {
        let at_end_since_ms = self.at_end_since_ms?;
        match self.role {
            ReplicaRole::Owner { epoch } => self
                .is_tick_time(machine, now_ms)
                .then(|| self.tick(epoch, now_ms)),
            ReplicaRole::Follower => self
                .is_claim_time(machine, now_ms, at_end_since_ms)
                .then(|| self.claim(machine, now_ms)),
        }
    }

    /// When [`Leadership::decide`] may have something to say, looked at again before a pause of
    /// one's own could be taken for one of the owner.
    pub(super) fn next_wake_ms(&self, machine: &Partition) -> u64 {
        let at_the_latest = self.called_at_ms + self.settings.patience_ms / 2;
        let at = match (self.at_end_since_ms, self.role) {
            (None, _) => at_the_latest,
            (_, ReplicaRole::Owner { .. }) if self.is_tick_under_way => {
                self.tick_asked_at_ms + self.tick_retry_ms()
            }
            (_, ReplicaRole::Owner { .. }) if machine.has_backlog() => self.called_at_ms,
            (_, ReplicaRole::Owner { .. }) => {
                let heartbeat = self.tick_asked_at_ms + self.settings.tick_ms;
                self.due_at_ms(machine)
                    .map_or(heartbeat, |at| heartbeat.min(at))
            }
            (Some(since), ReplicaRole::Follower) => {
                let silence = self
                    .sign_at_ms
                    .max(self.claim_asked_at_ms.unwrap_or(0))
                    .saturating_add(self.patience_ms());
                if self.may_return {
                    silence.min(since + RETURN_AFTER_MS)
                } else {
                    silence
                }
            }
        };
        at.min(at_the_latest)
    }

    fn is_tick_time(&self, machine: &Partition, now_ms: u64) -> bool {
        let since_asked = now_ms.saturating_sub(self.tick_asked_at_ms);
        if self.is_tick_under_way {
            return since_asked >= self.tick_retry_ms();
        }
        machine.has_backlog()
            || since_asked >= self.settings.tick_ms
            || self.due_at_ms(machine).is_some_and(|at| at <= now_ms)
    }

    /// A tick that was not seen for this long counts as lost.
    fn tick_retry_ms(&self) -> u64 {
        (self.settings.patience_ms / 2).max(self.settings.tick_ms)
    }

    /// When the next hold seems due by the local clock, should the log's run at the same speed.
    fn due_at_ms(&self, machine: &Partition) -> Option<u64> {
        let left = machine
            .next_expiry_ms()?
            .saturating_sub(machine.log_time_ms());
        let due = self.applied_at_ms.saturating_add(left);
        Some(due.max(self.tick_asked_at_ms + DUE_TICK_SPACING_MS))
    }

    fn tick(&mut self, epoch: u64, now_ms: u64) -> Command {
        self.is_tick_under_way = true;
        self.tick_asked_at_ms = now_ms;
        Command::Tick { epoch }
    }

    fn is_claim_time(&self, machine: &Partition, now_ms: u64, at_end_since_ms: u64) -> bool {
        let patience_ms = self.patience_ms();
        if self
            .claim_asked_at_ms
            .is_some_and(|at| now_ms.saturating_sub(at) < patience_ms)
        {
            return false;
        }
        let is_silent = now_ms.saturating_sub(self.sign_at_ms) >= patience_ms;
        let claims_at_once = match machine.owner() {
            // The very first owner, and one that owned it in an earlier life.
            None => self.rank == 0,
            Some(owner) if *owner == self.node => true,
            Some(_) => self.may_return && now_ms.saturating_sub(at_end_since_ms) >= RETURN_AFTER_MS,
        };
        is_silent || claims_at_once
    }

    fn claim(&mut self, machine: &Partition, now_ms: u64) -> Command {
        self.claim_asked_at_ms = Some(now_ms);
        if machine.owner().is_some() {
            self.may_return = false;
        }
        Command::Claim {
            node: self.node.clone(),
            epoch: machine.epoch() + 1,
        }
    }
}
