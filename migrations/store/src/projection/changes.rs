//! Changes of the catalog that were written down before the log had them, under the ids of their
//! requests.

use onsale_schemas::RequestId;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::database::Transaction;
use crate::error::StoreError;

/// The statements about one table of changes.
pub(super) struct Changes {
    table: &'static str,
    select: &'static str,
    delete: &'static str,
}

pub(super) const OF_EVENTS: Changes = Changes {
    table: "event_changes",
    select: "SELECT change FROM event_changes WHERE request_id = $1 AND event_id = $2",
    delete: "DELETE FROM event_changes WHERE request_id = $1",
};
pub(super) const OF_SHOWS: Changes = Changes {
    table: "show_changes",
    select: "SELECT change FROM show_changes WHERE request_id = $1 AND show_id = $2",
    delete: "DELETE FROM show_changes WHERE request_id = $1",
};

impl Changes {
    /// What the request was to change of `subject` beside what the log decides; `None` for one that
    /// never wrote it down, as of a program that wrote the catalog itself.
    pub(super) async fn proposed<C: DeserializeOwned>(
        &self,
        transaction: &mut Transaction,
        request: RequestId,
        subject: Uuid,
    ) -> Result<Option<C>, StoreError> {
        let row = transaction
            .fetch_optional(self.select, &[request.0.into(), subject.into()])
            .await?;
        row.map(|row| {
            serde_json::from_str(&row.text("change")?).map_err(|error| {
                let table = self.table;
                StoreError::Corrupt(format!("{table}.change of request {request}: {error}"))
            })
        })
        .transpose()
    }

    /// The change has come to its end.
    pub(super) async fn settle(
        &self,
        transaction: &mut Transaction,
        request: RequestId,
    ) -> Result<(), StoreError> {
        transaction
            .execute(self.delete, &[request.0.into()])
            .await
            .map(drop)
    }
}
