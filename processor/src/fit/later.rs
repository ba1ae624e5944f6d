//! A database that a later version has migrated.

use onsale_store::Store;

/// Says once that a database belongs to a later version, where it does. It is used all the same: migrations only
/// add.
pub async fn warn_of_later_version(store: &Store) {
    match store.later_migrations().await {
        Ok(later) if later.is_empty() => {}
        Ok(later) => tracing::warn!(
            "the database belongs to a later version of Onsale ({later}), which this one works with: what only \
             that version knows is not done here, and whether it is there is not looked at"
        ),
        Err(error) => tracing::warn!(
            %error,
            "whether the database belongs to a later version of Onsale is not known"
        ),
    }
}
