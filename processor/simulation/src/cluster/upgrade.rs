//! Programs that know different machine versions, while a cluster is upgraded node by node. An
//! operator switches on new rules once every node knows them; here that may happen too soon, and
//! then members of the old program have to stop where the new rules begin.

use onsale_engine::Limits;
use onsale_schemas::{Command, Envelope, codec};

use super::events::{Event, Source};
use super::world::{Step, World};
use crate::model::ModelLimits;

/// The version that every program knows.
const FIRST: u16 = 1;
/// The version of documents and limits of events. A log of a later one begins with it, too.
const SECOND: u16 = 2;
/// The version that the newest program knows. Worlds of an earlier one are upgraded to the next.
const LAST: u16 = 3;
/// Longest time between the upgrades of two nodes, in milliseconds.
const NODE_EVERY_MAX_MS: u64 = 4_000;
/// Longest time after which the new rules are switched on, in milliseconds.
const BARRIER_MAX_MS: u64 = 12_000;

/// The limits of a program that knows this version.
pub(super) fn limits(version: u16) -> Limits {
    Limits {
        machine_version_known: version,
        ..Limits::default()
    }
}

/// What the program of each node of a world of this version knows at first.
pub(super) fn before(version: u16) -> u16 {
    version.max(FIRST)
}

/// The highest version that a program of a world of this version ever knows.
pub(super) fn newest(version: u16) -> u16 {
    (before(version) + 1).min(LAST)
}

/// Whether clients of worlds of this version may use the commands of the next one before it is in
/// force: those of version 3 have a mix of clients of their own.
pub(super) fn may_ask_ahead(version: u16) -> bool {
    newest(version) == LAST && before(version) < LAST
}

/// The right outcome once every node knows all rules.
pub(super) fn truth(version: u16) -> ModelLimits {
    ModelLimits {
        machine_version_known: newest(version),
        ..ModelLimits::default()
    }
}

impl World {
    /// The rules of version 2 are at the beginning of every log of that version or a later one: a
    /// client that submits one of its commands has made sure of that before.
    pub(super) fn begin_with_new_rules(&mut self) -> Step {
        if self.machine_version < SECOND {
            return Ok(());
        }
        let command = Command::Barrier {
            machine_version: SECOND,
        };
        let payload = codec::encode(&Envelope::machine(command)).map_err(|e| e.to_string())?;
        for partition in &mut self.partitions {
            partition.append(payload.clone().into())?;
        }
        Ok(())
    }

    pub(super) fn begin_upgrade(&mut self) {
        // Where clients use the new rules, what is left of their commands has to be enough for a
        // time before them and one behind.
        let load_ms = if self.plan.asks_ahead {
            self.asks_left * self.plan.ask_every_ms / 2
        } else {
            BARRIER_MAX_MS
        };
        let mut at_ms = self.now_ms;
        for node in 0..self.processors.len() {
            at_ms += self.rng.below(NODE_EVERY_MAX_MS.min(load_ms).max(1));
            self.queue.plan(at_ms, Event::Upgrade { node });
        }
        for partition in 0..self.partitions.len() {
            let at_ms = self.now_ms + self.rng.below(BARRIER_MAX_MS.min(load_ms).max(1));
            self.queue.plan(at_ms, Event::Barrier { partition });
        }
    }

    pub(super) fn upgrade_node(&mut self, node: usize) {
        let after = newest(self.machine_version);
        if self.processors[node].version >= after {
            return;
        }
        self.stats.nodes_upgraded += 1;
        self.processors[node].version = after;
        if self.processors[node].is_up {
            self.kill_processor(node);
        }
    }

    /// Upgrades the remaining nodes, so that all can continue; and where clients wait for the new
    /// rules, asks for them again if the first barrier got lost.
    pub(super) fn finish_upgrade(&mut self) -> Step {
        if self.plan.is_upgraded_running {
            for node in 0..self.processors.len() {
                self.upgrade_node(node);
            }
        }
        if self.plan.asks_ahead {
            for partition in 0..self.partitions.len() {
                if self.partitions[partition].version_in_force() < newest(self.machine_version) {
                    self.ask_for_next_rules(partition)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn ask_for_next_rules(&mut self, partition: usize) -> Step {
        let command = Command::Barrier {
            machine_version: newest(self.machine_version),
        };
        let payload = codec::encode(&Envelope::machine(command)).map_err(|e| e.to_string())?;
        let at_ms = self.now_ms;
        self.send(at_ms, partition, payload.into(), Source::Nobody);
        Ok(())
    }
}
