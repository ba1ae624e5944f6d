//! The linear check: a log replayed record by record through the model, its outcomes compared.

mod checker;
mod claims;
mod context;
mod ledger;
mod orders;
mod summary;

pub use checker::{Checker, Difference, Finding};
pub use context::{CONTEXT_RECORDS, ContextRecord};
#[cfg(feature = "worlds")]
pub(crate) use ledger::Ledger;
pub use summary::Summary;
