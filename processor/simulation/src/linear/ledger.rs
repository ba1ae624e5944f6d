//! Who has which seat, derived from outcomes alone, as a projector does.
//!
//! The model may be right about its own state and yet produce outcomes that do not add up for a
//! reader who has nothing else. This checks exactly that.

use std::collections::hash_map::Entry;

use onsale_schemas::outcome::{BlockChange, EndedBooking, Line, PlacesReturned, ZonePlaces};
use onsale_schemas::{EventId, Offset, Outcome, OutcomeRecord, SeatIndex, SeatList, ShowId};

use crate::table::Table;

type Check = Result<(), String>;

/// The state of a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mark {
    Booking(Offset),
    Blocked,
    Taken,
}

/// A booking that has its places.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Live {
    show: ShowId,
    seats: SeatList,
    quantity: u32,
    confirmed: bool,
}

impl Live {
    /// Seats in no order: what counts is whose they are.
    fn new(show: ShowId, seats: impl Iterator<Item = SeatIndex>, quantity: u32) -> Self {
        let mut seats: SeatList = seats.collect();
        seats.sort_unstable();
        Self {
            show,
            seats,
            quantity,
            confirmed: false,
        }
    }

    fn of_parts(show: ShowId, parts: &[ZonePlaces]) -> Self {
        let seats = parts.iter().flat_map(|part| part.seats.iter().copied());
        Self::new(show, seats, parts.iter().map(|part| part.quantity).sum())
    }

    fn of_lines(show: ShowId, lines: &[Line]) -> Self {
        let seats = lines.iter().flat_map(|line| line.seats.iter().copied());
        Self::new(show, seats, lines.iter().map(|line| line.quantity).sum())
    }

    /// An order stands among expired holds once for each of its zones.
    fn of_ended(show: ShowId, ended: &[EndedBooking]) -> Self {
        let seats = ended.iter().flat_map(|part| part.seats.iter().copied());
        Self::new(show, seats, ended.iter().map(|part| part.quantity).sum())
    }

    fn confirmed(self, confirmed: bool) -> Self {
        Self { confirmed, ..self }
    }
}

/// The state that a reader of the outcomes has.
#[derive(Clone, Default, Debug)]
pub(crate) struct Ledger {
    last: Option<Offset>,
    marks: Table<(ShowId, SeatIndex), Mark>,
    live: Table<Offset, Live>,
    /// Shows of each event, in order of opening.
    events: Table<EventId, Vec<ShowId>>,
}

impl Ledger {
    /// Takes the next outcome.
    ///
    /// # Errors
    /// How it contradicts those before it.
    pub(crate) fn take(&mut self, record: &OutcomeRecord) -> Check {
        if record.previous != self.last {
            let (named, last) = (record.previous, self.last);
            return Err(format!(
                "names {named:?} as the one before it, not {last:?}"
            ));
        }
        self.last = Some(record.offset);
        for ended in record.expired.chunk_by(|a, b| a.booking == b.booking) {
            if let Some(EndedBooking { booking, show, .. }) = ended.first() {
                self.end(*booking, &Live::of_ended(*show, ended))?;
            }
        }
        if record.replay_of.is_some() {
            return Ok(());
        }
        match &record.outcome {
            Outcome::Reserved(reserved) => {
                let seats = reserved.seats.iter().copied();
                let live = Live::new(reserved.show, seats, reserved.quantity);
                self.begin(reserved.booking, live)
            }
            Outcome::Confirmed(confirmed) => {
                let seats = confirmed.seats.iter().copied();
                let live = Live::new(confirmed.show, seats, confirmed.quantity).confirmed(true);
                self.confirm(confirmed.booking, live, confirmed.first, confirmed.revived)
            }
            Outcome::Released {
                booking,
                was_confirmed,
            } => {
                let live = Live::of_ended(booking.show, std::slice::from_ref(booking));
                self.end(booking.booking, &live.confirmed(*was_confirmed))
            }
            Outcome::Extended { booking, .. } => match self.live.get(booking) {
                Some(live) if !live.confirmed => Ok(()),
                found => Err(format!("extends {booking}, which is {found:?}")),
            },
            Outcome::Blocked(change) => self.put(change.show, &change.seats, Mark::Blocked),
            Outcome::Unblocked(change) => self.unblock(change),
            Outcome::ShowCancelled { show } => {
                self.cancel(*show);
                Ok(())
            }
            Outcome::EventCancelled { event } => {
                for show in self.events.get(event).cloned().unwrap_or_default() {
                    self.cancel(show);
                }
                Ok(())
            }
            Outcome::ShowOpened { show, event } => {
                let shows = self.events.entry(*event).or_default();
                if !shows.contains(show) {
                    shows.push(*show);
                }
                Ok(())
            }
            Outcome::Nothing
            | Outcome::ShowAmended { .. }
            | Outcome::ShowClosed { .. }
            | Outcome::Claimed { .. }
            | Outcome::BarrierPassed { .. }
            | Outcome::EventAmended { .. }
            | Outcome::ReferenceClaimed(_)
            | Outcome::Described(_)
            | Outcome::ClockReset { .. }
            | Outcome::OfferSet { .. }
            | Outcome::CodesCreated { .. }
            | Outcome::CodesAmended { .. }
            | Outcome::CodesEnded { .. }
            | Outcome::SeatsAdded { .. }
            | Outcome::Rejected(_) => Ok(()),
            Outcome::ReservedV2(reserved) => {
                let live = Live::of_lines(reserved.show, &reserved.lines);
                self.begin(reserved.booking, live)
            }
            Outcome::ConfirmedV2(confirmed) => {
                let live = Live::of_parts(confirmed.show, &confirmed.parts).confirmed(true);
                self.confirm(confirmed.booking, live, confirmed.first, confirmed.revived)
            }
            Outcome::ReleasedV2(released) => {
                let live = Live::of_parts(released.show, &released.parts);
                self.end(released.booking, &live.confirmed(released.was_confirmed))
            }
            Outcome::PlacesReturned(returned) => self.give_back(returned),
            Outcome::SeatsTaken(change) => self.take_away(change),
        }
    }

