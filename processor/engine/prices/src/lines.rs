//! Places of an order that are equal in everything but the seat, as one line.

use onsale_schemas::outcome::{Line, PriceRule};
use onsale_schemas::{SeatIndex, SeatList};
use smallvec::SmallVec;

use crate::places::{OrderPrice, PlacePrice};

/// Lines of an order; up to two need no heap.
pub type Lines = SmallVec<[Line; 2]>;

/// The lines of an order, in the order of their first place. `seats` are those of the places, in
/// their order; a place of a general-admission zone has none.
pub fn lines(order: &OrderPrice, seats: &[Option<SeatIndex>]) -> Lines {
    let mut lines = Lines::new();
    for (i, place) in order.places.iter().enumerate() {
        let at = lines.iter().position(|line| is_in(line, place));
        let at = at.unwrap_or_else(|| {
            lines.push(begun(place));
            lines.len() - 1
        });
        if let Some(line) = lines.get_mut(at) {
            line.quantity += 1;
            if let Some(seat) = seats.get(i).copied().flatten() {
                line.seats.push(seat);
            }
        }
    }
    lines
}

fn begun(place: &PlacePrice) -> Line {
    Line {
        zone: place.zone,
        ticket_type: place.ticket_type,
        seats: SeatList::new(),
        quantity: 0,
        rule: place.rule,
        list_price: place.list_price,
        bundle: place.bundle,
        bundle_off: place.bundle_off,
        code_off: place.code_off,
        unit_price: place.unit_price,
        unit_fee: place.unit_fee,
        unit_tax: place.unit_tax,
    }
}

/// Whether a place is equal to those of a line.
#[inline]
fn is_in(line: &Line, place: &PlacePrice) -> bool {
    let PlacePrice {
        zone,
        ticket_type,
        rule,
        list_price,
        bundle,
        bundle_off,
        code_off,
        unit_price,
        unit_fee,
        unit_tax,
    } = *place;
    line.zone == zone
        && line.ticket_type == ticket_type
        && line.rule == rule
        && line.list_price == list_price
        && line.bundle == bundle
        && line.bundle_off == bundle_off
        && line.code_off == code_off
        && line.unit_price == unit_price
        && line.unit_fee == unit_fee
        && line.unit_tax == unit_tax
}

/// Total and tax of lines and the fee for the order, in minor units.
pub fn totals(lines: &[Line], order_fee: i64, order_fee_tax: i64) -> (i64, i64) {
    lines
        .iter()
        .fold((order_fee, order_fee_tax), |(total, tax), line| {
            let quantity = i64::from(line.quantity);
            (
                total + quantity * (line.unit_price + line.unit_fee),
                tax + quantity * line.unit_tax,
            )
        })
}

/// Whether a booking without a code is one that needs nothing but zone, places and unit price.
pub fn is_plain(lines: &[Line], order_fee: i64) -> bool {
    let [line] = lines else {
        return false;
    };
    order_fee == 0
        && line.ticket_type == 0
        && line.rule == PriceRule::Zone
        && line.bundle.is_none()
        && line.bundle_off == 0
        && line.code_off == 0
        && line.unit_fee == 0
        && line.unit_tax == 0
}
