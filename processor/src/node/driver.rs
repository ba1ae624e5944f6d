//! The driver thread: reads both topics of its partitions and does what the members ask for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use onsale_engine::Partition;
use onsale_log::kafka::{
    CommandConsumer, CommandProducer, ForeignRecord, KafkaError, KafkaSettings, LogEvent,
    OutcomeEvent,
};
use onsale_schemas::{Command, Envelope, NodeName, PartitionId, codec};
use tokio::sync::oneshot;

use super::assignment::{Assignment, lose_log, on_assignment};
use super::follow::Outcomes;
use super::publish::Publisher;
use super::snapshots::Unpublished;
use super::state::NodeState;
use crate::clock::{BrokerClock, ClockWatch, Turn};
use crate::gauges::COUNT_EVERY_MS;
use crate::member::{Alarm, MemberAction, SeenOutcome};
use crate::metrics::Metrics;
use crate::replica::ReplicaRole;
use crate::snapshots::CutReply;

/// Longest wait for a record, in milliseconds. Bounds how late a request to the driver and an
/// outcome of another owner are looked at.
const IDLE_MAX_MS: u64 = 20;
/// Wait while outcomes are to be handed over or read, in milliseconds.
const BUSY_WAIT_MS: u64 = 1;
/// A driver that did not come round for this long stood still, and its partitions with it, in
/// milliseconds. A follower has taken over long before.
const STALL_MS: u64 = 2_000;
/// How often the members' state is shown to the rest of the process, in milliseconds.
const SHOW_EVERY_MS: u64 = 50;

/// A barrier with this version only passes; see [`Command::Barrier`].
const MACHINE_VERSION_UNCHANGED: u16 = 0;

/// What the driver is asked.
#[derive(Debug)]
pub(super) enum ToDriver {
    /// Freeze machines for snapshots, of one partition or of all.
    Snapshot {
        partition: Option<PartitionId>,
        reply: CutReply,
    },
    /// Copies of the machines as they are now.
    Machines {
        reply: oneshot::Sender<Vec<Partition>>,
    },
    /// Have each partition yield an outcome after all that was applied so far.
    Barrier { partitions: Vec<PartitionId> },
    /// Give owned partitions to these nodes.
    HandOver { to: Vec<(PartitionId, NodeName)> },
}

pub(super) struct Driver {
    /// Ascending by partition.
    pub(super) assignments: Vec<Assignment>,
    pub(super) settings: KafkaSettings,
    pub(super) commands: CommandConsumer,
    pub(super) outcomes: Outcomes,
    pub(super) producer: CommandProducer,
    pub(super) publisher: Publisher,
    pub(super) snapshots: Unpublished,
    pub(super) control: Receiver<ToDriver>,
    pub(super) shared: Arc<NodeState>,
    /// This machine's clock, to hold the broker's to.
    pub(super) clock: ClockWatch,
    pub(super) broker: BrokerClock,
    /// Zero of the members' clock.
    pub(super) started: Instant,
    pub(super) actions: Vec<(usize, MemberAction)>,
    pub(super) shown_at_ms: u64,
    /// When places were counted, `None` when they are to be.
    pub(super) counted_at_ms: Option<u64>,
    pub(super) metrics: Metrics,
}

