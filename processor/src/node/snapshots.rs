//! Snapshots of members: frozen at once, written once everything they contain is published.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use onsale_schemas::{Offset, PartitionId};

use crate::snapshots::{Cut, CutReply, SnapshotJob};

/// How long a frozen machine waits for its outcomes to be published. Nothing is lost without it.
const PUBLISHED_PATIENCE: Duration = Duration::from_secs(30);

/// Frozen machines that wait.
#[derive(Debug)]
pub(super) struct Pending {
    jobs: Vec<(Instant, SnapshotJob)>,
    to_writer: Sender<SnapshotJob>,
}

impl Pending {
    pub(super) fn new(to_writer: Sender<SnapshotJob>) -> Self {
        Self {
            jobs: Vec::new(),
            to_writer,
        }
    }

    pub(super) fn add(&mut self, cuts: Vec<Cut>, reply: Option<CutReply>) {
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
                if self.to_writer.send(job).is_err() {
                    tracing::error!("the snapshot thread is gone: no snapshots are written");
                }
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
