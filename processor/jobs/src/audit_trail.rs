//! What housekeeping does for the audit trail: its months ahead of time, and entries of a version without
//! chains.

use onsale_store::{Store, StoreError};

use crate::attempt::Attempt;

/// Creates the parts of the months to come, and links entries that no link names; returns how many it
/// linked. Each transaction links some and begins where the one before it ended, so a worker that dies
/// leaves nothing to be done again.
pub(crate) async fn keep(store: &Store, attempt: &Attempt) -> Result<u64, StoreError> {
    // Entries go into the part for all other months until the next hour.
    if let Err(error) = store.make_audit_months().await {
        tracing::warn!(%error, "the next months of the audit trail are not there yet");
    }
    let mut linked = 0;
    loop {
        let more = store.link_older_audit().await?;
        linked += more;
        if more == 0 {
            return Ok(linked);
        }
        attempt.note_progress(format!("{linked} older entries of the audit trail linked"));
    }
}
