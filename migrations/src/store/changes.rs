//! Changes of shows on their way through the log.
//!
//! The values of a change that people read (name, beginning) are not in the log, and its outcome
//! carries none at all. So a change is written down here under the id of its request before it is
//! handed in, and the projector takes it over into the catalog when it comes by the outcome. A
//! crash before the log has it leaves a row that never counts; a crash after it leaves one that
//! the projector finds.

use onsale_schemas::{RequestId, ShowId};

use super::Store;
use crate::catalog::ShowChange;
use crate::database::{Durability, Value, integer};
use crate::error::StoreError;

impl Store {
    /// Writes down what `request` changes of `show` once the log accepts it. To write down the same
    /// again changes nothing. False when another change stands under that id: it is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for times that the database cannot hold; otherwise as every write.
    pub async fn propose_change(
        &self,
        request: RequestId,
        show: ShowId,
        change: &ShowChange,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        // The projector could do nothing about them but stop.
        for (what, time) in [
            ("starts_at_ms", change.starts_at_ms),
            ("sale_opens_at_ms", change.sale_opens_at_ms),
            ("sale_closes_at_ms", change.sale_closes_at_ms),
        ] {
            time.map(|time| integer(what, time)).transpose()?;
        }
        let text = serde_json::to_string(change)
            .map_err(|error| StoreError::Invalid(format!("change: {error}")))?;
        let insert = [
            request.0.into(),
            show.0.into(),
            Value::from(&text),
            integer("now_ms", now_ms)?.into(),
        ];
        loop {
            let added = self
                .database
                .execute(
                    Durability::Durable,
                    "INSERT INTO show_changes (request_id, show_id, change, created_at_ms) \
                     VALUES ($1, $2, $3, $4) ON CONFLICT (request_id) DO NOTHING",
                    &insert,
                )
                .await?;
            if added > 0 {
                return Ok(true);
            }
            let known = self
                .database
                .fetch_optional(
                    "SELECT show_id, change FROM show_changes WHERE request_id = $1",
                    &[request.0.into()],
                )
                .await?;
            // When there is none, the projector took it over between the two statements.
            if let Some(row) = known {
                return Ok(row.uuid("show_id")? == show.0 && row.text("change")? == text);
            }
        }
    }

    /// Forgets changes that were written down before `before_ms`, which the log refused or never
    /// saw; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_changes(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.database
            .execute(
                Durability::Durable,
                "DELETE FROM show_changes WHERE created_at_ms < $1",
                &[integer("before_ms", before_ms)?.into()],
            )
            .await
    }
}
