//! The step function.

use onsale_engine::Partition;
use onsale_schemas::{Command, Entry, Envelope, NodeName, Offset, OutcomeRecord, codec};

use super::actions::{Alarm, MemberAction, MemberStatus, Publication, SeenOutcome};
use super::leadership::Leadership;
use super::publication::Outbox;
use super::settings::MemberSettings;
use crate::askers;
use crate::replica::{Action, Replica, ReplicaRole, StopReason};

/// Ticks are shorter than this, and few other commands are: so most records are not decoded twice.
const TICK_SIZE_MAX_BYTES: usize = 24;

/// One member of the group of a partition.
#[derive(Debug)]
pub struct Member {
    replica: Replica,
    settings: MemberSettings,
    leadership: Leadership,
    outbox: Outbox,
    /// Whether it publishes without owning, because no other member did while it was catching up.
    is_relieving: bool,
    stopped: Option<StopReason>,
    /// Whether `stopped` was reported to the driver.
    is_stop_reported: bool,
    emitted: Vec<OutcomeRecord>,
    replica_actions: Vec<Action>,
}

impl Member {
    /// A follower that holds `machine`.
    ///
    /// `rank` is the place of the node among those of the partition ([`super::ranks`]), 0 being the
    /// preferred owner. `published` is the highest outcome that is in the topic; the member wants
    /// everything after it by [`Member::on_outcome`]. A machine that contains outcomes beyond it
    /// stops at once with [`StopReason::AheadOfOutcomes`]: start from an older snapshot.
    pub fn new(
        machine: Partition,
        node: NodeName,
        rank: u32,
        settings: MemberSettings,
        published: Option<Offset>,
        now_ms: u64,
    ) -> Self {
        let stopped = match machine.last_outcome() {
            Some(last_outcome) if Some(last_outcome) > published => {
                Some(StopReason::AheadOfOutcomes {
                    last_outcome,
                    published,
                })
            }
            _ => None,
        };
        let policy = settings.snapshots_as_standby;
        Self {
            replica: Replica::new(machine, node.clone(), Some(policy)),
            settings,
            leadership: Leadership::new(node, rank, settings, now_ms),
            outbox: Outbox::new(published, settings.unpublished_max),
            is_relieving: false,
            stopped,
            is_stop_reported: false,
            emitted: Vec::with_capacity(1),
            replica_actions: Vec::new(),
        }
    }

    /// The machine.
    pub fn machine(&self) -> &Partition {
        self.replica.machine()
    }

    /// See [`Replica::machine_to_keep`].
    pub fn machine_to_keep(&self) -> Option<&Partition> {
        self.replica.machine_to_keep()
    }

    /// What it is to its partition.
    pub fn role(&self) -> ReplicaRole {
        self.leadership.role()
    }

    /// How it stands.
    pub fn status(&self) -> MemberStatus {
        let machine = self.machine();
        MemberStatus {
            partition: machine.id(),
            role: self.role(),
            epoch: machine.epoch(),
            owner: machine.owner().cloned(),
            next_offset: machine.next_offset(),
            log_time_ms: machine.log_time_ms(),
            digest: machine.digest(),
            last_outcome: machine.last_outcome(),
            published: self.outbox.published(),
            unpublished: self.outbox.unpublished(),
            at_end_of_log: self.leadership.is_at_end(),
            stopped: self.stopped.clone(),
        }
    }

    /// False while its buffer of outcomes is full, and for good once it has stopped. Entries that
    /// are given all the same are applied.
    pub fn wants_entries(&self) -> bool {
        self.stopped.is_none() && !self.outbox.is_full()
    }

    /// Takes the next record of the log. One that was applied before is dropped, a gap stops.
    pub fn on_entry(&mut self, entry: Entry<'_>, now_ms: u64, actions: &mut Vec<MemberAction>) {
        if !self.begin(now_ms, actions) {
            return;
        }
        let expected = self.machine().next_offset();
        if entry.offset < expected {
            return;
        }
        let result = if entry.offset > expected {
            let got = entry.offset;
            Err(StopReason::LogGap { expected, got })
        } else {
            self.apply(entry, now_ms, actions)
        };
        self.finish(result, now_ms, actions);
    }

