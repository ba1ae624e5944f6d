//! What a token allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Buyer,
        Self::Organizer,
        Self::Admin,
        Self::Service,
        Self::Operator,
        Self::Platform,
    ];

    /// Its name in tokens and flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Organizer => "organizer",
            Self::Admin => "admin",
            Self::Service => "service",
            Self::Operator => "operator",
            Self::Platform => "platform",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no role of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no role {0:?}")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or_else(|| UnknownRole(name.to_owned()))
    }
}
