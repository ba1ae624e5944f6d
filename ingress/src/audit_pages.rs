//! The audit trail written down page by page, as CSV or JSON Lines: for `GET /audit/export` and for
//! `onsale audit export`.

pub(crate) mod csv;
mod entry;

use onsale_store::audit::AuditFilter;
use onsale_store::{Store, StoreError};
use serde::Deserialize;

pub(crate) use entry::EntryBody;

/// Entries that are read and rendered at once: about 200 KB, and never more than a few MB.
const ENTRIES_PER_PAGE: u32 = 500;

/// How entries are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditFormat {
    /// RFC 4180, with a line of names first. A field that a spreadsheet would take for a formula has an
    /// apostrophe in front.
    #[default]
    Csv,
    /// An entry a line, as `GET /audit` has them.
    Jsonl,
}

impl AuditFormat {
    /// The format of a name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// Why a page cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum AuditPagesError {
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry is no JSON.
    #[error("an entry cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// What is left of the entries of a filter, newest first. Between two pages it holds no connection.
#[derive(Debug)]
pub struct AuditPages {
    store: Store,
    filter: AuditFilter,
    format: AuditFormat,
    entries: u64,
    is_first: bool,
    is_last: bool,
}

impl AuditPages {
    /// All entries of the filter, whose limit counts for nothing.
    pub fn new(store: Store, filter: AuditFilter, format: AuditFormat) -> Self {
        Self {
            store,
            filter: AuditFilter {
                limit: ENTRIES_PER_PAGE,
                ..filter
            },
            format,
            entries: 0,
            is_first: true,
            is_last: false,
        }
    }

    /// Whether all were written.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// How many were written.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The text of the next ones; `None` behind the last ones.
    ///
    /// # Errors
    /// As every read; it may be called again then.
    pub async fn next_page(&mut self) -> Result<Option<Vec<u8>>, AuditPagesError> {
        if self.is_last {
            return Ok(None);
        }
        let rows = self.store.audit(&self.filter).await?;
        let count = rows.len();
        let mut text = Vec::new();
        if self.is_first && self.format == AuditFormat::Csv {
            text.extend_from_slice(csv::HEADER.as_bytes());
        }
        let last = rows.last().map(|row| row.audit_id);
        for row in rows {
            let entry = EntryBody::from(row);
            match self.format {
                AuditFormat::Csv => csv::write(&entry, &mut text),
                AuditFormat::Jsonl => {
                    serde_json::to_writer(&mut text, &entry)?;
                    text.push(b'\n');
                }
            }
        }
        self.is_first = false;
        self.is_last = count < usize::try_from(ENTRIES_PER_PAGE).unwrap_or(usize::MAX);
        self.filter.before = last;
        self.entries += u64::try_from(count).unwrap_or(u64::MAX);
        Ok((!text.is_empty()).then_some(text))
    }
}
