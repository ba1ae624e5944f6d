//! Claiming a job, keeping it, and saying what became of it. Each of these is a compare and set on
//! the number of the claim: a worker that was away for longer than its lease changes nothing.

use uuid::Uuid;

use super::note;
use crate::Store;
use crate::audit::Unaudited;
use crate::database::{Database, Durability, Row, Value, integer};
use crate::error::StoreError;
use crate::job::{ClaimedJob, Lease, Renewal};

/// A job leaves its worker and waits again, unless it was cancelled, or after this many attempts there may
/// be no more: then it ends.
macro_rules! leaves_worker {
    ($attempts:literal) => {
        concat!(
            "state = CASE WHEN cancel_requested = 1 THEN 'cancelled' WHEN ",
            $attempts,
            " >= attempts_max THEN 'dead' ELSE 'waiting' END, \
             ended_at_ms = CASE WHEN cancel_requested = 1 OR ",
            $attempts,
            " >= attempts_max THEN (SELECT now_ms FROM database_clock) END, \
             worker = NULL, lease_until_ms = NULL"
        )
    };
}

/// Of a worker that did not come back.
macro_rules! reclaim {
    ($among:literal, $lock:literal) => {
        concat!(
            "UPDATE jobs SET ",
            leaves_worker!("attempts"),
            ", last_error = 'the lease of the worker ' || worker || ' ended: it died, or it hangs', \
             due_at_ms = (SELECT now_ms FROM database_clock) WHERE job_id ",
            $among,
            "SELECT job_id FROM jobs WHERE state = 'running' \
             AND lease_until_ms <= (SELECT now_ms FROM database_clock) \
             ORDER BY lease_until_ms, job_id",
            $lock,
            ")"
        )
    };
}

macro_rules! claim {
    ($among:literal, $lock:literal) => {
        concat!(
            "UPDATE jobs SET state = 'running', fence = fence + 1, attempts = attempts + 1, \
             worker = $2, lease_until_ms = (SELECT now_ms FROM database_clock) + $3 \
             WHERE job_id ",
            $among,
            "SELECT job_id FROM jobs WHERE state = 'waiting' AND kind = $1 \
             AND due_at_ms <= (SELECT now_ms FROM database_clock) \
             ORDER BY due_at_ms, job_id LIMIT $4",
            $lock,
            ") RETURNING job_id, fence, job_key, payload, attempts, attempts_max, progress, \
             created_at_ms, (SELECT now_ms FROM database_clock) - due_at_ms AS waited_ms"
        )
    };
}

/// It has ended for good.
macro_rules! ends {
    ($state:literal) => {
        concat!(
            "state = '",
            $state,
            "', ended_at_ms = (SELECT now_ms FROM database_clock), \
             worker = NULL, lease_until_ms = NULL"
        )
    };
}

/// Only while it is still the worker's.
macro_rules! of_lease {
    ($set:expr, $more:literal) => {
        concat!(
            "UPDATE jobs SET ",
            $set,
            $more,
            " WHERE job_id = $1 AND fence = $2 AND state = 'running'"
        )
    };
}

const RENEW: &str = concat!(
    of_lease!(
        "lease_until_ms = (SELECT now_ms FROM database_clock) + $3",
        ", progress = COALESCE($4, progress)"
    ),
    " RETURNING cancel_requested"
);
const FINISH: &str = of_lease!(ends!("done"), ", last_error = NULL");
const DEAD_LETTER: &str = of_lease!(ends!("dead"), ", last_error = $3");
const FINISH_CANCELLED: &str = of_lease!(ends!("cancelled"), "");
const FAIL: &str = of_lease!(
    leaves_worker!("attempts"),
    ", due_at_ms = (SELECT now_ms FROM database_clock) + $3, last_error = $4"
);
/// This attempt does not count.
const RELEASE: &str = of_lease!(
    leaves_worker!("attempts - 1"),
    ", due_at_ms = (SELECT now_ms FROM database_clock), attempts = attempts - 1"
);

