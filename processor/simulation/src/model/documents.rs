//! Catalog documents, kept unread.

use std::collections::BTreeMap;

use onsale_schemas::command::{Describe, Subject};
use onsale_schemas::limits::DOCUMENT_MAX_BYTES;
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{Outcome, Rejection};

use super::lifecycle::invalid;
use super::machine::Model;

/// The newest document of everything described.
#[derive(Clone, Default, Debug)]
pub(super) struct Documents(BTreeMap<Subject, Describe>);

impl Documents {
    fn bytes(&self) -> usize {
        self.0.values().map(|known| known.document.len()).sum()
    }
}

impl Model {
    pub(super) fn describe(&mut self, describe: &Describe) -> Result<Outcome, Rejection> {
        let size = describe.document.len();
        if !(1..=DOCUMENT_MAX_BYTES).contains(&size) {
            return Err(invalid(InvalidReason::Document));
        }
        let key = describe.subject;
        let before = self.documents.0.get(&key).map(|old| old.document.len());
        let others = self.documents.bytes() - before.unwrap_or(0);
        if (others + size) as u64 > self.limits.documents_max_bytes {
            let table = FullTable::Documents;
            return Err(Rejection::Full { table });
        }
        self.documents.0.insert(key, describe.clone());
        Ok(Outcome::Described(describe.clone()))
    }

    /// The newest documents.
    pub fn documents(&self) -> impl Iterator<Item = &Describe> {
        self.documents.0.values()
    }
}
