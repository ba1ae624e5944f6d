//! Accounts and what belongs to them, one fact a file.

mod address_changes;
mod admins;
mod answers;
mod api_keys;
mod branding;
mod challenges;
mod erasure;
mod factors;
mod guests;
mod identities;
mod invitations;
mod link_tries;
mod listed_tenants;
mod listed_users;
mod lookup_key;
mod mandate;
mod members;
mod notices;
mod one_time_tokens;
mod proofs;
mod reads;
mod resealing;
mod reset_requests;
mod rights;
mod roles;
mod sessions;
mod tenants;
mod users;

pub use api_keys::{API_KEYS_PER_TENANT_MAX, KEPT_API_KEYS_PER_TENANT_MAX};
pub use invitations::INVITATIONS_PER_TENANT_MAX;
pub use resealing::{OldValue, Resealed, SealedColumn};
pub use sessions::Decided;
