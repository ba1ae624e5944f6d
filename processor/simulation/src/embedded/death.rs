//! What goes wrong with the disk, and how a process ends.

use std::rc::Rc;

use super::world::World;
use crate::snapshots;

impl World {
    /// Faults that wait for the next life.
    pub(super) fn set_traps(&mut self) {
        self.take_traps_away();
        match self.rng.below(6) {
            0 | 1 => {
                let syncs = self.rng.below(60);
                self.disk.fail_syncs_after(Some(syncs));
            }
            2 => {
                let (after, count) = (self.rng.below(80), 1 + self.rng.below(3));
                self.disk.fail_writes(after, count);
            }
            3 => {
                let room = self.rng.below(200_000);
                self.disk.set_capacity(Some(self.disk.used_bytes() + room));
            }
            _ => {}
        }
    }

    pub(super) fn take_traps_away(&mut self) {
        self.disk.fail_syncs_after(None);
        self.disk.fail_writes(u64::MAX, 0);
        self.disk.set_capacity(None);
    }

    /// The process is killed, or the power fails.
    pub(super) fn die(&mut self) {
        self.stats.crashes += 1;
        let is_power_cut = self.rng.percent(70);
        self.trace.note(
            self.clock_ms,
            "death",
            0,
            u64::from(is_power_cut),
            self.disk.used_bytes(),
        );
        if !is_power_cut {
            self.disk = self.disk.after_kill();
            return;
        }
        self.stats.power_cuts += 1;
        let rng = &mut self.rng;
        self.disk = self.disk.after_crash(&mut |below| rng.index(below));
        for partition in &mut self.partitions {
            // What was not made durable may have survived nevertheless.
            if rng.percent(70) {
                partition.database = partition.durable.clone();
            } else {
                partition.durable = partition.database.clone();
            }
        }
    }

    /// Damages the newest snapshot of a partition where there is an older one that is sound.
    pub(super) fn harm_snapshot(&mut self, index: usize) {
        let limits = self.limits;
        let partition = &mut self.partitions[index];
        let kept = &mut partition.snapshots;
        let has_older = |bytes: &Rc<[u8]>| snapshots::decode(bytes, partition.id, limits).is_ok();
        if kept.len() < 2 || !kept.first().is_some_and(has_older) {
            return;
        }
        let Some(newest) = kept.pop() else {
            return;
        };
        if self.rng.percent(50) {
            self.stats.snapshots_damaged += 1;
            kept.push(snapshots::turn_bit_over(&newest, &mut self.rng));
        } else {
            self.stats.snapshots_lost += 1;
        }
    }
}
