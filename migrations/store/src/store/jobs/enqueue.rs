//! Enqueuing.

use uuid::Uuid;

use crate::Store;
use crate::audit::Unaudited;
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;
use crate::job::{KEY_MAX_BYTES, KIND_MAX_BYTES, NewJob, PAYLOAD_MAX_BYTES};

const INSERT: &str = "INSERT INTO jobs (job_id, kind, job_key, payload, state, due_at_ms, \
     attempts_max, created_at_ms) \
     SELECT $1, $2, $3, $4, 'waiting', now_ms + $5, $6, now_ms FROM database_clock WHERE 1 = 1 \
     ON CONFLICT (kind, job_key) DO NOTHING";

impl Store {
    /// Enqueues a job on its own; false when a job of its kind and key is there already, in
    /// whatever state. A job that follows from a fact belongs into the transaction of the fact.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for what does not fit, otherwise as every write.
    pub async fn enqueue_job(&self, job: &NewJob) -> Result<bool, StoreError> {
        let job = job.clone();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let is_new = enqueue(&mut transaction, &job).await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(is_new)
            })
            .await
    }
}

/// Enqueues a job in the transaction that makes the fact it follows from.
pub(crate) async fn enqueue(
    transaction: &mut Transaction,
    job: &NewJob,
) -> Result<bool, StoreError> {
    check(job)?;
    let touched = transaction
        .execute(
            INSERT,
            &[
                // Of version 7, so that they sort by when they were enqueued.
                Uuid::now_v7().into(),
                job.kind.into(),
                Value::from(&job.key),
                Value::from(&job.payload),
                integer("delay_ms", job.delay_ms)?.into(),
                job.attempts_max.into(),
            ],
        )
        .await?;
    Ok(touched > 0)
}

fn check(job: &NewJob) -> Result<(), StoreError> {
    for (what, length, max) in [
        ("kind", job.kind.len(), KIND_MAX_BYTES),
        ("key", job.key.len(), KEY_MAX_BYTES),
        ("payload", job.payload.len(), PAYLOAD_MAX_BYTES),
    ] {
        if length == 0 || length > max {
            return Err(StoreError::Invalid(format!(
                "the {what} of a job of kind {:?} has {length} bytes: expected 1 to {max}",
                job.kind
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;

    async fn store(folder: &std::path::Path) -> Store {
        let url = format!("sqlite://{}", folder.join("x.db").display());
        let store = Store::connect(&url, 2).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    async fn with_a_fact(database: &Database, is_true: bool) {
        database
            .write(Durability::Durable, move |mut transaction| async move {
                let job = NewJob {
                    kind: "mail.send",
                    key: is_true.to_string(),
                    payload: "{}".to_owned(),
                    delay_ms: 0,
                    attempts_max: 1,
                };
                // As code elsewhere in this crate does.
                assert!(crate::store::jobs::enqueue::enqueue(&mut transaction, &job).await?);
                if is_true {
                    transaction.commit(Unaudited::Automatic).await?;
                }
                Ok(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_job_is_there_with_the_fact_that_it_follows_from() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        with_a_fact(&store.database, false).await;
        with_a_fact(&store.database, true).await;
        let filter = crate::job::JobFilter {
            limit: 9,
            ..crate::job::JobFilter::default()
        };
        let jobs = store.jobs(&filter).await.unwrap();
        let keys: Vec<&str> = jobs.iter().map(|job| job.key.as_str()).collect();
        assert_eq!(keys, ["true"]);
        store.close().await;
    }
}
