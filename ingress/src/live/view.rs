//! The seats of one show as of one version: a plain fold over outcomes.

use onsale_schemas::limits::SEATS_PER_SHOW_MAX;
use onsale_schemas::outcome::{BlockChange, EndedBooking, Outcome, OutcomeRecord, ZonePlaces};
use onsale_schemas::{
    EventId, Offset, SeatIndex, SeatStatus, ShowId, ShowSeats, ZoneCounts, ZoneIndex,
};
use smallvec::SmallVec;

/// `None` is free.
pub(super) type Status = Option<SeatStatus>;

/// See the module.
pub(super) struct View {
    show: ShowId,
    event: EventId,
    /// Every record before this offset has been applied.
    version: Offset,
    /// Places were released just before this offset; that of the seed, if it did.
    freed_before: Offset,
    cancelled: bool,
    zones: Vec<ZoneCounts>,
    seats: Vec<Status>,
    /// Seats that changed since [`View::take_changes`], with repetitions.
    changed: Vec<SeatIndex>,
    tracks_changes: bool,
}

/// What a record did to a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// Nothing about this show, or already known.
    None,
    /// Seats or counts changed.
    Changed,
    /// More than the outcome lists changed: start again from the log's own state.
    Reseed,
}

/// The event of which a record changes all shows.
pub(super) fn event_of(record: &OutcomeRecord) -> Option<EventId> {
    match record.outcome {
        Outcome::EventCancelled { event } if record.replay_of.is_none() => Some(event),
        _ => None,
    }
}

/// The shows that a record changes, besides those of [`event_of`].
pub(crate) fn shows_of(record: &OutcomeRecord) -> SmallVec<[ShowId; 2]> {
    let mut shows = SmallVec::new();
    let mut add = |show: ShowId| {
        if !shows.contains(&show) {
            shows.push(show);
        }
    };
    for ended in &record.expired {
        add(ended.show);
    }
    if record.replay_of.is_none() {
        match &record.outcome {
            Outcome::Reserved(reserved) => add(reserved.show),
            Outcome::Confirmed(confirmed) if confirmed.first => add(confirmed.show),
            Outcome::Released { booking, .. } => add(booking.show),
            Outcome::ReservedV2(order) => add(order.show),
            Outcome::ConfirmedV2(order) if order.first => add(order.show),
            Outcome::ReleasedV2(order) => add(order.show),
            Outcome::PlacesReturned(returned) => add(returned.show),
            Outcome::Blocked(change) | Outcome::Unblocked(change) | Outcome::SeatsTaken(change) => {
                add(change.show);
            }
            Outcome::ShowCancelled { show } | Outcome::SeatsAdded { show, .. } => add(*show),
            _ => {}
        }
    }
    shows
}

impl View {
    /// The view that `seed` describes, of a show of this event with this number of seats; of others, which
    /// the chart does not have yet, the view hears as they are taken.
    pub(super) fn new(seed: &ShowSeats, event: EventId, seats: u32) -> Self {
        let mut view = Self {
            show: seed.show,
            event,
            version: seed.next_offset,
            freed_before: seed.next_offset,
            cancelled: seed.cancelled,
            zones: seed.zones.clone(),
            seats: vec![None; usize::try_from(seats).unwrap_or(0)],
            changed: Vec::new(),
            tracks_changes: false,
        };
        for (seat, status) in &seed.unavailable {
            view.set(*seat, Some(*status));
        }
        view
    }

    pub(super) fn version(&self) -> Offset {
        self.version
    }

    pub(super) fn freed_before(&self) -> Offset {
        self.freed_before
    }

    pub(super) fn cancelled(&self) -> bool {
        self.cancelled
    }

    pub(super) fn zones(&self) -> &[ZoneCounts] {
        &self.zones
    }

    pub(super) fn status(&self, seat: SeatIndex) -> Status {
        usize::try_from(seat)
            .ok()
            .and_then(|index| self.seats.get(index).copied())
            .flatten()
    }

    /// Seats that are not free, ascending.
    pub(super) fn unavailable(&self) -> impl Iterator<Item = (SeatIndex, SeatStatus)> {
        (0..)
            .zip(&self.seats)
            .filter_map(|(seat, status)| Some((seat, (*status)?)))
    }

    pub(super) fn track_changes(&mut self, on: bool) {
        self.tracks_changes = on;
        if !on {
            self.changed = Vec::new();
        }
    }

    /// The seats that changed since the last call, ascending, each with its status now.
    pub(super) fn take_changes(&mut self) -> Vec<(SeatIndex, Status)> {
        let mut seats = std::mem::take(&mut self.changed);
        seats.sort_unstable();
        seats.dedup();
        seats
            .into_iter()
            .map(|seat| (seat, self.status(seat)))
            .collect()
    }

    /// Takes a record into account.
    pub(super) fn apply(&mut self, record: &OutcomeRecord) -> Effect {
        if record.offset < self.version {
            return Effect::None;
        }
        let mut effect = Effect::None;
        for ended in &record.expired {
            if ended.show == self.show {
                self.end(ended, Some(SeatStatus::Held));
                self.freed_before = record.offset + 1;
                effect = Effect::Changed;
            }
        }
        if record.replay_of.is_none() {
            effect = match self.apply_outcome(record.offset, &record.outcome) {
                Effect::None => effect,
                other => other,
            };
        }
        if effect != Effect::None {
            self.version = record.offset + 1;
        }
        effect
    }

