//! Entries of the audit trail. They are append-only: what drops them has to keep the trail provable, does so
//! in transactions of its own, and this is the one place that calls it.

use uuid::Uuid;

use super::{ROWS_PER_STEP_MAX, Step, nothing_due};
use crate::Store;
use crate::audit::AuditEntry;
use crate::error::StoreError;
use crate::retention::{Due, Kind, ReportState};

/// Why some stay on PostgreSQL.
const REST_OF_MONTH: &str = "PostgreSQL drops a month of entries once all of it is too old";
/// Why some stay on SQLite.
const KEPT_LONGER: &str = "entries are kept for longer than when this report was made";

/// What is from before `before_ms`, as far as the database lets it go.
pub(super) async fn due(store: &Store, before_ms: u64) -> Result<Due, StoreError> {
    let old_enough_ms = store.audit_old_enough_ms().await?;
    let mut due = nothing_due(Kind::Audit, before_ms.min(old_enough_ms));
    let before_ms = due.before_ms;
    due.count = store.count_audit_before(before_ms).await?;
    if due.count == 0 {
        return Ok(due);
    }
    // They are written nearly in the order of time: what the log decided has the log's.
    let first = store
        .database
        .fetch_optional("SELECT at_ms FROM audit ORDER BY audit_id LIMIT 1", &[])
        .await?;
    let first_ms: Option<u64> = first.map(|row| row.number("at_ms")).transpose()?;
    due.oldest_ms = first_ms.filter(|at_ms| *at_ms < before_ms);
    Ok(due)
}

impl Store {
    /// Deletes a part of the trail where a report that is being applied has come to it; returns how many
    /// entries. Where this ends before it is noted in the report, they are not counted there.
    pub(super) async fn delete_due_audit(
        &self,
        report_id: Uuid,
    ) -> Result<Option<u64>, StoreError> {
        let Some(report) = self.retention_report(report_id).await? else {
            return Ok(None);
        };
        if report.state != ReportState::Applying {
            return Ok(None);
        }
        let next = report.kinds.iter().find(|due| !due.is_done);
        match next {
            Some(due) if due.kind == Kind::Audit && due.count > 0 => self
                .drop_audit_before(
                    // They may be kept for longer by now.
                    due.before_ms.min(self.audit_old_enough_ms().await?),
                    ROWS_PER_STEP_MAX,
                )
                .await
                .map(Some),
            _ => Ok(None),
        }
    }
}

/// Notes what was deleted of the trail, which goes by months or entry by entry.
pub(super) fn note(due: &mut Due, step: &Step<'_>, goes_by_months: bool) -> Vec<AuditEntry> {
    let Some(deleted) = step.audit_deleted else {
        return Vec::new();
    };
    due.deleted += deleted;
    if deleted > 0 {
        return vec![step.entry("retention.audit", deleted, due)];
    }
    due.is_done = true;
    due.left = due.count.saturating_sub(due.deleted);
    if due.left > 0 {
        let why = if goes_by_months {
            REST_OF_MONTH
        } else {
            KEPT_LONGER
        };
        due.note = Some(why.to_owned());
    }
    Vec::new()
}