    /// Says that everything before `next_offset` was passed in and that the log has no more at the
    /// moment.
    pub fn on_end_of_log(
        &mut self,
        next_offset: Offset,
        now_ms: u64,
        actions: &mut Vec<MemberAction>,
    ) {
        if !self.begin(now_ms, actions) {
            return;
        }
        if next_offset <= self.machine().next_offset() {
            self.is_relieving = false;
            self.leadership.reach_end(now_ms);
        }
        self.finish(Ok(()), now_ms, actions);
    }

    /// Says that the log cannot be reached: no claim and no tick until
    /// [`Member::on_end_of_log`] is called again.
    pub fn on_log_lost(&mut self, now_ms: u64, actions: &mut Vec<MemberAction>) {
        if self.begin(now_ms, actions) {
            self.leadership.lose_log();
        }
    }

    /// Takes an outcome that was read from the topic, own ones included.
    pub fn on_outcome(
        &mut self,
        seen: SeenOutcome<'_>,
        now_ms: u64,
        actions: &mut Vec<MemberAction>,
    ) {
        if !self.begin(now_ms, actions) {
            return;
        }
        let was_full = self.outbox.is_full();
        let next_offset = self.machine().next_offset();
        let passed = self.outbox.see(seen, next_offset, now_ms);
        let result = passed.map(|passed| alarm(seen.offset, passed, actions));
        if was_full && !self.outbox.is_full() {
            // No entry could come while it was full, so no sign of life either.
            self.leadership.hear(now_ms);
        }
        self.finish(result, now_ms, actions);
    }

    /// Says that outcomes given by [`MemberAction::Publish`] may be lost, that nothing more of them
    /// will be sent, and that the topic, read again since, ends at `published`. An owner gives what
    /// is missing again.
    pub fn on_publish_failed(
        &mut self,
        published: Option<Offset>,
        now_ms: u64,
        actions: &mut Vec<MemberAction>,
    ) {
        if !self.begin(now_ms, actions) {
            return;
        }
        self.outbox.restart(published, now_ms);
        self.finish(Ok(()), now_ms, actions);
    }

    /// Looks at the clock.
    pub fn on_time(&mut self, now_ms: u64, actions: &mut Vec<MemberAction>) {
        if !self.begin(now_ms, actions) {
            return;
        }
        self.replica
            .look_at_snapshots(now_ms, &mut self.replica_actions);
        let result = self.take_replica_actions(actions);
        self.finish(result, now_ms, actions);
    }

    /// When [`Member::on_time`] wants to be called at the latest, by the same clock; `None` once it
    /// has stopped.
    pub fn next_wake_ms(&self) -> Option<u64> {
        if self.stopped.is_some() {
            return None;
        }
        let wake_ms = self.leadership.next_wake_ms(self.machine());
        let relief_ms = self
            .outbox
            .full_since_ms()
            .map(|since| since + self.leadership.patience_ms());
        Some(relief_ms.map_or(wake_ms, |at| wake_ms.min(at)))
    }

    /// False when there is nothing to do any more.
    fn begin(&mut self, now_ms: u64, actions: &mut Vec<MemberAction>) -> bool {
        if self.stopped.is_some() {
            self.tell_stop(actions);
            return false;
        }
        self.leadership.wake(now_ms);
        true
    }

    fn apply(
        &mut self,
        entry: Entry<'_>,
        now_ms: u64,
        actions: &mut Vec<MemberAction>,
    ) -> Result<(), StopReason> {
        let epoch_before = self.machine().epoch();
        self.emitted.clear();
        self.replica
            .on_entry(entry, &mut self.emitted, &mut self.replica_actions);
        let command = tick_in(entry.payload);
        let has_changed = self.leadership.note_applied(
            command.as_ref(),
            epoch_before,
            self.replica.machine(),
            now_ms,
        );
        if has_changed {
            self.replica.set_snapshots(match self.role() {
                ReplicaRole::Owner { .. } => self.settings.snapshots_as_owner,
                ReplicaRole::Follower => self.settings.snapshots_as_standby,
            });
            actions.push(MemberAction::RoleChanged(self.role()));
        }
        // Before its outcome is held against that of others: of rules that it does not know it makes
        // another one, and that is no dispute.
        if let Some(Action::Stop(reason)) = self
            .replica_actions
            .pop_if(|action| matches!(action, Action::Stop(_)))
        {
            return Err(reason);
        }
        let passed = match self.emitted.pop() {
            Some(record) => {
                let own = self.publication(entry, &record)?;
                self.outbox.add(own, now_ms)?
            }
            None => {
                if command.is_none() {
                    actions.extend(no_command(entry).map(MemberAction::Alarm));
                }
                self.outbox.add_none(entry.offset)?
            }
        };
        alarm(entry.offset, passed, actions);
        self.take_replica_actions(actions)
    }

