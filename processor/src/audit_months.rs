//! The months of the audit trail, at each start.

use onsale_store::Store;

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
