//! What the log says about a reservation, in either form.

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::Line;
use onsale_schemas::{LogTimeMs, Outcome, SeatIndex, ShowId, UserId};

/// A reservation as far as an answer tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hold {
    pub(super) show: ShowId,
    pub(super) user: UserId,
    /// All seats, in the order of lines and within.
    pub(super) seats: Vec<SeatIndex>,
    pub(super) quantity: u32,
    /// Price of one, where all places cost the same.
    pub(super) unit_price: Option<i64>,
    pub(super) total: i64,
    /// Places and the price of one, line by line.
    pub(super) lines: Vec<(u32, i64)>,
    pub(super) discount: i64,
    pub(super) fees: i64,
    pub(super) tax: i64,
    pub(super) currency: Currency,
    pub(super) expires_at_ms: LogTimeMs,
}

impl Hold {
    /// `None` when the outcome is not a reservation.
    pub(super) fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Reserved(reserved) => Some(Self {
                show: reserved.show,
                user: reserved.user,
                seats: reserved.seats.to_vec(),
                quantity: reserved.quantity,
                unit_price: Some(reserved.unit_price),
                total: reserved.unit_price * i64::from(reserved.quantity),
                lines: vec![(reserved.quantity, reserved.unit_price)],
                discount: 0,
                fees: 0,
                tax: 0,
                currency: reserved.currency,
                expires_at_ms: reserved.expires_at_ms,
            }),
            Outcome::ReservedV2(reserved) => {
                let lines = &reserved.lines;
                let first = lines.first().map(|line| line.unit_price);
                Some(Self {
                    show: reserved.show,
                    user: reserved.user,
                    seats: lines.iter().flat_map(|line| line.seats.to_vec()).collect(),
                    quantity: lines.iter().map(|line| line.quantity).sum(),
                    unit_price: first
                        .filter(|price| lines.iter().all(|line| line.unit_price == *price)),
                    total: reserved.total,
                    lines: priced(lines),
                    discount: lines
                        .iter()
                        .map(|line| i64::from(line.quantity) * (line.bundle_off + line.code_off))
                        .sum(),
                    fees: fees(lines, reserved.order_fee),
                    tax: reserved.tax,
                    currency: reserved.currency,
                    expires_at_ms: reserved.expires_at_ms,
                })
            }
            _ => None,
        }
    }
}

/// Places and the price of one, line by line.
pub(super) fn priced(lines: &[Line]) -> Vec<(u32, i64)> {
    let lines = lines.iter();
    lines.map(|line| (line.quantity, line.unit_price)).collect()
}

/// Fees for places and for the order.
pub(super) fn fees(lines: &[Line], order_fee: i64) -> i64 {
    let lines = lines.iter();
    let of_places = lines.map(|line| i64::from(line.quantity) * line.unit_fee);
    of_places.sum::<i64>() + order_fee
}

#[cfg(test)]
mod tests {
    use onsale_schemas::outcome::{PriceRule, ReservedV2};
    use onsale_schemas::{EventId, SeatList};

    use super::*;

    fn line(seats: &[SeatIndex], unit_price: i64) -> Line {
        Line {
            zone: 0,
            ticket_type: 0,
            seats: SeatList::from(seats),
            quantity: u32::try_from(seats.len()).unwrap(),
            rule: PriceRule::Type,
            list_price: unit_price,
            bundle: None,
            bundle_off: 0,
            code_off: 2,
            unit_price,
            unit_fee: 3,
            unit_tax: 0,
        }
    }

    #[test]
    fn an_order_has_one_price_only_where_all_its_lines_have() {
        for (second, one) in [(5, Some(5)), (6, None)] {
            let order = Outcome::ReservedV2(Box::new(ReservedV2 {
                booking: 1,
                show: ShowId::from_bytes([1; 16]),
                event: EventId::from_bytes([1; 16]),
                user: UserId::from_bytes([1; 16]),
                lines: vec![line(&[4, 2], 5), line(&[3], second)],
                order_fee: 1,
                order_fee_tax: 0,
                total: 20 + second,
                tax: 0,
                currency: Currency(*b"THB"),
                code: None,
                expires_at_ms: 9,
            }));
            let hold = Hold::of(&order).unwrap();
            assert_eq!((hold.unit_price, hold.total), (one, 20 + second));
            assert_eq!((hold.seats, hold.quantity), (vec![4, 2, 3], 3));
            assert_eq!(hold.lines, [(2, 5), (1, second)]);
            assert_eq!((hold.discount, hold.fees, hold.tax), (6, 10, 0));
        }
        assert_eq!(Hold::of(&Outcome::Nothing), None);
    }
}
