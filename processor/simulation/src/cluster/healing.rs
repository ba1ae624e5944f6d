//! The end of a world: there are no more faults, so everything has to recover.

use onsale_processor::replica::ReplicaRole;
use onsale_schemas::{Command, Envelope, RequestId, codec};

use super::clients::{Asked, State};
use super::events::Event;
use super::upgrade;
use super::world::{Step, World};
use crate::agreement;

/// How long a healed world may take until all is quiet, in milliseconds.
const HEALING_MAX_MS: u64 = 300_000;
/// How often that is checked, in milliseconds.
const LOOK_EVERY_MS: u64 = 250;
/// Requests to each partition that have to be answered once all is quiet.
const FRESH_REQUESTS: u64 = 3;
/// How long members may take to notice that they are too old, in milliseconds.
const UPGRADE_MAX_MS: u64 = 5_000;

impl World {
    pub(super) fn heal_and_finish(&mut self) -> Step {
        self.heal()?;
        self.run_until_quiet("after the faults")?;
        for partition in 0..self.partitions.len() {
            for number in 0..FRESH_REQUESTS {
                let payload = fresh_request(partition as u64, number)?;
                self.ask(partition, payload.into(), true);
            }
        }
        self.run_until_quiet("after fresh requests")?;
        self.compare_all()?;
        if self.plan.ends_with_upgrade {
            self.upgrade()?;
        }
        Ok(())
    }

    fn heal(&mut self) -> Step {
        self.is_healed = true;
        self.trace.note(self.now_ms, "heal", 0, 0, 0);
        self.database_down_until_ms = 0;
        self.topic_stalled_until_ms = 0;
        self.finish_upgrade()?;
        for node in 0..self.processors.len() {
            let processor = &mut self.processors[node];
            processor.paused_until_ms = 0;
            processor.cut_until_ms = 0;
            processor.disk_full_until_ms = 0;
            processor.is_disk_slow = false;
            self.queue.plan(self.now_ms, Event::StartProcessor { node });
        }
        for ingress in 0..self.ingresses.len() {
            self.ingresses[ingress].cut_until_ms = 0;
            self.queue
                .plan(self.now_ms, Event::StartIngress { ingress });
        }
        for projector in 0..self.projectors.len() {
            self.queue
                .plan(self.now_ms, Event::StartProjector { projector });
        }
        Ok(())
    }

    fn run_until_quiet(&mut self, when: &str) -> Step {
        let deadline_ms = self.now_ms + HEALING_MAX_MS;
        loop {
            self.run_until(self.now_ms + LOOK_EVERY_MS)?;
            let Some(unrest) = self.unrest() else {
                return Ok(());
            };
            if self.now_ms > deadline_ms {
                return Err(format!(
                    "liveness: {HEALING_MAX_MS} ms {when} still not quiet: {unrest}"
                ));
            }
        }
    }

    /// What is not as it should be at the end.
    fn unrest(&self) -> Option<String> {
        for (index, partition) in self.partitions.iter().enumerate() {
            let end = partition.end();
            let mut owners = 0;
            for processor in &self.processors {
                let Some(slot) = &processor.slots[index] else {
                    continue;
                };
                let status = slot.member.status();
                owners += u32::from(status.role != ReplicaRole::Follower);
                // A tick that was just appended may be on its way.
                if status.next_offset + 2 < end || !status.at_end_of_log {
                    return Some(format!("{} is behind {end}: {status:?}", processor.name));
                }
            }
            if owners != 1 {
                return Some(format!("partition {index} has {owners} owners"));
            }
            let published = partition.truth.published();
            let last = partition.truth.checker().model().last_outcome();
            if published != last {
                return Some(format!(
                    "partition {index}: published up to {published:?} of {last:?}"
                ));
            }
            let projected = self.databases[index].watermark.last_outcome;
            if projected != published {
                return Some(format!(
                    "partition {index}: projected up to {projected:?} of {published:?}"
                ));
            }
        }
        let is_waiting = |asked: &&Asked| asked.state == State::Waiting;
        if let Some(first) = self.asked.iter().find(is_waiting) {
            let waiting = self.asked.iter().filter(is_waiting).count();
            return Some(format!(
                "{waiting} clients wait, the first one for {first:?}"
            ));
        }
        None
    }

    /// Between two commands: state of the model, and of one machine.
    pub(super) fn check_states(&mut self) -> Step {
        for partition in &self.partitions {
            partition
                .truth
                .checker()
                .check_state()
                .map_err(|difference| difference.to_string())?;
        }
        let node = self.rng.index(self.processors.len());
        for slot in self.processors[node].slots.iter().flatten() {
            slot.member
                .machine()
                .self_check()
                .map_err(|error| format!("self-check: {error}"))?;
        }
        Ok(())
    }

    /// Every machine that has read all, and the database, against the model.
    fn compare_all(&mut self) -> Step {
        self.check_states()?;
        for (index, partition) in self.partitions.iter().enumerate() {
            let model = partition.truth.checker().model();
            for processor in &self.processors {
                let Some(slot) = &processor.slots[index] else {
                    continue;
                };
                let machine = slot.member.machine();
                machine
                    .self_check()
                    .map_err(|error| format!("self-check: {error}"))?;
                if machine.next_offset() == model.next_offset() {
                    agreement::compare(model, machine)
                        .map_err(|why| format!("{}, partition {index}: {why}", processor.name))?;
                }
            }
            let live: Vec<_> = agreement::live(model).collect();
            if self.databases[index].live() != live {
                return Err(format!(
                    "the database and the model differ in the live bookings of partition {index}"
                ));
            }
        }
        Ok(())
    }

    /// A barrier of a version to come stops every member, and nothing else happens.
    fn upgrade(&mut self) -> Step {
        self.is_upgraded = true;
        self.stats.upgrades += 1;
        let command = Command::Barrier {
            machine_version: upgrade::newest(self.machine_version) + 1,
        };
        let payload = codec::encode(&Envelope::machine(command)).map_err(|e| e.to_string())?;
        for partition in &mut self.partitions {
            partition.append_unjudged(payload.clone().into());
        }
        self.run_until(self.now_ms + UPGRADE_MAX_MS)?;
        for processor in &self.processors {
            for slot in processor.slots.iter().flatten() {
                if slot.stopped.is_none() {
                    return Err(format!(
                        "{} continues past a barrier of a version it does not know",
                        processor.name
                    ));
                }
            }
        }
        Ok(())
    }
}

fn fresh_request(partition: u64, number: u64) -> Result<Vec<u8>, String> {
    let mut id = [b'f'; 16];
    id[1..9].copy_from_slice(&partition.to_le_bytes());
    id[9] = u8::try_from(number).unwrap_or(u8::MAX);
    let envelope = Envelope {
        request_id: Some(RequestId::from_bytes(id)),
        idempotency: None,
        trace: None,
        command: Command::Barrier { machine_version: 1 },
        by: None,
    };
    codec::encode(&envelope).map_err(|error| error.to_string())
}
