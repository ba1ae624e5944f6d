//! Writes what the log keeps of the catalog, in an open transaction.
//!
//! The catalog is mastered in the database, so a document changes nothing where its row stands as
//! new. It is for a database that was lost or set back: there it brings the row.

use onsale_schemas::command::Describe;
use uuid::Uuid;

use crate::catalog::{EventRow, ShowRow, ShowStatus};
use crate::database::{Transaction, integer};
use crate::document::{Document, Versioned};
use crate::error::StoreError;
use crate::store::{events, shows};

/// The statements about versions of one table.
struct Versions {
    select: &'static str,
    brought: &'static str,
    described: &'static str,
}

const EVENTS: Versions = Versions {
    select: "SELECT version, described_version FROM events WHERE event_id = $1",
    brought: "UPDATE events SET version = $2 WHERE event_id = $1",
    described: "UPDATE events SET described_version = $2 \
                WHERE event_id = $1 AND described_version < $2 AND version >= $2",
};
const SHOWS: Versions = Versions {
    select: "SELECT version, described_version FROM shows WHERE show_id = $1",
    brought: "UPDATE shows SET version = $2 WHERE show_id = $1",
    described: "UPDATE shows SET described_version = $2 \
                WHERE show_id = $1 AND described_version < $2 AND version >= $2",
};

/// Which version a row is of, and which one the log has.
struct Standing {
    version: i64,
    described: i64,
}

impl Standing {
    /// Whether a document of `version` is to be written over the row.
    ///
    /// Of the same version as the row is the document that was made from it, so writing it changes
    /// nothing; but in a database that is made again from the log, the row has that version from
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
    let mut brought = event(transaction, &document.event, document.show.is_none()).await?;
    if let Some(described) = &document.show {
        brought |= show(transaction, described).await?;
    }
    Ok(brought)
}

async fn event(
    transaction: &mut Transaction,
    event: &Versioned<EventRow>,
    is_subject: bool,
) -> Result<bool, StoreError> {
    let (id, row) = (event.row.event_id.0, &event.row);
    let version = integer("version", event.version)?;
    let brought = match present(transaction, &EVENTS, id).await? {
        None => {
            events::insert(transaction, row).await?;
            true
        }
        // A show's document keeps its event as it was when the show changed.
        Some(standing) if is_subject && standing.is_behind(version) => {
            events::replace(transaction, row).await?;
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
            shows::replace(transaction, &row).await?;
            true
        }
        Some(_) => false,
    };
    settle(transaction, &SHOWS, id, version, brought, true).await?;
    Ok(brought)
}

async fn present(
    transaction: &mut Transaction,
    versions: &Versions,
    id: Uuid,
) -> Result<Option<Standing>, StoreError> {
    transaction
        .fetch_optional(versions.select, &[id.into()])
        .await?
        .map(|row| {
            Ok(Standing {
                version: row.signed("version")?,
                described: row.signed("described_version")?,
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
    }
    Ok(())
}
