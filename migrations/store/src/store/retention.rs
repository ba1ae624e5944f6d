//! Deleting what is too old, as a report says: one bounded transaction after the other.

mod audit;
mod bookings;
mod guests;
mod reports;
mod sessions;

use onsale_schemas::ShowId;
use uuid::Uuid;

use super::Store;
use crate::audit::{Actor, Audit, AuditEntry, Unaudited};
use crate::database::{Database, Durability, Transaction, integer};
use crate::error::StoreError;
use crate::retention::{
    Due, Kind, Report, ReportState, RetentionConfig, RetentionError, RetiredShows,
};

/// Rows that one transaction deletes at most.
const ROWS_PER_STEP_MAX: u32 = 2_000;
/// Why no analytics are deleted.
const NO_ANALYTICS: &str = "nothing of this kind is kept";

impl Store {
    /// Looks for what is too old and writes a report of it down. One that nobody has applied yet is
    /// withdrawn for it.
    ///
    /// # Errors
    /// [`RetentionError::Applying`] while one is being applied; otherwise as every write.
    pub async fn report_retention(
        &self,
        config: &RetentionConfig,
        now_ms: u64,
        by: Option<&Actor>,
    ) -> Result<Report, RetentionError> {
        if let Some(other) = self.unended_retention_report().await?
            && other.state == ReportState::Applying
        {
            return Err(RetentionError::Applying(other.report_id));
        }
        let mut kinds = Vec::with_capacity(Kind::ALL.len());
        let mut shows = Vec::new();
        for kind in Kind::ALL {
            let before_ms = config.before_ms(kind, now_ms);
            kinds.push(match kind {
                Kind::Sessions => sessions::due(&self.database, before_ms).await?,
                Kind::Guests => guests::due(&self.database, before_ms).await?,
                Kind::Audit => {
                    // By the database's clock, whose times the entries bear.
                    let known_ms = self.clock_ms().await?.min(now_ms);
                    audit::due(self, config.before_ms(kind, known_ms)).await?
                }
                Kind::Analytics => Due {
                    note: Some(NO_ANALYTICS.to_owned()),
                    ..nothing_due(kind, before_ms)
                },
                Kind::Bookings => {
                    // A clock that is far ahead would end everything: the log's has to agree.
                    let known_ms = self.log_time_ms().await?.min(now_ms);
                    let before_ms = config.before_ms(kind, known_ms);
                    let (due, of_shows) = bookings::due(&self.database, before_ms).await?;
                    shows = of_shows;
                    due
                }
            });
        }
        let report = Report {
            report_id: Uuid::new_v4(),
            created_at_ms: now_ms,
            state: ReportState::Open,
            kinds,
            ended_at_ms: None,
        };
        let audit = match by {
            Some(actor) => reports::entry(actor, "retention.report", &report).into(),
            None => Audit::Skipped(Unaudited::Automatic),
        };
        self.insert_retention_report(&report, shows, audit).await?;
        Ok(report)
    }

    /// Deletes a part of what a report is about, in one transaction that leaves its entries in the audit
    /// trail. To be called until the report has ended; whoever calls it later goes on from there.
    ///
    /// # Errors
    /// [`RetentionError::Unknown`] and [`RetentionError::Ended`]; otherwise as every write.
    pub async fn apply_retention_step(
        &self,
        report_id: Uuid,
        now_ms: u64,
        actor: &Actor,
    ) -> Result<Report, RetentionError> {
        let actor = actor.clone();
        let audit_deleted = self.delete_due_audit(report_id).await?;
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(mut report) = reports::lock(&mut transaction, report_id).await? else {
                    return Ok(Err(RetentionError::Unknown(report_id)));
                };
                if !report.state.is_unended() {
                    let state = report.state;
                    return Ok(Err(RetentionError::Ended {
                        report: report_id,
                        state,
                    }));
                }
                let mut entries = Vec::new();
                if report.state == ReportState::Open {
                    if is_told(&report) {
                        entries.push(reports::entry(&actor, "retention.apply", &report));
                    }
                    report.state = ReportState::Applying;
                }
                let step = Step {
                    report_id,
                    now_ms,
                    actor: &actor,
                    audit_deleted,
                };
                if let Some(due) = report.kinds.iter_mut().find(|due| !due.is_done) {
                    entries.extend(step.take(&mut transaction, due).await?);
                }
                if report.kinds.iter().all(|due| due.is_done) {
                    report.state = ReportState::Applied;
                    report.ended_at_ms = Some(now_ms);
                    if is_told(&report) {
                        entries.push(reports::entry(&actor, "retention.applied", &report));
                    }
                }
                reports::replace(&mut transaction, &report).await?;
                transaction.commit(Audit::Entries(entries)).await?;
                Ok(Ok(report))
            })
            .await?
    }

    /// The shows whose bookings were deleted.
    ///
    /// # Errors
    /// As every read.
    pub async fn retired_shows(&self) -> Result<RetiredShows, StoreError> {
        let rows = self
            .database
            .fetch("SELECT show_id, before_ms FROM retired_shows", &[])
            .await?;
        let shows = rows
            .iter()
            .map(|row| Ok((ShowId(row.uuid("show_id")?), row.number("before_ms")?)));
        Ok(RetiredShows::new(shows.collect::<Result<_, StoreError>>()?))
    }

    /// The newest time that the projection has seen in the log; 0 where nothing was projected.
    async fn log_time_ms(&self) -> Result<u64, StoreError> {
        let watermarks = self.watermarks().await?;
        let times = watermarks.iter().map(|mark| mark.log_time_ms);
        Ok(times.max().unwrap_or(0))
    }
}

