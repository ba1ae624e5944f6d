//! Whether an order is one at all, whatever the show says.

use onsale_prices::Asked;
use onsale_schemas::Rejection;
use onsale_schemas::limits::{ITEMS_PER_ORDER_MAX, TICKETS_PER_BOOKING_MAX, TYPES_PER_SHOW_MAX};
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::rejection::InvalidReason;
use smallvec::SmallVec;

use super::super::places::{has_duplicate, invalid};
use super::all_named;

/// Checks the items, and says what they ask for in the order of places.
pub(super) fn check(items: &[Item]) -> Result<SmallVec<[Asked; 4]>, Rejection> {
    if items.is_empty() || items.iter().any(|item| quantity(item) == 0) {
        return Err(invalid(InvalidReason::NothingAsked));
    }
    let in_all: u64 = items.iter().map(|item| u64::from(quantity(item))).sum();
    if items.len() > ITEMS_PER_ORDER_MAX || in_all > u64::from(TICKETS_PER_BOOKING_MAX) {
        return Err(invalid(InvalidReason::TooMany));
    }
    if has_duplicate(&all_named(items)) {
        return Err(invalid(InvalidReason::DuplicateSeat));
    }
    if !items.iter().all(are_types_valid) {
        return Err(invalid(InvalidReason::Types));
    }
    Ok(items.iter().flat_map(runs).collect())
}

/// How many places an item asks for.
pub(super) fn quantity(item: &Item) -> u32 {
    match &item.pick {
        PickV2::Seats(seats) => u32::try_from(seats.len()).unwrap_or(u32::MAX),
        &PickV2::BestAvailable { quantity, .. } | &PickV2::General { quantity } => quantity,
    }
}

fn are_types_valid(item: &Item) -> bool {
    if item.types.is_empty() {
        return true;
    }
    let mut seen = 0u64;
    let mut sum = 0u64;
    for &(id, quantity) in &item.types {
        let bit = 1u64.checked_shl(u32::from(id)).unwrap_or(0);
        if usize::from(id) >= TYPES_PER_SHOW_MAX || seen & bit != 0 || quantity == 0 {
            return false;
        }
        seen |= bit;
        sum += u64::from(quantity);
    }
    sum == u64::from(quantity(item))
}

/// The ticket types of an item in the order of its places.
pub(super) fn runs(item: &Item) -> impl Iterator<Item = Asked> + '_ {
    let default = item.types.is_empty().then(|| (0, quantity(item)));
    let types = default.into_iter().chain(item.types.iter().copied());
    types.map(|(ticket_type, quantity)| Asked {
        zone: item.zone,
        ticket_type,
        quantity,
    })
}
