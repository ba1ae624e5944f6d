//! What a person is to a tenant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a member of a tenant does there. Tokens and rows carry its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Everything, and who else belongs to it.
    Owner,
    /// Events, shows, prices, the team below.
    Manager,
    /// Payments, refunds, reports.
    Finance,
    /// Sells and cancels for buyers at the counter.
    BoxOffice,
    /// Checks tickets at the door.
    Scanner,
}

impl MemberRole {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Owner,
        Self::Manager,
        Self::Finance,
        Self::BoxOffice,
        Self::Scanner,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Manager => "manager",
            Self::Finance => "finance",
            Self::BoxOffice => "box_office",
            Self::Scanner => "scanner",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for MemberRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no role of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?}: expected owner, manager, finance, box_office or scanner")]
pub struct UnknownMemberRole(String);

impl FromStr for MemberRole {
    type Err = UnknownMemberRole;

    fn from_str(name: &str) -> Result<Self, UnknownMemberRole> {
        Self::parse(name).ok_or_else(|| UnknownMemberRole(name.to_owned()))
    }
}
