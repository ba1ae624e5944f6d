//! Answers of catalog calls, remembered under an idempotency key.

use onsale_schemas::RequestId;

use super::Store;
use crate::catalog::RememberedAnswer;
use crate::database::{Durability, Value, integer};
use crate::error::StoreError;

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
                "INSERT INTO remembered_answers (request_id, fingerprint, status, body, \
                 created_at_ms) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (request_id) DO NOTHING",
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
