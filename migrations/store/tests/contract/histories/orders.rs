//! Orders in a history, and bookings that are returned place by place.

use std::collections::BTreeMap;

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{
    ConfirmedV2, EndedBooking, Line, PlacesReturned, PriceRule, ReleasedV2, ReservedV2, ZonePlaces,
};
use onsale_schemas::{CodeHash, Offset, Outcome, RequestId, SeatList};
use onsale_store::booking::{BookingRow, BookingStatus, OrderRow};

use super::{Dice, History, SHOWS, USERS};
use crate::build::{HOLD_MS, booking_id, event_id, id, show_id, time_of, user_id};
use crate::harness::Bench;

const THB: Currency = Currency(*b"THB");
const CODES: u64 = 2;
const PHASES: u64 = 3;

fn code(number: u64) -> CodeHash {
    CodeHash(id(0xc0de + number))
}

/// By zone, in the order of their first line.
fn parts(lines: &[Line]) -> Vec<ZonePlaces> {
    let mut zones: Vec<u16> = Vec::new();
    for line in lines {
        if !zones.contains(&line.zone) {
            zones.push(line.zone);
        }
    }
    let of = |zone| {
        let lines = lines.iter().filter(|line| line.zone == zone);
        let seats: SeatList = lines
            .clone()
            .flat_map(|line| line.seats.iter().copied())
            .collect();
        ZonePlaces {
            zone,
            seats,
            quantity: lines.map(|line| line.quantity).sum(),
        }
    };
    let parts = zones.into_iter().map(of);
    parts.filter(|part| part.quantity > 0).collect()
}

/// As the only line of a plain booking.
fn plain_line(row: &BookingRow) -> Line {
    Line {
        zone: row.zone,
        ticket_type: 0,
        seats: row.seats.as_slice().into(),
        quantity: row.quantity,
        rule: PriceRule::Zone,
        list_price: row.unit_price,
        bundle: None,
        bundle_off: 0,
        code_off: 0,
        unit_price: row.unit_price,
        unit_fee: 0,
        unit_tax: 0,
    }
}

/// `None` for a plain booking.
pub(super) fn confirmed(row: &BookingRow, offset: Offset, revived: bool) -> Option<Outcome> {
    let order = row.order.as_ref()?;
    let booking = row.booking_id.offset();
    Some(Outcome::ConfirmedV2(ConfirmedV2 {
        booking,
        show: row.show_id,
        user: row.user_id,
        parts: parts(&order.lines),
        total: order.total,
        currency: THB,
        payment_reference: format!("pay-{booking}"),
        confirmed_at_ms: time_of(offset),
        first: true,
        revived,
    }))
}

/// `None` for a plain booking.
pub(super) fn ended(row: &BookingRow, plain: &EndedBooking) -> Option<Vec<EndedBooking>> {
    let order = row.order.as_ref()?;
    let parts = parts(&order.lines).into_iter().map(|part| EndedBooking {
        zone: part.zone,
        seats: part.seats,
        quantity: part.quantity,
        ..plain.clone()
    });
    Some(parts.collect())
}

impl History {
    /// A line for the first seat, one for the others, and one of general admission, priced by phases now and then.
    pub(super) fn reserve_order(
        &mut self,
        dice: &mut Dice,
        show: u64,
        user: u64,
        seats: &[u32],
    ) -> Outcome {
        let offset = self.chain.next_offset;
        let general = u32::try_from(dice.roll(3)).unwrap();
        let (first, others) = seats.split_at(1);
        let mut lines = Vec::new();
        for (zone, ticket_type, seats, quantity) in [
            (2, 1, first, 1),
            (1, 0, &[][..], general),
            (0, 2, others, u32::try_from(others.len()).unwrap()),
        ] {
            if quantity == 0 {
                continue;
            }
            let phase = u8::try_from(dice.roll(2 * PHASES)).unwrap();
            let rule = if u64::from(phase) < PHASES {
                PriceRule::Phase(phase)
            } else {
                PriceRule::Type
            };
            lines.push(Line {
                zone,
                ticket_type,
                seats: seats.into(),
                quantity,
                rule,
                list_price: 100,
                bundle: None,
                bundle_off: 0,
                code_off: 10,
                unit_price: 90,
                unit_fee: 5,
                unit_tax: 6,
            });
        }
        let numbered = dice.roll(CODES + 1);
        let quantity: u32 = lines.iter().map(|line| line.quantity).sum();
        let order = OrderRow {
            lines,
            order_fee: 7,
            order_fee_tax: 1,
            total: 95 * i64::from(quantity) + 7,
            tax: 6 * i64::from(quantity) + 1,
            code: (numbered < CODES).then(|| code(numbered)),
        };
        let made = ReservedV2 {
            booking: offset,
            show: show_id(show),
            event: event_id(1),
            user: user_id(user),
            lines: order.lines.clone(),
            order_fee: order.order_fee,
            order_fee_tax: order.order_fee_tax,
            total: order.total,
            tax: order.tax,
            currency: THB,
            code: order.code,
            expires_at_ms: time_of(offset) + HOLD_MS,
        };
        let row = BookingRow {
            booking_id: booking_id(offset),
            request_id: Some(RequestId(id(0x100_0000 + offset))),
            event_id: made.event,
            show_id: made.show,
            user_id: made.user,
            zone: 2,
            seats: seats.to_vec(),
            quantity,
            unit_price: 90,
            currency: "THB".to_owned(),
            status: BookingStatus::Reserved,
            reserved_at_ms: time_of(offset),
            expires_at_ms: made.expires_at_ms,
            confirmed_at_ms: None,
            ended_at_ms: None,
            payment_reference: None,
            updated_offset: offset,
            order: Some(order),
        };
        self.rows.insert(offset, (row, user));
        Outcome::ReservedV2(Box::new(made))
    }

