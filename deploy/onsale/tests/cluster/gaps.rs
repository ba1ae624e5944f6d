//! The longest time without an answer from the log, per partition.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(crate) struct Gaps {
    start: Instant,
    partitions: Vec<Partition>,
}

#[derive(Default)]
struct Partition {
    answers: AtomicU64,
    last_us: AtomicU64,
    longest_us: AtomicU64,
}

impl Gaps {
    pub(crate) fn new(partitions: usize) -> Self {
        Self {
            start: Instant::now(),
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
        }
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap()
    }

    /// The log answered a request of this partition.
    pub(crate) fn answered(&self, partition: usize) {
        let now = self.now_us();
        let of = &self.partitions[partition];
        let last = of.last_us.fetch_max(now, Ordering::Relaxed);
        of.longest_us
            .fetch_max(now.saturating_sub(last), Ordering::Relaxed);
        of.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets what was before.
    pub(crate) fn reset(&self) {
        for of in &self.partitions {
            of.longest_us.store(0, Ordering::Relaxed);
        }
    }

    /// The longest gap of each partition since the last reset, that were closed by an answer.
    pub(crate) fn longest(&self) -> Vec<Duration> {
        self.partitions
            .iter()
            .map(|of| Duration::from_micros(of.longest_us.load(Ordering::Relaxed)))
            .collect()
    }

    /// Answers of each partition so far.
    pub(crate) fn answers(&self) -> Vec<u64> {
        self.partitions
            .iter()
            .map(|of| of.answers.load(Ordering::Relaxed))
            .collect()
    }
}
