//! The months of the audit trail: of those to come at each start, and of what a projection writes.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use onsale_store::Store;
use onsale_store::projection::ProjectionBatch;
use tokio::time::Instant;

/// Milliseconds of a day. A new day may be that of a new month.
const DAY_MS: u64 = 86_400_000;
/// How long a projection goes on without months that could not be created: each try may wait for a lock.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Creates the parts of the audit trail for the months to come. Where that fails entries go into the part
/// for all others, and housekeeping tries again within the hour.
pub async fn make(store: &Store) {
    match store.make_audit_months().await {
        Ok(0) => {}
        Ok(months) => tracing::info!(months, "months of the audit trail created"),
        Err(error) => {
            tracing::warn!(%error, "the next months of the audit trail are not there yet");
        }
    }
}

/// The months that were created for what is projected. A database that is filled from the log gets entries of long
/// ago, and a month that the part for all others has an entry of never gets a part of its own.
#[derive(Debug, Default)]
pub(crate) struct MonthsMade(Mutex<Made>);

#[derive(Debug, Default)]
struct Made {
    /// Whose months are there.
    days: BTreeSet<u64>,
    /// When it last failed.
    failed_at: Option<Instant>,
}

impl Made {
    /// The days of a batch whose months may be missing; none for a while after it failed.
    fn missing(&self, batch: &ProjectionBatch) -> BTreeSet<u64> {
        let is_pausing = |failed_at: Instant| failed_at.elapsed() < RETRY_AFTER;
        if self.failed_at.is_some_and(is_pausing) {
            return BTreeSet::new();
        }
        let outcomes = batch.outcomes.iter();
        let days = outcomes.map(|outcome| outcome.log_time_ms / DAY_MS);
        days.filter(|day| !self.days.contains(day)).collect()
    }
}

impl MonthsMade {
    /// Creates the months of a batch where they may be missing. Where that fails its entries go into the part for
    /// all others.
    pub(crate) async fn make_for(&self, store: &Store, batch: &ProjectionBatch) {
        let days = self.made().missing(batch);
        if days.is_empty() {
            return;
        }
        let times_ms: Vec<u64> = days.iter().map(|day| day * DAY_MS).collect();
        let made = store.make_audit_months_of(&times_ms).await;
        let mut known = self.made();
        match made {
            Ok(_) => {
                known.days.extend(days);
                known.failed_at = None;
            }
            Err(error) => {
                known.failed_at = Some(Instant::now());
                tracing::debug!(%error, "the months of the audit trail are not there yet");
            }
        }
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
