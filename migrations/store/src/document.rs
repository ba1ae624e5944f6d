//! Catalog documents: what the log keeps of an event or a show beside what it decides, so that the
//! catalog can be restored from the log alone.
//!
//! A document is the row as JSON, names and labels included, deflated, behind one byte that says
//! so. A show's names its event too, because a show cannot exist without one. Fields may be added
//! with a default; anything else is another format.
//!
//! Triggers in the database count the versions of a row, so no write can forget to. Where a row is
//! missing or older than its document, projector and reconciliation restore it from the document; a
//! row that is newer stays as it is. The database knows the id of its log and one record of each
//! partition, so that another log's database is refused before anything is written into it.

use std::io::Read as _;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use onsale_schemas::Offset;
use onsale_schemas::command::Subject;
use onsale_schemas::limits::DOCUMENT_MAX_BYTES;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::catalog::{EventRow, ShowRow};

/// First byte of a document of this format.
const FORMAT: u8 = 1;
/// Largest document once inflated, in bytes: one of so little can say no more.
const INFLATED_MAX_BYTES: u64 = 64 << 20;

/// What a document says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Document {
    /// The event, or that of the show.
    pub event: Versioned<EventRow>,
    /// The show, where it describes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show: Option<Versioned<ShowRow>>,
    /// The position in its partition at which it was created: every record before is in it. Records from
    /// there on may not be, although it comes behind them in the log. `None` in documents of programs
    /// that did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Offset>,
}

/// A row as of one of its versions, counted from 1.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// The version.
    pub version: u64,
    /// The row.
    pub row: T,
}

/// Where a walk through the catalog stands: behind this event, and behind this show. It begins at
/// the default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CatalogCursor {
    /// The event.
    pub event: Uuid,
    /// The show.
    pub show: Uuid,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Made by a later program, or by none of this name.
    #[error("format {found:?}, this program reads format {FORMAT}")]
    Format {
        /// Its first byte.
        found: Option<u8>,
    },
    /// It does not inflate.
    #[error("damaged: {0}")]
    Damaged(std::io::Error),
    /// It does not say what a document says.
    #[error("damaged: {0}")]
    Json(serde_json::Error),
    /// More than the log takes.
    #[error("{bytes} bytes, the log keeps at most {DOCUMENT_MAX_BYTES} of an event or show")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl Document {
    /// What it describes.
    pub fn subject(&self) -> Subject {
        match &self.show {
            Some(show) => Subject::Show {
                show: show.row.show_id,
                event: show.row.event_id,
            },
            None => Subject::Event(self.event.row.event_id),
        }
    }

    /// As bytes for the log.
    ///
    /// # Errors
    /// [`DocumentError::TooLarge`].
    pub fn encode(&self) -> Result<Vec<u8>, DocumentError> {
        let json = serde_json::to_vec(self).map_err(DocumentError::Json)?;
        let mut bytes = vec![FORMAT];
        DeflateEncoder::new(&json[..], Compression::default())
            .read_to_end(&mut bytes)
            .map_err(DocumentError::Damaged)?;
        if bytes.len() > DOCUMENT_MAX_BYTES {
            return Err(DocumentError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// From bytes of the log.
    ///
    /// # Errors
    /// When they are no document of this format.
    pub fn decode(bytes: &[u8]) -> Result<Self, DocumentError> {
        let Some((&FORMAT, deflated)) = bytes.split_first() else {
            return Err(DocumentError::Format {
                found: bytes.first().copied(),
            });
        };
        let mut json = Vec::new();
        DeflateDecoder::new(deflated)
            .take(INFLATED_MAX_BYTES)
            .read_to_end(&mut json)
            .map_err(DocumentError::Damaged)?;
        serde_json::from_slice(&json).map_err(DocumentError::Json)
    }
}
