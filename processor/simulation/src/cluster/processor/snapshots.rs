//! Snapshots of members, on a disk that may be slow or full.

use std::rc::Rc;

use onsale_engine::{Limits, Partition as Machine};
use onsale_processor::recovery::checksum;
use onsale_schemas::Offset;

use super::Slot;
use crate::cluster::broker::Partition;
use crate::cluster::events::Event;
use crate::cluster::world::{Step, World};
use crate::snapshots::{self, Cut};

impl World {
    /// A snapshot is written once the topic has all outcomes that it contains.
    pub(super) fn write_snapshots(
        &mut self,
        node: usize,
        partition: usize,
        slot: &mut Slot,
    ) -> Step {
        if slot.cuts.is_empty() {
            return Ok(());
        }
        let published = slot.member.status().published;
        let is_ready = |cut: &Cut| cut.machine.last_outcome() <= published;
        let ready = slot.cuts.iter().take_while(|cut| is_ready(cut)).count();
        for cut in slot.cuts.drain(..ready) {
            let bytes = snapshots::encode(&cut)?;
            let processor = &self.processors[node];
            let life = processor.life;
            let longest_ms = if processor.is_disk_slow { 4_000 } else { 30 };
            self.stats.slow_snapshots += u64::from(processor.is_disk_slow);
            let at_ms = self.now_ms + 1 + self.rng.below(longest_ms);
            let event = Event::SnapshotWritten {
                node,
                life,
                partition,
                bytes,
            };
            self.queue.plan(at_ms, event);
        }
        Ok(())
    }

    pub(in crate::cluster) fn keep_snapshot(
        &mut self,
        node: usize,
        life: u64,
        partition: usize,
        bytes: Rc<[u8]>,
    ) {
        let processor = &mut self.processors[node];
        if !processor.is_up || processor.life != life {
            return;
        }
        if processor.disk_full_until_ms > self.now_ms {
            self.stats.disk_full += 1;
        } else {
            self.stats.snapshots += 1;
            let kept = &mut processor.disk[partition];
            kept.push(Rc::clone(&bytes));
            let surplus = kept.len().saturating_sub(snapshots::KEPT);
            kept.drain(..surplus);
        }
        if self.database_down_until_ms <= self.now_ms {
            self.databases[partition].snapshot = Some(bytes);
        }
    }
}

/// The machine of a snapshot that fits the log and the topic.
pub(super) fn restore(
    bytes: &[u8],
    partition: &Partition,
    published: Option<Offset>,
    limits: Limits,
) -> Result<Machine, String> {
    let (header, machine) = snapshots::decode(bytes, partition.id, limits)?;
    if header.last_outcome > published {
        return Err("ahead of the topic".to_owned());
    }
    let last = header
        .next_offset
        .checked_sub(1)
        .map(|last| partition.entry(last).ok_or("ahead of the log"))
        .transpose()?;
    if last.map(|entry| checksum(entry.payload)) != header.last_record_checksum {
        return Err("after another record".to_owned());
    }
    Ok(machine)
}

pub(super) fn cut(partition: &Partition, slot: &mut Slot) {
    let Some(machine) = slot.member.machine_to_keep().cloned() else {
        return;
    };
    let last = machine.next_offset().checked_sub(1);
    let last_record_checksum = last
        .and_then(|last| partition.entry(last))
        .map(|entry| checksum(entry.payload));
    slot.cuts.push(Cut {
        machine,
        last_record_checksum,
    });
}
