//! Nodes with members: what a driver does with log, topic, clock and disk.

mod publishing;
mod snapshots;

use std::collections::VecDeque;
use std::rc::Rc;

use onsale_engine::Partition as Machine;
use onsale_processor::member::{Alarm, Member, MemberAction, Publication, SeenOutcome, ranks};
use onsale_processor::replica::{ReplicaRole, StopReason};
use onsale_schemas::{Command, Envelope, NodeName, Offset, codec};

use self::snapshots::{cut, restore};
use super::events::{Event, Source};
use super::upgrade;
use super::world::{Step, World};
use crate::snapshots::Cut;

/// Records that a member reads per poll once there are no more faults.
const ENTRIES_PER_POLL_HEALED: usize = 1_000;
/// How often a paused process is checked, in milliseconds.
const PAUSED_LOOK_MS: u64 = 50;
/// Where the monotonic clock of a node begins, in milliseconds.
const CLOCK_START_MS: u64 = 1_000_000;

/// A node.
#[derive(Debug)]
pub(super) struct Processor {
    pub(super) name: NodeName,
    pub(super) life: u64,
    pub(super) is_up: bool,
    /// The highest machine version that its program knows.
    pub(super) version: u16,
    pub(super) paused_until_ms: u64,
    pub(super) cut_until_ms: u64,
    /// How far its clock is ahead of the world's time.
    pub(super) clock_ahead_ms: u64,
    /// By partition; `None` where it follows nothing.
    pub(super) slots: Vec<Option<Slot>>,
    /// Snapshots by partition, the newest last. They outlive the process.
    pub(super) disk: Vec<Vec<Rc<[u8]>>>,
    pub(super) disk_full_until_ms: u64,
    pub(super) is_disk_slow: bool,
}

/// A member and what its driver keeps for it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) member: Member,
    cursor: usize,
    session: u64,
    outgoing: VecDeque<Publication>,
    is_flush_planned: bool,
    cuts: Vec<Cut>,
    pub(super) stopped: Option<StopReason>,
}

/// Whether the process lives on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Alive {
    Yes,
    No,
}

impl Processor {
    pub(super) fn new(number: usize, partitions: usize, version: u16) -> Self {
        Self {
            name: NodeName(format!("processor-{}", number + 1)),
            life: 0,
            is_up: false,
            version,
            paused_until_ms: 0,
            cut_until_ms: 0,
            clock_ahead_ms: CLOCK_START_MS,
            slots: (0..partitions).map(|_| None).collect(),
            disk: vec![Vec::new(); partitions],
            disk_full_until_ms: 0,
            is_disk_slow: false,
        }
    }
}

impl World {
    pub(super) fn start_processor(&mut self, node: usize) {
        let processor = &self.processors[node];
        if processor.is_up {
            return;
        }
        if processor.cut_until_ms > self.now_ms {
            let at_ms = processor.cut_until_ms + 1;
            self.queue.plan(at_ms, Event::StartProcessor { node });
            return;
        }
        let names: Vec<NodeName> = self
            .processors
            .iter()
            .map(|processor| processor.name.clone())
            .collect();
        for partition in 0..self.partitions.len() {
            let id = self.partitions[partition].id;
            let rank = ranks::rank(id, &names[node], &names).filter(|&r| r < self.plan.replicas);
            if let Some(rank) = rank {
                let slot = self.begin_member(node, partition, rank);
                self.processors[node].slots[partition] = Some(slot);
            }
        }
        let processor = &mut self.processors[node];
        processor.is_up = true;
        let life = processor.life;
        self.trace.note(self.now_ms, "start", node, life, 0);
        self.queue
            .plan(self.now_ms + 1, Event::PollProcessor { node, life });
    }

    fn begin_member(&mut self, node: usize, partition: usize, rank: u32) -> Slot {
        let published = self.partitions[partition].tail_end();
        let machine = self.recover(node, partition, published);
        let processor = &self.processors[node];
        let at = machine.next_offset();
        self.trace
            .note(self.now_ms, "recover", node, partition as u64, at);
        Slot {
            member: Member::new(
                machine,
                processor.name.clone(),
                rank,
                self.plan.settings,
                published,
                self.now_ms + processor.clock_ahead_ms,
            ),
            cursor: self.partitions[partition].topic.len(),
            session: self.next_session(),
            outgoing: VecDeque::new(),
            is_flush_planned: false,
            cuts: Vec::new(),
            stopped: None,
        }
    }

