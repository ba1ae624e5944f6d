//! What a token allows.

use serde::Deserialize;

/// What a token allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Buys tickets.
    Buyer,
    /// Sells tickets for events of their own.
    Organizer,
    /// Manages a tenant: everything of it, and nothing of another.
    Admin,
    /// A service that works for one tenant, such as its payments.
    Service,
    /// Runs the installation: nodes, snapshots, repairs, and every tenant's catalog.
    Operator,
    /// A service of the installation's own that works for every tenant.
    Platform,
}
