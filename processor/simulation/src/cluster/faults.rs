//! What goes wrong.

use onsale_schemas::{Command, Envelope, NodeName, codec};

use super::events::{Event, Source};
use super::topic_reader::TopicReader;
use super::world::{Step, World};
use crate::snapshots;

/// Messages that a projector reads per poll.
const MESSAGES_PER_POLL: usize = 200;
/// One transaction in this many is the last one of its process.
const PROJECTOR_CRASH_ONE_IN: u64 = 200;

/// A projector.
#[derive(Debug, Default)]
pub(super) struct Projector {
    pub(super) life: u64,
    pub(super) is_up: bool,
    readers: Vec<TopicReader>,
}

impl World {
    pub(super) fn fail_somehow(&mut self) -> Step {
        let Some(every_ms) = self.plan.fault_every_ms.filter(|_| !self.is_healed) else {
            return Ok(());
        };
        let at_ms = self.now_ms + 1 + self.rng.below(2 * every_ms);
        self.queue.plan(at_ms, Event::Fault);
        let node = self.rng.index(self.processors.len());
        let partition = self.rng.index(self.partitions.len());
        let kind = self.rng.below(19);
        self.trace.note(self.now_ms, "fault", node, kind, 0);
        match kind {
            0..=2 if self.processors[node].is_up => self.kill_processor(node),
            3 | 4 => {
                self.stats.pauses += 1;
                self.processors[node].paused_until_ms = self.now_ms + self.rng.below(4_000);
            }
            5 | 6 => {
                self.stats.cuts += 1;
                self.processors[node].cut_until_ms = self.now_ms + self.rng.below(4_000);
            }
            7 | 8 => self.fail_publisher(node, partition)?,
            9 => self.jump_log_clock(partition),
            10 => self.jump_node_clock(node),
            11 => self.harm_snapshots(node, partition),
            12 => {
                let processor = &mut self.processors[node];
                processor.disk_full_until_ms = self.now_ms + self.rng.below(10_000);
                processor.is_disk_slow = self.rng.percent(50);
            }
            13 => {
                let ingress = self.rng.index(self.ingresses.len());
                if self.ingresses[ingress].is_up {
                    self.kill_ingress(ingress);
                }
            }
            14 => {
                let ingress = self.rng.index(self.ingresses.len());
                self.stats.ingress_cuts += 1;
                self.ingresses[ingress].cut_until_ms = self.now_ms + self.rng.below(2_000);
            }
            15 => {
                let projector = self.rng.index(self.projectors.len());
                self.kill_projector(projector);
            }
            16 => {
                self.stats.database_outages += 1;
                self.database_down_until_ms = self.now_ms + self.rng.below(5_000);
            }
            17 => {
                self.stats.topic_stalls += 1;
                self.topic_stalled_until_ms = self.now_ms + self.rng.below(2_500);
            }
            18 => self.hand_over(node, partition)?,
            _ => {}
        }
        Ok(())
    }

    fn jump_log_clock(&mut self, partition: usize) {
        let by_ms = self.rng.one_of([50, 1_000, 20_000, 1_200_000]);
        let by_ms = self.rng.below(by_ms);
        let is_back = self.rng.percent(50);
        self.stats.log_clock_back += u64::from(is_back);
        self.stats.log_clock_forward += u64::from(!is_back);
        let clock = &mut self.partitions[partition].clock_ms;
        *clock = if is_back {
            clock.saturating_sub(by_ms)
        } else {
            *clock + by_ms
        };
    }

    /// A monotonic clock should never go back; if it does, then not by much.
    fn jump_node_clock(&mut self, node: usize) {
        let is_back = self.rng.percent(30);
        self.stats.node_clock_back += u64::from(is_back);
        self.stats.node_clock_forward += u64::from(!is_back);
        let ahead = &mut self.processors[node].clock_ahead_ms;
        *ahead = if is_back {
            ahead.saturating_sub(self.rng.below(2_000))
        } else {
            *ahead + self.rng.below(20_000)
        };
    }

    fn harm_snapshots(&mut self, node: usize, partition: usize) {
        if self.rng.percent(30) {
            self.databases[partition].snapshot = None;
        }
        let kind = self.rng.below(3);
        let kept = &mut self.processors[node].disk[partition];
        let Some(newest) = kept.pop() else {
            return;
        };
        let harmed = match kind {
            // Gone, and all older ones as well.
            0 => {
                self.stats.snapshots_lost += 1;
                kept.clear();
                return;
            }
            1 => snapshots::cut_short(&newest, &mut self.rng),
            _ => snapshots::turn_bit_over(&newest, &mut self.rng),
        };
        self.stats.snapshots_damaged += 1;
        kept.push(harmed);
    }

    /// An operator gives the partition to some node, whether that is there or not.
    fn hand_over(&mut self, node: usize, partition: usize) -> Step {
        self.stats.hand_overs += 1;
        let name = if self.rng.percent(10) {
            NodeName("nobody".to_owned())
        } else {
            self.processors[node].name.clone()
        };
        let epoch = self.partitions[partition].truth.checker().model().epoch() + 1;
        let command = Command::Claim { node: name, epoch };
        let payload = codec::encode(&Envelope::machine(command)).map_err(|e| e.to_string())?;
        let at_ms = self.now_ms;
        self.send(at_ms, partition, payload.into(), Source::Nobody);
        Ok(())
    }

    pub(super) fn start_projector(&mut self, projector: usize) {
        let at = &mut self.projectors[projector];
        if at.is_up {
            return;
        }
        at.is_up = true;
        at.readers = self
            .partitions
            .iter()
            .zip(&self.databases)
            .map(|(partition, database)| TopicReader::after(database.watermark, partition))
            .collect();
        let life = at.life;
        self.queue
            .plan(self.now_ms + 1, Event::PollProjector { projector, life });
    }

    fn kill_projector(&mut self, projector: usize) {
        let at = &mut self.projectors[projector];
        // A process that is already down is not killed again; its start is planned.
        self.stats.readers_killed += u64::from(at.is_up);
        at.life += 1;
        at.is_up = false;
        let at_ms = self.now_ms + 20 + self.rng.below(1_500);
        self.queue.plan(at_ms, Event::StartProjector { projector });
    }

    pub(super) fn poll_projector(&mut self, projector: usize, life: u64) -> Step {
        let at = &self.projectors[projector];
        if !at.is_up || at.life != life {
            return Ok(());
        }
        let at_ms = self.now_ms + 1 + self.rng.below(4 * self.plan.poll_max_ms);
        self.queue
            .plan(at_ms, Event::PollProjector { projector, life });
        if self.database_down_until_ms > self.now_ms {
            return Ok(());
        }
        for partition in 0..self.partitions.len() {
            let reader = &mut self.projectors[projector].readers[partition];
            let outcomes = reader.read(&self.partitions[partition], MESSAGES_PER_POLL)?;
            if outcomes.is_empty() {
                continue;
            }
            let crashes = !self.is_healed && self.rng.below(PROJECTOR_CRASH_ONE_IN) == 0;
            if crashes && self.rng.percent(50) {
                self.kill_projector(projector);
                return Ok(());
            }
            self.databases[partition].project(&outcomes)?;
            self.stats.projections += 1;
            if crashes {
                self.kill_projector(projector);
                return Ok(());
            }
        }
        Ok(())
    }
}
