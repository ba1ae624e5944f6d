//! `CancelEvent`.

use onsale_schemas::{EventId, Outcome};

use super::Verdict;
use crate::asked::Asked;
use crate::state::State;

impl State {
    /// Cancels all shows of an event and marks it, known or not.
    pub(super) fn cancel_event(&mut self, event: EventId, asked: &Asked<'_>) -> Verdict {
        self.check_event(&event, asked)?;
        let slot = self.shows.event(&event);
        let shows: Vec<u32> = self.shows.of_event(slot).collect();
        for show in shows {
            self.cancel(show);
        }
        self.shows.mark_cancelled(slot);
        Ok(Outcome::EventCancelled { event })
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::limits::ENDED_BOOKING_KEPT_MS;
    use onsale_schemas::{Command, Rejection};

    use super::*;
    use crate::testing::{Machine, event_id, general, open_of, open_v2, show_id, staff};
    use crate::views::BookingState;

    fn cancel(event: u8) -> Command {
        Command::CancelEvent {
            event: event_id(event),
        }
    }

    #[test]
    fn another_tenant_is_refused() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        m.expect_refusal_by(staff(Some(20)), cancel(7), Rejection::UnknownShow);
        m.reserve_general(1, 1, 0, 1);
        m.run_by(staff(Some(10)), cancel(7));
        m.expect_refusal(m.general(1, 1, 0, 1), Rejection::ShowCancelled);
    }

    #[test]
    fn voids_all_its_shows_and_lets_none_open() {
        let mut m = Machine::second();
        m.run_open(open_of(1, 7, vec![general(9)]));
        m.run_ok(open_v2(2, 7, 10));
        m.run_ok(open_v2(3, 8, 10));
        let holds = [1, 2, 3].map(|show| m.reserve_general(show, 1, 0, 1));
        m.run_ok(m.confirm(holds[1], "p"));
        m.run_ok(Command::CancelShow { show: show_id(1) });
        m.advance(5);
        let first = m.run_ok(cancel(7));
        assert_eq!(first, Outcome::EventCancelled { event: event_id(7) });
        m.advance(5);
        assert_eq!(m.run_ok(cancel(7)), first);
        let states = holds.map(|hold| m.booking(hold).state);
        assert_eq!(
            states,
            [
                BookingState::Cancelled,
                BookingState::Cancelled,
                BookingState::Reserved
            ]
        );
        // Each keeps the time at which it was first cancelled.
        let ended = holds.map(|hold| m.booking(hold).ended_at_ms);
        assert_eq!(ended, [Some(m.now - 10), Some(m.now - 5), None]);
        m.expect_refusal(open_v2(4, 7, 10), Rejection::ShowCancelled);
        m.expect_refusal(
            Command::OpenShow(open_of(4, 7, vec![general(9)])),
            Rejection::ShowCancelled,
        );
        m.partition.self_check().unwrap();
        m.advance(ENDED_BOOKING_KEPT_MS);
        m.tick();
        assert_eq!(m.partition.bookings().count(), 1);
        m.partition.self_check().unwrap();
    }

    #[test]
    fn an_unknown_event_can_be_cancelled() {
        let mut m = Machine::second();
        m.run_by(staff(Some(20)), cancel(7));
        assert!(m.partition.event(event_id(7)).unwrap().cancelled);
        m.expect_refusal(open_v2(1, 7, 10), Rejection::ShowCancelled);
    }
}
