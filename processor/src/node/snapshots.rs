//! Snapshots of members: frozen at once, written once everything they contain is published.

use std::time::{Duration, Instant};

use onsale_schemas::{Offset, PartitionId};

use crate::snapshots::{
    ASKED_QUEUED_MAX, ASKED_TOO_OFTEN, Cut, CutReply, SnapshotJob, SnapshotSender,
};

/// How long a frozen machine waits for its outcomes to be published. Nothing is lost without it.
const PUBLISHED_PATIENCE: Duration = Duration::from_secs(30);

/// Frozen machines whose outcomes are not all published: one of each partition, and those that were
/// asked for.
#[derive(Debug)]
pub(super) struct Unpublished {
    jobs: Vec<(Instant, SnapshotJob)>,
    to_writer: SnapshotSender,
}

impl Unpublished {
    pub(super) fn new(to_writer: SnapshotSender) -> Self {
        Self {
            jobs: Vec::new(),
            to_writer,
        }
    }

    /// Takes machines that were just frozen. While one of a partition waits, a newer one is left out:
    /// replaced again and again, none would ever be published in time.
    pub(super) fn add(&mut self, mut cuts: Vec<Cut>, reply: Option<CutReply>) {
        let is_asked = |(_, job): &&(Instant, SnapshotJob)| job.reply.is_some();
        if let Some(reply) = reply {
            if self.jobs.iter().filter(is_asked).count() >= ASKED_QUEUED_MAX {
                // The caller may have gone.
                drop(reply.send(Err(ASKED_TOO_OFTEN.to_owned())));
                return;
            }
            self.push(cuts, Some(reply));
            return;
        }
        let due = self.jobs.iter().filter(|job| !is_asked(job));
        let waiting: Vec<PartitionId> = due
            .flat_map(|(_, job)| &job.cuts)
            .map(|cut| cut.machine.id())
            .collect();
        cuts.retain(|cut| !waiting.contains(&cut.machine.id()));
        if !cuts.is_empty() {
            self.push(cuts, None);
        }
    }

    fn push(&mut self, cuts: Vec<Cut>, reply: Option<CutReply>) {
        let deadline = Instant::now() + PUBLISHED_PATIENCE;
        self.jobs.push((deadline, SnapshotJob { cuts, reply }));
    }

    /// Passes on what is published by now: a snapshot that contains an outcome that was not
    /// published could never publish it.
    pub(super) fn release(&mut self, published: impl Fn(PartitionId) -> Option<Offset>) {
        if self.jobs.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut waiting = Vec::new();
        for (deadline, job) in self.jobs.drain(..) {
            let is_published = |cut: &Cut| {
                let last = cut.machine.last_outcome();
                last.is_none() || last <= published(cut.machine.id())
            };
            if job.cuts.iter().all(is_published) {
                self.to_writer.send(job);
            } else if now > deadline {
                let why = "outcomes are not published; ask again once the topic takes them";
                match job.reply {
                    // The caller may have gone.
                    Some(reply) => drop(reply.send(Err(why.to_owned()))),
                    None => tracing::warn!("no snapshot: {why}"),
                }
            } else {
                waiting.push((deadline, job));
            }
        }
        self.jobs = waiting;
    }
}
