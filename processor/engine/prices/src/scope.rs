//! What an offer says about one zone and one ticket type.

use onsale_schemas::offer::{Offer, Scope, TicketType, ZoneRule};
use onsale_schemas::outcome::PriceRule;
use onsale_schemas::{TicketTypeId, ZoneIndex};

/// Whether a place of that zone and type is in scope.
pub fn has(scope: &Scope, zone: ZoneIndex, ticket_type: TicketTypeId) -> bool {
    let zones = &scope.zones;
    let bit = 1u64.checked_shl(u32::from(ticket_type)).unwrap_or(0);
    (zones.is_empty() || zones.binary_search(&zone).is_ok())
        && (scope.types == 0 || scope.types & bit != 0)
}

/// The ticket type with that number, if the offer lists it.
pub fn ticket_type(offer: &Offer, id: TicketTypeId) -> Option<&TicketType> {
    let at = offer.types.binary_search_by_key(&id, |known| known.id);
    offer.types.get(at.ok()?)
}

/// The rule of a zone, if the offer has one.
pub fn rule_of(offer: &Offer, zone: ZoneIndex) -> Option<&ZoneRule> {
    let at = offer.zones.binary_search_by_key(&zone, |rule| rule.zone);
    offer.zones.get(at.ok()?)
}

/// The list price of a type in a zone before phases, and where it is from; `None` when the type is
/// not offered there. `unit_prices` are those of the zones.
pub fn list_price(
    offer: &Offer,
    unit_prices: &[i64],
    zone: ZoneIndex,
    id: TicketTypeId,
) -> Option<(PriceRule, i64)> {
    let is_known = if offer.types.is_empty() {
        id == 0
    } else {
        ticket_type(offer, id).is_some()
    };
    if !is_known {
        return None;
    }
    let listed = offer
        .prices
        .binary_search_by_key(&(zone, id), |price| (price.zone, price.ticket_type));
    if let Some(found) = listed.ok().and_then(|at| offer.prices.get(at)) {
        return Some((PriceRule::Type, found.price));
    }
    let unit_price = *unit_prices.get(usize::from(zone))?;
    (id == 0).then_some((PriceRule::Zone, unit_price))
}
