//! What staff changes of an event without the log, in one transaction.

use onsale_schemas::EventId;

use super::Store;
use super::events::{SELECT_WITH_VERSION, event_row, lock_event, replace};
use super::slugs;
use super::venues::keep_for_event;
use crate::audit::{Audit, Unaudited};
use crate::catalog::{EventDetails, EventEdit, EventPicture, EventRow};
use crate::database::{Durability, Row, Transaction};
use crate::document::Versioned;
use crate::error::StoreError;

impl Store {
    /// Changes an event; the row as it is then with its version, `None` when there is none or it was deleted. What
    /// the log decides stays. Where nothing is other than before, nothing is written and no entry is left; otherwise
    /// the entry names the fields.
    ///
    /// # Errors
    /// [`StoreError::VersionChanged`]; [`StoreError::Exists`] (`slug`) when its new name in addresses leads to
    /// another event of the tenant; [`StoreError::NotThere`] when its new venue is none of the tenant; as every
    /// write.
    pub async fn edit_event(
        &self,
        id: EventId,
        edit: &EventEdit,
        audit: impl Into<Audit>,
    ) -> Result<Option<Versioned<EventRow>>, StoreError> {
        let (edit, audit) = (edit.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(before) = locked(&mut transaction, id, edit.expected_version).await?
                else {
                    return Ok(None);
                };
                let mut row = before.row.clone();
                if let Some(change) = &edit.change {
                    change.apply_to(&mut row);
                }
                if let Some(is_required) = edit.requires_verified_account {
                    row.requires_verified_account = is_required;
                }
                let given_up = edit.details.apply_to(&mut row.details);
                let changes = before.row.changes(&row);
                if changes.is_empty() {
                    if !edit.claims_version {
                        return Ok(Some(before));
                    }
                    let version = claim(&mut transaction, id).await?;
                    // What follows has its entry when it is proposed.
                    transaction
                        .commit(Audit::Skipped(Unaudited::Logged))
                        .await?;
                    return Ok(Some(Versioned { version, row }));
                }
                if before.row.details.venue_id != row.details.venue_id {
                    row.details.known_venue = match row.details.venue_id {
                        Some(venue) => {
                            Some(keep_for_event(&mut transaction, row.tenant_id, venue).await?)
                        }
                        None => None,
                    };
                }
                replace(&mut transaction, &row).await?;
                slugs::give_up(&mut transaction, &row, &given_up).await?;
                slugs::take(&mut transaction, &row).await?;
                let mut version = version(&mut transaction, id).await?;
                if edit.claims_version && version == before.version {
                    version = claim(&mut transaction, id).await?;
                }
                transaction.commit(audit.with_changes(&changes)).await?;
                Ok(Some(Versioned { version, row }))
            })
            .await
    }

    /// Sets whether only buyers with a verified address reserve; the row as it is then, `None` when there is
    /// none. As [`Store::change_event`] where nothing is other than before.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_verified_only(
        &self,
        id: EventId,
        is_required: bool,
        audit: impl Into<Audit>,
    ) -> Result<Option<EventRow>, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(before) = lock_event(&mut transaction, id).await? else {
                    return Ok(None);
                };
                let event = EventRow {
                    requires_verified_account: is_required,
                    ..before.clone()
                };
                let changes = before.changes(&event);
                if changes.is_empty() {
                    return Ok(Some(event));
                }
                replace(&mut transaction, &event).await?;
                transaction.commit(audit.with_changes(&changes)).await?;
                Ok(Some(event))
            })
            .await
    }

    /// One event with the version of its row.
    ///
    /// # Errors
    /// As every read.
    pub async fn versioned_event(
        &self,
        id: EventId,
    ) -> Result<Option<Versioned<EventRow>>, StoreError> {
        self.database
            .fetch_optional(SELECT_WITH_VERSION, &[id.0.into()])
            .await?
            .map(|row| {
                Ok(Versioned {
                    version: row.number("version")?,
                    row: event_row(&row)?,
                })
            })
            .transpose()
    }
}

/// Makes the row of an event another version, which is returned.
async fn claim(transaction: &mut Transaction, id: EventId) -> Result<u64, StoreError> {
    transaction
        .execute(
            "UPDATE events SET version = version + 1 WHERE event_id = $1",
            &[id.0.into()],
        )
        .await?;
    version(transaction, id).await
}

/// An event that is not deleted, with its version, which nobody else changes until the transaction ends.
pub(super) async fn locked(
    transaction: &mut Transaction,
    id: EventId,
    expected_version: Option<u64>,
) -> Result<Option<Versioned<EventRow>>, StoreError> {
    let Some(row) = lock_event(transaction, id).await? else {
        return Ok(None);
    };
    if row.is_deleted() {
        return Ok(None);
    }
    let version = version(transaction, id).await?;
    if expected_version.is_some_and(|expected| expected != version) {
        return Err(StoreError::VersionChanged { found: version });
    }
    Ok(Some(Versioned { version, row }))
}

pub(super) async fn version(transaction: &mut Transaction, id: EventId) -> Result<u64, StoreError> {
    transaction
        .fetch_optional(
            "SELECT version FROM events WHERE event_id = $1",
            &[id.0.into()],
        )
        .await?
        .ok_or_else(|| StoreError::Corrupt("events: a locked row is gone".to_owned()))?
        .number("version")
}

/// What a page about an event says, of its row.
pub(super) fn details(row: &Row) -> Result<EventDetails, StoreError> {
    Ok(EventDetails {
        slug: row.text_or_null("slug")?,
        former_slugs: list(row, "former_slugs")?,
        performers: list(row, "performers")?,
        venue_id: row.uuid_or_null("venue_id")?,
        known_venue: None,
        time_zone: row.text_or_null("time_zone")?,
        deleted_at_ms: row.number_or_null("deleted_at_ms")?,
        ended_at_ms: row.number_or_null("ended_at_ms")?,
        picture: row
            .text_or_null("picture")?
            .map(|text| EventPicture::of_text(&text))
            .transpose()?,
    })
}

/// A list of texts.
fn list(row: &Row, name: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(&row.text(name)?)
        .map_err(|error| StoreError::Corrupt(format!("events.{name}: {error}")))
}
