//! Answers of catalog calls, remembered under an idempotency key.

use onsale_schemas::RequestId;

use super::Store;
use crate::catalog::{Once, RememberedAnswer};
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;

const INSERT: &str = "INSERT INTO remembered_answers (request_id, fingerprint, status, body, created_at_ms) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (request_id) DO NOTHING";
/// What stands in the place of a status where a part of a request is done: 102, it is being processed.
const DONE: u16 = 102;
const FORGET: &str = "DELETE FROM remembered_answers WHERE request_id IN \
     (SELECT request_id FROM remembered_answers WHERE created_at_ms < $1 \
     ORDER BY created_at_ms LIMIT $2)";

impl Store {
    /// A remembered answer of a catalog call.
    ///
    /// # Errors
    /// As every read.
    pub async fn recall_answer(
        &self,
        id: RequestId,
    ) -> Result<Option<RememberedAnswer>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT fingerprint, status, body FROM remembered_answers WHERE request_id = $1",
                &[id.0.into()],
            )
            .await?
            .map(|row| {
                Ok(RememberedAnswer {
                    fingerprint: row.signed("fingerprint")?.cast_unsigned(),
                    status: row.number("status")?,
                    body: row.text("body")?,
                })
            })
            .transpose()
    }

    /// Remembers an answer of a catalog call; the first one wins and is returned.
    ///
    /// # Errors
    /// As every write.
    pub async fn remember_answer(
        &self,
        id: RequestId,
        answer: &RememberedAnswer,
        now_ms: u64,
    ) -> Result<RememberedAnswer, StoreError> {
        let stored = self
            .database
            .execute_unaudited(
                Durability::Durable,
                INSERT,
                &[
                    id.0.into(),
                    answer.fingerprint.cast_signed().into(),
                    answer.status.into(),
                    Value::from(&answer.body),
                    integer("now_ms", now_ms)?.into(),
                ],
            )
            .await?;
        if stored > 0 {
            return Ok(answer.clone());
        }
        // Forgotten between the two statements: then this answer is as good as the first.
        Ok(self
            .recall_answer(id)
            .await?
            .unwrap_or_else(|| answer.clone()))
    }

    /// Forgets remembered answers older than `before_ms`; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_answers(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.forget_in_steps(FORGET, before_ms).await
    }
}

/// Whether the part of a request that is made once was made.
pub(super) async fn is_done(
    transaction: &mut Transaction,
    once: &Once,
) -> Result<bool, StoreError> {
    let found = transaction
        .fetch_optional(
            "SELECT status FROM remembered_answers WHERE request_id = $1",
            &[once.noted_as.0.into()],
        )
        .await?;
    Ok(found.is_some())
}

/// Notes that it is made with what else the transaction does. There is no answer yet.
pub(super) async fn note_done(
    transaction: &mut Transaction,
    once: &Once,
) -> Result<(), StoreError> {
    let values = [
        once.noted_as.0.into(),
        once.fingerprint.cast_signed().into(),
        DONE.into(),
        Value::from("null"),
        integer("now_ms", once.now_ms)?.into(),
    ];
    transaction.execute(INSERT, &values).await.map(drop)
}
