//! Writes an entry of the audit trail.

use super::{Transaction, Value};
use crate::audit::AuditEntry;
use crate::error::StoreError;

const INSERT: &str = "INSERT INTO audit (at_ms, actor_id, actor_role, actor_tenant_id, request_id, \
     action, subject_kind, subject_id, tenant_id, detail) \
     SELECT now_ms, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM database_clock";

/// Adds an entry in the transaction of the fact that it is about.
pub(super) async fn write(
    transaction: &mut Transaction,
    entry: &AuditEntry,
) -> Result<(), StoreError> {
    let detail = entry.checked_detail()?;
    let actor = &entry.actor;
    transaction
        .execute(
            INSERT,
            &[
                actor.id.into(),
                Value::from(&actor.role),
                actor.tenant_id.into(),
                Value::from(&actor.request_id),
                entry.action.into(),
                entry.subject_kind.into(),
                Value::from(&entry.subject_id),
                entry.tenant_id.into(),
                Value::from(&detail),
            ],
        )
        .await
        .map(drop)
}
