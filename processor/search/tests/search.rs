//! The index as its users see it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test reports"
)]

#[path = "search/bounds.rs"]
mod bounds;
#[path = "search/changes.rs"]
mod changes;
#[path = "search/naive.rs"]
mod naive;
#[path = "search/relevance.rs"]
mod relevance;
#[path = "search/suggestions.rs"]
mod suggestions;
#[path = "search/support.rs"]
mod support;
