//! Whether the database keeps tenants apart too, or the program alone.

use onsale_store::Store;

/// What to do where it does not.
pub(crate) const ADVICE: &str = "connect as a role without SUPERUSER and BYPASSRLS \
     (deploy/README.md, Roles of PostgreSQL)";

/// What is the matter, where the program is bound by no policy of PostgreSQL's. A database that does not answer
/// has other problems.
pub(crate) async fn problem(store: &Store) -> Option<String> {
    let role = store.role_beyond_policies().await.ok().flatten()?;
    Some(format!(
        "row-level security does not bind the role {role}: tenants are kept apart by the program alone"
    ))
}

/// Says so in the log, once at the start.
pub(crate) async fn report(store: &Store) {
    if let Some(problem) = problem(store).await {
        tracing::warn!("{problem}; {ADVICE}");
    }
}