    /// The booking has ended by now.
    pub(super) fn released(
        &self,
        booking: Offset,
        mut ended: Vec<EndedBooking>,
        was_confirmed: bool,
    ) -> Outcome {
        let (row, _) = &self.rows[&booking];
        let Some(order) = &row.order else {
            return Outcome::Released {
                booking: ended.remove(0),
                was_confirmed,
            };
        };
        Outcome::ReleasedV2(ReleasedV2 {
            booking,
            show: row.show_id,
            user: row.user_id,
            parts: parts(&order.lines),
            was_confirmed,
        })
    }

    /// A place of each line goes back, or nearly: the dice leave some lines alone.
    pub(super) fn give_back(
        &mut self,
        dice: &mut Dice,
        booking: Offset,
        offset: Offset,
    ) -> Outcome {
        let (row, _) = self.rows.get_mut(&booking).unwrap();
        let order = row.order.clone();
        let mut lines = order
            .as_ref()
            .map_or_else(|| vec![plain_line(row)], |order| order.lines.clone());
        let mut returned = Vec::new();
        for line in &mut lines {
            if line.quantity == 0 || dice.roll(3) == 0 {
                continue;
            }
            let mut out = line.clone();
            let picked = line.seats.first().copied();
            out.seats = picked.into_iter().collect();
            out.quantity = 1;
            line.seats = line.seats.iter().skip(1).copied().collect();
            line.quantity -= 1;
            returned.push(out);
        }
        let quantity: u32 = lines.iter().map(|line| line.quantity).sum();
        let is_ended = quantity == 0;
        let (fee, fee_tax) = match (&order, is_ended) {
            (Some(order), false) => (order.order_fee, order.order_fee_tax),
            _ => (0, 0),
        };
        let sum = |of: fn(&Line) -> i64| -> i64 {
            let lines = lines.iter();
            lines.map(|line| i64::from(line.quantity) * of(line)).sum()
        };
        let total = sum(|line| line.unit_price + line.unit_fee) + fee;
        let tax = sum(|line| line.unit_tax) + fee_tax;
        row.seats = lines.iter().flat_map(|line| line.seats.to_vec()).collect();
        row.quantity = quantity;
        row.updated_offset = offset;
        if is_ended {
            row.status = BookingStatus::Cancelled;
            row.ended_at_ms = Some(time_of(offset));
        }
        row.order = order.map(|order| OrderRow {
            lines: lines.clone(),
            order_fee: fee,
            order_fee_tax: fee_tax,
            total,
            tax,
            code: order.code,
        });
        Outcome::PlacesReturned(Box::new(PlacesReturned {
            booking,
            show: row.show_id,
            user: row.user_id,
            parts: parts(&returned),
            refund_price: 0,
            refund_fees: 0,
            lines,
            order_fee: fee,
            order_fee_tax: fee_tax,
            total,
            tax,
            currency: THB,
            ended: is_ended,
        }))
    }

    /// What is counted of live orders.
    pub(super) async fn check_orders(&self, bench: &Bench) {
        let store = &bench.store;
        for show in 1..=SHOWS {
            let of_show = self.rows.values().map(|(row, _)| row);
            let live: Vec<&BookingRow> = of_show
                .filter(|row| row.show_id == show_id(show) && row.status.is_live())
                .collect();
            let orders = || live.iter().filter_map(|row| row.order.as_ref());
            let mut phases: BTreeMap<u8, u64> = BTreeMap::new();
            for line in orders().flat_map(|order| &order.lines) {
                if let (PriceRule::Phase(phase), 1..) = (line.rule, line.quantity) {
                    *phases.entry(phase).or_default() += u64::from(line.quantity);
                }
            }
            let counted = store.phase_counts(show_id(show)).await.unwrap();
            assert!(counted.into_iter().eq(phases), "phases of show {show}");
            for number in 0..CODES {
                let code = code(number);
                let all = orders().filter(|order| order.code == Some(code));
                let all = all.count();
                for user in 0..USERS {
                    let of_user = live.iter().filter(|row| {
                        let order = row.order.as_ref();
                        row.user_id == user_id(user)
                            && order.is_some_and(|order| order.code == Some(code))
                    });
                    let of_user = of_user.count();
                    let (uses, of_this_user) = store
                        .code_uses(show_id(show), code, Some(user_id(user)))
                        .await
                        .unwrap();
                    let counted = (uses as usize, of_this_user as usize);
                    assert_eq!(counted, (all, of_user), "code {number} of show {show}");
                }
            }
        }
    }
}
