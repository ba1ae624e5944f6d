//! `CancelShow`.

use onsale_schemas::{Outcome, ShowId};

use super::Verdict;
use crate::asked::Asked;
use crate::state::State;

impl State {
    /// Voids a show. Its places are free at once and its bookings answer `ShowCancelled` at once;
    /// the counter of a user is lowered when it is looked at.
    pub(super) fn cancel_show(&mut self, show: ShowId, asked: &Asked<'_>) -> Verdict {
        let slot = self.find_any_show(&show, asked)?;
        self.cancel(slot);
        Ok(Outcome::ShowCancelled { show })
    }

    /// Voids the show in that slot if it is not void already.
    pub(super) fn cancel(&mut self, slot: u32) {
        if self.shows.get(slot).cancelled_at_ms.is_none() {
            let now = self.now;
            let cancelled = self.shows.get_mut(slot);
            cancelled.cancelled_at_ms = Some(now);
            cancelled.free_all();
            cancelled.voided = cancelled.holds + cancelled.sales;
            self.holds -= std::mem::take(&mut cancelled.holds);
            self.confirmed -= std::mem::take(&mut cancelled.sales);
            if cancelled.sale().is_some() {
                let ended = cancelled.sale_mut().end();
                self.codes.let_go(ended);
            }
            let event = cancelled.event;
            if cancelled.voided > 0 {
                self.cancelled.push_back(slot);
                self.shows.note_cancelled(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
    use onsale_schemas::{Actor, Command, Rejection};

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
        assert_eq!(m.partition.stats().available, 8 - 2 + 9 - 2 + 9);
        let outcome = m.run_ok(Command::CancelShow { show: show_id(1) });
        assert_eq!(outcome, Outcome::ShowCancelled { show: show_id(1) });
        // Its places are free, but cannot be reserved.
        let stats = m.partition.stats();
        assert_eq!((stats.available, stats.held, stats.sold), (9, 0, 0));
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
    fn a_large_show_is_void_at_once_and_forgotten_in_portions() {
        let mut m = Machine::new();
        m.run_open(open_of(1, 7, vec![general(9_000)]));
        m.run_open(open_of(2, 7, vec![general(9_000)]));
        let bookings: Vec<u64> = (0..4_000)
            .map(|user| m.reserve_general_by(1, user, 0, 2))
            .collect();
        let other = m.reserve_general_by(2, 77, 0, 1);
        m.run_ok(Command::CancelShow { show: show_id(1) });
        let stats = m.partition.stats();
        assert_eq!((stats.live_holds, stats.ended), (1, 4_000));
        m.expect_refusal(
            Command::Return {
                booking: bookings[3_999],
            },
            Rejection::ShowCancelled,
        );
        m.partition.self_check().unwrap();
        // A user's counter is exact from the next record on.
        m.expect_refusal(
            m.general(2, 1_077, 0, 4),
            Rejection::MaxPerUserExceeded {
                limit: 4,
                current: 1,
            },
        );
        m.reserve_general_by(2, 3_999, 0, 4);
        // Due holds of a cancelled show do not expire, however many there are, and delay nothing.
        m.advance(u64::from(HOLD_MS));
        m.tick();
        let expired = &m.records.last().unwrap().expired;
        assert_eq!(expired.len(), 2);
        assert_eq!(expired[0].booking, other);
        assert!(!m.partition.has_backlog());
        m.advance(ENDED_BOOKING_KEPT_MS);
        for _ in 0..8 {
            m.tick();
            m.partition.self_check().unwrap();
            m.expect_refusal(
                Command::Return {
                    booking: bookings[0],
                },
                Rejection::UnknownBooking,
            );
            assert_eq!(m.partition.bookings().count(), 0);
        }
        let stats = m.partition.stats();
        assert_eq!((stats.ended, stats.users), (0, 0));
    }
}
