//! `Release`.

use onsale_schemas::outcome::ReleasedV2;
use onsale_schemas::{Actor, Offset, Outcome, OutcomeRecord, Rejection, SeatList};

use super::Done;
use crate::asked::Asked;
use crate::bookings::State as BookingState;
use crate::seats::Place;
use crate::state::State;

impl State {
    pub(super) fn release(
        &mut self,
        booking: Offset,
        by: &Actor,
        asked: &Asked<'_>,
        record: &mut OutcomeRecord,
    ) -> Done {
        let slot = self.resolve(booking, by, asked, &mut record.expired)?;
        match self.bookings.get(slot).state {
            BookingState::Reserved => {
                self.expiry.remove(&mut self.bookings, slot);
                let late = matches!(by, Actor::Buyer(_)) && self.is_late_release(slot);
                record.outcome = self.cancel_booking(slot, Place::Held);
                if late {
                    self.count_unpaid(slot);
                }
                Ok(())
            }
            BookingState::Confirmed => Err(Rejection::AlreadyConfirmed),
            BookingState::Cancelled => Err(Rejection::AlreadyCancelled),
            BookingState::Expired => Err(Rejection::ReservationExpired),
            BookingState::Voided => Err(Rejection::ShowCancelled),
            BookingState::Vacant => Err(Rejection::UnknownBooking),
        }
    }

    /// True when more than half of the show's present hold time is over: a buyer who releases this
    /// late has kept the places from others just like one who lets the hold expire.
    fn is_late_release(&self, slot: u32) -> bool {
        let booking = self.bookings.get(slot);
        let held_ms = self
            .now
            .saturating_sub(self.bookings.reserved_at_ms(booking));
        held_ms.saturating_mul(2) > u64::from(self.shows.get(booking.show).hold_ms)
    }

    /// Puts the places of a booking back on sale: a hold (already taken out of the expiry) or a
    /// sale.
    #[inline]
    pub(super) fn cancel_booking(&mut self, slot: u32, from: Place) -> Outcome {
        if !self.is_plain(self.bookings.get(slot)) {
            return self.cancel_order(slot, from);
        }
        let facts = self.facts(slot);
        self.give_back(slot, &facts.seats, from);
        self.end(slot, BookingState::Cancelled, self.now);
        Outcome::Released {
            booking: facts,
            was_confirmed: from == Place::Sold,
        }
    }
}

impl State {
    /// As [`State::cancel_booking`] for an order.
    fn cancel_order(&mut self, slot: u32, from: Place) -> Outcome {
        let booking = self.bookings.get(slot);
        let released = ReleasedV2 {
            booking: booking.offset,
            show: self.shows.get(booking.show).id,
            user: self.user_of(booking),
            parts: self.parts_of(booking),
            was_confirmed: from == Place::Sold,
        };
        self.give_back(slot, &SeatList::new(), from);
        self.end(slot, BookingState::Cancelled, self.now);
        Outcome::ReleasedV2(released)
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;
    use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;

    use super::*;
    use crate::testing::{
        HOLD_MS, Machine, general, open, open_v2, seated, show_id, staff, user_id,
    };

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

    #[test]
    fn a_late_release_by_the_buyer_counts_as_unpaid() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        let half = u64::from(HOLD_MS) / 2;
        let release = |booking, by| Command::Release { booking, by };
        let buyer = Actor::Buyer(user_id(1));
        // Not late, or not by the buyer.
        for (after_ms, by) in [(0, buyer), (half, buyer), (half + 1, Actor::Staff)] {
            for _ in 0..2 {
                let hold = m.reserve_general(1, 1, 0, 1);
                m.advance(after_ms);
                m.run_ok(release(hold, by));
            }
        }
        for _ in 0..2 {
            let hold = m.reserve_general(1, 1, 0, 1);
            m.advance(half + 1);
            m.run_ok(release(hold, buyer));
        }
        let until_ms = m.now + 60_000;
        m.expect_refusal(m.general(1, 1, 0, 1), Rejection::CoolingDown { until_ms });
        // The show's present hold time counts, not that of the hold.
        m.advance(60_000);
        let hold = m.reserve_general(1, 2, 0, 1);
        let other = m.reserve_general(1, 2, 0, 1);
        m.amend(show_id(1), |amend| amend.hold_ms = Some(2_001));
        m.advance(1_000);
        m.run_ok(release(hold, Actor::Buyer(user_id(2))));
        m.advance(1);
        m.run_ok(release(other, Actor::Buyer(user_id(2))));
        m.reserve_general(1, 2, 0, 1);
        m.advance(2_001);
        let until_ms = m.now + 60_000;
        m.expect_refusal(m.general(1, 2, 0, 1), Rejection::CoolingDown { until_ms });
        m.partition.self_check().unwrap();
    }

    #[test]
    fn staff_of_another_tenant_know_no_booking_of_it() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        let hold = m.reserve_general(1, 1, 0, 1);
        m.advance(u64::from(HOLD_MS));
        let by = Actor::Staff;
        let commands = || {
            [
                Command::Release { booking: hold, by },
                Command::Extend {
                    booking: hold,
                    by_ms: 1,
                },
                Command::Return { booking: hold },
                m_confirm(hold),
            ]
        };
        for command in commands() {
            m.expect_refusal_by(staff(Some(20)), command, Rejection::UnknownBooking);
        }
        // The first record has swept the hold.
        for command in commands().into_iter().take(3) {
            m.expect_refusal_by(staff(Some(10)), command, Rejection::ReservationExpired);
        }
        m.run_by(staff(None), m_confirm(hold));
        m.run_ok(Command::CancelShow { show: show_id(1) });
        for command in commands() {
            m.expect_refusal_by(staff(Some(20)), command, Rejection::UnknownBooking);
        }
        for command in commands() {
            m.expect_refusal_by(staff(Some(10)), command, Rejection::ShowCancelled);
        }
        // Any staff may touch a show without a tenant.
        m.run_open(open(2, vec![general(9)]));
        let hold = m.reserve_general(2, 1, 0, 1);
        m.run_by(staff(Some(20)), Command::Return { booking: hold });
    }

    fn m_confirm(booking: u64) -> Command {
        Command::Confirm(onsale_schemas::command::Confirm {
            booking,
            by: Actor::Staff,
            payment_reference: "p".into(),
        })
    }
}
