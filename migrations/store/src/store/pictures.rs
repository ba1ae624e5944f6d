//! Pictures of events: which one an event has, and whose the files are that lie where uploads do.

use onsale_schemas::EventId;
use uuid::Uuid;

use super::Store;
use super::edits::{locked, version};
use super::events::{lock_event, replace};
use super::jobs::enqueue;
use crate::audit::{Audit, Unaudited};
use crate::catalog::{EventPicture, EventRow, PictureFiles, PictureLook};
use crate::database::{Durability, Transaction, Value};
use crate::document::Versioned;
use crate::error::StoreError;

/// Notes the picture of an event as its own.
pub(super) async fn keep(
    transaction: &mut Transaction,
    event: &EventRow,
) -> Result<(), StoreError> {
    let Some(picture) = &event.details.picture else {
        return Ok(());
    };
    let text = picture.text()?;
    transaction
        .execute(
            "INSERT INTO pictures (picture_id, tenant_id, event_id, picture) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (picture_id) DO NOTHING",
            &[
                picture.files.picture_id.into(),
                event.tenant_id.into(),
                event.event_id.0.into(),
                Value::from(&text),
            ],
        )
        .await
        .map(drop)
}

/// Has the files of a picture deleted that its event does not have any more.
pub(super) async fn let_go(
    transaction: &mut Transaction,
    picture: &EventPicture,
) -> Result<(), StoreError> {
    let look = PictureLook::Replaced.job(&picture.files)?;
    enqueue::enqueue(transaction, &look).await.map(drop)
}

impl Store {
    /// Gives an event a picture that was put where uploads are, or takes it away, and enqueues the job that deletes
    /// the files of the one before. The row as it is then with its version; `None` when there is no such event, or it
    /// was deleted. Where nothing is other than before, nothing is written and no entry is left.
    ///
    /// # Errors
    /// [`StoreError::VersionChanged`] where the event is of another version than `expected_version`; as every write.
    pub async fn set_picture(
        &self,
        id: EventId,
        picture: Option<EventPicture>,
        expected_version: Option<u64>,
        audit: impl Into<Audit>,
    ) -> Result<Option<Versioned<EventRow>>, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(before) = locked(&mut transaction, id, expected_version).await? else {
                    return Ok(None);
                };
                let mut row = before.row.clone();
                row.details.picture = picture;
                let changes = before.row.changes(&row);
                if changes.is_empty() {
                    return Ok(Some(before));
                }
                replace(&mut transaction, &row).await?;
                keep(&mut transaction, &row).await?;
                if let Some(replaced) = &before.row.details.picture {
                    let_go(&mut transaction, replaced).await?;
                }
                let version = version(&mut transaction, id).await?;
                transaction.commit(audit.with_changes(&changes)).await?;
                Ok(Some(Versioned { version, row }))
            })
            .await
    }

    /// Notes that the files of a picture are about to be put where uploads are, so that they are deleted if no event
    /// gets it.
    ///
    /// # Errors
    /// As every write.
    pub async fn announce_picture(&self, files: &PictureFiles) -> Result<(), StoreError> {
        let enqueued = self.enqueue_job(&PictureLook::Announced.job(files)?).await;
        enqueued.map(drop)
    }

    /// The files of a picture, and the event that has it, or had it within the hour.
    ///
    /// # Errors
    /// As every read.
    pub async fn picture(&self, id: Uuid) -> Result<Option<(EventId, PictureFiles)>, StoreError> {
        let select = "SELECT event_id, picture FROM pictures WHERE picture_id = $1";
        let found = self.database.fetch_optional(select, &[id.into()]).await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let picture = EventPicture::of_text(&found.text("picture")?)?;
        Ok(Some((EventId(found.uuid("event_id")?), picture.files)))
    }

    /// Forgets a picture unless an event has it; true when one has. No event ever gets it after that: its id is
    /// random, and whoever had announced it gave up long ago.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_picture(&self, id: Uuid) -> Result<bool, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let select = "SELECT event_id FROM pictures WHERE picture_id = $1";
                let found = transaction.fetch_optional(select, &[id.into()]).await?;
                let Some(found) = found else {
                    return Ok(false);
                };
                let event = EventId(found.uuid("event_id")?);
                // It gets no other one meanwhile.
                let event = lock_event(&mut transaction, event).await?;
                let present = event.and_then(|event| event.details.picture);
                if present.is_some_and(|picture| picture.files.picture_id == id) {
                    return Ok(true);
                }
                let delete = "DELETE FROM pictures WHERE picture_id = $1";
                transaction.execute(delete, &[id.into()]).await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(false)
            })
            .await
    }
}
