//! Accounts and what belongs to them, one fact a file.

mod erasure;
mod lookup_key;
mod members;
mod one_time_tokens;
mod resealing;
mod sessions;
mod tenants;
mod users;

pub use resealing::{OldValue, Resealed, SealedColumn};
pub use sessions::Decided;
