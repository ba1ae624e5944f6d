//! `ResetClock`.

use onsale_schemas::{LogTimeMs, Outcome};

use crate::bookings::State as BookingState;
use crate::expiry::Expiry;
use crate::state::State;

impl State {
    /// Makes machine time the time of the record if it is ahead of that. Its cost grows with the
    /// tables, which is acceptable because an operator does it after a wrong clock.
    pub(super) fn reset_clock(&mut self, log_time_ms: LogTimeMs) -> Outcome {
        let from_ms = self.now;
        if log_time_ms < from_ms {
            self.turn_back(log_time_ms);
        }
        Outcome::ClockReset {
            from_ms,
            to_ms: self.now,
        }
    }

    fn turn_back(&mut self, to: LogTimeMs) {
        // What was forgotten by the wrong clock stays forgotten; otherwise the result would depend
        // on what had been swept.
        self.forget_all();
        self.users.turn_back(self.now, to);
        self.references.turn_back(self.now, to);
        self.now = to;
        self.answers.turn_back(to);
        self.ended.turn_back(&mut self.bookings, to);
        for slot in 0..self.shows.len() {
            if self.shows.get(slot).cancelled_at_ms > Some(to) {
                self.shows.get_mut(slot).cancelled_at_ms = Some(to);
            }
        }
        let live: Vec<u32> = self
            .bookings
            .slots()
            .filter(|&slot| self.bookings.get(slot).state == BookingState::Reserved)
            .collect();
        for slot in live {
            let booking = self.bookings.get(slot);
            let show = self.shows.get(booking.show);
            let latest_ms = to.saturating_add(u64::from(show.hold_ms));
            if show.cancelled_at_ms.is_none() && booking.expires_at_ms() > latest_ms {
                self.bookings.set_end(slot, latest_ms);
            }
        }
        // Rebuilt from scratch, also because lanes remember the latest end that they have seen.
        self.expiry = Expiry::restore(&mut self.bookings);
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::ClaimReference;
    use onsale_schemas::limits::{
        COOLDOWN_MAX_MS, ENDED_BOOKING_KEPT_MS, HOLD_MAX_MS, IDEMPOTENCY_WINDOW_MS,
        REFERENCE_KEPT_MS,
    };
    use onsale_schemas::{Actor, Command, PartitionId, ReferenceHash, Rejection};

    use super::*;
    use crate::testing::{HOLD_MS, Machine, NOW, general, open, open_v2, show_id, user_id};

    const YEAR_MS: u64 = 365 * 86_400_000;

    /// Resets the clock to the time of the machine's test.
    fn reset(m: &mut Machine) {
        let from_ms = m.partition.log_time_ms().max(m.now);
        let outcome = m.run_ok(Command::ResetClock);
        let to_ms = m.now;
        assert_eq!(outcome, Outcome::ClockReset { from_ms, to_ms });
        assert_eq!(m.records.last().unwrap().log_time_ms, from_ms);
        assert_eq!(m.partition.log_time_ms(), to_ms);
        m.partition.self_check().unwrap();
    }

    #[test]
    fn changes_nothing_when_machine_time_is_not_ahead() {
        let mut m = Machine::second();
        m.run_open(open(1, vec![general(9)]));
        let hold = m.reserve_general(1, 1, 0, 1);
        m.run_ok(Command::Extend {
            booking: hold,
            by_ms: 5 * HOLD_MS,
        });
        let before = m.booking(hold);
        reset(&mut m);
        m.advance(7);
        reset(&mut m);
        assert_eq!(m.booking(hold), before);
    }

    #[test]
    fn a_sale_goes_on_after_a_wrong_clock() {
        let mut m = Machine::second();
        m.run_open(open(1, vec![general(9)]));
        let before = m.reserve_general(1, 1, 0, 1);
        m.advance(YEAR_MS);
        m.expect_refusal(m.general(1, 2, 0, 1), Rejection::SaleClosed);
        m.now = NOW + 1;
        // Nothing has brought machine time back so far.
        m.expect_refusal(m.general(1, 2, 0, 1), Rejection::SaleClosed);
        reset(&mut m);
        // What the wrong clock ended stays ended, and can be confirmed late as usual.
        assert_eq!(m.booking(before).ended_at_ms, Some(NOW + 1));
        m.run_ok(m.confirm(before, "p"));
        let next = m.reserve_general(1, 2, 0, 1);
        assert_eq!(m.booking(next).expires_at_ms, NOW + 1 + u64::from(HOLD_MS));
        m.advance(u64::from(HOLD_MS));
        m.tick();
        assert_eq!(m.records.last().unwrap().expired[0].booking, next);
    }

    #[test]
    fn holds_end_no_later_than_one_made_now_would() {
        let mut m = Machine::second();
        m.amend_after_open(open(1, vec![general(99)]), |amend| {
            amend.sale_closes_at_ms = Some(u64::MAX);
        });
        let short = m.reserve_general(1, 1, 0, 1);
        m.advance(1_000);
        let [first, second] = [1, 1].map(|n| m.reserve_general(1, 2, 0, n));
        m.run_ok(Command::Extend {
            booking: first,
            by_ms: HOLD_MAX_MS - HOLD_MS,
        });
        m.now = NOW;
        reset(&mut m);
        let end = NOW + u64::from(HOLD_MS);
        let ends = [short, first, second].map(|hold| m.booking(hold).expires_at_ms);
        assert_eq!(ends, [end; 3]);
        // The time of their reservation stays in the future.
        assert_eq!(m.booking(second).reserved_at_ms, NOW + 1_000);
        m.now = end;
        m.tick();
        let expired = &m.records.last().unwrap().expired;
        let expired: Vec<u64> = expired.iter().map(|hold| hold.booking).collect();
        assert_eq!(expired, [short, first, second]);
    }

    #[test]
    fn a_hold_may_end_before_it_was_reserved_and_be_extended_beyond() {
        let mut m = Machine::second();
        m.amend_after_open(open(1, vec![general(99)]), |amend| {
            amend.sale_closes_at_ms = Some(u64::MAX);
        });
        m.advance(YEAR_MS);
        let hold = m.reserve_general(1, 1, 0, 1);
        let reserved_at_ms = m.now;
        m.now = NOW;
        reset(&mut m);
        let end = NOW + u64::from(HOLD_MS);
        let view = m.booking(hold);
        assert_eq!(
            (view.reserved_at_ms, view.expires_at_ms),
            (reserved_at_ms, end)
        );
        let extend = |by_ms| Command::Extend {
            booking: hold,
            by_ms,
        };
        // A difference that would be negative counts as 0.
        m.run_ok(extend(HOLD_MAX_MS + 1));
        let end = end + u64::from(HOLD_MAX_MS) + 1;
        assert_eq!(m.booking(hold).expires_at_ms, end);
        m.now = reserved_at_ms - 5;
        m.run_ok(Command::Tick { epoch: 0 });
        let late = m.reserve_general(1, 1, 0, 1);
        m.now -= 2 * u64::from(HOLD_MS);
        reset(&mut m);
        m.expect_refusal(
            Command::Extend {
                booking: late,
                by_ms: HOLD_MAX_MS + HOLD_MS + 1,
            },
            super::super::places::invalid(onsale_schemas::rejection::InvalidReason::OutOfRange),
        );
        m.run_ok(Command::Extend {
            booking: late,
            by_ms: HOLD_MAX_MS,
        });
        let view = m.booking(late);
        assert_eq!(view.reserved_at_ms, reserved_at_ms - 5);
        m.partition.self_check().unwrap();
        m.run_ok(Command::Release {
            booking: late,
            by: Actor::Buyer(user_id(1)),
        });
        m.partition.self_check().unwrap();
    }

    #[test]
    fn what_was_forgotten_stays_so_and_the_rest_counts_from_now() {
        let mut m = Machine::second();
        m.run_open(open(1, vec![general(99)]));
        let forgotten = m.reserve_general(1, 1, 0, 1);
        m.run_ok(Command::Return { booking: forgotten });
        m.idempotent(1, 5, m.general(1, 5, 0, 1));
        m.advance(1_000);
        let kept = m.reserve_general(1, 1, 0, 1);
        m.advance(ENDED_BOOKING_KEPT_MS - 1_000);
        m.idempotent(2, 5, m.general(1, 5, 0, 1));
        m.run_ok(Command::CancelShow { show: show_id(1) });
        m.now = NOW + 10;
        reset(&mut m);
        assert_eq!(m.partition.booking(forgotten), None);
        // It expired an hour ago by the wrong clock.
        assert_eq!(m.booking(kept).ended_at_ms, Some(NOW + 10));
        m.now = NOW + 9 + ENDED_BOOKING_KEPT_MS;
        m.tick();
        assert!(m.partition.booking(kept).is_some());
        m.advance(1);
        m.tick();
        assert_eq!(m.partition.bookings().count(), 0);
        m.now = NOW + IDEMPOTENCY_WINDOW_MS;
        let again = m.idempotent(1, 5, Command::Tick { epoch: 0 });
        assert_eq!(again.replay_of, None);
        let replayed = m.idempotent(2, 5, Command::Tick { epoch: 0 });
        assert_eq!(replayed.replay_of.unwrap().log_time_ms, NOW + 10);
        m.advance(10);
        let late = m.idempotent(2, 5, Command::Tick { epoch: 0 });
        assert_eq!(late.replay_of, None);
    }

    #[test]
    fn references_count_from_now() {
        let mut m = Machine::second();
        let claim = |reference: u8, booking| {
            Command::ClaimReference(ClaimReference {
                reference: ReferenceHash::from_bytes([reference; 16]),
                partition: PartitionId(3),
                booking,
            })
        };
        m.run_ok(claim(1, 1));
        m.advance(1);
        m.run_ok(claim(2, 1));
        m.advance(REFERENCE_KEPT_MS - 1);
        m.run_ok(claim(3, 1));
        m.now = NOW;
        reset(&mut m);
        m.run_ok(claim(1, 2));
        m.advance(REFERENCE_KEPT_MS - 1);
        for reference in [1, 2, 3] {
            m.expect_refusal(claim(reference, 9), Rejection::PaymentReferenceUsed);
        }
        m.advance(1);
        for reference in [1, 2, 3] {
            m.run_ok(claim(reference, 9));
        }
    }

    #[test]
    fn cool_downs_end_in_time() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 1, 10));
        m.amend(show_id(1), |amend| {
            amend.sale_closes_at_ms = Some(u64::MAX);
            amend.max_tickets_per_user = Some(0);
        });
        m.advance(YEAR_MS);
        for _ in 0..2 {
            m.reserve_general(1, 1, 0, 1);
        }
        m.advance(u64::from(HOLD_MS));
        let ahead = m.now;
        let until_ms = ahead + 60_000;
        m.expect_refusal(m.general(1, 1, 0, 1), Rejection::CoolingDown { until_ms });
        m.now = NOW;
        reset(&mut m);
        let until_ms = NOW + 8 * u64::from(COOLDOWN_MAX_MS);
        m.expect_refusal(m.general(1, 1, 0, 1), Rejection::CoolingDown { until_ms });
        m.now = until_ms;
        m.reserve_general(1, 1, 0, 1);
        m.partition.self_check().unwrap();
    }

    #[test]
    fn its_own_answer_is_remembered_as_of_now() {
        let mut m = Machine::second();
        m.advance(YEAR_MS);
        m.tick();
        m.now = NOW;
        m.idempotent(1, 5, Command::ResetClock);
        m.now = NOW + IDEMPOTENCY_WINDOW_MS - 1;
        let replay = m.idempotent(1, 5, Command::ResetClock);
        assert_eq!(replay.replay_of.unwrap().log_time_ms, NOW);
        assert_eq!(
            replay.outcome,
            Outcome::ClockReset {
                from_ms: NOW + YEAR_MS,
                to_ms: NOW
            }
        );
        m.advance(1);
        assert_eq!(m.idempotent(1, 5, Command::ResetClock).replay_of, None);
    }
}