    fn apply_outcome(&mut self, offset: Offset, outcome: &Outcome) -> Effect {
        const HELD: Status = Some(SeatStatus::Held);
        const SOLD: Status = Some(SeatStatus::Sold);
        match outcome {
            Outcome::Reserved(r) if r.show == self.show => {
                self.shift(r.zone, &r.seats, r.quantity, None, HELD);
            }
            Outcome::Confirmed(c) if c.show == self.show && c.first => {
                let from = if c.revived { None } else { HELD };
                self.shift(c.zone, &c.seats, c.quantity, from, SOLD);
            }
            Outcome::Released {
                booking,
                was_confirmed,
            } if booking.show == self.show => {
                self.end(booking, if *was_confirmed { SOLD } else { HELD });
                self.freed_before = offset + 1;
            }
            Outcome::Blocked(change) if change.show == self.show => {
                self.block(change, None, Some(SeatStatus::Blocked));
            }
            Outcome::Unblocked(change) if change.show == self.show => {
                self.block(change, Some(SeatStatus::Blocked), None);
                self.freed_before = offset + 1;
            }
            Outcome::ReservedV2(order) if order.show == self.show => {
                for line in &order.lines {
                    self.shift(line.zone, &line.seats, line.quantity, None, HELD);
                }
            }
            Outcome::ConfirmedV2(order) if order.show == self.show && order.first => {
                let from = if order.revived { None } else { HELD };
                self.shift_all(&order.parts, from, SOLD);
            }
            Outcome::ReleasedV2(order) if order.show == self.show => {
                let from = if order.was_confirmed { SOLD } else { HELD };
                self.shift_all(&order.parts, from, None);
                self.freed_before = offset + 1;
            }
            Outcome::PlacesReturned(returned) if returned.show == self.show => {
                self.shift_all(&returned.parts, SOLD, None);
                self.freed_before = offset + 1;
            }
            Outcome::SeatsAdded {
                show, zone, places, ..
            } if *show == self.show => {
                if !self.add(*zone, *places) {
                    return Effect::Reseed;
                }
                self.freed_before = offset + 1;
            }
            Outcome::SeatsTaken(change) if change.show == self.show => self.take(change),
            // They do not list the bookings that they void.
            Outcome::ShowCancelled { show } if *show == self.show => return Effect::Reseed,
            Outcome::EventCancelled { event } if *event == self.event => return Effect::Reseed,
            _ => return Effect::None,
        }
        Effect::Changed
    }

    fn end(&mut self, ended: &EndedBooking, from: Status) {
        self.shift(ended.zone, &ended.seats, ended.quantity, from, None);
    }

    fn block(&mut self, change: &BlockChange, from: Status, to: Status) {
        self.shift(change.zone, &change.seats, change.quantity, from, to);
    }

    /// Places of an order, zone by zone.
    fn shift_all(&mut self, parts: &[ZonePlaces], from: Status, to: Status) {
        for part in parts {
            self.shift(part.zone, &part.seats, part.quantity, from, to);
        }
    }

    /// There are more places, all of them free, maybe in a zone behind the present ones; false where a zone
    /// is missing before it.
    fn add(&mut self, zone: ZoneIndex, places: u32) -> bool {
        let index = usize::from(zone);
        if index == self.zones.len() {
            self.zones.push(ZoneCounts::default());
        }
        match self.zones.get_mut(index) {
            Some(counts) => {
                counts.available = counts.available.saturating_add(places);
                true
            }
            None => false,
        }
    }

    /// Places are gone for good. They count nowhere any more; seats are shown as blocked, as nobody can have
    /// them.
    fn take(&mut self, change: &BlockChange) {
        const BLOCKED: Status = Some(SeatStatus::Blocked);
        let blocked = change
            .seats
            .iter()
            .filter(|seat| self.status(**seat) == BLOCKED)
            .count();
        let blocked = u32::try_from(blocked).unwrap_or(u32::MAX);
        if let Some(counts) = self.zones.get_mut(usize::from(change.zone)) {
            let free = change.quantity.saturating_sub(blocked);
            counts.available = counts.available.saturating_sub(free);
            counts.blocked = counts.blocked.saturating_sub(blocked);
        }
        self.mark(&change.seats, BLOCKED);
    }

    fn shift(
        &mut self,
        zone: ZoneIndex,
        seats: &[SeatIndex],
        quantity: u32,
        from: Status,
        to: Status,
    ) {
        if let Some(counts) = self.zones.get_mut(usize::from(zone)) {
            let source = count_of(counts, from);
            *source = source.saturating_sub(quantity);
            let target = count_of(counts, to);
            *target = target.saturating_add(quantity);
        }
        self.mark(seats, to);
    }

    /// What becomes of seats.
    fn mark(&mut self, seats: &[SeatIndex], to: Status) {
        for seat in seats {
            self.set(*seat, to);
        }
        if self.tracks_changes {
            self.changed.extend_from_slice(seats);
            // Nothing collects changes at this moment: keep no more than the chart's length.
            if self.changed.len() > self.seats.len().saturating_mul(2).saturating_add(64) {
                self.changed.sort_unstable();
                self.changed.dedup();
            }
        }
    }

    /// Seats may have been added since the chart was read, so there may be more of them than it has.
    fn set(&mut self, seat: SeatIndex, to: Status) {
        let Ok(index) = usize::try_from(seat) else {
            return;
        };
        if index >= self.seats.len() && seat < SEATS_PER_SHOW_MAX {
            self.seats.resize(index + 1, None);
        }
        if let Some(slot) = self.seats.get_mut(index) {
            *slot = to;
        }
    }
}

fn count_of(counts: &mut ZoneCounts, status: Status) -> &mut u32 {
    match status {
        None => &mut counts.available,
        Some(SeatStatus::Held) => &mut counts.held,
        Some(SeatStatus::Sold) => &mut counts.sold,
        Some(SeatStatus::Blocked) => &mut counts.blocked,
    }
}

#[cfg(test)]
mod tests;
