//! Checks of places that a command names, shared by reserve, block and unblock.

use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Rejection, SeatIndex, SeatList, ShowId, ZoneIndex};
use smallvec::SmallVec;

use crate::asked::Asked;
use crate::layout::{SeatedZone, ZoneKind};
use crate::shows::Show;
use crate::state::State;

/// Lists up to this long are searched for duplicates seat by seat.
const SEATS_COMPARED_MAX: usize = 16;

pub(super) fn invalid(reason: InvalidReason) -> Rejection {
    Rejection::Invalid { reason }
}

/// A list of seats on its own: not empty, not too long, no seat twice.
#[inline]
pub(super) fn check_list(seats: &[SeatIndex], seats_max: u32) -> Result<(), Rejection> {
    check_quantity(u32::try_from(seats.len()).unwrap_or(u32::MAX), seats_max)?;
    if has_duplicate(seats) {
        return Err(invalid(InvalidReason::DuplicateSeat));
    }
    Ok(())
}

/// A number of places on its own.
#[inline]
pub(super) fn check_quantity(quantity: u32, quantity_max: u32) -> Result<(), Rejection> {
    match quantity {
        0 => Err(invalid(InvalidReason::NothingAsked)),
        n if n > quantity_max => Err(invalid(InvalidReason::TooMany)),
        _ => Ok(()),
    }
}

#[inline]
pub(super) fn has_duplicate(seats: &[SeatIndex]) -> bool {
    if seats.len() <= SEATS_COMPARED_MAX {
        let mut rest = seats;
        while let [seat, others @ ..] = rest {
            if others.contains(seat) {
                return true;
            }
            rest = others;
        }
        return false;
    }
    let mut sorted = SmallVec::<[SeatIndex; 128]>::from_slice(seats);
    sorted.sort_unstable();
    sorted
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a == b))
}

/// Which of the requested places a zone has.
pub(super) enum Places<'a> {
    Seats(&'a [SeatIndex]),
    /// Any seats of a seated zone, in this number.
    AnySeats,
    General,
}

/// The kind of the zone, if it exists, has the requested kind of admission and has the seats.
#[inline]
pub(super) fn check_zone(
    show: &Show,
    zone: ZoneIndex,
    places: &Places<'_>,
) -> Result<ZoneKind, Rejection> {
    let kind = show
        .zones
        .get(usize::from(zone))
        .ok_or(invalid(InvalidReason::UnknownZone))?
        .kind;
    match (&kind, places) {
        (ZoneKind::Seated(seated), Places::Seats(seats)) => {
            if !seats.iter().all(|&seat| show.has_seat(zone, seated, seat)) {
                return Err(invalid(InvalidReason::UnknownSeat));
            }
        }
        (ZoneKind::Seated(_), Places::AnySeats) | (ZoneKind::General { .. }, Places::General) => {}
        (ZoneKind::Seated(_), Places::General)
        | (ZoneKind::General { .. }, Places::Seats(_) | Places::AnySeats) => {
            return Err(invalid(InvalidReason::WrongAdmission));
        }
    }
    Ok(kind)
}

/// The zone for seats that [`check_zone`] has accepted.
#[inline]
pub(super) fn seated(kind: &ZoneKind) -> Result<&SeatedZone, Rejection> {
    match kind {
        ZoneKind::Seated(seated) => Ok(seated),
        ZoneKind::General { .. } => Err(invalid(InvalidReason::WrongAdmission)),
    }
}

/// The seats for which `is_lost` says yes, as a refusal, if there are any.
#[inline]
pub(super) fn check_seats(
    seats: &[SeatIndex],
    mut is_lost: impl FnMut(SeatIndex) -> bool,
) -> Result<(), Rejection> {
    if !seats.iter().any(|&seat| is_lost(seat)) {
        return Ok(());
    }
    let seats: SeatList = seats
        .iter()
        .copied()
        .filter(|&seat| is_lost(seat))
        .collect();
    Err(Rejection::SeatUnavailable { seats })
}

impl State {
    /// The slot of a show, if the caller may touch it.
    #[inline]
    pub(super) fn find_any_show(&self, show: &ShowId, asked: &Asked<'_>) -> Result<u32, Rejection> {
        self.shows
            .find_at(show, asked.hint)
            .filter(|&slot| asked.may_touch(self.shows.get(slot).tenant))
            .ok_or(Rejection::UnknownShow)
    }

    /// The slot of a show that is not cancelled, if the caller may touch it.
    #[inline]
    pub(super) fn find_show(&self, show: &ShowId, asked: &Asked<'_>) -> Result<u32, Rejection> {
        let slot = self.find_any_show(show, asked)?;
        if self.shows.get(slot).cancelled_at_ms.is_some() {
            return Err(Rejection::ShowCancelled);
        }
        Ok(slot)
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;
    use onsale_schemas::command::{AmendShow, BlockPlaces, SeatBlock};

    use super::*;
    use crate::testing::{Machine, open_v2, show_id, staff};

    #[test]
    fn duplicates_are_found_in_lists_of_any_length() {
        for length in [1u32, 2, 16, 17, 100, 10_000] {
            let mut seats: Vec<u32> = (0..length).map(|i| i * 7).collect();
            assert!(!has_duplicate(&seats), "{length}");
            seats.push(seats[seats.len() / 2]);
            assert!(has_duplicate(&seats), "{length}");
        }
    }

    #[test]
    fn staff_of_another_tenant_know_no_show_of_it() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        let block = || SeatBlock {
            show: show_id(1),
            zone: 0,
            places: BlockPlaces::Quantity(1),
        };
        let commands = || {
            [
                Command::AmendShow(AmendShow {
                    show: show_id(1),
                    max_tickets_per_user: None,
                    sale_opens_at_ms: None,
                    sale_closes_at_ms: None,
                    hold_ms: None,
                    prices: vec![],
                }),
                Command::Block(block()),
                Command::Unblock(block()),
                Command::CloseShow { show: show_id(1) },
                Command::CancelShow { show: show_id(1) },
            ]
        };
        for command in commands() {
            m.expect_refusal_by(staff(Some(20)), command, Rejection::UnknownShow);
        }
        // A malformed command is refused before the show is looked up.
        m.expect_refusal_by(
            staff(Some(20)),
            Command::Block(SeatBlock {
                places: BlockPlaces::Quantity(0),
                ..block()
            }),
            invalid(InvalidReason::NothingAsked),
        );
        for tenant in [Some(10), None] {
            for command in commands().into_iter().take(4) {
                m.run_by(staff(tenant), command);
            }
        }
        for command in commands() {
            m.run_ok(command);
        }
        for command in commands() {
            m.expect_refusal_by(staff(Some(20)), command, Rejection::UnknownShow);
        }
        for command in commands().into_iter().take(4) {
            m.expect_refusal_by(staff(Some(10)), command, Rejection::ShowCancelled);
        }
        m.run_by(staff(Some(10)), Command::CancelShow { show: show_id(1) });
    }

    #[test]
    fn anybody_may_reserve() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        let reserve = m.general(1, 1, 0, 1);
        m.run_by(staff(Some(20)), reserve);
    }
}