    /// Live bookings ascending by offset, and whether they are confirmed.
    #[cfg(feature = "worlds")]
    pub(crate) fn live(&self) -> Vec<(Offset, bool)> {
        let mut all: Vec<_> = self
            .live
            .iter()
            .map(|(booking, live)| (*booking, live.confirmed))
            .collect();
        all.sort_unstable();
        all
    }

    fn begin(&mut self, booking: Offset, live: Live) -> Check {
        self.put(live.show, &live.seats, Mark::Booking(booking))?;
        match self.live.insert(booking, live) {
            None => Ok(()),
            Some(found) => Err(format!("makes booking {booking}, which is {found:?}")),
        }
    }

    fn confirm(&mut self, booking: Offset, live: Live, first: bool, revived: bool) -> Check {
        if revived {
            return self.begin(booking, live);
        }
        let was = Live {
            confirmed: !first,
            ..live.clone()
        };
        match self.live.insert(booking, live) {
            Some(found) if found == was => Ok(()),
            found => Err(format!("confirms {booking}, which is {found:?}")),
        }
    }

    fn end(&mut self, booking: Offset, want: &Live) -> Check {
        match self.live.remove(&booking) {
            Some(found) if found == *want => {}
            found => return Err(format!("ends {booking}, which is {found:?}")),
        }
        self.lift(want.show, &want.seats, Mark::Booking(booking))
    }

    fn give_back(&mut self, returned: &PlacesReturned) -> Check {
        let (booking, show) = (returned.booking, returned.show);
        let left = Live::of_lines(show, &returned.lines).confirmed(true);
        let gone = Live::of_parts(show, &returned.parts);
        let found = self.live.remove(&booking);
        let Some(before) = found.filter(|found| found.confirmed && found.show == show) else {
            return Err(format!("gives back places of {booking}, which is not sold"));
        };
        let all = left.seats.iter().chain(gone.seats.iter()).copied();
        let quantity = left.quantity.saturating_add(gone.quantity);
        let adds_up = Live::new(show, all, quantity).confirmed(true) == before;
        if !adds_up || returned.ended != (left.quantity == 0) {
            return Err(format!("gives back {gone:?} of {booking}, leaves {left:?}"));
        }
        if !returned.ended {
            self.live.insert(booking, left);
        }
        self.lift(show, &gone.seats, Mark::Booking(booking))
    }

    /// Seats go for good: they are free or blocked before.
    fn take_away(&mut self, change: &BlockChange) -> Check {
        for &seat in change.seats.iter() {
            let found = self.marks.insert((change.show, seat), Mark::Taken);
            if !matches!(found, None | Some(Mark::Blocked)) {
                let show = change.show;
                return Err(format!("takes {seat} of {show} away, which is {found:?}"));
            }
        }
        Ok(())
    }

    fn unblock(&mut self, change: &BlockChange) -> Check {
        self.lift(change.show, &change.seats, Mark::Blocked)
    }

    fn cancel(&mut self, show: ShowId) {
        self.live.retain(|_, live| live.show != show);
        self.marks
            .retain(|(of, _), mark| *of != show || !matches!(mark, Mark::Booking(_)));
    }

    fn put(&mut self, show: ShowId, seats: &[SeatIndex], mark: Mark) -> Check {
        for &seat in seats {
            match self.marks.entry((show, seat)) {
                Entry::Vacant(place) => {
                    place.insert(mark);
                }
                Entry::Occupied(place) => {
                    let holder = place.get();
                    return Err(format!("gives {seat} of {show} away, which is {holder:?}"));
                }
            }
        }
        Ok(())
    }

    fn lift(&mut self, show: ShowId, seats: &[SeatIndex], mark: Mark) -> Check {
        for &seat in seats {
            let found = self.marks.remove(&(show, seat));
            if found != Some(mark) {
                return Err(format!("frees {seat} of {show}, which is {found:?}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