/// Whether there is something to say of applying a report. Entries of the trail that are too old are counted in
/// every report until all of their month is, so of them alone there is once some are gone.
fn is_told(report: &Report) -> bool {
    let is_due = |due: &Due| due.count > 0 && due.kind != Kind::Audit;
    report.deleted() > 0 || report.kinds.iter().any(is_due)
}

/// A kind of which nothing is too old.
fn nothing_due(kind: Kind, before_ms: u64) -> Due {
    Due {
        kind,
        before_ms,
        count: 0,
        oldest_ms: None,
        deleted: 0,
        left: 0,
        is_done: false,
        note: None,
    }
}

/// A kind of which what is too old is counted by one statement: its `due_rows` and their `oldest_ms`, from before the time
/// that is its first value.
async fn counted(
    database: &Database,
    kind: Kind,
    before_ms: u64,
    sql: &'static str,
) -> Result<Due, StoreError> {
    let before = integer("before_ms", before_ms)?;
    let row = database.fetch_optional(sql, &[before.into()]).await?;
    let mut due = nothing_due(kind, before_ms);
    if let Some(row) = row {
        due.count = row.number("due_rows")?;
        due.oldest_ms = row.number_or_null("oldest_ms")?;
    }
    Ok(due)
}

/// What one transaction does.
struct Step<'a> {
    report_id: Uuid,
    now_ms: u64,
    actor: &'a Actor,
    /// Entries of the audit trail that were deleted right before; `None` where it was not their turn.
    audit_deleted: Option<u64>,
}

impl Step<'_> {
    /// Deletes a part of what is due of a kind, and notes it there.
    async fn take(
        &self,
        transaction: &mut Transaction,
        due: &mut Due,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        if due.count == 0 {
            due.is_done = true;
            return Ok(Vec::new());
        }
        match due.kind {
            Kind::Sessions => sessions::delete(transaction, due, self).await,
            Kind::Guests => guests::delete(transaction, due, self).await,
            Kind::Audit => {
                let goes_by_months = matches!(transaction, Transaction::Postgres(_));
                Ok(audit::note(due, self, goes_by_months))
            }
            Kind::Analytics => {
                due.is_done = true;
                Ok(Vec::new())
            }
            Kind::Bookings => bookings::delete(transaction, due, self).await,
        }
    }

    /// Deletes of a kind by one statement: what is from before its first value, and no more rows than its second;
    /// the entry about it is of this action.
    async fn delete(
        &self,
        transaction: &mut Transaction,
        due: &mut Due,
        action: &'static str,
        sql: &'static str,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let most = self.rows_max(due);
        let before = integer("before_ms", due.before_ms)?;
        let deleted = transaction
            .execute(sql, &[before.into(), most.into()])
            .await?;
        due.deleted += deleted;
        due.is_done = deleted < u64::from(most) || due.deleted >= due.count;
        if due.is_done {
            due.left = due.count - due.deleted.min(due.count);
        }
        if deleted == 0 {
            return Ok(Vec::new());
        }
        Ok(vec![self.entry(action, deleted, due)])
    }

    /// Most rows of a kind that are deleted now: never more than the report is about.
    fn rows_max(&self, due: &Due) -> u32 {
        let rest = due.count.saturating_sub(due.deleted);
        u32::try_from(rest).map_or(ROWS_PER_STEP_MAX, |rest| rest.min(ROWS_PER_STEP_MAX))
    }

    /// An entry about what was deleted of a kind.
    fn entry(&self, action: &'static str, rows: u64, due: &Due) -> AuditEntry {
        let detail = serde_json::json!({ "rows": rows, "before_ms": due.before_ms });
        self.actor
            .did(action, "retention_report", self.report_id)
            .with(detail)
    }
}
