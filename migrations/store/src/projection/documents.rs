//! Writes what the log keeps of the catalog, in an open transaction.
//!
//! The catalog is mastered in the database, so a document changes nothing where its row stands as
//! new. It is for a database that was lost or set back: there it brings the row. What the log decided
//! after the document was created stays, although the document comes behind it in the log.
//!
//! Which of the two is newer is told by the version. That is right in a database that is built from the log
//! again only because no record and no document counts more versions there than it did when the log was
//! written: of a change whose names are lost it counts none, and what a document brings has the document's version
//! or leaves the row's as it is.

use onsale_schemas::command::Describe;
use onsale_schemas::{Offset, ZoneIndex};
use uuid::Uuid;

use super::growth;
use crate::catalog::{EventStatus, OfferRow, ShowRow, ShowStatus};
use crate::database::{Transaction, integer};
use crate::document::{Document, Versioned};
use crate::error::StoreError;
use crate::store::{events, shows};

/// The statements about versions of one table.
struct Versions {
    select: &'static str,
    brought: &'static str,
    described: &'static str,
    again: &'static str,
}

const EVENTS: Versions = Versions {
    select: "SELECT version, described_version, amended_offset, \
             CAST(NULL AS bigint) AS closed_offset FROM events WHERE event_id = $1",
    brought: "UPDATE events SET version = $2 WHERE event_id = $1",
    described: "UPDATE events SET described_version = $2 \
                WHERE event_id = $1 AND described_version < $2 AND version >= $2",
    again: "UPDATE events SET described_version = version - 1 \
            WHERE event_id = $1 AND version > $2 AND described_version = version",
};
const SHOWS: Versions = Versions {
    select: "SELECT version, described_version, amended_offset, closed_offset \
             FROM shows WHERE show_id = $1",
    brought: "UPDATE shows SET version = $2 WHERE show_id = $1",
    described: "UPDATE shows SET described_version = $2 \
                WHERE show_id = $1 AND described_version < $2 AND version >= $2",
    again: "UPDATE shows SET described_version = version - 1 \
            WHERE show_id = $1 AND version > $2 AND described_version = version",
};

/// Which version a row is of, which one the log has, and what of the log changed it last.
struct RowState {
    version: i64,
    described: i64,
    amended: Option<Offset>,
    closed: Option<Offset>,
}

/// Whether a record is none that a document knows of.
fn is_after(record: Option<Offset>, as_of: Option<Offset>) -> bool {
    record
        .zip(as_of)
        .is_some_and(|(record, as_of)| record >= as_of)
}

impl RowState {
    /// Whether a document of `version` is to be written over the row.
    ///
    /// Of the same version as the row is the document that was created from it, so writing it changes
    /// nothing; but in a database that is rebuilt from the log, the row has that version from
    /// what the log decided alone, and the document has the names that were changed along with it.
    fn is_behind(&self, version: i64) -> bool {
        self.version < version || (self.version == version && self.described < version)
    }
}

/// A document of the log. One that cannot be read is passed by: it was written by another program,
/// and nothing that is sold depends on it.
pub(crate) async fn describe(
    transaction: &mut Transaction,
    describe: &Describe,
) -> Result<(), StoreError> {
    match Document::decode(&describe.document) {
        Ok(document) if document.subject() == describe.subject => {
            write(transaction, &document).await.map(drop)
        }
        Ok(_) => {
            tracing::error!(subject = ?describe.subject, "a catalog document of another subject");
            Ok(())
        }
        Err(error) => {
            tracing::error!(subject = ?describe.subject, %error, "a catalog document is passed by");
            Ok(())
        }
    }
}

/// Brings the rows that are missing or older; true when there was one.
pub(crate) async fn write(
    transaction: &mut Transaction,
    document: &Document,
) -> Result<bool, StoreError> {
    let mut brought = event(transaction, document).await?;
    if let Some(described) = &document.show {
        brought |= show(transaction, described, document.as_of).await?;
    }
    Ok(brought)
}

