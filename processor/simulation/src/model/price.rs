//! What an order costs, step by step as in the rules.

use std::collections::BTreeMap;

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::limits::BASIS_POINTS;
use onsale_schemas::offer::{Fees, Offer, PhasePrice, Scope, TicketType};
use onsale_schemas::outcome::{Line, PriceRule};
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{LogTimeMs, SeatIndex, SeatList, TicketTypeId, ZoneIndex};

const ALL_BP: i64 = BASIS_POINTS as i64;

/// A place that an order asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) zone: ZoneIndex,
    pub(super) ticket_type: TicketTypeId,
    /// The list price without phases.
    pub(super) list_price: i64,
    /// Where that is from.
    pub(super) rule: PriceRule,
    /// The seat, where it is named.
    pub(super) seat: Option<SeatIndex>,
    /// What the seat is, or has to be; `None` for general admission.
    pub(super) kind: Option<SeatKind>,
}

/// What it costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Price {
    pub(super) zone: ZoneIndex,
    pub(super) ticket_type: TicketTypeId,
    pub(super) rule: PriceRule,
    pub(super) list_price: i64,
    pub(super) bundle: Option<u8>,
    pub(super) bundle_off: i64,
    pub(super) code_off: i64,
    pub(super) unit_price: i64,
    pub(super) unit_fee: i64,
    pub(super) unit_tax: i64,
}

/// What all places cost, in their order, and the fee for the order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bill {
    pub(super) prices: Vec<Price>,
    pub(super) order_fee: i64,
    pub(super) order_fee_tax: i64,
}

/// To the nearest whole number, half up.
fn round(a: i64, b: i64) -> i64 {
    (2 * a + b) / (2 * b)
}

/// The price less so many basis points.
fn less(price: i64, off_bp: u16) -> i64 {
    round(price * (ALL_BP - i64::from(off_bp)), ALL_BP)
}

/// The tax that an amount includes.
fn tax_in(amount: i64, tax_bp: u16) -> i64 {
    let tax_bp = i64::from(tax_bp);
    round(amount * tax_bp, ALL_BP + tax_bp)
}

/// Whether a place is in the scope.
pub(super) fn covers(scope: &Scope, zone: ZoneIndex, ticket_type: TicketTypeId) -> bool {
    let zone_is_in = scope.zones.is_empty() || scope.zones.contains(&zone);
    let bit = 1u64.checked_shl(u32::from(ticket_type)).unwrap_or(0);
    zone_is_in && (scope.types == 0 || scope.types & bit != 0)
}

/// Whether a window is open.
pub(super) fn is_within(from_ms: LogTimeMs, until_ms: LogTimeMs, now: LogTimeMs) -> bool {
    from_ms <= now && now < until_ms
}

/// What the offer says of a type, if it lists any.
pub(super) fn ticket_type(offer: &Offer, id: TicketTypeId) -> Option<&TicketType> {
    offer.types.iter().find(|listed| listed.id == id)
}

/// The list price of a type in a zone of this unit price; `None` when it is not offered there.
pub(super) fn list_price(
    offer: &Offer,
    zone: ZoneIndex,
    id: TicketTypeId,
    zone_price: i64,
) -> Option<(i64, PriceRule)> {
    let is_offered = if offer.types.is_empty() {
        id == 0
    } else {
        ticket_type(offer, id).is_some()
    };
    if !is_offered {
        return None;
    }
    let entry = offer
        .prices
        .iter()
        .find(|price| price.zone == zone && price.ticket_type == id);
    match entry {
        Some(entry) => Some((entry.price, PriceRule::Type)),
        None if id == 0 => Some((zone_price, PriceRule::Zone)),
        None => None,
    }
}

/// The price of an order, by the offer, the live places of each phase and the terms of its code.
pub(super) fn bill(
    offer: &Offer,
    live: &BTreeMap<u8, u64>,
    terms: Option<&CodeTerms>,
    now: LogTimeMs,
    places: &[Place],
) -> Bill {
    let mut prices = by_phase(offer, live, now, places);
    bundle(offer, &mut prices);
    if let Some(terms) = terms {
        discount(terms, &mut prices);
    }
    let fees = &offer.fees;
    for price in &mut prices {
        if price.unit_price > 0 {
            price.unit_fee =
                fees.place + round(price.unit_price * i64::from(fees.place_bp), ALL_BP);
        }
        price.unit_tax =
            tax_in(price.unit_price, offer.tax_bp) + tax_in(price.unit_fee, fees.tax_bp);
    }
    let order_fee = order_fee(fees, &prices);
    Bill {
        order_fee,
        order_fee_tax: tax_in(order_fee, fees.tax_bp),
        prices,
    }
}

