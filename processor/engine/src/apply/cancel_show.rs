//! `CancelShow`.

use onsale_schemas::{Outcome, Rejection, ShowId};

use super::Verdict;
use crate::index::NONE;
use crate::state::State;

impl State {
    /// Voids a show. Its places are free at once and its bookings answer `ShowCancelled` at once;
    /// users' counters come down as the bookings are drained.
    pub(super) fn cancel_show(&mut self, show: ShowId) -> Verdict {
        let slot = self.shows.find(&show).ok_or(Rejection::UnknownShow)?;
        if self.shows.get(slot).cancelled_at_ms.is_none() {
            let now = self.now;
            let cancelled = self.shows.get_mut(slot);
            cancelled.cancelled_at_ms = Some(now);
            cancelled.free_all();
            cancelled.drain_at = cancelled.bookings.head;
            if cancelled.drain_at != NONE {
                self.draining.push_back(slot);
            }
        }
        Ok(Outcome::ShowCancelled { show })
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
    use onsale_schemas::{Actor, Command};

    use super::*;
    use crate::testing::{HOLD_MS, Machine, general, open_of, seated, show_id, user_id};
    use crate::views::BookingState;

    #[test]
    fn an_unknown_show_is_refused() {
        let mut m = Machine::new();
        m.expect_refusal(
            Command::CancelShow { show: show_id(1) },
            Rejection::UnknownShow,
        );
    }

    #[test]
    fn voids_holds_and_sales_and_their_counts() {
        let mut m = Machine::new();
        m.run_open(open_of(1, 7, vec![seated(&[4, 4]), general(9)]));
        m.run_open(open_of(2, 7, vec![general(9)]));
        let sale = m.reserve_seats(1, 1, 0, &[0, 1]);
        m.run_ok(m.confirm(sale, "p"));
        let hold = m.reserve_general(1, 1, 1, 2);
        let released = m.reserve_general(1, 2, 1, 1);
        m.run_ok(Command::Release {
            booking: released,
            by: Actor::Staff,
        });
        // The limit of 4 for the event is used up.
        m.expect_refusal(
            m.general(2, 1, 0, 1),
            Rejection::MaxPerUserExceeded {
                limit: 4,
                current: 4,
            },
        );
        let outcome = m.run_ok(Command::CancelShow { show: show_id(1) });
        assert_eq!(outcome, Outcome::ShowCancelled { show: show_id(1) });
        assert!(!m.partition.has_backlog());
        let seats = m.partition.show_seats(show_id(1)).unwrap();
        assert!(seats.cancelled && seats.unavailable.is_empty());
        assert_eq!((seats.zones[0].available, seats.zones[1].available), (8, 9));
        for booking in [sale, hold, released] {
            assert_eq!(m.booking(booking).state, BookingState::Cancelled);
            m.expect_refusal(m.confirm(booking, "p"), Rejection::ShowCancelled);
            m.expect_refusal(Command::Return { booking }, Rejection::ShowCancelled);
            m.expect_refusal(
                Command::Release {
                    booking,
                    by: Actor::Buyer(user_id(9)),
                },
                Rejection::UnknownBooking,
            );
        }
        m.reserve_general(2, 1, 0, 4);
        // Nothing of it expires later, and cancelling again changes nothing.
        m.advance(u64::from(HOLD_MS) - 1);
        m.run_ok(Command::CancelShow { show: show_id(1) });
        assert!(m.records.iter().all(|record| record.expired.is_empty()));
        m.advance(ENDED_BOOKING_KEPT_MS - u64::from(HOLD_MS));
        m.expect_refusal(Command::Return { booking: sale }, Rejection::ShowCancelled);
        m.advance(1);
        m.expect_refusal(Command::Return { booking: sale }, Rejection::UnknownBooking);
        assert!(m.partition.booking(sale).is_none());
    }

    #[test]
    fn a_large_show_is_drained_over_several_records() {
        let mut m = Machine::new();
        m.run_open(open_of(1, 7, vec![general(5_000)]));
        let bookings: Vec<u64> = (0..3_000)
            .map(|i| m.reserve_general_by(1, i, 0, 1))
            .collect();
        m.run_ok(Command::CancelShow { show: show_id(1) });
        assert!(m.partition.has_backlog());
        m.expect_refusal(
            Command::Return {
                booking: bookings[2_999],
            },
            Rejection::ShowCancelled,
        );
        // Due holds of a cancelled show do not expire.
        m.advance(u64::from(HOLD_MS));
        let mut ticks = 0;
        while m.partition.has_backlog() {
            m.tick();
            ticks += 1;
        }
        assert!((1..=8).contains(&ticks), "{ticks}");
        assert!(m.records.iter().all(|record| record.expired.is_empty()));
        let stats = m.partition.stats();
        assert_eq!((stats.live_holds, stats.ended), (0, 3_000));
        m.advance(ENDED_BOOKING_KEPT_MS);
        for _ in 0..4 {
            m.tick();
        }
        let stats = m.partition.stats();
        assert_eq!((stats.ended, stats.users), (0, 0));
    }
}
