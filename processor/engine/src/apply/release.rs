//! `Release`.

use onsale_schemas::{Actor, Offset, Outcome, OutcomeRecord, Rejection};

use super::Done;
use crate::bookings::State as BookingState;
use crate::seats::Place;
use crate::state::State;

impl State {
    pub(super) fn release(
        &mut self,
        booking: Offset,
        by: &Actor,
        hint: u32,
        record: &mut OutcomeRecord,
    ) -> Done {
        let slot = self.resolve(booking, by, hint, &mut record.expired)?;
        match self.bookings.get(slot).state {
            BookingState::Reserved => {
                self.expiry.remove(&mut self.bookings, slot);
                record.outcome = self.cancel_booking(slot, Place::Held);
                Ok(())
            }
            BookingState::Confirmed => Err(Rejection::AlreadyConfirmed),
            BookingState::Cancelled => Err(Rejection::AlreadyCancelled),
            BookingState::Expired => Err(Rejection::ReservationExpired),
            BookingState::Voided => Err(Rejection::ShowCancelled),
            BookingState::Vacant => Err(Rejection::UnknownBooking),
        }
    }

    /// Puts the places of a booking back on sale, a hold (taken out of the expiry) or a sale.
    #[inline]
    pub(super) fn cancel_booking(&mut self, slot: u32, from: Place) -> Outcome {
        let facts = self.facts(slot);
        self.give_back(slot, &facts.seats, from);
        self.end(slot, BookingState::Cancelled, self.now);
        Outcome::Released {
            booking: facts,
            was_confirmed: from == Place::Sold,
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;
    use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;

    use super::*;
    use crate::testing::{HOLD_MS, Machine, general, open, seated, show_id, user_id};

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![general(9)]));
        m.run_open(open(2, vec![general(9)]));
        let void = m.reserve_general(2, 1, 0, 1);
        m.run_ok(Command::CancelShow { show: show_id(2) });
        let sold = m.reserve_general(1, 1, 0, 1);
        m.run_ok(m.confirm(sold, "p"));
        let expired = m.reserve_general(1, 1, 0, 1);
        m.advance(u64::from(HOLD_MS));
        let released = m.reserve_general(1, 1, 0, 1);
        let owner = Actor::Buyer(user_id(1));
        let stranger = Actor::Buyer(user_id(2));
        m.run_ok(Command::Release {
            booking: released,
            by: owner,
        });
        let cases = [
            (999, owner, Rejection::UnknownBooking),
            (void, stranger, Rejection::UnknownBooking),
            (sold, stranger, Rejection::UnknownBooking),
            (void, owner, Rejection::ShowCancelled),
            (sold, owner, Rejection::AlreadyConfirmed),
            (released, owner, Rejection::AlreadyCancelled),
            (expired, owner, Rejection::ReservationExpired),
        ];
        for (booking, by, expected) in cases {
            m.expect_refusal(Command::Release { booking, by }, expected);
        }
    }

    #[test]
    fn gives_back_and_is_forgotten_in_time() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[9])]));
        let booking = m.reserve_seats(1, 1, 0, &[4, 2, 8, 1]);
        let release = Command::Release {
            booking,
            by: Actor::Buyer(user_id(1)),
        };
        let Outcome::Released {
            booking: facts,
            was_confirmed,
        } = m.run_ok(release.clone())
        else {
            panic!("released");
        };
        assert!(!was_confirmed);
        assert_eq!(&facts.seats[..], [4, 2, 8, 1]);
        m.run_ok(m.seats(1, 1, 0, &[4, 2, 8, 1]));
        m.advance(ENDED_BOOKING_KEPT_MS - 1);
        m.expect_refusal(release.clone(), Rejection::AlreadyCancelled);
        m.advance(1);
        m.expect_refusal(release, Rejection::UnknownBooking);
    }
}
