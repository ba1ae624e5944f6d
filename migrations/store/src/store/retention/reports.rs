//! Reports as rows.

use onsale_schemas::ShowId;
use serde_json::json;
use uuid::Uuid;

use crate::audit::{Actor, Audit, AuditEntry, Unaudited};
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;
use crate::retention::{Report, ReportState};
use crate::store::Store;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT report_id, created_at_ms, state, kinds, ended_at_ms FROM retention_reports ",
            $rest
        )
    };
}

impl Store {
    /// A report.
    ///
    /// # Errors
    /// As every read.
    pub async fn retention_report(&self, id: Uuid) -> Result<Option<Report>, StoreError> {
        let row = self
            .database
            .fetch_optional(select!("WHERE report_id = $1"), &[id.into()])
            .await?;
        row.as_ref().map(report).transpose()
    }

    /// Reports, the newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn retention_reports(&self, limit: u32) -> Result<Vec<Report>, StoreError> {
        let rows = self
            .database
            .fetch(
                select!("ORDER BY created_at_ms DESC, report_id DESC LIMIT $1"),
                &[limit.into()],
            )
            .await?;
        rows.iter().map(report).collect()
    }

    /// The one that is neither applied nor withdrawn.
    ///
    /// # Errors
    /// As every read.
    pub async fn unended_retention_report(&self) -> Result<Option<Report>, StoreError> {
        let row = self
            .database
            .fetch_optional(select!("WHERE ended_at_ms IS NULL"), &[])
            .await?;
        row.as_ref().map(report).transpose()
    }

    /// Has a report not applied, or not any further; false when it has ended or is not there.
    ///
    /// # Errors
    /// As every write.
    pub async fn withdraw_retention_report(
        &self,
        id: Uuid,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (audit, now) = (audit.into(), integer("now_ms", now_ms)?);
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let withdrawn = transaction
                    .execute(
                        "UPDATE retention_reports SET state = 'withdrawn', ended_at_ms = $2 \
                         WHERE report_id = $1 AND ended_at_ms IS NULL",
                        &[id.into(), now.into()],
                    )
                    .await?;
                if withdrawn == 0 {
                    return Ok(false);
                }
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Deletes reports that ended before a time, with their shows; returns how many reports. What they deleted
    /// is in the audit trail.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_retention_reports(&self, before_ms: u64) -> Result<u64, StoreError> {
        let before = integer("before_ms", before_ms)?;
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                transaction
                    .execute(
                        "DELETE FROM retention_shows WHERE report_id IN \
                         (SELECT report_id FROM retention_reports WHERE ended_at_ms < $1)",
                        &[before.into()],
                    )
                    .await?;
                let forgotten = transaction
                    .execute(
                        "DELETE FROM retention_reports WHERE ended_at_ms < $1",
                        &[before.into()],
                    )
                    .await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(forgotten)
            })
            .await
    }

    /// Writes a report down in the place of one that nobody has applied.
    pub(super) async fn insert_retention_report(
        &self,
        report: &Report,
        shows: Vec<(ShowId, u64)>,
        audit: Audit,
    ) -> Result<(), StoreError> {
        let report = report.clone();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let created = integer("created_at_ms", report.created_at_ms)?;
                transaction
                    .execute(
                        "UPDATE retention_reports SET state = 'withdrawn', ended_at_ms = $1 \
                         WHERE ended_at_ms IS NULL AND state = 'open'",
                        &[created.into()],
                    )
                    .await?;
                transaction
                    .execute(
                        "INSERT INTO retention_reports (report_id, created_at_ms, state, kinds) \
                         VALUES ($1, $2, $3, $4)",
                        &[
                            report.report_id.into(),
                            created.into(),
                            report.state.as_str().into(),
                            (&kinds(&report)?).into(),
                        ],
                    )
                    .await?;
                for (show, bookings) in shows {
                    transaction
                        .execute(
                            "INSERT INTO retention_shows (report_id, show_id, bookings) \
                             VALUES ($1, $2, $3)",
                            &[
                                report.report_id.into(),
                                show.0.into(),
                                integer("bookings", bookings)?.into(),
                            ],
                        )
                        .await?;
                }
                transaction.commit(audit).await
            })
            .await
    }
}

/// Reads a report and keeps others from applying it until the transaction ends.
pub(super) async fn lock(
    transaction: &mut Transaction,
    id: Uuid,
) -> Result<Option<Report>, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let sql = match transaction {
        Transaction::Postgres(_) => select!("WHERE report_id = $1 FOR UPDATE"),
        Transaction::Sqlite(_) => select!("WHERE report_id = $1"),
    };
    let row = transaction.fetch_optional(sql, &[id.into()]).await?;
    row.as_ref().map(self::report).transpose()
}

/// Writes down what became of a report.
pub(super) async fn replace(
    transaction: &mut Transaction,
    report: &Report,
) -> Result<(), StoreError> {
    let ended = report
        .ended_at_ms
        .map(|ended| integer("ended_at_ms", ended))
        .transpose()?;
    transaction
        .execute(
            "UPDATE retention_reports SET state = $2, kinds = $3, ended_at_ms = $4 \
             WHERE report_id = $1",
            &[
                report.report_id.into(),
                report.state.as_str().into(),
                (&kinds(report)?).into(),
                Value::Integer(ended),
            ],
        )
        .await
        .map(drop)
}

/// An entry that says what of each kind a report is about, and what of it is gone.
pub(super) fn entry(actor: &Actor, action: &'static str, report: &Report) -> AuditEntry {
    let kinds = report.kinds.iter().map(|due| {
        let of_kind = json!({
            "before_ms": due.before_ms,
            "count": due.count,
            "deleted": due.deleted,
            "left": due.left,
        });
        (due.kind.as_str().to_owned(), of_kind)
    });
    let kinds: serde_json::Map<String, serde_json::Value> = kinds.collect();
    actor
        .did(action, "retention_report", report.report_id)
        .with(json!({ "kinds": kinds }))
}

fn kinds(report: &Report) -> Result<String, StoreError> {
    serde_json::to_string(&report.kinds)
        .map_err(|error| StoreError::Invalid(format!("kinds of a report: {error}")))
}

fn report(row: &Row) -> Result<Report, StoreError> {
    Ok(Report {
        report_id: row.uuid("report_id")?,
        created_at_ms: row.number("created_at_ms")?,
        state: row.word("state", ReportState::parse)?,
        kinds: serde_json::from_str(&row.text("kinds")?)
            .map_err(|error| StoreError::Corrupt(format!("kinds of a report: {error}")))?,
        ended_at_ms: row.number_or_null("ended_at_ms")?,
    })
}
