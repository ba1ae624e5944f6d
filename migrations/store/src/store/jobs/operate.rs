//! What an operator sees of jobs and does with them.

use uuid::Uuid;

use crate::Store;
use crate::audit::Audit;
use crate::database::{Database, Durability, Row, Value, integer};
use crate::error::StoreError;
use crate::job::{JobCount, JobFilter, JobRow, JobState};

macro_rules! columns {
    () => {
        "job_id, kind, job_key, state, due_at_ms, attempts, attempts_max, worker, lease_until_ms, \
         cancel_requested, progress, last_error, created_at_ms, ended_at_ms"
    };
}

macro_rules! counts {
    ($among:literal) => {
        concat!(
            "SELECT kind, state, COUNT(*) AS jobs, \
             CASE WHEN state = 'waiting' \
             THEN (SELECT now_ms FROM database_clock) - MIN(due_at_ms) ELSE 0 END AS overdue_ms \
             FROM jobs ",
            $among,
            "GROUP BY kind, state ORDER BY kind, state"
        )
    };
}

/// One that runs ends when its worker renews its lease, or loses it.
const CANCEL: &str = "UPDATE jobs SET \
     state = CASE WHEN state = 'running' THEN state ELSE 'cancelled' END, \
     ended_at_ms = CASE WHEN state = 'running' THEN NULL \
         ELSE (SELECT now_ms FROM database_clock) END, \
     cancel_requested = 1 WHERE job_id = $1 AND state IN ('waiting', 'running')";

/// With as many attempts as a new one.
const REQUEUE: &str = "UPDATE jobs SET state = 'waiting', attempts = 0, cancel_requested = 0, \
     ended_at_ms = NULL, due_at_ms = (SELECT now_ms FROM database_clock) \
     WHERE job_id = $1 AND state IN ('dead', 'cancelled')";

macro_rules! prune {
    ($among:literal, $lock:literal) => {
        concat!(
            "DELETE FROM jobs WHERE job_id ",
            $among,
            "SELECT job_id FROM jobs WHERE state IN ('done', 'cancelled') \
             AND ended_at_ms < (SELECT now_ms FROM database_clock) - $1 \
             ORDER BY ended_at_ms, job_id LIMIT $2",
            $lock,
            ")"
        )
    };
}

impl Store {
    /// Jobs, newest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Vec<JobRow>, StoreError> {
        self.database
            .fetch(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM jobs WHERE ($1 IS NULL OR state = $1) AND ($2 IS NULL OR kind = $2) \
                     AND job_id < $3 ORDER BY job_id DESC LIMIT $4"
                ),
                &[
                    Value::Text(filter.state.map(JobState::as_str)),
                    Value::from(&filter.kind),
                    filter.after.unwrap_or(Uuid::max()).into(),
                    filter.limit.into(),
                ],
            )
            .await?
            .iter()
            .map(job_row)
            .collect()
    }

    /// A job and its payload.
    ///
    /// # Errors
    /// As every read.
    pub async fn job(&self, id: Uuid) -> Result<Option<(JobRow, String)>, StoreError> {
        self.database
            .fetch_optional(
                concat!(
                    "SELECT payload, ",
                    columns!(),
                    " FROM jobs WHERE job_id = $1"
                ),
                &[id.into()],
            )
            .await?
            .map(|row| Ok((job_row(&row)?, row.text("payload")?)))
            .transpose()
    }

    /// Cancels a job: at once where it waits, and where it runs as soon as its worker hears of it.
    /// False when it is over, or there is none.
    ///
    /// # Errors
    /// As every write.
    pub async fn cancel_job(&self, id: Uuid, audit: impl Into<Audit>) -> Result<bool, StoreError> {
        self.operate(CANCEL, id, audit.into()).await
    }

    /// Has a dead or cancelled job done after all. False when it is neither.
    ///
    /// # Errors
    /// As every write.
    pub async fn requeue_job(&self, id: Uuid, audit: impl Into<Audit>) -> Result<bool, StoreError> {
        self.operate(REQUEUE, id, audit.into()).await
    }

    async fn operate(&self, sql: &'static str, id: Uuid, audit: Audit) -> Result<bool, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if transaction.execute(sql, &[id.into()]).await? == 0 {
                    return Ok(false);
                }
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// How many jobs there are, by kind and state. It goes through all of them.
    ///
    /// # Errors
    /// As every read.
    pub async fn job_counts(&self) -> Result<Vec<JobCount>, StoreError> {
        self.count_jobs(counts!("")).await
    }

    /// How many jobs wait, run or are dead, by kind and state: what is not over, and needs no look at
    /// what is.
    ///
    /// # Errors
    /// As every read.
    pub async fn open_job_counts(&self) -> Result<Vec<JobCount>, StoreError> {
        self.count_jobs(counts!("WHERE state IN ('waiting', 'running', 'dead') "))
            .await
    }

    async fn count_jobs(&self, sql: &'static str) -> Result<Vec<JobCount>, StoreError> {
        self.database
            .fetch(sql, &[])
            .await?
            .iter()
            .map(|row| {
                Ok(JobCount {
                    kind: row.text("kind")?,
                    state: row.word("state", JobState::parse)?,
                    jobs: row.number("jobs")?,
                    overdue_ms: row.signed("overdue_ms")?.try_into().unwrap_or(0),
                })
            })
            .collect()
    }

    /// Forgets mails to people, and requests for such, that became jobs before `before_ms`, whatever became of
    /// them: they hold links, and addresses of people without an account. Returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_mails(&self, before_ms: u64) -> Result<u64, StoreError> {
        // The kinds are `mail::KIND`, `notice::KIND` and `reset::KIND`.
        self.forget_in_steps(
            "DELETE FROM jobs WHERE job_id IN (SELECT job_id FROM jobs \
             WHERE kind IN ('mail.account', 'mail.notice', 'account.forgot_password') \
             AND state <> 'running' AND created_at_ms < $1 LIMIT $2)",
            before_ms,
        )
        .await
    }

    /// Forgets at most `limit` jobs that were done or cancelled more than `age_ms` ago, and with
    /// them their keys; how many that were. Dead ones stay until an operator has looked at them, but for
    /// those of [`Store::forget_mails`].
    ///
    /// # Errors
    /// As every write.
    pub async fn prune_jobs(&self, age_ms: u64, limit: u32) -> Result<u64, StoreError> {
        let sql = match &self.database {
            // Beside workers that forget what they have answered, and waits for none of them (see `claim_jobs`).
            Database::Postgres(_) => prune!("= ANY(ARRAY(", " FOR UPDATE SKIP LOCKED)"),
            Database::Sqlite(_) => prune!("IN (", ""),
        };
        let values = [integer("age_ms", age_ms)?.into(), limit.into()];
        self.database
            .execute_unaudited(Durability::Durable, sql, &values)
            .await
    }
}

fn job_row(row: &Row) -> Result<JobRow, StoreError> {
    Ok(JobRow {
        job_id: row.uuid("job_id")?,
        kind: row.text("kind")?,
        key: row.text("job_key")?,
        state: row.word("state", JobState::parse)?,
        due_at_ms: row.number("due_at_ms")?,
        attempts: row.number("attempts")?,
        attempts_max: row.number("attempts_max")?,
        worker: row.text_or_null("worker")?,
        lease_until_ms: row.number_or_null("lease_until_ms")?,
        cancel_requested: row.signed("cancel_requested")? != 0,
        progress: row.text_or_null("progress")?,
        last_error: row.text_or_null("last_error")?,
        created_at_ms: row.number("created_at_ms")?,
        ended_at_ms: row.number_or_null("ended_at_ms")?,
    })
}
