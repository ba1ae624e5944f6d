//! `AmendEvent`.

use onsale_schemas::command::AmendEvent;
use onsale_schemas::{Outcome, Rejection};

use super::Verdict;
use crate::asked::Asked;
use crate::state::State;

impl State {
    /// Gives an event, known or not, its limit.
    pub(super) fn amend_event(&mut self, command: &AmendEvent, asked: &Asked<'_>) -> Verdict {
        let &AmendEvent {
            event,
            max_tickets_per_user,
        } = command;
        let known = self.check_event(&event, asked)?;
        if known.is_some_and(|slot| self.shows.event_at(slot).is_cancelled) {
            return Err(Rejection::ShowCancelled);
        }
        let slot = self.shows.event(&event);
        self.shows.set_limit(slot, max_tickets_per_user);
        Ok(Outcome::EventAmended {
            event,
            max_tickets_per_user,
        })
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;

    use super::*;
    use crate::testing::{Machine, event_id, general, open_of, open_v2, staff};

    fn amend(event: u8, limit: u16) -> Command {
        Command::AmendEvent(AmendEvent {
            event: event_id(event),
            max_tickets_per_user: limit,
        })
    }

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        m.run_ok(Command::CancelEvent { event: event_id(7) });
        m.expect_refusal_by(staff(Some(20)), amend(7, 1), Rejection::UnknownShow);
        for tenant in [Some(10), None] {
            m.expect_refusal_by(staff(tenant), amend(7, 1), Rejection::ShowCancelled);
        }
        m.expect_refusal(amend(7, 1), Rejection::ShowCancelled);
    }

    #[test]
    fn one_limit_counts_for_all_shows_earlier_and_later_ones() {
        let mut m = Machine::second();
        m.run_open(open_of(1, 7, vec![general(50)]));
        m.run_open(open_of(2, 7, vec![general(50)]));
        m.run_open(open_of(4, 8, vec![general(50)]));
        let outcome = m.run_ok(amend(7, 1));
        assert_eq!(
            outcome,
            Outcome::EventAmended {
                event: event_id(7),
                max_tickets_per_user: 1
            }
        );
        m.run_open(open_of(3, 7, vec![general(50)]));
        m.reserve_general(1, 1, 0, 1);
        for show in [1, 2, 3] {
            m.expect_refusal(
                m.general(show, 1, 0, 1),
                Rejection::MaxPerUserExceeded {
                    limit: 1,
                    current: 1,
                },
            );
        }
        m.reserve_general(4, 1, 0, 4);
        m.run_ok(amend(7, 0));
        m.reserve_general(3, 1, 0, 20);
    }

    #[test]
    fn an_unknown_event_becomes_known() {
        let mut m = Machine::second();
        m.run_by(staff(Some(20)), amend(7, 3));
        assert_eq!(m.partition.event_limit(event_id(7)), Some(3));
        assert_eq!(m.partition.event_limit(event_id(8)), None);
        m.run_ok(open_v2(1, 7, 10));
        assert_eq!(m.partition.shows().next().unwrap().max_tickets_per_user, 3);
    }
}