async fn event(transaction: &mut Transaction, document: &Document) -> Result<bool, StoreError> {
    let (event, is_subject) = (&document.event, document.show.is_none());
    let (id, row) = (event.row.event_id.0, &event.row);
    let version = integer("version", event.version)?;
    let brought = match present(transaction, &EVENTS, id).await? {
        None => {
            events::insert(transaction, row).await?;
            true
        }
        // A show's document keeps its event as it was when the show changed.
        Some(standing) if is_subject && standing.is_behind(version) => {
            let mut row = row.clone();
            if let Some(present) = events::lock_event(transaction, row.event_id).await? {
                // No document tells of it.
                row.details.ended_at_ms = present.details.ended_at_ms;
                // Nothing undoes a cancellation.
                if present.status == EventStatus::Cancelled {
                    row.status = present.status;
                }
                if is_after(standing.amended, document.as_of) {
                    row.max_tickets_per_user = present.max_tickets_per_user;
                }
            }
            events::restore(transaction, &row).await?;
            true
        }
        Some(_) => false,
    };
    settle(transaction, &EVENTS, id, version, brought, is_subject).await?;
    Ok(brought)
}

async fn show(
    transaction: &mut Transaction,
    show: &Versioned<ShowRow>,
    as_of: Option<Offset>,
) -> Result<bool, StoreError> {
    let id = show.row.show_id.0;
    let mut row = show.row.clone();
    // It is described once the log has opened it.
    if row.status == ShowStatus::Opening {
        row.status = ShowStatus::Open;
    }
    let version = integer("version", show.version)?;
    let brought = match present(transaction, &SHOWS, id).await? {
        None => {
            shows::insert(transaction, &row).await?;
            true
        }
        Some(standing) if standing.is_behind(version) => {
            keep_decided(transaction, &mut row, &standing, as_of).await?;
            shows::replace(transaction, &row).await?;
            growth::bring(transaction, &row).await?;
            true
        }
        // A row that was changed after the document was made may lack names that the document has.
        Some(_) => {
            let found = growth::bring(transaction, &row).await?;
            settle(transaction, &SHOWS, id, version, false, true).await?;
            return Ok(found);
        }
    };
    settle(transaction, &SHOWS, id, version, brought, true).await?;
    Ok(brought)
}

/// What the log decided about a show after its document was created.
async fn keep_decided(
    transaction: &mut Transaction,
    row: &mut ShowRow,
    standing: &RowState,
    as_of: Option<Offset>,
) -> Result<(), StoreError> {
    let id = [row.show_id.0.into()];
    let Some(present) = transaction.fetch_optional(shows::SHOW_ALONE, &id).await? else {
        return Ok(());
    };
    let present = shows::show_row(&present)?;
    let is_amended = is_after(standing.amended, as_of);
    // Whatever is for sale, a number that was given out keeps its name.
    row.offer = if is_amended {
        OfferRow::with_names_of(present.offer, row.offer.take())
    } else {
        OfferRow::with_names_of(row.offer.take(), present.offer)
    };
    if !is_amended && !is_after(standing.closed, as_of) {
        return Ok(());
    }
    row.status = present.status;
    row.sale_closes_at_ms = present.sale_closes_at_ms;
    row.closes_by_default = present.closes_by_default;
    if !is_amended {
        return Ok(());
    }
    row.starts_at_ms = present.starts_at_ms;
    row.sale_opens_at_ms = present.sale_opens_at_ms;
    row.hold_ms = present.hold_ms;
    let prices = transaction
        .fetch("SELECT zone, unit_price FROM zones WHERE show_id = $1", &id)
        .await?;
    for price in prices {
        let index: ZoneIndex = price.number("zone")?;
        if let Some(zone) = row.zones.iter_mut().find(|zone| zone.index == index) {
            zone.unit_price = price.signed("unit_price")?;
        }
    }
    Ok(())
}

async fn present(
    transaction: &mut Transaction,
    versions: &Versions,
    id: Uuid,
) -> Result<Option<RowState>, StoreError> {
    transaction
        .fetch_optional(versions.select, &[id.into()])
        .await?
        .map(|row| {
            Ok(RowState {
                version: row.signed("version")?,
                described: row.signed("described_version")?,
                amended: row.number_or_null("amended_offset")?,
                closed: row.number_or_null("closed_offset")?,
            })
        })
        .transpose()
}

async fn settle(
    transaction: &mut Transaction,
    versions: &Versions,
    id: Uuid,
    version: i64,
    brought: bool,
    is_subject: bool,
) -> Result<(), StoreError> {
    let values = [id.into(), version.into()];
    if brought {
        // The trigger has counted the write as a change.
        transaction.execute(versions.brought, &values).await?;
    }
    if is_subject {
        transaction.execute(versions.described, &values).await?;
        // The last document of the log is to be the newest, since what is rebuilt of a log that was trimmed,
        // and repaired, has no other. An older one may come last: it was made while a database was behind, or
        // by another process.
        transaction.execute(versions.again, &values).await?;
    }
    Ok(())
}
