//! An entry as it is answered and exported.

use onsale_store::audit::AuditRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::values::Instant;

/// An entry of the audit trail. It names people by their ids alone.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryBody {
    pub(super) audit_id: u64,
    pub(super) at: Instant,
    /// `null`: the command line, or somebody who was not signed in.
    pub(super) actor_id: Option<Uuid>,
    pub(super) actor_role: String,
    /// The block of network addresses that the request came from, as `203.0.113.0/24`.
    pub(super) origin: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) action: String,
    pub(super) kind: String,
    pub(super) entity: String,
    pub(super) tenant_id: Option<Uuid>,
    #[schema(value_type = Option<Object>)]
    pub(super) detail: Value,
}

impl From<AuditRow> for EntryBody {
    fn from(row: AuditRow) -> Self {
        Self {
            audit_id: row.audit_id,
            at: Instant(row.at_ms),
            actor_id: row.actor.id,
            actor_role: row.actor.role,
            origin: row.actor.origin,
            request_id: row.actor.request_id,
            action: row.action,
            kind: row.subject_kind,
            entity: row.subject_id,
            tenant_id: row.tenant_id,
            detail: row.detail,
        }
    }
}
