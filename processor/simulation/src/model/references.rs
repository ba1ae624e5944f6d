//! Payment references, each tied to one booking.

use std::collections::VecDeque;

use onsale_schemas::command::ClaimReference;
use onsale_schemas::limits::REFERENCE_KEPT_MS;
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{LogTimeMs, Outcome, ReferenceHash, Rejection};

use super::machine::Model;
use crate::table::Table;

/// The table, and its references by age.
#[derive(Clone, Default, Debug)]
pub(super) struct References {
    claims: Table<ReferenceHash, ClaimReference>,
    by_age: VecDeque<(LogTimeMs, ReferenceHash)>,
}

impl References {
    pub(super) fn len(&self) -> usize {
        self.claims.len()
    }

    /// Drops those that are as old as they get.
    pub(super) fn forget(&mut self, now: LogTimeMs) {
        while let Some(&(at, reference)) = self.by_age.front()
            && now.saturating_sub(at) >= REFERENCE_KEPT_MS
        {
            self.by_age.pop_front();
            self.claims.remove(&reference);
        }
    }

    /// Nothing was claimed later than now.
    pub(super) fn clamp(&mut self, now: LogTimeMs) {
        for (at, _) in &mut self.by_age {
            *at = now.min(*at);
        }
    }
}

impl Model {
    pub(super) fn claim_reference(&mut self, claim: &ClaimReference) -> Result<Outcome, Rejection> {
        match self.references.claims.get(&claim.reference) {
            Some(known) if known != claim => return Err(Rejection::PaymentReferenceUsed),
            Some(_) => {}
            None if self.references.len() >= self.limits.references_max as usize => {
                let table = FullTable::References;
                return Err(Rejection::Full { table });
            }
            None => {
                let references = &mut self.references;
                references.by_age.push_back((self.now, claim.reference));
                references.claims.insert(claim.reference, claim.clone());
            }
        }
        Ok(Outcome::ReferenceClaimed(claim.clone()))
    }
}
