//! The price of every place of an order, step by step.

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::limits::BASIS_POINTS;
use onsale_schemas::offer::{Offer, PhasePrice};
use onsale_schemas::outcome::PriceRule;
use onsale_schemas::{LogTimeMs, TicketTypeId, ZoneIndex};
use smallvec::SmallVec;

use crate::scope::{has, list_price};

/// Places of one zone and ticket type that an order asks for one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The zone.
    pub zone: ZoneIndex,
    /// The ticket type.
    pub ticket_type: TicketTypeId,
    /// How many.
    pub quantity: u32,
}

/// What a price follows from besides the order.
#[derive(Clone, Copy)]
pub struct Basis<'a> {
    /// What is for sale.
    pub offer: &'a Offer,
    /// Unit prices of the show's zones in order, in minor units.
    pub unit_prices: &'a [i64],
    /// Live places of the show that have the price of a phase, by the number of the phase.
    pub phase_places: &'a dyn Fn(u8) -> u32,
    /// Terms of the order's code. That it counts for the order is for the caller to check.
    pub code: Option<&'a CodeTerms>,
    /// Machine time.
    pub now: LogTimeMs,
}

/// What one place costs, in minor units, and why; the fields of
/// [`Line`](onsale_schemas::outcome::Line).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlacePrice {
    /// Its zone.
    pub zone: ZoneIndex,
    /// Its ticket type.
    pub ticket_type: TicketTypeId,
    /// Where the list price is from.
    pub rule: PriceRule,
    /// The price before bundle and code.
    pub list_price: i64,
    /// The bundle that it is in.
    pub bundle: Option<u8>,
    /// What the bundle takes off.
    pub bundle_off: i64,
    /// What the code takes off.
    pub code_off: i64,
    /// What is left.
    pub unit_price: i64,
    /// Fee on top.
    pub unit_fee: i64,
    /// Tax in price and fee.
    pub unit_tax: i64,
}

/// Prices of places; up to four need no heap.
pub type PlacePrices = SmallVec<[PlacePrice; 4]>;

/// What an order costs, in minor units.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderPrice {
    /// Each of its places, in the order in which they were asked for.
    pub places: PlacePrices,
    /// Fee for the order.
    pub order_fee: i64,
    /// Tax in it.
    pub order_fee_tax: i64,
    /// What is to be paid.
    pub total: i64,
    /// Tax in it.
    pub tax: i64,
}

/// `a / b` to the nearest whole number, half up. Neither is negative.
fn round(a: i64, b: i64) -> i64 {
    (2 * a + b) / (2 * b)
}

fn off(price: i64, off_bp: u16) -> i64 {
    let left = BASIS_POINTS.saturating_sub(off_bp);
    round(price * i64::from(left), i64::from(BASIS_POINTS))
}

/// The tax of that rate that an amount includes.
pub(crate) fn tax_in(amount: i64, tax_bp: u16) -> i64 {
    let tax_bp = i64::from(tax_bp);
    round(amount * tax_bp, i64::from(BASIS_POINTS) + tax_bp)
}

/// The price of an order; `None` when it has a type that is not offered in its zone.
///
/// No number is beyond 4.1 × 10^16, as long as the offer, the terms and the unit prices are valid
/// and the order has at most
/// [`TICKETS_PER_BOOKING_MAX`](onsale_schemas::limits::TICKETS_PER_BOOKING_MAX) places.
pub fn price(basis: &Basis<'_>, asked: &[Asked]) -> Option<OrderPrice> {
    let mut places = listed(basis, asked)?;
    take_off_bundles(basis.offer, &mut places);
    if let Some(terms) = basis.code {
        take_off_code(terms, &mut places);
    }
    let fees = &basis.offer.fees;
    let mut order = OrderPrice {
        places,
        order_fee: 0,
        order_fee_tax: 0,
        total: 0,
        tax: 0,
    };
    for place in &mut order.places {
        place.unit_price = place.list_price - place.bundle_off - place.code_off;
        if place.unit_price > 0 {
            let part = round(
                place.unit_price * i64::from(fees.place_bp),
                i64::from(BASIS_POINTS),
            );
            place.unit_fee = fees.place + part;
            order.order_fee = fees.order;
        }
        place.unit_tax =
            tax_in(place.unit_price, basis.offer.tax_bp) + tax_in(place.unit_fee, fees.tax_bp);
        order.total += place.unit_price + place.unit_fee;
        order.tax += place.unit_tax;
    }
    order.order_fee_tax = tax_in(order.order_fee, fees.tax_bp);
    order.total += order.order_fee;
    order.tax += order.order_fee_tax;
    Some(order)
}

/// Every place with its list price and the rule that it is from.
fn listed(basis: &Basis<'_>, asked: &[Asked]) -> Option<PlacePrices> {
    let offer = basis.offer;
    // Live places by phase in its order, and those of this order.
    let mut given: SmallVec<[u32; 8]> = offer
        .phases
        .iter()
        .map(|phase| (basis.phase_places)(phase.id))
        .collect();
    let mut places = PlacePrices::new();
    for run in asked {
        let (rule, price) = list_price(offer, basis.unit_prices, run.zone, run.ticket_type)?;
        for _ in 0..run.quantity {
            let (mut rule, mut price) = (rule, price);
            let phases = offer.phases.iter().zip(&mut given);
            let is_for = |(phase, given): &(&onsale_schemas::offer::Phase, &mut u32)| {
                (phase.from_ms..phase.until_ms).contains(&basis.now)
                    && (phase.places == 0 || **given < phase.places)
                    && has(&phase.scope, run.zone, run.ticket_type)
            };
            if let Some((phase, given)) = phases.into_iter().find(is_for) {
                *given = given.saturating_add(1);
                rule = PriceRule::Phase(phase.id);
                price = match phase.price {
                    PhasePrice::Fixed(fixed) => fixed,
                    PhasePrice::OffBp(off_bp) => off(price, off_bp),
                };
            }
            places.push(PlacePrice {
                zone: run.zone,
                ticket_type: run.ticket_type,
                rule,
                list_price: price,
                bundle: None,
                bundle_off: 0,
                code_off: 0,
                unit_price: price,
                unit_fee: 0,
                unit_tax: 0,
            });
        }
    }
    Some(places)
}

fn take_off_bundles(offer: &Offer, places: &mut [PlacePrice]) {
    for bundle in &offer.bundles {
        let fits = |place: &PlacePrice| {
            place.bundle.is_none() && has(&bundle.scope, place.zone, place.ticket_type)
        };
        if places.iter().filter(|place| fits(place)).count() < usize::from(bundle.places) {
            continue;
        }
        for place in places.iter_mut().filter(|place| fits(place)) {
            place.bundle = Some(bundle.id);
            place.bundle_off = place.list_price - off(place.list_price, bundle.off_bp);
        }
    }
}

fn take_off_code(terms: &CodeTerms, places: &mut [PlacePrice]) {
    let Some(discount) = terms.discount else {
        return;
    };
    let most = match terms.places_max {
        0 => usize::MAX,
        most => usize::from(most),
    };
    let in_scope = places
        .iter_mut()
        .filter(|place| has(&terms.scope, place.zone, place.ticket_type));
    for place in in_scope.take(most) {
        let price = place.list_price - place.bundle_off;
        place.code_off = match discount {
            Discount::OffBp(off_bp) => price - off(price, off_bp),
            Discount::Amount(amount, _) => amount.min(price),
        };
    }
}

#[cfg(test)]
mod tests;
