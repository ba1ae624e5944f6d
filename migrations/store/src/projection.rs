//! What the projector hands to the store, and how it becomes rows.

mod batch;
pub(crate) mod bulk;
mod changes;
mod codes;
pub(crate) mod documents;
mod events;
mod growth;
pub(crate) mod plan;
mod retired;
pub(crate) mod run;
mod shows;
mod sweep;
pub(crate) mod trail;

pub use batch::ProjectionBatch;