    /// The newest usable snapshot on the disk, else the one in the database, else nothing.
    fn recover(&mut self, node: usize, partition: usize, published: Option<Offset>) -> Machine {
        let from = &self.partitions[partition];
        let limits = upgrade::limits(self.processors[node].version);
        let on_disk = self.processors[node].disk[partition].iter().rev();
        let in_database = self.databases[partition].snapshot.iter();
        let candidates = on_disk
            .map(|bytes| (bytes, false))
            .chain(in_database.map(|bytes| (bytes, true)));
        for (bytes, is_from_database) in candidates {
            match restore(bytes, from, published, limits) {
                Ok(machine) => {
                    self.stats.restores += 1;
                    self.stats.restores_from_database += u64::from(is_from_database);
                    return machine;
                }
                Err(_) => self.stats.snapshots_refused += 1,
            }
        }
        Machine::new(from.id, limits)
    }

    pub(super) fn poll_processor(&mut self, node: usize, life: u64) -> Step {
        let processor = &self.processors[node];
        if !processor.is_up || processor.life != life {
            return Ok(());
        }
        if processor.paused_until_ms > self.now_ms {
            // Not planned for the end of the pause, which may be cut short.
            let at_ms = processor.paused_until_ms.min(self.now_ms + PAUSED_LOOK_MS);
            self.queue.plan(at_ms, Event::PollProcessor { node, life });
            return Ok(());
        }
        let first = self.rng.index(self.partitions.len());
        for step in 0..self.partitions.len() {
            let partition = (first + step) % self.partitions.len();
            let Some(mut slot) = self.processors[node].slots[partition].take() else {
                continue;
            };
            let alive = self.step_slot(node, partition, &mut slot)?;
            self.processors[node].slots[partition] = Some(slot);
            if alive == Alive::No {
                self.stats.crashes_between_actions += 1;
                self.kill_processor(node);
                return Ok(());
            }
        }
        let at_ms = self.now_ms + 1 + self.rng.below(self.plan.poll_max_ms);
        self.queue.plan(at_ms, Event::PollProcessor { node, life });
        Ok(())
    }

    fn step_slot(
        &mut self,
        node: usize,
        partition: usize,
        slot: &mut Slot,
    ) -> Result<Alive, String> {
        let is_cut = self.processors[node].cut_until_ms > self.now_ms;
        let mut actions = Vec::new();
        if !is_cut {
            let topic_first = self.rng.percent(50);
            for pass in [topic_first, !topic_first] {
                if pass {
                    self.read_topic(node, partition, slot, &mut actions);
                } else {
                    self.read_log(node, partition, slot, &mut actions)?;
                }
                if self.perform(node, partition, slot, &mut actions)? == Alive::No {
                    return Ok(Alive::No);
                }
            }
        }
        let clock_ms = self.now_ms + self.processors[node].clock_ahead_ms;
        slot.member.on_time(clock_ms, &mut actions);
        let alive = self.perform(node, partition, slot, &mut actions)?;
        self.write_snapshots(node, partition, slot)?;
        Ok(alive)
    }

    fn read_topic(
        &mut self,
        node: usize,
        partition: usize,
        slot: &mut Slot,
        actions: &mut Vec<MemberAction>,
    ) {
        let clock_ms = self.now_ms + self.processors[node].clock_ahead_ms;
        let messages_max = 1 + self.rng.index(2 * self.entries_per_poll());
        let topic = &self.partitions[partition].topic;
        let until = topic.len().min(slot.cursor + messages_max);
        for outcome in &topic[slot.cursor..until] {
            let seen = SeenOutcome {
                offset: outcome.offset,
                digest: outcome.digest,
                payload: &outcome.payload,
            };
            slot.member.on_outcome(seen, clock_ms, actions);
        }
        slot.cursor = until;
    }

    fn read_log(
        &mut self,
        node: usize,
        partition: usize,
        slot: &mut Slot,
        actions: &mut Vec<MemberAction>,
    ) -> Step {
        let clock_ms = self.now_ms + self.processors[node].clock_ahead_ms;
        let entries_per_poll = self.entries_per_poll();
        let from = &mut self.partitions[partition];
        let mut left = 1 + self.rng.index(entries_per_poll);
        loop {
            if !slot.member.wants_entries() {
                self.stats.full_buffers += u64::from(slot.stopped.is_none());
                return Ok(());
            }
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            let next = slot.member.machine().next_offset();
            let Some(entry) = from.entry(next) else {
                slot.member.on_end_of_log(next, clock_ms, actions);
                return Ok(());
            };
            slot.member.on_entry(entry, clock_ms, actions);
            self.stats.applied += 1;
            let machine = slot.member.machine();
            if machine.unsupported_version().is_some() {
                // It stops, and whatever it computed by a rule that it does not know does not
                // count.
                return Ok(());
            }
            from.truth
                .digest(machine.next_offset(), machine.digest())
                .map_err(|why| format!("partition {partition}: {why}"))?;
        }
    }

