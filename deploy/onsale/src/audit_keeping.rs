//! For how long the database keeps entries of the audit trail, whatever a node asks it to delete.

use onsale_store::Store;
use onsale_store::audit::Actor;
use onsale_store::retention::RetentionConfig;

/// Writes down for how long, at a start. A role that does not own the tables may not, and keeps to what
/// `onsale migrate` wrote down last.
pub(crate) async fn write_down(store: &Store, config: &RetentionConfig) {
    let days = config.audit_days();
    match store.keep_audit_days(days, &Actor::node()).await {
        Ok(true) => {}
        Ok(false) => tracing::info!(
            "the database keeps entries of the audit trail for another time than \
             retention.audit_years says: run `onsale migrate` as the owner of the tables"
        ),
        Err(error) => {
            tracing::warn!(%error, "for how long the audit trail is kept was not written down");
        }
    }
}