impl Store {
    /// Reclaims the jobs whose leases have ended; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn reclaim_jobs(&self) -> Result<u64, StoreError> {
        let sql = match &self.database {
            // Every worker does this, and waits for none that does it now (see `claim_jobs`).
            Database::Postgres(_) => reclaim!("= ANY(ARRAY(", " FOR UPDATE SKIP LOCKED)"),
            Database::Sqlite(_) => reclaim!("IN (", ""),
        };
        self.database
            .execute_unaudited(Durability::Durable, sql, &[])
            .await
    }

    /// The kinds that have a job waiting whose time has come.
    ///
    /// # Errors
    /// As every read.
    pub async fn due_job_kinds(&self) -> Result<Vec<String>, StoreError> {
        self.database
            .fetch(
                "SELECT DISTINCT kind FROM jobs WHERE state = 'waiting' \
                 AND due_at_ms <= (SELECT now_ms FROM database_clock) ORDER BY kind",
                &[],
            )
            .await?
            .iter()
            .map(|row| row.text("kind"))
            .collect()
    }

    /// Claims at most `limit` jobs of a kind for `lease_ms`, those first that have been due longest.
    ///
    /// # Errors
    /// As every write.
    pub async fn claim_jobs(
        &self,
        kind: &str,
        worker: &str,
        lease_ms: u64,
        limit: u32,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        let sql = match &self.database {
            // Two workers take different jobs instead of waiting for each other. As an array, because
            // a sub-query may be run once per row, and would then lock more than its limit.
            Database::Postgres(_) => claim!("= ANY(ARRAY(", " FOR UPDATE SKIP LOCKED)"),
            // One writer at a time.
            Database::Sqlite(_) => claim!("IN (", ""),
        };
        let (kind, worker) = (kind.to_owned(), worker.to_owned());
        let lease_ms = integer("lease_ms", lease_ms)?;
        let mut claimed = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                let values = [
                    Value::from(&kind),
                    Value::from(&worker),
                    lease_ms.into(),
                    limit.into(),
                ];
                let rows = transaction.fetch(sql, &values).await?;
                let claimed = rows
                    .iter()
                    .map(claimed_job)
                    .collect::<Result<Vec<_>, StoreError>>()?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(claimed)
            })
            .await?;
        // What RETURNING lists has no order.
        claimed.sort_by_key(|job| std::cmp::Reverse(job.waited_ms));
        Ok(claimed)
    }

    /// Keeps a job for another `lease_ms`, and notes its progress.
    ///
    /// # Errors
    /// As every write.
    pub async fn renew_job(
        &self,
        lease: Lease,
        lease_ms: u64,
        progress: Option<&str>,
    ) -> Result<Renewal, StoreError> {
        let lease_ms = integer("lease_ms", lease_ms)?;
        let progress = progress.map(|progress| note(progress).to_owned());
        let renewed = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                let values = [
                    lease.job.into(),
                    lease.fence.into(),
                    lease_ms.into(),
                    Value::from(&progress),
                ];
                let renewed = transaction.fetch(RENEW, &values).await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(renewed)
            })
            .await?;
        match renewed.first() {
            Some(row) if row.signed("cancel_requested")? != 0 => Ok(Renewal::Cancelled),
            Some(_) => Ok(Renewal::Held),
            None => Ok(Renewal::Lost),
        }
    }

    /// The job is done. False when it was no longer the worker's.
    ///
    /// # Errors
    /// As every write.
    pub async fn finish_job(&self, lease: Lease) -> Result<bool, StoreError> {
        self.settle(FINISH, lease, &[]).await
    }

    /// The attempt failed: the job waits for `delay_ms`, or is dead after its last attempt. False
    /// when it was no longer the worker's.
    ///
    /// # Errors
    /// As every write.
    pub async fn fail_attempt(
        &self,
        lease: Lease,
        error: &str,
        delay_ms: u64,
    ) -> Result<bool, StoreError> {
        let delay = integer("delay_ms", delay_ms)?;
        self.settle(FAIL, lease, &[delay.into(), note(error).into()])
            .await
    }

    /// No attempt will ever succeed: the job is dead. False when it was no longer the worker's.
    ///
    /// # Errors
    /// As every write.
    pub async fn dead_letter_job(&self, lease: Lease, error: &str) -> Result<bool, StoreError> {
        self.settle(DEAD_LETTER, lease, &[note(error).into()]).await
    }

    /// The worker has stopped because the job was cancelled. False when it was no longer the
    /// worker's.
    ///
    /// # Errors
    /// As every write.
    pub async fn finish_cancelled_job(&self, lease: Lease) -> Result<bool, StoreError> {
        self.settle(FINISH_CANCELLED, lease, &[]).await
    }

    /// The worker stops before it has come to an end: another worker may begin at once, and the
    /// attempt does not count. False when it was no longer the worker's.
    ///
    /// # Errors
    /// As every write.
    pub async fn release_job(&self, lease: Lease) -> Result<bool, StoreError> {
        self.settle(RELEASE, lease, &[]).await
    }

    async fn settle(
        &self,
        sql: &'static str,
        lease: Lease,
        more: &[Value<'_>],
    ) -> Result<bool, StoreError> {
        let mut values = vec![lease.job.into(), lease.fence.into()];
        values.extend_from_slice(more);
        self.database
            .execute_unaudited(Durability::Durable, sql, &values)
            .await
            .map(|touched| touched > 0)
    }
}

fn claimed_job(row: &Row) -> Result<ClaimedJob, StoreError> {
    let job: Uuid = row.uuid("job_id")?;
    Ok(ClaimedJob {
        lease: Lease {
            job,
            fence: row.signed("fence")?,
        },
        key: row.text("job_key")?,
        payload: row.text("payload")?,
        attempt: row.number("attempts")?,
        attempts_max: row.number("attempts_max")?,
        progress: row.text_or_null("progress")?,
        // A clock that went back.
        waited_ms: row.signed("waited_ms")?.try_into().unwrap_or(0),
        created_at_ms: row.number("created_at_ms")?,
    })
}
