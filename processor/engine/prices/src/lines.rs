//! Places of an order that are equal in everything but the seat, as one line.

use onsale_schemas::outcome::{Line, PriceRule};
use onsale_schemas::{SeatIndex, SeatList};
use smallvec::SmallVec;

use crate::places::{OrderPrice, PlacePrice, tax_in};

/// Amounts beyond this are of no order, in minor units: twice as many basis points can be counted.
const AMOUNT_MAX: i64 = i64::MAX / 100_000;

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

/// Whether lines and the fee for the order have just the tax that these rates make, in basis points of prices and of
/// fees. What costs nothing has the tax of any rate.
pub fn is_taxed(
    lines: &[Line],
    (order_fee, order_fee_tax): (i64, i64),
    (tax_bp, fee_tax_bp): (u16, u16),
) -> bool {
    let tax = |amount: i64, bp: u16| {
        (0..=AMOUNT_MAX)
            .contains(&amount)
            .then(|| tax_in(amount, bp))
    };
    let of_line = |line: &Line| {
        let (price, fee) = (
            tax(line.unit_price, tax_bp)?,
            tax(line.unit_fee, fee_tax_bp)?,
        );
        Some(price + fee)
    };
    tax(order_fee, fee_tax_bp) == Some(order_fee_tax)
        && lines
            .iter()
            .all(|line| of_line(line) == Some(line.unit_tax))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Example E5 of the rules: 7 % of prices and of fees.
    fn order() -> Vec<Line> {
        let mut adult = Line::plain(0, SeatList::new(), 2, 91_800);
        (adult.unit_fee, adult.unit_tax) = (4_754, 6_317);
        let mut child = Line::plain(0, SeatList::new(), 1, 54_000);
        (child.unit_fee, child.unit_tax) = (3_620, 3_770);
        vec![adult, child]
    }

    #[test]
    fn rates_are_known_by_the_tax_that_they_make() {
        let fee = (1_500, 98);
        assert!(is_taxed(&order(), fee, (700, 700)));
        for other in [(700, 0), (0, 700), (0, 0), (701, 700), (700, 1_900)] {
            assert!(!is_taxed(&order(), fee, other), "{other:?}");
        }
        assert!(!is_taxed(&order(), (1_500, 97), (700, 700)));
        let free = [Line::plain(0, SeatList::new(), 1, 0)];
        assert!(is_taxed(&free, (0, 0), (810, 260)));
    }

    #[test]
    fn what_is_no_amount_of_an_order_has_no_rate() {
        for amount in [-1, i64::MIN, i64::MAX] {
            let line = [Line::plain(0, SeatList::new(), 1, amount)];
            assert!(!is_taxed(&line, (0, 0), (0, 0)), "{amount}");
        }
    }
}
