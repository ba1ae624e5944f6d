//! The months of the audit trail: of those to come at each start, and of what a projection writes.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use onsale_store::Store;
use onsale_store::projection::ProjectionBatch;

/// Milliseconds of a day. A new day may be that of a new month.
const DAY_MS: u64 = 86_400_000;

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

/// The days whose months are there. A database that is filled from the log gets entries of long ago, and a month
/// that the part for all others has an entry of never gets a part of its own.
#[derive(Debug, Default)]
pub(crate) struct MonthsMade(Mutex<BTreeSet<u64>>);

impl MonthsMade {
    /// Creates the months of a batch where they may be missing. Where that fails its entries go into the part for
    /// all others.
    pub(crate) async fn make_for(&self, store: &Store, batch: &ProjectionBatch) {
        let Some((first_ms, last_ms)) = times(batch) else {
            return;
        };
        let days = [first_ms / DAY_MS, last_ms / DAY_MS];
        if days.iter().all(|day| self.days().contains(day)) {
            return;
        }
        match store.make_audit_months_of(first_ms, last_ms).await {
            Ok(_) => self.days().extend(days),
            Err(error) => {
                tracing::debug!(%error, "the months of the audit trail are not there yet");
            }
        }
    }

    fn days(&self) -> std::sync::MutexGuard<'_, BTreeSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the first and the last of its outcomes were.
fn times(batch: &ProjectionBatch) -> Option<(u64, u64)> {
    let first = batch.outcomes.first()?;
    let last = batch.outcomes.last()?;
    Some((first.log_time_ms, last.log_time_ms))
}
