//! Orders of bookings, in format 3.

use onsale_schemas::command::Currency;
use onsale_schemas::limits::{TICKETS_PER_BOOKING_MAX, UNIT_PRICE_MAX_MINOR};
use onsale_schemas::outcome::Line;
use onsale_schemas::{CodeHash, Offset};

use super::bytes::Reader;
use super::read::{Read, ensure};
use super::third::{encoded, put_encoded};
use crate::layout::ZoneKind;
use crate::orders::{Order, UsedCode};
use crate::shows::Show;

/// An order as it is written.
type Written = (
    bool,
    Vec<Line>,
    (i64, i64),
    Currency,
    i64,
    Option<(CodeHash, Offset)>,
);

pub(super) fn write(order: &Order, out: &mut Vec<u8>) {
    let written: Written = (
        order.is_plain,
        order.lines.clone(),
        (order.order_fee, order.order_fee_tax),
        order.currency,
        order.reserved_total,
        order.code.map(|code| (code.hash, code.created)),
    );
    put_encoded(out, &written);
}

/// The order of a booking of that show, which is possible in itself.
pub(super) fn read(reader: &mut Reader<'_>, show: &Show) -> Read<Order> {
    let written: Written = encoded(reader)?;
    let (is_plain, lines, (order_fee, order_fee_tax), currency, reserved_total, code) = written;
    let order = Order {
        is_plain,
        lines,
        order_fee,
        order_fee_tax,
        currency,
        reserved_total,
        code: code.map(|(hash, created)| UsedCode { hash, created }),
    };
    let most = TICKETS_PER_BOOKING_MAX as usize;
    ensure(
        (1..=most).contains(&order.lines.len())
            && order
                .lines
                .iter()
                .all(|line| is_possible(line, &order, show))
            && order
                .lines
                .iter()
                .map(|line| u64::from(line.quantity))
                .sum::<u64>()
                <= most as u64,
        "a line of an order is not possible",
    )?;
    let mut seats = order.seats();
    seats.sort_unstable();
    let are_different = seats.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
    let fees = [order.order_fee, order.order_fee_tax];
    ensure(
        are_different
            && fees
                .iter()
                .all(|fee| (0..=UNIT_PRICE_MAX_MINOR).contains(fee))
            && (!order.is_plain
                || (order.code.is_none()
                    && onsale_prices::is_plain(&order.lines, order.order_fee)))
            && order.totals().0 <= order.reserved_total,
        "an order is not possible",
    )?;
    Ok(order)
}

fn is_possible(line: &Line, order: &Order, show: &Show) -> bool {
    let Some(zone) = show.zones.get(usize::from(line.zone)) else {
        return false;
    };
    let are_places_possible = match &zone.kind {
        ZoneKind::Seated(base) => {
            line.seats.len() == line.quantity as usize
                && line
                    .seats
                    .iter()
                    .all(|&seat| show.spans(line.zone, base, seat))
        }
        ZoneKind::General { .. } => line.seats.is_empty(),
    };
    let prices = [
        line.list_price,
        line.bundle_off,
        line.code_off,
        line.unit_price,
    ];
    // A fee has two parts, each at most the highest price, and taxes are parts of price and fee.
    let fees = [line.unit_fee, line.unit_tax];
    are_places_possible
        && zone.currency == order.currency
        && line.quantity <= TICKETS_PER_BOOKING_MAX
        && prices
            .iter()
            .all(|price| (0..=UNIT_PRICE_MAX_MINOR).contains(price))
        && fees
            .iter()
            .all(|fee| (0..=3 * UNIT_PRICE_MAX_MINOR).contains(fee))
        && line.unit_price == line.list_price - line.bundle_off - line.code_off
}
