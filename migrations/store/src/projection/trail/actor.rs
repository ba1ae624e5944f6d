//! Who asked for what the log decided.

use onsale_schemas::{Asker, UserId};
use uuid::Uuid;

/// The role of what nobody asked for: a hold that has run out.
pub(super) const LOG: &str = "log";
/// The role of who asked for what is not written down with its outcome.
pub(super) const UNKNOWN: &str = "unknown";
const BUYER: &str = "buyer";
/// Staff of a tenant, the installation's own, or a service: the log does not say which.
pub(super) const STAFF: &str = "staff";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ActorOf {
    pub(super) id: Option<Uuid>,
    pub(super) role: &'static str,
    pub(super) tenant: Option<Uuid>,
}

impl ActorOf {
    pub(super) const fn someone(role: &'static str) -> Self {
        Self {
            id: None,
            role,
            tenant: None,
        }
    }

    pub(super) fn buyer(user: UserId) -> Self {
        Self {
            id: Some(user.0),
            ..Self::someone(BUYER)
        }
    }

    pub(super) fn of(asker: Asker) -> Self {
        match asker {
            Asker::Buyer(user) => Self::buyer(user),
            Asker::Staff(staff) => Self {
                id: Some(staff.user.0),
                role: STAFF,
                tenant: staff.tenant.map(|tenant| tenant.0),
            },
            Asker::SomeStaff => Self::someone(STAFF),
        }
    }
}
