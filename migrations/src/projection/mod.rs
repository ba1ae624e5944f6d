//! What the projector hands to the store, and how it becomes rows.

mod batch;
pub(crate) mod bulk;
pub(crate) mod documents;
mod events;
pub(crate) mod plan;
pub(crate) mod run;
mod shows;

pub use batch::ProjectionBatch;
