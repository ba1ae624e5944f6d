//! Frozen machines on their way to the thread that writes them.
//!
//! A disk or database that is slower than the snapshots are due must not pile up copies: of each
//! partition at most one waits, and a newer one takes its place. Snapshots that were asked for wait
//! apart, and a few only.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Cut, CutReply, SnapshotJob};

/// Requests for snapshots that may wait, each with its frozen machines.
pub(crate) const ASKED_QUEUED_MAX: usize = 16;
/// Why another one is refused.
pub(crate) const ASKED_TOO_OFTEN: &str =
    "too many snapshots were asked for and are not written yet; ask again later";

#[derive(Debug, Default)]
struct Waiting {
    /// With their replies.
    asked: VecDeque<(Vec<Cut>, CutReply)>,
    /// At most one of each partition, the longest waiting first.
    due: VecDeque<Cut>,
    has_sender: bool,
    has_receiver: bool,
}

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Queue {
    /// Whatever panicked meanwhile left whole jobs.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that cuts.
#[derive(Debug)]
pub(crate) struct SnapshotSender(Arc<Queue>);

/// The end that writes.
#[derive(Debug)]
pub(crate) struct SnapshotReceiver(Arc<Queue>);

/// Both ends of an empty queue.
pub(crate) fn snapshot_queue() -> (SnapshotSender, SnapshotReceiver) {
    let waiting = Waiting {
        has_sender: true,
        has_receiver: true,
        ..Waiting::default()
    };
    let queue = Arc::new(Queue {
        waiting: Mutex::new(waiting),
        changed: Condvar::new(),
    });
    (SnapshotSender(queue.clone()), SnapshotReceiver(queue))
}

impl SnapshotSender {
    /// Queues frozen machines; never waits.
    pub(crate) fn send(&self, job: SnapshotJob) {
        let mut waiting = self.0.lock();
        if !waiting.has_receiver {
            tracing::error!("the snapshot thread is gone: no snapshots are written any more");
            return;
        }
        match job.reply {
            // The caller may have gone.
            Some(reply) if waiting.asked.len() >= ASKED_QUEUED_MAX => {
                drop(reply.send(Err(ASKED_TOO_OFTEN.to_owned())));
            }
            Some(reply) => waiting.asked.push_back((job.cuts, reply)),
            None => {
                for cut in job.cuts {
                    let partition = cut.machine.id();
                    let mut due = waiting.due.iter_mut();
                    match due.find(|older| older.machine.id() == partition) {
                        Some(older) => *older = cut,
                        None => waiting.due.push_back(cut),
                    }
                }
            }
        }
        drop(waiting);
        self.0.changed.notify_one();
    }
}

impl Drop for SnapshotSender {
    fn drop(&mut self) {
        self.0.lock().has_sender = false;
        self.0.changed.notify_one();
    }
}

impl SnapshotReceiver {
    /// Waits for the next job; `None` once the sender is gone and nothing waits.
    pub(crate) fn recv(&self) -> Option<SnapshotJob> {
        let mut waiting = self.0.lock();
        loop {
            if let Some((cuts, reply)) = waiting.asked.pop_front() {
                let reply = Some(reply);
                return Some(SnapshotJob { cuts, reply });
            }
            if let Some(cut) = waiting.due.pop_front() {
                let cuts = vec![cut];
                return Some(SnapshotJob { cuts, reply: None });
            }
            if !waiting.has_sender {
                return None;
            }
            let woken = self.0.changed.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for SnapshotReceiver {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.has_receiver = false;
        // Callers learn that nothing comes any more.
        waiting.asked.clear();
        waiting.due.clear();
    }
}

#[cfg(test)]
mod tests {
    use onsale_engine::{Limits, Partition};
    use onsale_schemas::PartitionId;
    use tokio::sync::oneshot;

    use super::*;

    fn cut(partition: u16, created_at_ms: u64) -> Cut {
        Cut {
            machine: Partition::new(PartitionId(partition), Limits::default()),
            last_record_checksum: None,
            created_at_ms,
        }
    }

    fn due(partition: u16, created_at_ms: u64) -> SnapshotJob {
        SnapshotJob {
            cuts: vec![cut(partition, created_at_ms)],
            reply: None,
        }
    }

    fn next(receiver: &SnapshotReceiver) -> (u16, u64) {
        let job = receiver.recv().unwrap();
        (job.cuts[0].machine.id().0, job.cuts[0].created_at_ms)
    }

    #[test]
    fn of_each_partition_only_the_newest_waits() {
        let (sender, receiver) = snapshot_queue();
        for at_ms in 0..1_000 {
            sender.send(due(0, at_ms));
            sender.send(due(1, at_ms));
        }
        assert_eq!(sender.0.lock().due.len(), 2);
        assert_eq!((next(&receiver), next(&receiver)), ((0, 999), (1, 999)));
        sender.send(due(1, 1_000));
        drop(sender);
        assert_eq!(next(&receiver), (1, 1_000));
        assert!(receiver.recv().is_none());
    }

    #[test]
    fn what_was_asked_for_comes_first_and_is_refused_beyond_a_few() {
        let (sender, receiver) = snapshot_queue();
        sender.send(due(0, 1));
        let mut answers = Vec::new();
        for _ in 0..=ASKED_QUEUED_MAX {
            let (reply, answer) = oneshot::channel();
            let reply = Some(reply);
            let cuts = vec![cut(0, 2)];
            sender.send(SnapshotJob { cuts, reply });
            answers.push(answer);
        }
        let refused = answers.pop().unwrap().try_recv().unwrap();
        assert_eq!(refused, Err(ASKED_TOO_OFTEN.to_owned()));
        for _ in 0..ASKED_QUEUED_MAX {
            assert_eq!(next(&receiver), (0, 2));
        }
        assert_eq!(next(&receiver), (0, 1));
        drop(receiver);
        sender.send(due(0, 3));
        assert_eq!(sender.0.lock().due.len(), 0);
    }
}
