//! Whether an offer or the terms of codes keep to the rules.

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::command::Currency;
use onsale_schemas::limits::{
    BASIS_POINTS, BUNDLES_PER_SHOW_MAX, PHASES_PER_SHOW_MAX, PRICES_PER_SHOW_MAX,
    TICKETS_PER_BOOKING_MAX, TYPES_PER_SHOW_MAX, UNIT_PRICE_MAX_MINOR,
};
use onsale_schemas::offer::{Offer, PhasePrice, Scope};
use onsale_schemas::{LogTimeMs, ZoneIndex};

use crate::scope::ticket_type;

/// Whether a show with zones of these currencies may have the offer.
pub fn is_offer_valid(offer: &Offer, currencies: &[Currency]) -> bool {
    offer.is_empty()
        || (are_of_one(currencies)
            && are_types_valid(offer)
            && are_prices_valid(offer, currencies.len())
            && are_phases_valid(offer, currencies.len())
            && are_bundles_valid(offer, currencies.len())
            && are_fees_valid(offer)
            && ascend(offer.zones.iter().map(|rule| rule.zone))
            && offer
                .zones
                .iter()
                .all(|rule| is_zone(rule.zone, currencies.len())))
}

/// Whether a show with zones of these currencies may have codes of such terms.
pub fn are_terms_valid(terms: &CodeTerms, currencies: &[Currency]) -> bool {
    let is_good_for_something = terms.discount.is_some() || terms.presale || terms.opens;
    let is_discount_valid = match terms.discount {
        None => true,
        Some(Discount::OffBp(off_bp)) => is_percentage(off_bp),
        Some(Discount::Amount(amount, currency)) => {
            (1..=UNIT_PRICE_MAX_MINOR).contains(&amount)
                && currencies.iter().all(|&known| known == currency)
        }
    };
    is_good_for_something
        && is_discount_valid
        && is_window(terms.from_ms, terms.until_ms)
        && is_scope_valid(&terms.scope, currencies.len())
}

fn are_of_one(currencies: &[Currency]) -> bool {
    currencies
        .iter()
        .all(|currency| currencies.first() == Some(currency))
}

fn are_types_valid(offer: &Offer) -> bool {
    offer.types.len() <= TYPES_PER_SHOW_MAX
        && ascend(offer.types.iter().map(|known| known.id))
        && offer.types.iter().all(|known| {
            usize::from(known.id) < TYPES_PER_SHOW_MAX
                && (known.max == 0 || known.max >= known.min)
                && known.kinds < 8
                && is_window(known.from_ms, known.until_ms)
        })
}

fn are_prices_valid(offer: &Offer, zones: usize) -> bool {
    let is_listed = |id| {
        if offer.types.is_empty() {
            id == 0
        } else {
            ticket_type(offer, id).is_some()
        }
    };
    offer.prices.len() <= PRICES_PER_SHOW_MAX
        && ascend(
            offer
                .prices
                .iter()
                .map(|price| (price.zone, price.ticket_type)),
        )
        && offer.prices.iter().all(|price| {
            is_zone(price.zone, zones) && is_listed(price.ticket_type) && is_price(price.price)
        })
}

fn are_phases_valid(offer: &Offer, zones: usize) -> bool {
    offer.phases.len() <= PHASES_PER_SHOW_MAX
        && are_different(offer.phases.iter().map(|phase| phase.id))
        && offer.phases.iter().all(|phase| {
            let is_price_valid = match phase.price {
                PhasePrice::Fixed(price) => is_price(price),
                PhasePrice::OffBp(off_bp) => is_percentage(off_bp),
            };
            is_price_valid
                && is_window(phase.from_ms, phase.until_ms)
                && is_scope_valid(&phase.scope, zones)
        })
}

fn are_bundles_valid(offer: &Offer, zones: usize) -> bool {
    offer.bundles.len() <= BUNDLES_PER_SHOW_MAX
        && are_different(offer.bundles.iter().map(|bundle| bundle.id))
        && offer.bundles.iter().all(|bundle| {
            (2..=TICKETS_PER_BOOKING_MAX).contains(&u32::from(bundle.places))
                && is_percentage(bundle.off_bp)
                && is_scope_valid(&bundle.scope, zones)
        })
}

fn are_fees_valid(offer: &Offer) -> bool {
    let fees = &offer.fees;
    is_price(fees.place)
        && is_price(fees.order)
        && [fees.place_bp, fees.tax_bp, offer.tax_bp]
            .iter()
            .all(|&bp| bp <= BASIS_POINTS)
}

fn is_scope_valid(scope: &Scope, zones: usize) -> bool {
    ascend(scope.zones.iter().copied()) && scope.zones.iter().all(|&zone| is_zone(zone, zones))
}

fn is_zone(zone: ZoneIndex, zones: usize) -> bool {
    usize::from(zone) < zones
}

fn is_price(price: i64) -> bool {
    (0..=UNIT_PRICE_MAX_MINOR).contains(&price)
}

fn is_percentage(bp: u16) -> bool {
    (1..=BASIS_POINTS).contains(&bp)
}

fn is_window(from_ms: LogTimeMs, until_ms: LogTimeMs) -> bool {
    from_ms < until_ms
}

fn ascend<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let mut last = None;
    for item in items {
        if last.as_ref().is_some_and(|last| *last >= item) {
            return false;
        }
        last = Some(item);
    }
    true
}

fn are_different(ids: impl Iterator<Item = u8>) -> bool {
    let mut seen = [false; 256];
    for id in ids {
        if std::mem::replace(&mut seen[usize::from(id)], true) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;
