//! Snapshots of members: frozen at once, written once everything they contain is published.

use std::time::{Duration, Instant};

use onsale_schemas::{Offset, PartitionId};

use crate::snapshots::{
    ASKED_QUEUED_MAX, ASKED_TOO_OFTEN, Cut, CutReply, SnapshotJob, SnapshotSender,
};

/// How long a frozen machine waits for its outcomes to be published. Nothing is lost without it.
const PUBLISHED_PATIENCE: Duration = Duration::from_secs(30);
const UNPUBLISHED: &str = "outcomes are not published; ask again once the topic takes them";

/// Frozen machines whose outcomes are not all published: one of each partition, and those that were
/// asked for.
#[derive(Debug)]
pub(super) struct Unpublished {
    asked: Vec<Asked>,
    /// At most one of each partition.
    due: Vec<Due>,
    to_writer: SnapshotSender,
}

/// Machines that were frozen for a caller.
#[derive(Debug)]
struct Asked {
    cuts: Vec<Cut>,
    reply: CutReply,
    deadline: Instant,
}

/// A machine that was frozen because it was time to.
#[derive(Debug)]
struct Due {
    cut: Cut,
    /// A newer one takes its place until then. Replaced again and again, none would be published
    /// where publishing lags behind by more than the time from one to the next.
    replaced_until: Instant,
    deadline: Instant,
}

impl Unpublished {
    pub(super) fn new(to_writer: SnapshotSender) -> Self {
        Self {
            asked: Vec::new(),
            due: Vec::new(),
            to_writer,
        }
    }

    /// Takes machines that were just frozen for a caller.
    pub(super) fn add_asked(&mut self, cuts: Vec<Cut>, reply: CutReply) {
        if self.asked.len() >= ASKED_QUEUED_MAX {
            // The caller may have gone.
            drop(reply.send(Err(ASKED_TOO_OFTEN.to_owned())));
            return;
        }
        self.asked.push(Asked {
            cuts,
            reply,
            deadline: Instant::now() + PUBLISHED_PATIENCE,
        });
    }

    /// Takes a machine that was just frozen. It replaces the one of its partition that waits, which
    /// would be older already when it is written.
    pub(super) fn add_due(&mut self, cut: Cut) {
        self.add_due_at(cut, Instant::now());
    }

    fn add_due_at(&mut self, cut: Cut, now: Instant) {
        let deadline = now + PUBLISHED_PATIENCE;
        let partition = cut.machine.id();
        let mut due = self.due.iter_mut();
        match due.find(|older| older.cut.machine.id() == partition) {
            Some(older) if now < older.replaced_until => {
                older.cut = cut;
                older.deadline = deadline;
            }
            Some(_) => {}
            None => self.due.push(Due {
                cut,
                replaced_until: deadline,
                deadline,
            }),
        }
    }

    /// Passes on what is published by now: a snapshot that contains an outcome that was not
    /// published could never publish it.
    pub(super) fn release(&mut self, published: impl Fn(PartitionId) -> Option<Offset>) {
        if self.asked.is_empty() && self.due.is_empty() {
            return;
        }
        let now = Instant::now();
        let is_published = |cut: &Cut| {
            let last = cut.machine.last_outcome();
            last.is_none() || last <= published(cut.machine.id())
        };
        for asked in std::mem::take(&mut self.asked) {
            if asked.cuts.iter().all(is_published) {
                let (cuts, reply) = (asked.cuts, Some(asked.reply));
                self.to_writer.send(SnapshotJob { cuts, reply });
            } else if now > asked.deadline {
                // The caller may have gone.
                drop(asked.reply.send(Err(UNPUBLISHED.to_owned())));
            } else {
                self.asked.push(asked);
            }
        }
        for due in std::mem::take(&mut self.due) {
            if is_published(&due.cut) {
                let cuts = vec![due.cut];
                self.to_writer.send(SnapshotJob { cuts, reply: None });
            } else if now > due.deadline {
                tracing::warn!("no snapshot: {UNPUBLISHED}");
            } else {
                self.due.push(due);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::OpenShow;
    use onsale_schemas::{
        Command, Entry, Envelope, EventId, OutcomeRecord, RequestId, ShowId, codec,
    };

    use super::*;
    use crate::snapshots::{SnapshotReceiver, snapshot_queue};

    const PARTITION: PartitionId = PartitionId(0);

    /// A machine with this number of records, each with an outcome.
    fn cut(records: u64) -> Cut {
        let mut machine = crate::replay::genesis(PARTITION);
        for offset in 0..records {
            let command = Command::OpenShow(OpenShow {
                show: ShowId::from_bytes([1; 16]),
                event: EventId::from_bytes([2; 16]),
                max_tickets_per_user: 3,
                sale_opens_at_ms: 0,
                sale_closes_at_ms: 1,
                hold_ms: 40,
                zones: Vec::new(),
            });
            let envelope = Envelope {
                request_id: Some(RequestId(uuid::Uuid::from_u64_pair(0, offset))),
                ..Envelope::machine(command)
            };
            let payload = codec::encode(&envelope).unwrap();
            let entry = Entry {
                offset,
                log_time_ms: 1_000,
                payload: &payload,
            };
            let mut outcomes = Vec::<OutcomeRecord>::new();
            machine.apply(entry, &mut outcomes);
            assert_eq!(machine.last_outcome(), Some(offset));
        }
        Cut::of(&machine, None)
    }

    fn queue() -> (Unpublished, SnapshotReceiver) {
        let (sender, receiver) = snapshot_queue();
        (Unpublished::new(sender), receiver)
    }

    /// Where the machines stand that were passed on.
    fn passed_on(unpublished: Unpublished, receiver: &SnapshotReceiver) -> Vec<Offset> {
        drop(unpublished);
        std::iter::from_fn(|| receiver.recv())
            .map(|job| job.cuts[0].machine.next_offset())
            .collect()
    }

    #[test]
    fn a_newer_one_takes_the_place_of_the_one_that_waits() {
        let (mut unpublished, receiver) = queue();
        unpublished.add_due(cut(2));
        unpublished.release(|_| Some(0));
        unpublished.add_due(cut(5));
        unpublished.release(|_| Some(3));
        assert_eq!(unpublished.due.len(), 1, "the newer one is not published");
        unpublished.release(|_| Some(4));
        assert_eq!(passed_on(unpublished, &receiver), [5]);
    }

    #[test]
    fn one_that_is_replaced_again_and_again_stays_in_the_end() {
        let (mut unpublished, receiver) = queue();
        let began = Instant::now();
        for records in 1..=10 {
            let at = began + PUBLISHED_PATIENCE / 4 * u32::try_from(records - 1).unwrap();
            unpublished.add_due_at(cut(records), at);
        }
        // The fifth would have come when the first had waited for all of its time.
        unpublished.release(|_| Some(3));
        assert_eq!(passed_on(unpublished, &receiver), [4]);
    }
}
