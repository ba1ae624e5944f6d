//! Publishers of members: what they have sent arrives late, in part, or never.

use std::collections::VecDeque;

use onsale_processor::member::Publication;
use onsale_processor::replica::ReplicaRole;
use xxhash_rust::xxh3::xxh3_64;

use super::{Alive, Slot};
use crate::cluster::events::Event;
use crate::cluster::world::{Step, World};

/// Longest time after which what a dead publisher had sent still arrives, in milliseconds.
const LATE_FLUSH_MAX_MS: u64 = 3_000;

impl World {
    pub(super) fn send_outcomes(
        &mut self,
        node: usize,
        partition: usize,
        slot: &mut Slot,
        outcomes: Vec<Publication>,
    ) {
        if slot.member.role() == ReplicaRole::Follower {
            self.stats.published_by_followers += outcomes.len() as u64;
        }
        slot.outgoing.extend(outcomes);
        if !slot.is_flush_planned {
            slot.is_flush_planned = true;
            self.plan_flush(node, partition, slot.session);
        }
    }

    fn plan_flush(&mut self, node: usize, partition: usize, session: u64) {
        let processor = &self.processors[node];
        let from_ms = self
            .now_ms
            .max(processor.cut_until_ms)
            .max(processor.paused_until_ms)
            .max(self.topic_stalled_until_ms);
        let at_ms = from_ms + self.latency();
        let event = Event::Flush {
            node,
            partition,
            session,
        };
        self.queue.plan(at_ms, event);
    }

    /// A publisher sends the first of what it has, in order.
    pub(in crate::cluster) fn flush(
        &mut self,
        node: usize,
        partition: usize,
        session: u64,
    ) -> Step {
        let processor = &self.processors[node];
        let is_held_up = processor
            .cut_until_ms
            .max(processor.paused_until_ms)
            .max(self.topic_stalled_until_ms)
            > self.now_ms;
        let Some(slot) = self.processors[node].slots[partition]
            .as_mut()
            .filter(|slot| slot.session == session)
        else {
            return Ok(());
        };
        let count = 1 + self.rng.index(slot.outgoing.len());
        let items: Vec<Publication> = if is_held_up {
            Vec::new()
        } else {
            slot.outgoing
                .drain(..count.min(slot.outgoing.len()))
                .collect()
        };
        slot.is_flush_planned = !slot.outgoing.is_empty();
        if slot.is_flush_planned {
            self.plan_flush(node, partition, session);
        }
        self.publish(partition, items)
    }

    pub(in crate::cluster) fn publish(
        &mut self,
        partition: usize,
        items: Vec<Publication>,
    ) -> Step {
        for item in items {
            self.trace.note(
                self.now_ms,
                "outcome",
                partition,
                item.offset,
                xxh3_64(&item.payload) ^ item.digest,
            );
            let repeated = self.partitions[partition]
                .publish(item)
                .map_err(|why| format!("partition {partition}: {why}"))?;
            self.stats.repeats_in_topic += u64::from(repeated);
        }
        Ok(())
    }

    /// A publisher fails and is replaced; the tail of the topic is read again.
    pub(in crate::cluster) fn fail_publisher(&mut self, node: usize, partition: usize) -> Step {
        let processor = &self.processors[node];
        if processor.cut_until_ms.max(processor.paused_until_ms) > self.now_ms {
            return Ok(());
        }
        let clock_ms = self.now_ms + processor.clock_ahead_ms;
        let Some(mut slot) = self.processors[node].slots[partition].take() else {
            return Ok(());
        };
        self.stats.publishers_failed += 1;
        self.leave_late(partition, std::mem::take(&mut slot.outgoing));
        slot.session = self.next_session();
        slot.is_flush_planned = false;
        let from = &self.partitions[partition];
        let published = from.tail_end();
        if self.rng.percent(50) {
            // Its reader starts again as well.
            slot.cursor = from.topic.len();
        }
        let mut actions = Vec::new();
        slot.member
            .on_publish_failed(published, clock_ms, &mut actions);
        let alive = self.perform(node, partition, &mut slot, &mut actions)?;
        self.processors[node].slots[partition] = Some(slot);
        if alive == Alive::No {
            self.stats.crashes_between_actions += 1;
            self.kill_processor(node);
        }
        Ok(())
    }

    /// Part of what a publisher had sent may still arrive.
    pub(super) fn leave_late(&mut self, partition: usize, outgoing: VecDeque<Publication>) {
        let count = self.rng.index(outgoing.len() + 1);
        if count > 0 && self.rng.percent(60) {
            let items = outgoing.into_iter().take(count).collect();
            let at_ms = self.now_ms + self.rng.below(LATE_FLUSH_MAX_MS);
            self.queue
                .plan(at_ms, Event::LateFlush { partition, items });
        }
    }
}
