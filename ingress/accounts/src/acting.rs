//! Who acts for a tenant or for the installation, and by which right.

use onsale_store::account::{Act, Mandate};
use onsale_store::audit::{Actor, AuditEntry};

use crate::repeat::Repeat;

/// Who acts, and by which right, which is compared again in the transaction of what it allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acting {
    /// For the audit trail.
    pub actor: Actor,
    /// `None` for tokens that belong to no session: they do what they say until they expire.
    pub mandate: Option<Mandate>,
    /// Of a request that came with an idempotency key.
    pub repeat: Option<Repeat>,
}

impl Acting {
    /// Someone for whom the caller vouches, as an operator at the command line.
    pub(crate) fn of(actor: Actor) -> Self {
        Self {
            actor,
            mandate: None,
            repeat: None,
        }
    }

    /// An entry that `action` was done to the subject of that kind and id.
    pub(crate) fn did(
        &self,
        action: &'static str,
        subject_kind: &'static str,
        subject_id: impl ToString,
    ) -> AuditEntry {
        self.actor.did(action, subject_kind, subject_id)
    }

    /// What is done and written down as this.
    pub(crate) fn act(&self, entry: AuditEntry) -> Act {
        Act::new(entry, self.mandate)
    }
}
