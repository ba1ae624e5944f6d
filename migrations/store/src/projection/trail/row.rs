//! The row of an entry.

use uuid::Uuid;

use crate::audit::chain::{Member, Stored};

/// An entry with everything that its row has.
#[derive(Debug)]
pub(crate) struct DecidedRow {
    pub(crate) audit_id: i64,
    pub(crate) at_ms: i64,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) actor_role: &'static str,
    pub(crate) actor_tenant_id: Option<Uuid>,
    pub(crate) request_id: Option<String>,
    pub(crate) action: &'static str,
    pub(crate) subject_kind: &'static str,
    pub(crate) subject_id: String,
    pub(crate) tenant_id: Option<Uuid>,
    pub(crate) detail: String,
}

impl DecidedRow {
    pub(super) fn member(&self) -> Member {
        Stored {
            audit_id: self.audit_id,
            at_ms: self.at_ms,
            actor_id: self.actor_id,
            actor_role: self.actor_role,
            actor_tenant_id: self.actor_tenant_id,
            request_id: self.request_id.as_deref(),
            action: self.action,
            subject_kind: self.subject_kind,
            subject_id: &self.subject_id,
            tenant_id: self.tenant_id,
            detail: Some(&self.detail),
            origin: None,
        }
        .member()
    }
}
