//! What shows have for sale, and what quotes count of their orders.

use std::collections::BTreeMap;

use onsale_engine::Partition;
use onsale_schemas::offer::Offer;
use onsale_schemas::{CodeHash, ShowId};
use onsale_store::catalog::ShowRow;
use onsale_store::{Store, StoreError};

use super::bookings::expected_status;

/// Uses of codes, by show and code.
pub(super) type CodeUses = BTreeMap<ShowId, BTreeMap<CodeHash, u64>>;

/// Whether a row has something else for sale than the engine. Names are the catalog's alone.
pub(crate) fn offer_differs(machine: &Partition, show: ShowId, row: &ShowRow) -> bool {
    let nothing = Offer::default();
    let engine = machine.offer(show).unwrap_or(&nothing);
    let database = row.offer.as_ref().map_or(&nothing, |row| &row.offer);
    engine != database
}

/// How many live bookings carry which code.
pub(super) fn code_uses(machine: &Partition) -> CodeUses {
    let mut uses = CodeUses::new();
    for booking in machine.bookings() {
        if !expected_status(&booking).is_live() {
            continue;
        }
        if let Some(code) = machine.order(booking.booking).and_then(|order| order.code) {
            *uses
                .entry(booking.show)
                .or_default()
                .entry(code)
                .or_default() += 1;
        }
    }
    uses
}

/// Whether the database counts a show's orders otherwise than the engine, which has these `uses` of codes.
pub(super) async fn counts_differ(
    machine: &Partition,
    show: ShowId,
    uses: Option<&BTreeMap<CodeHash, u64>>,
    store: &Store,
) -> Result<bool, StoreError> {
    let phases = machine.phase_places(show).into_iter();
    let phases: Vec<(u8, u64)> = phases
        .filter(|(_, places)| *places > 0)
        .map(|(phase, places)| (phase, u64::from(places)))
        .collect();
    if store.phase_counts(show).await? != phases {
        return Ok(true);
    }
    let uses: Vec<(CodeHash, u64)> = uses
        .into_iter()
        .flatten()
        .map(|(code, uses)| (*code, *uses))
        .collect();
    Ok(store.code_counts(show).await? != uses)
}

/// As [`counts_differ`] of one show.
pub(crate) async fn order_counts_differ(
    machine: &Partition,
    show: ShowId,
    store: &Store,
) -> Result<bool, StoreError> {
    let uses = code_uses(machine);
    counts_differ(machine, show, uses.get(&show), store).await
}
