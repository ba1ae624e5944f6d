//! How far the projection is, asked of the database by one poller on behalf of everyone who waits.
//!
//! An ingress of the distributed mode starts a live view from the database, once the projection has
//! come as far as the ingress itself has read. It waits for the same watermark before it reads back
//! what a buyer was answered, by whichever ingress: all of them see all outcomes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use onsale_processor::offsets::Offsets;
use onsale_schemas::{Offset, PartitionId};
use onsale_store::Store;
use onsale_store::booking::projected_offset;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Between two looks while no caller waits.
const IDLE: Duration = Duration::from_millis(250);
/// Between two looks while a caller waits.
const BUSY: Duration = Duration::from_millis(3);
/// Pause between two polls while the database does not answer.
const UNREACHABLE: Duration = Duration::from_millis(500);

/// The watermarks of all partitions.
#[derive(Debug)]
pub struct Watermarks {
    offsets: Offsets,
    waiting: Arc<AtomicUsize>,
    wake: Arc<Notify>,
    unreachable: Arc<AtomicBool>,
}

impl Watermarks {
    /// Starts the poller, which works until `stop`.
    pub fn start(store: Store, partitions: u16, stop: CancellationToken) -> Self {
        let (sender, offsets) = Offsets::channel(vec![0; usize::from(partitions)]);
        let watermarks = Self {
            offsets,
            waiting: Arc::default(),
            wake: Arc::default(),
            unreachable: Arc::default(),
        };
        let (waiting, wake) = (watermarks.waiting.clone(), watermarks.wake.clone());
        let unreachable = watermarks.unreachable.clone();
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                let pause = match store.watermarks().await {
                    Ok(marks) => {
                        unreachable.store(false, Ordering::Relaxed);
                        let all = (0..partitions)
                            .map(|partition| projected_offset(&marks, PartitionId(partition)));
                        let all: Vec<Offset> = all.collect();
                        sender.send_if_modified(|offsets| {
                            let is_new = *offsets != all;
                            *offsets = all;
                            is_new
                        });
                        let busy = waiting.load(Ordering::Relaxed) > 0;
                        if busy { BUSY } else { IDLE }
                    }
                    Err(error) => {
                        if !unreachable.swap(true, Ordering::Relaxed) {
                            tracing::warn!(%error, "the database does not answer; sales go on");
                        }
                        UNREACHABLE
                    }
                };
                // Only the pause is cut short, never a call of the database.
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = wake.notified(), if pause == IDLE => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
        watermarks
    }

    /// Every record of the partition before this offset is in the database, as last seen.
    pub fn offset(&self, partition: PartitionId) -> Offset {
        self.offsets.of(partition)
    }

    /// False while the database does not answer.
    pub fn is_reachable(&self) -> bool {
        !self.unreachable.load(Ordering::Relaxed)
    }

    /// Waits until the record at `offset` is in the database; false when that takes too long.
    pub async fn wait_for(
        &self,
        partition: PartitionId,
        offset: Offset,
        patience: Duration,
    ) -> bool {
        let _waiting = Waiting::new(&self.waiting);
        self.wake.notify_one();
        self.offsets.wait_for(partition, offset, patience).await
    }
}

/// Counts a waiting caller, until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
