//! Kinds of jobs as flags name them.

use anyhow::anyhow;
use onsale_store::Store;

use crate::exit::{Failure, OrFail};

/// Refuses a kind of which there is no job: one that is misspelt would seem to have nothing to do.
pub(super) async fn check(store: &Store, kind: &str) -> Result<(), Failure> {
    let counts = store.job_counts().await.or_reach()?;
    if counts.iter().any(|count| count.kind == kind) {
        return Ok(());
    }
    let mut kinds: Vec<&str> = counts.iter().map(|count| count.kind.as_str()).collect();
    kinds.dedup();
    let kinds = if kinds.is_empty() {
        "none".to_owned()
    } else {
        kinds.join(", ")
    };
    Err(Failure::Use(anyhow!(
        "there is no job of kind {kind:?}; there are jobs of these kinds: {kinds}"
    )))
}