fn order_fee(fees: &Fees, prices: &[Price]) -> i64 {
    if prices.iter().any(|price| price.unit_price > 0) {
        fees.order
    } else {
        0
    }
}

fn by_phase(
    offer: &Offer,
    live: &BTreeMap<u8, u64>,
    now: LogTimeMs,
    places: &[Place],
) -> Vec<Price> {
    let mut given = live.clone();
    let mut prices = Vec::new();
    for place in places {
        let (mut list_price, mut rule) = (place.list_price, place.rule);
        let phase = offer.phases.iter().find(|phase| {
            let taken = given.get(&phase.id).copied().unwrap_or(0);
            covers(&phase.scope, place.zone, place.ticket_type)
                && is_within(phase.from_ms, phase.until_ms, now)
                && (phase.places == 0 || taken < u64::from(phase.places))
        });
        if let Some(phase) = phase {
            list_price = match phase.price {
                PhasePrice::Fixed(price) => price,
                PhasePrice::OffBp(off_bp) => less(list_price, off_bp),
            };
            rule = PriceRule::Phase(phase.id);
            *given.entry(phase.id).or_insert(0) += 1;
        }
        prices.push(Price {
            zone: place.zone,
            ticket_type: place.ticket_type,
            rule,
            list_price,
            bundle: None,
            bundle_off: 0,
            code_off: 0,
            unit_price: list_price,
            unit_fee: 0,
            unit_tax: 0,
        });
    }
    prices
}

fn bundle(offer: &Offer, prices: &mut [Price]) {
    for bundle in &offer.bundles {
        let fits = |price: &Price| {
            price.bundle.is_none() && covers(&bundle.scope, price.zone, price.ticket_type)
        };
        let fitting = prices.iter().filter(|price| fits(price)).count();
        if fitting < usize::from(bundle.places) {
            continue;
        }
        for price in prices.iter_mut().filter(|price| fits(price)) {
            let reduced = less(price.unit_price, bundle.off_bp);
            price.bundle = Some(bundle.id);
            price.bundle_off = price.unit_price - reduced;
            price.unit_price = reduced;
        }
    }
}

fn discount(terms: &CodeTerms, prices: &mut [Price]) {
    let Some(discount) = terms.discount else {
        return;
    };
    let mut reduced = 0u32;
    for price in prices {
        let is_in = covers(&terms.scope, price.zone, price.ticket_type);
        let has_room = terms.places_max == 0 || reduced < u32::from(terms.places_max);
        if !is_in || !has_room {
            continue;
        }
        reduced += 1;
        price.code_off = match discount {
            Discount::OffBp(off_bp) => price.unit_price - less(price.unit_price, off_bp),
            Discount::Amount(amount, _) => amount.min(price.unit_price),
        };
        price.unit_price -= price.code_off;
    }
}

/// Lines in the order of their first place. `seats` are those of the places, `None` for general
/// admission.
pub(super) fn lines(prices: &[Price], seats: &[Option<SeatIndex>]) -> Vec<Line> {
    let mut lines: Vec<(Price, Line)> = Vec::new();
    for (price, seat) in prices.iter().zip(seats) {
        if !lines.iter().any(|(of, _)| of == price) {
            lines.push((*price, empty_line(price)));
        }
        for (_, line) in lines.iter_mut().filter(|(of, _)| of == price) {
            line.quantity += 1;
            seat.iter().for_each(|&seat| line.seats.push(seat));
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}

fn empty_line(price: &Price) -> Line {
    Line {
        zone: price.zone,
        ticket_type: price.ticket_type,
        seats: SeatList::new(),
        quantity: 0,
        rule: price.rule,
        list_price: price.list_price,
        bundle: price.bundle,
        bundle_off: price.bundle_off,
        code_off: price.code_off,
        unit_price: price.unit_price,
        unit_fee: price.unit_fee,
        unit_tax: price.unit_tax,
    }
}

/// Whether an order's outcomes are those of the first version.
pub(super) fn is_plain(bill: &Bill, lines: &[Line], has_code: bool) -> bool {
    match lines {
        [line] => {
            !has_code
                && bill.order_fee == 0
                && line.ticket_type == 0
                && line.rule == PriceRule::Zone
                && line.bundle.is_none()
                && line.unit_fee == 0
                && line.unit_tax == 0
        }
        _ => false,
    }
}
