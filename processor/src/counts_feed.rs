//! Feeds Redis with counts for the precheck of several ingress nodes.
//!
//! The projector reports every batch that it committed, which only changes a few numbers in memory.
//! A task of its own writes them: dirty ones together, tickets of buyers before the places that vouch
//! for them, each with the position that it is as of. Whatever Redis misses is dirty still; when it
//! was emptied, everything is. So Redis never holds the projector back, and several projectors may
//! feed one Redis: the newer version stays.

mod buyers;
mod fold;
mod task;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onsale_counts::Counts;
use onsale_store::Store;
use onsale_store::projection::ProjectionBatch;
use tokio::sync::watch;

use fold::Fold;
pub use task::CountsTask;

/// The projector's end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CountsFeed {
    shared: Arc<FeedState>,
    wake: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct FeedState {
    fold: Mutex<Fold>,
}

impl FeedState {
    fn fold(&self) -> MutexGuard<'_, Fold> {
        // A fold left half-way would be repaired by the next seed; it never panics.
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CountsFeed {
    /// A feed, and the task that writes: run it until every clone of the feed is gone.
    pub fn new(store: Store, counts: Counts) -> (Self, CountsTask) {
        let shared = Arc::new(FeedState::default());
        let (wake, woken) = watch::channel(());
        let task = CountsTask::new(store, counts, shared.clone(), woken);
        (Self { shared, wake }, task)
    }

    /// Takes a batch into account that is in the store. Each partition's batches in order; what came
    /// before is left out, and a gap begins everything of the partition again.
    pub fn projected(&self, batch: &ProjectionBatch) {
        self.shared.fold().apply(batch);
        // The task is gone only when the process stops.
        let _ = self.wake.send(());
    }
}
