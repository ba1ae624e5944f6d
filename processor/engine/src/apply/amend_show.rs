//! `AmendShow`.

use onsale_schemas::Outcome;
use onsale_schemas::command::AmendShow;
use onsale_schemas::rejection::InvalidReason;

use super::Verdict;
use super::open_show::in_range;
use super::places::invalid;
use crate::asked::Asked;
use crate::limits::MACHINE_VERSION_SECOND;
use crate::state::State;

impl State {
    /// Checks the values that would result and applies all of them or none. A zone named twice gets
    /// the last price. From machine version 2 on a limit is the event's.
    pub(super) fn amend_show(&mut self, command: &AmendShow, asked: &Asked<'_>) -> Verdict {
        let slot = self.find_show(&command.show, asked)?;
        let show = self.shows.get(slot);
        if command
            .prices
            .iter()
            .any(|&(zone, _)| usize::from(zone) >= show.zones.len())
        {
            return Err(invalid(InvalidReason::UnknownZone));
        }
        let opens = command.sale_opens_at_ms.unwrap_or(show.sale_opens_at_ms);
        let closes = command.sale_closes_at_ms.unwrap_or(show.sale_closes_at_ms);
        let hold_ms = command.hold_ms.unwrap_or(show.hold_ms);
        let mut prices: Vec<i64> = show.zones.iter().map(|zone| zone.unit_price).collect();
        for &(zone, price) in &command.prices {
            if let Some(resulting) = prices.get_mut(usize::from(zone)) {
                *resulting = price;
            }
        }
        if !in_range(opens, closes, hold_ms, prices.iter().copied()) {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        let show = self.shows.get_mut(slot);
        show.sale_opens_at_ms = opens;
        show.sale_closes_at_ms = closes;
        show.hold_ms = hold_ms;
        let event = show.event;
        for (zone, price) in show.zones.iter_mut().zip(prices) {
            zone.unit_price = price;
        }
        if let Some(limit) = command.max_tickets_per_user {
            if self.machine_version >= MACHINE_VERSION_SECOND {
                self.shows.set_limit(event, limit);
            } else {
                self.shows.get_mut(slot).max_tickets_per_user = limit;
            }
        }
        Ok(Outcome::ShowAmended { show: command.show })
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::{Command, Rejection};

    use super::*;
    use crate::testing::{HOLD_MS, Machine, NOW, general, open, seated, show_id};

    fn amend(show: u8) -> AmendShow {
        AmendShow {
            show: show_id(show),
            max_tickets_per_user: None,
            sale_opens_at_ms: None,
            sale_closes_at_ms: None,
            hold_ms: None,
            prices: vec![],
        }
    }

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[4])]));
        m.run_open(open(2, vec![seated(&[4])]));
        m.run(Command::CancelShow { show: show_id(2) });
        let bad = |show, zone| AmendShow {
            hold_ms: Some(0),
            prices: vec![(0, 5), (zone, 5)],
            ..amend(show)
        };
        m.expect_refusal(Command::AmendShow(bad(9, 1)), Rejection::UnknownShow);
        m.expect_refusal(Command::AmendShow(bad(2, 1)), Rejection::ShowCancelled);
        m.expect_refusal(
            Command::AmendShow(bad(1, 1)),
            invalid(InvalidReason::UnknownZone),
        );
        m.expect_refusal(
            Command::AmendShow(bad(1, 0)),
            invalid(InvalidReason::OutOfRange),
        );
        // A refused amendment changes nothing.
        assert_eq!(m.partition.shows().next().unwrap().hold_ms, HOLD_MS);
        assert_eq!(m.partition.shows().next().unwrap().zones[0].unit_price, 100);
    }

    #[test]
    fn the_resulting_window_counts() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![seated(&[4])]));
        let closes = m.partition.shows().next().unwrap().sale_closes_at_ms;
        let opens_late = AmendShow {
            sale_opens_at_ms: Some(closes),
            ..amend(1)
        };
        m.expect_refusal(
            Command::AmendShow(opens_late.clone()),
            invalid(InvalidReason::OutOfRange),
        );
        m.run_ok(Command::AmendShow(AmendShow {
            sale_closes_at_ms: Some(closes + 1),
            ..opens_late
        }));
    }

    #[test]
    fn live_holds_keep_price_and_time() {
        let mut m = Machine::new();
        m.run_open(open(1, vec![general(9)]));
        let hold = m.reserve_general(1, 1, 0, 2);
        m.run_ok(Command::AmendShow(AmendShow {
            max_tickets_per_user: Some(7),
            hold_ms: Some(5_000),
            prices: vec![(0, 1), (0, 250)],
            ..amend(1)
        }));
        let later = m.reserve_general(1, 2, 0, 1);
        let (hold, later) = (m.booking(hold), m.booking(later));
        assert_eq!(
            (hold.unit_price, hold.expires_at_ms),
            (100, NOW + u64::from(HOLD_MS))
        );
        assert_eq!((later.unit_price, later.expires_at_ms), (250, NOW + 5_000));
        assert_eq!(m.partition.shows().next().unwrap().max_tickets_per_user, 7);
    }
}
