//! Lines of orders: what follows from them.

use onsale_schemas::SeatList;
use onsale_schemas::outcome::{Line, ZonePlaces};

/// What the places of all lines cost, without the fee for the order.
pub(super) fn total(lines: &[Line]) -> i64 {
    lines
        .iter()
        .map(|line| i64::from(line.quantity) * (line.unit_price + line.unit_fee))
        .sum()
}

/// Tax in that.
pub(super) fn tax(lines: &[Line]) -> i64 {
    lines
        .iter()
        .map(|line| i64::from(line.quantity) * line.unit_tax)
        .sum()
}

/// The places by zone: zones in the order of their first line, whatever is left of that one.
pub(super) fn parts(lines: &[Line]) -> Vec<ZonePlaces> {
    let mut parts: Vec<ZonePlaces> = Vec::new();
    for line in lines {
        if !parts.iter().any(|part| part.zone == line.zone) {
            parts.push(ZonePlaces {
                zone: line.zone,
                seats: SeatList::new(),
                quantity: 0,
            });
        }
        for part in parts.iter_mut().filter(|part| part.zone == line.zone) {
            line.seats.iter().for_each(|&seat| part.seats.push(seat));
            part.quantity += line.quantity;
        }
    }
    parts.retain(|part| part.quantity > 0);
    parts
}
