//! `Confirm` of a booking that has an order.

use onsale_schemas::outcome::{Confirmed, ConfirmedV2};
use onsale_schemas::{LogTimeMs, Outcome, Rejection};

use crate::bookings::State as BookingState;
use crate::seats::Place;
use crate::state::State;

/// How a booking came to be confirmed.
pub(super) struct Done {
    confirmed_at_ms: LogTimeMs,
    first: bool,
    revived: bool,
}

impl State {
    /// Sells an order, or finds that it is sold.
    pub(super) fn confirm_order(
        &mut self,
        slot: u32,
        payment_hash: u64,
    ) -> Result<Done, Rejection> {
        let known = self.bookings.get(slot);
        let (state, show, user, places) = (known.state, known.show, known.user, known.places());
        match state {
            BookingState::Reserved => {
                self.expiry.remove(&mut self.bookings, slot);
                Ok(self.sell_order(slot, Place::Held, payment_hash))
            }
            BookingState::Confirmed if known.payment_hash() == payment_hash => Ok(Done {
                confirmed_at_ms: known.confirmed_at_ms(),
                first: false,
                revived: false,
            }),
            BookingState::Confirmed => Err(Rejection::AlreadyConfirmed),
            BookingState::Expired => {
                let order = self
                    .shared_order(known)
                    .cloned()
                    .filter(|order| self.can_have_order_back(slot, order))
                    .ok_or(Rejection::ReservationExpired)?;
                self.ended.remove(&mut self.bookings, slot);
                self.users.add_places(user, places);
                self.count(show, &order);
                Ok(self.sell_order(slot, Place::Free, payment_hash))
            }
            BookingState::Cancelled => Err(Rejection::AlreadyCancelled),
            BookingState::Voided => Err(Rejection::ShowCancelled),
            BookingState::Vacant => Err(Rejection::UnknownBooking),
        }
    }

    fn sell_order(&mut self, slot: u32, from: Place, payment_hash: u64) -> Done {
        let now = self.now;
        let record = self.bookings.get_mut(slot);
        record.become_confirmed(payment_hash, now);
        let (show, user) = (record.show, record.user);
        self.users.clear_unpaid(user);
        if let Some(order) = self.shared_order(self.bookings.get(slot)).cloned() {
            self.turn_order(show, &order, from, Place::Sold);
        }
        let show = self.shows.get_mut(show);
        if from == Place::Held {
            show.holds -= 1;
            self.holds -= 1;
        }
        show.sales += 1;
        self.confirmed += 1;
        Done {
            confirmed_at_ms: now,
            first: true,
            revived: from == Place::Free,
        }
    }

    /// The answer, in the form that the booking has.
    pub(super) fn told(&self, slot: u32, payment_reference: &mut String, done: Done) -> Outcome {
        let Done {
            confirmed_at_ms,
            first,
            revived,
        } = done;
        let booking = self.bookings.get(slot);
        let show = self.shows.get(booking.show).id;
        let user = self.user_of(booking);
        let payment_reference = std::mem::take(payment_reference);
        let mut parts = self.parts_of(booking);
        match self.order_of(booking) {
            Some(order) if !order.is_plain => Outcome::ConfirmedV2(ConfirmedV2 {
                booking: booking.offset,
                show,
                user,
                parts,
                total: order.totals().0,
                currency: order.currency,
                payment_reference,
                confirmed_at_ms,
                first,
                revived,
            }),
            _ => {
                let (seats, quantity) = parts
                    .pop()
                    .map_or_else(Default::default, |part| (part.seats, part.quantity));
                Outcome::Confirmed(Confirmed {
                    booking: booking.offset,
                    show,
                    user,
                    zone: crate::state::zone_index(booking),
                    seats,
                    quantity,
                    payment_reference,
                    confirmed_at_ms,
                    first,
                    revived,
                })
            }
        }
    }
}
