//! `Return`.

use onsale_schemas::outcome::EndedBooking;
use onsale_schemas::{Actor, Offset, Rejection};

use super::Verdict;
use crate::asked::Asked;
use crate::bookings::State as BookingState;
use crate::seats::Place;
use crate::state::State;

impl State {
    pub(super) fn return_booking(
        &mut self,
        booking: Offset,
        asked: &Asked<'_>,
        expired: &mut Vec<EndedBooking>,
    ) -> Verdict {
        let slot = self.resolve(booking, &Actor::Staff, asked, expired)?;
        match self.bookings.get(slot).state {
            BookingState::Reserved => {
                self.expiry.remove(&mut self.bookings, slot);
                Ok(self.cancel_booking(slot, Place::Held))
            }
            BookingState::Confirmed => Ok(self.cancel_booking(slot, Place::Sold)),
            BookingState::Cancelled => Err(Rejection::AlreadyCancelled),
            BookingState::Expired => Err(Rejection::ReservationExpired),
            BookingState::Voided => Err(Rejection::ShowCancelled),
            BookingState::Vacant => Err(Rejection::UnknownBooking),
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{Command, Outcome};

    use super::*;
    use crate::testing::{HOLD_MS, Machine, general, open, seated, show_id};

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![general(9)]));
        m.run_open(open(2, vec![general(9)]));
        let void = m.reserve_general(2, 1, 0, 1);
        m.run_ok(Command::CancelShow { show: show_id(2) });
        let expired = m.reserve_general(1, 1, 0, 1);
        m.advance(u64::from(HOLD_MS));
        let returned = m.reserve_general(1, 1, 0, 1);
        m.run_ok(Command::Return { booking: returned });
        let cases = [
            (999, Rejection::UnknownBooking),
            (void, Rejection::ShowCancelled),
            (returned, Rejection::AlreadyCancelled),
            (expired, Rejection::ReservationExpired),
        ];
        for (booking, expected) in cases {
            m.expect_refusal(Command::Return { booking }, expected);
        }
    }

    #[test]
    fn puts_holds_and_sales_back_on_sale() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[9])]));
        let hold = m.reserve_seats(1, 1, 0, &[1, 2]);
        let sale = m.reserve_seats(1, 1, 0, &[3, 4]);
        m.run_ok(m.confirm(sale, "p"));
        for (booking, sold) in [(hold, false), (sale, true)] {
            match m.run_ok(Command::Return { booking }) {
                Outcome::Released {
                    booking: facts,
                    was_confirmed,
                } => {
                    assert_eq!((facts.booking, was_confirmed), (booking, sold));
                }
                other => panic!("{other:?}"),
            }
        }
        let seats = m.partition.show_seats(show_id(1)).unwrap();
        assert_eq!(seats.zones[0].available, 9);
        let stats = m.partition.stats();
        assert_eq!((stats.live_holds, stats.confirmed, stats.ended), (0, 0, 2));
        m.reserve_seats(1, 1, 0, &[1, 2, 3, 4]);
    }
}
