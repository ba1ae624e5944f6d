//! By which right something is changed, and what is written down about it.

use onsale_schemas::MemberRole;
use uuid::Uuid;

use crate::audit::{Audit, AuditEntry, Unaudited};

/// By which right a person acts. An access token says what held when it was minted, so what outlives the
/// token compares the rows again, in the transaction of what it changes. Of a person that has no account
/// here, whose token another issuer minted, there is nothing to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mandate {
    /// The person.
    pub user_id: Uuid,
    /// The session that it acts in, which has to be live.
    pub session_id: Uuid,
    /// What else has to hold.
    pub requires: Requirement,
    /// When it acts, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What a person has to be for what it does, beside active and in a live session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// Nothing else.
    Account,
    /// Of an address that is known to be its person's.
    OwnsAddress,
    /// An admin of the installation.
    Admin,
    /// A member of this tenant, as one of these.
    Member(Uuid, &'static [MemberRole]),
}

/// To whom rights are given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gain {
    /// Only to a person whose address is known to be its own.
    OfOwner,
    /// To whoever has the account: whoever gives them vouches for the person.
    OfAnyone,
}

/// What is written down about a change, and by which right it is asked for (`None`: the caller vouches
/// for it, as for the command line and for tokens that belong to no session).
#[derive(Clone, PartialEq, Debug)]
pub struct Act {
    /// What is written down.
    pub audit: Audit,
    /// The right.
    pub mandate: Option<Mandate>,
}

impl Act {
    /// An entry about what is done by a right.
    pub fn new(entry: AuditEntry, mandate: Option<Mandate>) -> Self {
        Self {
            audit: entry.into(),
            mandate,
        }
    }
}

impl From<AuditEntry> for Act {
    fn from(entry: AuditEntry) -> Self {
        Self::new(entry, None)
    }
}

impl From<Audit> for Act {
    fn from(audit: Audit) -> Self {
        Self {
            audit,
            mandate: None,
        }
    }
}

impl From<Unaudited> for Act {
    fn from(why: Unaudited) -> Self {
        Self {
            audit: why.into(),
            mandate: None,
        }
    }
}