    /// What the faults have left behind is read as fast as possible.
    fn entries_per_poll(&self) -> usize {
        if self.is_healed {
            self.plan.entries_per_poll.max(ENTRIES_PER_POLL_HEALED)
        } else {
            self.plan.entries_per_poll
        }
    }

    fn perform(
        &mut self,
        node: usize,
        partition: usize,
        slot: &mut Slot,
        actions: &mut Vec<MemberAction>,
    ) -> Result<Alive, String> {
        for action in actions.drain(..) {
            if !self.is_healed
                && self.plan.crash_one_in > 0
                && self.rng.below(self.plan.crash_one_in) == 0
            {
                return Ok(Alive::No);
            }
            match action {
                MemberAction::Append(command) => self.send_own(node, partition, command)?,
                MemberAction::Publish(outcomes) => {
                    self.send_outcomes(node, partition, slot, outcomes)
                }
                MemberAction::CutSnapshot => cut(&self.partitions[partition], slot),
                MemberAction::RoleChanged(role) => self.note_role(node, partition, role),
                // Some of the commands of this world are garbage.
                MemberAction::Alarm(Alarm::NoCommand { .. }) => {}
                MemberAction::Alarm(alarm @ Alarm::Disputed { .. }) => {
                    // Every outcome in this world's topic was published by its own nodes.
                    let name = &self.processors[node].name;
                    return Err(format!("{name} disputes partition {partition}: {alarm:?}"));
                }
                MemberAction::Stop(reason) => {
                    let processor = &self.processors[node];
                    // A command of rules to come stops nobody: a barrier does.
                    let in_force = self.partitions[partition].version_in_force();
                    let is_old = self.is_upgraded || processor.version < in_force;
                    let expected = matches!(reason, StopReason::UnsupportedVersion { .. });
                    if !(is_old && expected) {
                        let name = &processor.name;
                        return Err(format!("{name} stops partition {partition}: {reason}"));
                    }
                    self.stats.too_old_for_the_log += u64::from(!self.is_upgraded);
                    slot.stopped = Some(reason);
                }
            }
        }
        Ok(Alive::Yes)
    }

    fn send_own(&mut self, node: usize, partition: usize, command: Command) -> Step {
        let payload = codec::encode(&Envelope::machine(command)).map_err(|e| e.to_string())?;
        let processor = &self.processors[node];
        let is_cut = processor.cut_until_ms > self.now_ms;
        let from = if is_cut {
            // Still in the process, and lost with it.
            let life = processor.life;
            Source::Processor { node, life }
        } else {
            Source::Nobody
        };
        let at_ms = self.now_ms.max(processor.cut_until_ms);
        self.send(at_ms, partition, payload.into(), from);
        Ok(())
    }

    /// The process is gone, with everything it had not sent.
    pub(super) fn kill_processor(&mut self, node: usize) {
        let processor = &mut self.processors[node];
        processor.life += 1;
        processor.is_up = false;
        self.stats.crashes += 1;
        self.trace
            .note(self.now_ms, "kill", node, processor.life, 0);
        for partition in 0..self.partitions.len() {
            if let Some(slot) = self.processors[node].slots[partition].take() {
                self.leave_late(partition, slot.outgoing);
            }
        }
        let at_ms = self.now_ms + 20 + self.rng.below(2_500);
        self.queue.plan(at_ms, Event::StartProcessor { node });
    }

    fn note_role(&mut self, node: usize, partition: usize, role: ReplicaRole) {
        let ReplicaRole::Owner { epoch } = role else {
            self.trace
                .note(self.now_ms, "follows", node, partition as u64, 0);
            return;
        };
        self.trace
            .note(self.now_ms, "owns", node, partition as u64, epoch);
        self.stats.claims += 1;
        let others = self.processors.iter().filter(|processor| {
            processor.slots[partition]
                .as_ref()
                .is_some_and(|slot| slot.member.role() != ReplicaRole::Follower)
        });
        self.stats.double_owners += u64::from(others.count() > 0);
    }
}
