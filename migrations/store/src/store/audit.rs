//! Reading the audit trail.

use serde_json::Value as Json;

use super::Store;
use crate::audit::{Actor, AuditFilter, AuditRow};
use crate::database::{Row, Value};
use crate::error::StoreError;

impl Store {
    /// Entries of the audit trail, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let before = filter
            .before
            .map_or(i64::MAX, |number| i64::try_from(number).unwrap_or(i64::MAX));
        self.database
            .fetch(
                "SELECT audit_id, at_ms, actor_id, actor_role, actor_tenant_id, request_id, \
                 action, subject_kind, subject_id, tenant_id, detail FROM audit \
                 WHERE ($1 IS NULL OR subject_kind = $1) AND ($2 IS NULL OR subject_id = $2) \
                 AND ($3 IS NULL OR tenant_id = $3) AND ($4 IS NULL OR actor_id = $4) \
                 AND audit_id < $5 ORDER BY audit_id DESC LIMIT $6",
                &[
                    Value::from(&filter.subject_kind),
                    Value::from(&filter.subject_id),
                    filter.tenant_id.into(),
                    filter.actor_id.into(),
                    before.into(),
                    filter.limit.into(),
                ],
            )
            .await?
            .iter()
            .map(audit_row)
            .collect()
    }
}

fn audit_row(row: &Row) -> Result<AuditRow, StoreError> {
    let detail = row.text_or_null("detail")?.map_or(Ok(Json::Null), |text| {
        serde_json::from_str(&text)
            .map_err(|error| StoreError::Corrupt(format!("audit.detail: {error}")))
    })?;
    Ok(AuditRow {
        audit_id: row.number("audit_id")?,
        at_ms: row.number("at_ms")?,
        actor: Actor {
            id: row.uuid_or_null("actor_id")?,
            role: row.text("actor_role")?,
            tenant_id: row.uuid_or_null("actor_tenant_id")?,
            request_id: row.text_or_null("request_id")?,
        },
        action: row.text("action")?,
        subject_kind: row.text("subject_kind")?,
        subject_id: row.text("subject_id")?,
        tenant_id: row.uuid_or_null("tenant_id")?,
        detail,
    })
}
