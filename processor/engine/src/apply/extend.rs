//! `Extend`.

use onsale_schemas::limits::HOLD_MAX_MS;
use onsale_schemas::outcome::EndedBooking;
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Actor, Offset, Outcome, Rejection};

use super::Verdict;
use super::places::invalid;
use crate::asked::Asked;
use crate::bookings::State as BookingState;
use crate::state::State;

impl State {
    pub(super) fn extend(
        &mut self,
        booking: Offset,
        by_ms: u32,
        asked: &Asked<'_>,
        expired: &mut Vec<EndedBooking>,
    ) -> Verdict {
        if by_ms == 0 {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        let slot = self.resolve(booking, &Actor::Staff, asked, expired)?;
        let record = self.bookings.get(slot);
        match record.state {
            BookingState::Reserved => {}
            BookingState::Confirmed => return Err(Rejection::AlreadyConfirmed),
            BookingState::Cancelled => return Err(Rejection::AlreadyCancelled),
            BookingState::Expired => return Err(Rejection::ReservationExpired),
            BookingState::Voided => return Err(Rejection::ShowCancelled),
            BookingState::Vacant => return Err(Rejection::UnknownBooking),
        }
        if record.hold_ms == 0 {
            self.extend_late(slot, by_ms)?;
        } else {
            let hold_ms = record.hold_ms.saturating_add(by_ms);
            if hold_ms > HOLD_MAX_MS {
                return Err(invalid(InvalidReason::OutOfRange));
            }
            self.expiry.remove(&mut self.bookings, slot);
            self.bookings.get_mut(slot).hold_ms = hold_ms;
            self.expiry.insert(&mut self.bookings, slot);
        }
        let record = self.bookings.get(slot);
        Ok(Outcome::Extended {
            booking,
            show: self.shows.get(record.show).id,
            user: self.user_of(record),
            expires_at_ms: record.expires_at_ms(),
        })
    }

    /// Extends a hold whose end is not after its reservation, see
    /// [`Bookings::reserved_at_ms`](crate::bookings::Bookings::reserved_at_ms).
    #[cold]
    fn extend_late(&mut self, slot: u32, by_ms: u32) -> Result<(), Rejection> {
        let record = self.bookings.get(slot);
        let expires_at_ms = record.expires_at_ms().saturating_add(u64::from(by_ms));
        let in_all_ms = expires_at_ms.saturating_sub(self.bookings.reserved_at_ms(record));
        if in_all_ms > u64::from(HOLD_MAX_MS) {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        self.expiry.remove(&mut self.bookings, slot);
        self.bookings.set_end(slot, expires_at_ms);
        self.expiry.insert(&mut self.bookings, slot);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;

    use super::*;
    use crate::testing::{HOLD_MS, Machine, NOW, general, open, show_id, user_id};

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![general(9)]));
        m.run_open(open(2, vec![general(9)]));
        let void = m.reserve_general(2, 1, 0, 1);
        m.run_ok(Command::CancelShow { show: show_id(2) });
        let expired = m.reserve_general(1, 1, 0, 1);
        m.advance(u64::from(HOLD_MS));
        let sold = m.reserve_general(1, 1, 0, 1);
        m.run_ok(m.confirm(sold, "p"));
        let released = m.reserve_general(1, 1, 0, 1);
        m.run_ok(Command::Release {
            booking: released,
            by: Actor::Staff,
        });
        let live = m.reserve_general(1, 1, 0, 1);
        let cases = [
            (999, 0, invalid(InvalidReason::OutOfRange)),
            (999, u32::MAX, Rejection::UnknownBooking),
            (void, u32::MAX, Rejection::ShowCancelled),
            (sold, u32::MAX, Rejection::AlreadyConfirmed),
            (released, u32::MAX, Rejection::AlreadyCancelled),
            (expired, u32::MAX, Rejection::ReservationExpired),
            (live, u32::MAX, invalid(InvalidReason::OutOfRange)),
            (
                live,
                HOLD_MAX_MS - HOLD_MS + 1,
                invalid(InvalidReason::OutOfRange),
            ),
        ];
        for (booking, by_ms, expected) in cases {
            m.expect_refusal(Command::Extend { booking, by_ms }, expected);
        }
        m.run_ok(Command::Extend {
            booking: live,
            by_ms: HOLD_MAX_MS - HOLD_MS,
        });
    }

    #[test]
    fn adds_to_the_present_end_and_expires_in_the_new_order() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![general(9)]));
        let extended = m.reserve_general(1, 1, 0, 1);
        m.advance(7);
        let plain = m.reserve_general(1, 2, 0, 1);
        let last = m.reserve_general(1, 3, 0, 1);
        for by_ms in [3, 4] {
            m.run_ok(Command::Extend {
                booking: extended,
                by_ms,
            });
        }
        m.run_ok(Command::Extend {
            booking: last,
            by_ms: 1,
        });
        let end = NOW + 7 + u64::from(HOLD_MS);
        assert_eq!(m.booking(extended).expires_at_ms, end);
        let Some(Outcome::Extended {
            user,
            expires_at_ms,
            ..
        }) = m.records.last().map(|record| record.outcome.clone())
        else {
            panic!("extended");
        };
        assert_eq!((user, expires_at_ms), (user_id(3), end + 1));
        m.advance(u64::from(HOLD_MS) + 1);
        m.tick();
        let expired: Vec<u64> = m
            .records
            .last()
            .unwrap()
            .expired
            .iter()
            .map(|b| b.booking)
            .collect();
        assert_eq!(expired, [extended, plain, last]);
    }
}