impl Driver {
    /// Works until a stop is asked for.
    ///
    /// # Errors
    /// When the log cannot be read on; the process has to end then.
    pub(super) fn run(mut self) -> Result<(), KafkaError> {
        self.assign_commands()?;
        let mut round_ms = self.now_ms();
        while !self.shared.is_stopping() {
            round_ms = self.note_round(round_ms);
            self.answer_control();
            let wait = self.wait();
            self.read_commands(wait)?;
            self.read_outcomes()?;
            self.look_at_time();
            self.perform();
            self.mend_publisher();
            self.pause_and_resume()?;
            self.release_snapshots();
            self.show(false);
        }
        self.show(true);
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Says when this thread stood still: paused, without a processor, or waiting for something that
    /// it must not wait for.
    fn note_round(&self, last_ms: u64) -> u64 {
        let now_ms = self.now_ms();
        let stood_ms = now_ms.saturating_sub(last_ms);
        if stood_ms >= STALL_MS {
            self.metrics.node_stalls.inc();
            self.shared.note_stall(stood_ms);
            tracing::error!(
                stood_ms,
                "this node stood still; others have taken over what it owned, if any were there"
            );
        }
        now_ms
    }

    fn assign_commands(&mut self) -> Result<(), KafkaError> {
        let starts: Vec<_> = self
            .assignments
            .iter()
            .map(|assignment| {
                (
                    assignment.member.machine().id(),
                    assignment.member.machine().next_offset(),
                )
            })
            .collect();
        for assignment in &mut self.assignments {
            assignment.is_paused = false;
        }
        self.commands.assign(&starts)
    }

    /// Until when nothing but data has to be looked at.
    fn wait(&mut self) -> Duration {
        let has_backlog = self.publisher.flush();
        if has_backlog
            || self
                .assignments
                .iter()
                .any(|assignment| assignment.is_paused && assignment.is_alive())
        {
            return Duration::from_millis(BUSY_WAIT_MS);
        }
        let now_ms = self.now_ms();
        let wake_ms = self
            .assignments
            .iter()
            .filter_map(|assignment| assignment.member.next_wake_ms())
            .min()
            .unwrap_or(u64::MAX);
        Duration::from_millis(wake_ms.saturating_sub(now_ms).min(IDLE_MAX_MS))
    }

    fn read_commands(&mut self, wait: Duration) -> Result<(), KafkaError> {
        let started = self.started;
        // A wait is short beside the bound that clocks are held to.
        let own_ms = self.clock.now_ms();
        let broker = &mut self.broker;
        let (assignments, actions) = (&mut self.assignments, &mut self.actions);
        let result = self.commands.poll(wait, |event| {
            let now_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            match event {
                LogEvent::Entry { partition, entry } => {
                    // The mark of a foreign transaction has no time.
                    if entry.log_time_ms > 0 {
                        say(broker.see(entry.log_time_ms, own_ms, false), broker);
                    }
                    on_assignment(assignments, partition, actions, |assignment, actions| {
                        assignment.take(entry, now_ms, actions);
                    });
                }
                LogEvent::End {
                    partition,
                    next_offset,
                } => on_assignment(assignments, partition, actions, |assignment, actions| {
                    assignment.end_offset = Some(next_offset);
                    if let Some(newest_ms) = assignment.take_newest_ms() {
                        say(broker.see(newest_ms, own_ms, true), broker);
                    }
                    assignment
                        .member
                        .on_end_of_log(next_offset, now_ms, actions);
                }),
                LogEvent::Lost => lose_log(assignments, now_ms, actions),
            }
        });
        match result {
            Ok(_) => Ok(()),
            Err(KafkaError::Fatal(why)) => {
                tracing::warn!(why, "the reader of the commands is replaced");
                let now_ms = self.now_ms();
                lose_log(&mut self.assignments, now_ms, &mut self.actions);
                self.commands = CommandConsumer::new(&self.settings)?;
                self.assign_commands()
            }
            Err(error) => Err(error),
        }
    }

    fn read_outcomes(&mut self) -> Result<(), KafkaError> {
        let now_ms = self.now_ms();
        let mut foreign = Vec::new();
        let (assignments, actions) = (&mut self.assignments, &mut self.actions);
        self.outcomes.poll(Duration::ZERO, |event| {
            if let OutcomeEvent::Seen { partition, outcome } = event {
                let seen = SeenOutcome {
                    offset: outcome.offset,
                    digest: outcome.digest,
                    payload: outcome.payload,
                };
                on_assignment(assignments, partition, actions, |assignment, actions| {
                    assignment.member.on_outcome(seen, now_ms, actions);
                    actions.retain(|action| match action {
                        MemberAction::Alarm(Alarm::Disputed { reason, .. }) => {
                            foreign.push((partition, outcome.position, reason.to_string()));
                            false
                        }
                        _ => true,
                    });
                });
            }
        })?;
        for (partition, position, why) in foreign {
            self.note_foreign(self.settings.outcomes_topic(), partition, position, why);
        }
        Ok(())
    }

    fn look_at_time(&mut self) {
        let now_ms = self.now_ms();
        for index in 0..self.assignments.len() {
            let mut asked = Vec::new();
            self.assignments[index].member.on_time(now_ms, &mut asked);
            self.actions
                .extend(asked.into_iter().map(|action| (index, action)));
        }
    }

    fn perform(&mut self) {
        for (index, action) in std::mem::take(&mut self.actions) {
            let partition = self.assignments[index].member.machine().id();
            match action {
                MemberAction::Append(command) => self.append(partition, command),
                MemberAction::Publish(outcomes) => self.publisher.publish(partition, outcomes),
                MemberAction::CutSnapshot => {
                    if let Some(cut) = self.assignments[index].cut() {
                        self.snapshots.add_due(cut);
                    }
                }
                MemberAction::RoleChanged(ReplicaRole::Owner { epoch }) => {
                    self.counted_at_ms = None;
                    tracing::info!(%partition, epoch, "this node owns the partition");
                }
                MemberAction::RoleChanged(ReplicaRole::Follower) => {
                    self.counted_at_ms = None;
                    let machine = self.assignments[index].member.machine();
                    let owner = machine.owner().map(|node| node.0.as_str());
                    tracing::info!(%partition, owner, "this node follows the partition");
                }
                MemberAction::Alarm(Alarm::NoCommand { offset, why }) => {
                    self.note_foreign(self.settings.commands_topic(), partition, offset, why);
                }
                MemberAction::Alarm(Alarm::Disputed { offset, reason }) => {
                    let why = format!("for the command at this offset: {reason}");
                    self.note_foreign(self.settings.outcomes_topic(), partition, offset, why);
                }
                MemberAction::Stop(reason) => {
                    tracing::error!(%partition, %reason, "this node has stopped following");
                }
            }
        }
        self.publisher.flush();
    }

    fn note_foreign(&self, topic: String, partition: PartitionId, offset: u64, why: String) {
        self.settings.foreign.note(ForeignRecord {
            topic,
            partition,
            offset,
            why,
        });
    }

    fn append(&self, partition: PartitionId, command: Command) {
        let payload = match codec::encode(&Envelope::machine(command)) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::error!(%partition, %error, "a command of this node cannot be encoded");
                return;
            }
        };
        // A member whose command does not arrive asks again by itself.
        let sent = self.producer.send(partition, &payload, Box::new(drop));
        if let Err(error) = sent {
            tracing::debug!(%partition, %error, "a command of this node was not taken");
        }
    }

    fn mend_publisher(&mut self) {
        if !self.publisher.mend() {
            return;
        }
        let now_ms = self.now_ms();
        for index in 0..self.assignments.len() {
            let mut asked = Vec::new();
            let member = &mut self.assignments[index].member;
            // What was read of the topic so far is a place from which to publish without a gap.
            let published = member.status().published;
            member.on_publish_failed(published, now_ms, &mut asked);
            self.actions
                .extend(asked.into_iter().map(|action| (index, action)));
        }
        self.perform();
    }

    fn pause_and_resume(&mut self) -> Result<(), KafkaError> {
        for assignment in &mut self.assignments {
            let wants = assignment.member.wants_entries();
            if wants == assignment.is_paused {
                let partition = assignment.member.machine().id();
                if wants {
                    self.commands.resume(partition)?;
                } else {
                    self.commands.pause(partition)?;
                }
                assignment.is_paused = !wants;
            }
        }
        Ok(())
    }

    fn release_snapshots(&mut self) {
        let assignments = &self.assignments;
        self.snapshots.release(|partition| {
            let mut of_partition = assignments
                .iter()
                .map(|assignment| assignment.member.status());
            of_partition
                .find(|status| status.partition == partition)?
                .published
        });
    }

    fn answer_control(&mut self) {
        while let Ok(message) = self.control.try_recv() {
            match message {
                ToDriver::Snapshot { partition, reply } => {
                    let cuts = self
                        .assignments
                        .iter()
                        .filter(|assignment| {
                            partition.is_none_or(|only| assignment.member.machine().id() == only)
                        })
                        .filter_map(Assignment::cut)
                        .collect();
                    self.snapshots.add_asked(cuts, reply);
                }
                ToDriver::Machines { reply } => {
                    let machines = self
                        .assignments
                        .iter()
                        .map(|assignment| assignment.member.machine().clone())
                        .collect();
                    // The caller may have gone.
                    drop(reply.send(machines));
                }
                ToDriver::Barrier { partitions } => {
                    for partition in partitions {
                        let machine_version = MACHINE_VERSION_UNCHANGED;
                        self.append(partition, Command::Barrier { machine_version });
                    }
                }
                ToDriver::HandOver { to } => {
                    for (partition, node) in to {
                        self.hand_over(partition, node);
                    }
                }
            }
        }
    }

    fn hand_over(&self, partition: PartitionId, node: NodeName) {
        let owned = self.assignments.iter().find_map(|assignment| {
            let member = &assignment.member;
            match member.role() {
                ReplicaRole::Owner { epoch } if member.machine().id() == partition => Some(epoch),
                _ => None,
            }
        });
        if let Some(epoch) = owned {
            tracing::info!(%partition, to = %node, "handing the partition over");
            let epoch = epoch + 1;
            self.append(partition, Command::Claim { node, epoch });
        }
    }

    fn show(&mut self, at_once: bool) {
        let now_ms = self.now_ms();
        if !at_once && now_ms.saturating_sub(self.shown_at_ms) < SHOW_EVERY_MS {
            return;
        }
        self.shown_at_ms = now_ms;
        let is_counted = self
            .counted_at_ms
            .is_some_and(|at| now_ms.saturating_sub(at) < COUNT_EVERY_MS);
        if !is_counted {
            self.counted_at_ms = Some(now_ms);
            self.assignments
                .iter_mut()
                .for_each(Assignment::count_places);
        }
        let shown = self.assignments.iter().map(Assignment::shown).collect();
        self.shared.show(shown);
        self.shared.show_broker(self.broker);
    }
}

/// Reports when the broker's clock deviates from this node's, and when it is back.
fn say(turn: Option<Turn>, broker: &BrokerClock) {
    let ahead_ms = broker.ahead_ms();
    match turn {
        None => {}
        Some(Turn::Left) => tracing::error!(
            ahead_ms,
            "the broker's clock differs from this machine's: it stamps the records, so holds and \
             sales end by it. Set the clocks (NTP), then look at `onsale clock status`"
        ),
        Some(Turn::Returned) => tracing::info!(ahead_ms, "the broker's clock is right again"),
    }
}
