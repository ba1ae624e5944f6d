//! `OpenShow`.

use bincode::Encode;
use onsale_schemas::command::OpenShow;
use onsale_schemas::limits::{HOLD_MAX_MS, HOLD_MIN_MS, UNIT_PRICE_MAX_MINOR};
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{EventId, LogTimeMs, Outcome, Rejection, codec};

use super::Verdict;
use super::places::invalid;
use crate::asked::Asked;
use crate::layout;
use crate::shows::Show;
use crate::state::State;

/// Distinguishes openings of a show: a fingerprint of all values of the command.
pub(super) fn fingerprint(command: &impl Encode) -> u64 {
    let mut bytes = Vec::new();
    // Encoding a decoded value into memory cannot fail, and if it did, it would fail on all
    // replicas alike.
    let written = codec::encode_body_into(command, &mut bytes);
    debug_assert!(written.is_ok(), "a decoded command can be encoded");
    xxhash_rust::xxh3::xxh3_64(&bytes)
}

/// True when sale window, hold and prices are valid.
pub(super) fn in_range(
    sale_opens_at_ms: LogTimeMs,
    sale_closes_at_ms: LogTimeMs,
    hold_ms: u32,
    mut prices: impl Iterator<Item = i64>,
) -> bool {
    sale_opens_at_ms < sale_closes_at_ms
        && (HOLD_MIN_MS..=HOLD_MAX_MS).contains(&hold_ms)
        && prices.all(|price| (0..=UNIT_PRICE_MAX_MINOR).contains(&price))
}

impl State {
    pub(super) fn open_show(&mut self, command: &OpenShow, asked: &Asked<'_>) -> Verdict {
        self.check_event(&command.event, asked)?;
        check_values(command)?;
        self.open(command, fingerprint(command))?;
        Ok(Outcome::ShowOpened {
            show: command.show,
            event: command.event,
        })
    }

    /// Checks that the caller may touch the event, known or not.
    pub(super) fn check_event(
        &self,
        event: &EventId,
        asked: &Asked<'_>,
    ) -> Result<Option<u32>, Rejection> {
        let known = self.shows.find_event(event);
        if known.is_some_and(|slot| !asked.may_touch(self.shows.event_at(slot).tenant)) {
            return Err(Rejection::UnknownShow);
        }
        Ok(known)
    }

    /// Opens a show unless it is already open with the same fingerprint. Returns its slot when it
    /// is new.
    pub(super) fn open(
        &mut self,
        command: &OpenShow,
        fingerprint: u64,
    ) -> Result<Option<u32>, Rejection> {
        if let Some(slot) = self.shows.find(&command.show) {
            if self.shows.get(slot).fingerprint != fingerprint {
                return Err(Rejection::ShowExists);
            }
            return Ok(None);
        }
        let known = self.shows.find_event(&command.event);
        if known.is_some_and(|event| self.shows.event_at(event).is_cancelled) {
            return Err(Rejection::ShowCancelled);
        }
        if self.shows.len() >= self.limits.shows_max {
            return Err(Rejection::Full {
                table: FullTable::Shows,
            });
        }
        let event = self.shows.event(&command.event);
        let show = Show::new(command, event, fingerprint);
        Ok(Some(self.shows.insert(show)))
    }
}

/// Checks that layout, sale window, hold and prices are valid.
pub(super) fn check_values(command: &OpenShow) -> Result<(), Rejection> {
    if !layout::is_valid(&command.zones) {
        return Err(invalid(InvalidReason::Layout));
    }
    if !in_range(
        command.sale_opens_at_ms,
        command.sale_closes_at_ms,
        command.hold_ms,
        command.zones.iter().map(|zone| zone.unit_price),
    ) {
        return Err(invalid(InvalidReason::OutOfRange));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::Admission;

    use super::*;
    use crate::limits::Limits;
    use crate::testing::{Machine, general, open, rejected, seated, show_id};

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::with_limits(Limits {
            shows_max: 1,
            ..Limits::default()
        });
        m.run_open(open(1, vec![seated(&[4])]));
        // Each case has its own fault and all later ones; the table is full throughout.
        let other = open(1, vec![general(5)]);
        let bad_layout = vec![seated(&[])];
        let cases: Vec<(OpenShow, Rejection)> = vec![
            (
                OpenShow {
                    hold_ms: 1,
                    zones: bad_layout,
                    ..other.clone()
                },
                invalid(InvalidReason::Layout),
            ),
            (
                OpenShow {
                    hold_ms: 1,
                    ..other.clone()
                },
                invalid(InvalidReason::OutOfRange),
            ),
            (other, Rejection::ShowExists),
            (
                open(2, vec![general(5)]),
                Rejection::Full {
                    table: FullTable::Shows,
                },
            ),
        ];
        for (command, expected) in cases {
            m.expect_refusal(onsale_schemas::Command::OpenShow(command), expected);
        }
    }

    #[test]
    fn every_range_is_kept() {
        let good = open(1, vec![seated(&[4])]);
        let change = |f: &dyn Fn(&mut OpenShow)| {
            let mut command = good.clone();
            f(&mut command);
            command
        };
        let cases = [
            change(&|c| c.hold_ms = HOLD_MIN_MS - 1),
            change(&|c| c.hold_ms = HOLD_MAX_MS + 1),
            change(&|c| c.sale_closes_at_ms = c.sale_opens_at_ms),
            change(&|c| c.zones[0].unit_price = -1),
            change(&|c| c.zones[0].unit_price = UNIT_PRICE_MAX_MINOR + 1),
        ];
        for command in cases {
            let mut m = Machine::new();
            m.expect_refusal(
                onsale_schemas::Command::OpenShow(command),
                invalid(InvalidReason::OutOfRange),
            );
            assert_eq!(m.partition.shows().count(), 0);
        }
    }

    #[test]
    fn the_same_values_open_again_even_after_amendments() {
        let mut m = Machine::new();
        let command = open(1, vec![seated(&[4, 4]), general(9)]);
        let first = m.run_open(command.clone());
        m.amend(show_id(1), |amend| amend.hold_ms = Some(77_000));
        assert_eq!(m.run_open(command), first);
        let view = m.partition.shows().next().unwrap();
        assert_eq!(view.hold_ms, 77_000);
        assert_eq!(
            view.zones[0].admission,
            Admission::Seated { rows: vec![4, 4] }
        );
        assert_eq!(view.zones[1].counts.available, 9);
        let again = m.run(onsale_schemas::Command::OpenShow(open(
            1,
            vec![seated(&[4])],
        )));
        assert_eq!(rejected(&again), Some(&Rejection::ShowExists));
    }
}
