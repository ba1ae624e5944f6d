//! Checks of places that a command names, shared by reserve, block and unblock.

use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Rejection, SeatIndex, SeatList, ShowId, ZoneIndex};
use smallvec::SmallVec;

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
fn has_duplicate(seats: &[SeatIndex]) -> bool {
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

/// Which of the places asked for a zone has.
pub(super) enum Places<'a> {
    Seats(&'a [SeatIndex]),
    /// So many of a seated zone, whichever.
    AnySeats,
    General,
}

/// The kind of the zone, if it exists, gives out places in the way asked for, and has the seats.
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
            if !seats.iter().all(|&seat| seated.contains(seat)) {
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
    /// The slot of a show that is not cancelled; `hint` is where it may be.
    #[inline]
    pub(super) fn find_show(&self, show: &ShowId, hint: u32) -> Result<u32, Rejection> {
        let slot = self
            .shows
            .find_at(show, hint)
            .ok_or(Rejection::UnknownShow)?;
        if self.shows.get(slot).cancelled_at_ms.is_some() {
            return Err(Rejection::ShowCancelled);
        }
        Ok(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_in_lists_of_any_length() {
        for length in [1u32, 2, 16, 17, 100, 10_000] {
            let mut seats: Vec<u32> = (0..length).map(|i| i * 7).collect();
            assert!(!has_duplicate(&seats), "{length}");
            seats.push(seats[seats.len() / 2]);
            assert!(has_duplicate(&seats), "{length}");
        }
    }
}
