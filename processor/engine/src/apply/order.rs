//! Holding the places of an order, all or none: `ReserveV2`, and `Reserve` on shows that have
//! something of machine version 3.

use onsale_prices::{Asked, OrderPrice};
use onsale_schemas::command::Currency;
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::outcome::{Line, Reserved, ReservedV2};
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{CodeHash, Offset, Outcome, Rejection, SeatIndex, SeatList, ShowId, UserId};

use super::Done;
use crate::bookings::NewBooking;
use crate::orders::{Order, UsedCode};
use crate::seats::Place;
use crate::state::State;

mod check;
mod choose;
mod shape;
mod single;

pub(super) use check::check_companions;

/// What an order asks for.
pub(super) struct Wanted<'a> {
    pub(super) show: ShowId,
    pub(super) user: UserId,
    pub(super) items: &'a [Item],
    pub(super) code: Option<&'a CodeHash>,
    pub(super) seen: Seen,
}

/// The price that the buyer saw.
#[derive(Clone, Copy)]
pub(super) enum Seen {
    /// Of one place, before bundle and code.
    Unit(Option<i64>),
    /// Of all.
    Total(Option<i64>),
}

/// An order that may be held as far as the seats do not decide.
struct Judged {
    price: OrderPrice,
    currency: Currency,
    code: Option<UsedCode>,
}

impl State {
    pub(super) fn order(
        &mut self,
        offset: Offset,
        wanted: &Wanted<'_>,
        hint: u32,
        outcome: &mut Outcome,
    ) -> Done {
        let asked = shape::check(wanted.items)?;
        let quantity = asked.iter().map(|run| run.quantity).sum();
        // Buyers of every tenant may reserve: `by` is ignored.
        let slot = self
            .shows
            .find_at(&wanted.show, hint)
            .ok_or(Rejection::UnknownShow)?;
        let show = self.shows.get(slot);
        if show.cancelled_at_ms.is_some() {
            return Err(Rejection::ShowCancelled);
        }
        let (event, limit) = (show.event, show.max_tickets_per_user);
        let counter = self.users.find(event, &wanted.user);
        let judged = self.judge(slot, wanted, &asked, counter)?;
        self.check_buyer(counter, event, limit, quantity)?;
        self.refresh_for(slot, wanted.items);
        let show = self.shows.get(slot);
        self.check_named(slot, show, wanted.items, counter)?;
        self.check_single_seats(slot, show, wanted.items, counter)?;
        let seats = self.choose(show, wanted.items)?;
        if !self.has_room_for_booking() {
            return Err(Rejection::Full {
                table: FullTable::Bookings,
            });
        }
        *outcome = self.hold(offset, slot, wanted, counter, judged, &seats);
        Ok(())
    }

    /// Renews the summaries that best available looks at.
    fn refresh_for(&mut self, slot: u32, items: &[Item]) {
        for item in items {
            if let PickV2::BestAvailable { .. } = item.pick {
                self.shows.get_mut(slot).refresh(item.zone);
            }
        }
    }

    /// Holds the seats, one for every place of the order (none of a general zone).
    fn hold(
        &mut self,
        offset: Offset,
        slot: u32,
        wanted: &Wanted<'_>,
        counter: Option<u32>,
        judged: Judged,
        seats: &[Option<SeatIndex>],
    ) -> Outcome {
        let Judged {
            price,
            currency,
            code,
        } = judged;
        let mut lines = onsale_prices::lines(&price, seats);
        let show = self.shows.get(slot);
        let (event, event_id, hold_ms) = (show.event, show.event_id, show.hold_ms);
        let places = lines.iter().map(|line| line.quantity).sum();
        let is_plain = code.is_none() && onsale_prices::is_plain(&lines, price.order_fee);
        let first = lines.first();
        let vacancy = self.bookings.vacancy();
        let (user_slot, user_next) = self
            .users
            .book(counter, event, &wanted.user, places, vacancy);
        let booking = self.bookings.insert(&NewBooking {
            offset,
            reserved_at_ms: self.now,
            hold_ms,
            show: slot,
            user: user_slot,
            user_next,
            // At most 256 zones and TICKETS_PER_BOOKING_MAX places.
            zone: first.map_or(0, |line| u8::try_from(line.zone).unwrap_or(u8::MAX)),
            quantity: u8::try_from(places).unwrap_or(u8::MAX),
            unit_price: first.map_or(0, |line| line.unit_price),
            seats: first
                .filter(|_| is_plain)
                .map_or(&[][..], |line| &line.seats),
        });
        self.turn_lines(slot, &lines, Place::Free, Place::Held);
        self.shows.get_mut(slot).holds += 1;
        self.holds += 1;
        self.expiry.insert(&mut self.bookings, booking);
        let expires_at_ms = self.now.saturating_add(u64::from(hold_ms));
        if is_plain && let Some(line) = lines.pop() {
            return reserved(offset, event_id, wanted, line, currency, expires_at_ms);
        }
        let order = Order {
            is_plain: false,
            lines: lines.to_vec(),
            order_fee: price.order_fee,
            order_fee_tax: price.order_fee_tax,
            currency,
            reserved_total: price.total,
            code,
        };
        self.count(slot, &order);
        let at = self.orders.insert(order);
        self.bookings.become_order(booking, at, false);
        Outcome::ReservedV2(Box::new(ReservedV2 {
            booking: offset,
            show: wanted.show,
            event: event_id,
            user: wanted.user,
            lines: lines.into_vec(),
            order_fee: price.order_fee,
            order_fee_tax: price.order_fee_tax,
            total: price.total,
            tax: price.tax,
            currency,
            code: code.map(|code| code.hash),
            expires_at_ms,
        }))
    }
}

fn reserved(
    offset: Offset,
    event: onsale_schemas::EventId,
    wanted: &Wanted<'_>,
    line: Line,
    currency: Currency,
    expires_at_ms: u64,
) -> Outcome {
    Outcome::Reserved(Reserved {
        booking: offset,
        show: wanted.show,
        event,
        user: wanted.user,
        zone: line.zone,
        seats: line.seats,
        quantity: line.quantity,
        unit_price: line.unit_price,
        currency,
        expires_at_ms,
    })
}

/// The seats that an item names.
fn named(item: &Item) -> &[SeatIndex] {
    match &item.pick {
        PickV2::Seats(seats) => seats,
        PickV2::BestAvailable { .. } | PickV2::General { .. } => &[],
    }
}

/// Places of an item, each with its ticket type and, if it is named, its seat.
fn places_of(item: &Item) -> impl Iterator<Item = (u8, Option<SeatIndex>)> + '_ {
    let named = named(item);
    shape::runs(item)
        .flat_map(|run: Asked| (0..run.quantity).map(move |_| run.ticket_type))
        .zip(
            named
                .iter()
                .copied()
                .map(Some)
                .chain(std::iter::repeat(None)),
        )
}

/// The seats that items name, in order.
fn all_named(items: &[Item]) -> SeatList {
    items.iter().flat_map(named).copied().collect()
}