    fn publication(
        &self,
        entry: Entry<'_>,
        record: &OutcomeRecord,
    ) -> Result<Publication, StopReason> {
        let payload = codec::encode(record).map_err(|error| StopReason::OutcomeUnencodable {
            offset: record.offset,
            why: error.to_string(),
        })?;
        Ok(Publication {
            offset: record.offset,
            log_time_ms: record.log_time_ms,
            digest: self.machine().digest(),
            payload,
            asker: askers::asker(entry, record),
        })
    }

    fn take_replica_actions(&mut self, actions: &mut Vec<MemberAction>) -> Result<(), StopReason> {
        let mut result = Ok(());
        for action in self.replica_actions.drain(..) {
            match action {
                Action::Append(command) => actions.push(MemberAction::Append(command)),
                Action::CutSnapshot => actions.push(MemberAction::CutSnapshot),
                Action::Stop(reason) => result = Err(reason),
            }
        }
        result
    }

    /// What follows from the new state, whatever led to it.
    fn finish(
        &mut self,
        result: Result<(), StopReason>,
        now_ms: u64,
        actions: &mut Vec<MemberAction>,
    ) {
        if let Err(reason) = result {
            self.stopped = Some(reason);
            self.tell_stop(actions);
            return;
        }
        if self.is_publisher(now_ms) {
            publish(self.outbox.take_unsent(), actions);
        }
        if !self.outbox.is_full()
            && let Some(command) = self.leadership.decide(self.replica.machine(), now_ms)
        {
            actions.push(MemberAction::Append(command));
        }
    }

    /// The owner publishes; so does a member that has waited long enough for another to relieve a full
    /// buffer, and then up to the end of the log, without waiting again for every bufferful.
    fn is_publisher(&mut self, now_ms: u64) -> bool {
        let patience_ms = self.leadership.patience_ms();
        self.is_relieving |= self
            .outbox
            .full_since_ms()
            .is_some_and(|since| now_ms.saturating_sub(since) >= patience_ms);
        self.is_relieving || matches!(self.role(), ReplicaRole::Owner { .. })
    }

    fn tell_stop(&mut self, actions: &mut Vec<MemberAction>) {
        if let Some(reason) = &self.stopped
            && !std::mem::replace(&mut self.is_stop_reported, true)
        {
            actions.push(MemberAction::Stop(reason.clone()));
        }
    }
}

/// Says what was passed over.
fn alarm(offset: Offset, passed: Option<StopReason>, actions: &mut Vec<MemberAction>) {
    if let Some(reason) = passed {
        actions.push(MemberAction::Alarm(Alarm::Disputed { offset, reason }));
    }
}

/// Why a record that yielded nothing is no command, if it is none.
fn no_command(entry: Entry<'_>) -> Option<Alarm> {
    let error = codec::decode::<Envelope>(entry.payload).err()?;
    let why = if entry.payload.is_empty() {
        "it has no value (a tombstone)".to_owned()
    } else {
        format!("no command: {error}")
    };
    let offset = entry.offset;
    Some(Alarm::NoCommand { offset, why })
}

/// Adds to the last action where that publishes too, so that a driver gets few large ones.
fn publish(outcomes: Vec<Publication>, actions: &mut Vec<MemberAction>) {
    if outcomes.is_empty() {
        return;
    }
    match actions.last_mut() {
        Some(MemberAction::Publish(before)) => before.extend(outcomes),
        _ => actions.push(MemberAction::Publish(outcomes)),
    }
}

/// The command of a record if it may be a tick.
fn tick_in(payload: &[u8]) -> Option<Command> {
    (payload.len() <= TICK_SIZE_MAX_BYTES)
        .then(|| codec::decode::<Envelope>(payload).ok())
        .flatten()
        .map(|envelope| envelope.command)
}
