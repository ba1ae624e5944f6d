//! Shows with the state of every single seat.

use std::collections::BTreeMap;

use onsale_schemas::command::{Admission, Currency, OpenShow};
use onsale_schemas::{
    EventId, LogTimeMs, Offset, SeatIndex, SeatStatus, ShowId, ShowSeats, TenantId, ZoneCounts,
    ZoneIndex,
};

use super::bookings::{Booking, BookingState};

/// The state of one seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seat {
    /// On sale.
    Free,
    /// In the hold of this booking.
    Held(Offset),
    /// Sold to this booking.
    Sold(Offset),
    /// Off sale.
    Blocked,
}

/// A show.
#[derive(Clone, Debug)]
pub struct Show {
    /// The command that opened it first.
    pub opened: OpenShow,
    /// Most tickets per user and event now; 0 is no limit.
    pub max_tickets_per_user: u16,
    /// Start of the sale now.
    pub sale_opens_at_ms: LogTimeMs,
    /// End of the sale now.
    pub sale_closes_at_ms: LogTimeMs,
    /// Length of new holds now, in milliseconds.
    pub hold_ms: u32,
    /// What version 2 of its command said besides: tenant and cool-down.
    pub opened_v2: Option<(TenantId, u32)>,
    /// Whose staff may touch it, where that is known.
    pub tenant: Option<TenantId>,
    /// First cool-down after holds that ended unpaid, in milliseconds; 0 is none.
    pub cooldown_ms: u32,
    /// True once it was cancelled.
    pub cancelled: bool,
    /// Its zones.
    pub zones: Vec<Zone>,
    /// Its seats by index.
    pub seats: Vec<Seat>,
}

/// A zone.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Price of one now, in minor units.
    pub unit_price: i64,
    /// Its currency.
    pub currency: Currency,
    /// Its places.
    pub places: Places,
}

/// The places of a zone.
#[derive(Clone, Debug)]
pub enum Places {
    /// Rows of seats, best first.
    Seated(Vec<Row>),
    /// A number of places.
    General(General),
}

/// A row of seats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// Index of its first seat in the show.
    pub first: usize,
    /// Seats.
    pub len: usize,
    /// Free seats, counted so that skipping a sold-out row costs nothing.
    pub free: usize,
}

/// Places without a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct General {
    /// All of them.
    pub capacity: u32,
    /// In live holds.
    pub held: u32,
    /// Sold.
    pub sold: u32,
    /// Off sale.
    pub blocked: u32,
}

impl General {
    /// Places on sale.
    pub fn available(&self) -> u32 {
        [self.held, self.sold, self.blocked]
            .into_iter()
            .fold(self.capacity, u32::saturating_sub)
    }
}

/// The index of a seat in its show's `seats`.
pub(super) fn at(seat: SeatIndex) -> usize {
    usize::try_from(seat).unwrap_or(usize::MAX)
}

impl Row {
    pub(super) fn has(&self, seat: SeatIndex) -> bool {
        (self.first..self.first + self.len).contains(&at(seat))
    }
}

impl Show {
    /// A show as its command says; the command was validated.
    pub(super) fn new(opened: &OpenShow) -> Self {
        let mut seats = Vec::new();
        let zones = opened
            .zones
            .iter()
            .map(|zone| Zone {
                unit_price: zone.unit_price,
                currency: zone.currency,
                places: match &zone.admission {
                    Admission::Seated { rows } => Places::Seated(
                        rows.iter()
                            .map(|&len| {
                                let len = usize::from(len);
                                let first = seats.len();
                                seats.resize(first + len, Seat::Free);
                                Row {
                                    first,
                                    len,
                                    free: len,
                                }
                            })
                            .collect(),
                    ),
                    Admission::General { capacity } => Places::General(General {
                        capacity: *capacity,
                        held: 0,
                        sold: 0,
                        blocked: 0,
                    }),
                },
            })
            .collect();
        Self {
            opened: opened.clone(),
            max_tickets_per_user: opened.max_tickets_per_user,
            sale_opens_at_ms: opened.sale_opens_at_ms,
            sale_closes_at_ms: opened.sale_closes_at_ms,
            hold_ms: opened.hold_ms,
            opened_v2: None,
            tenant: None,
            cooldown_ms: 0,
            cancelled: false,
            zones,
            seats,
        }
    }

    /// Its id.
    pub fn id(&self) -> ShowId {
        self.opened.show
    }

    /// Its event.
    pub fn event(&self) -> EventId {
        self.opened.event
    }

    pub(super) fn zone(&self, zone: ZoneIndex) -> Option<&Zone> {
        self.zones.get(usize::from(zone))
    }

    pub(super) fn general_mut(&mut self, zone: ZoneIndex) -> Option<&mut General> {
        match &mut self.zones.get_mut(usize::from(zone))?.places {
            Places::General(general) => Some(general),
            Places::Seated(_) => None,
        }
    }

    pub(super) fn seat(&self, seat: SeatIndex) -> Option<Seat> {
        self.seats.get(at(seat)).copied()
    }

    /// Puts a seat of a zone into a state.
    pub(super) fn set_seat(&mut self, zone: ZoneIndex, seat: SeatIndex, state: Seat) {
        let Some(place) = self.seats.get_mut(at(seat)) else {
            return;
        };
        let was = std::mem::replace(place, state);
        let Some(Zone {
            places: Places::Seated(rows),
            ..
        }) = self.zones.get_mut(usize::from(zone))
        else {
            return;
        };
        if let Some(row) = rows.iter_mut().find(|row| row.has(seat)) {
            row.free -= usize::from(was == Seat::Free);
            row.free += usize::from(state == Seat::Free);
        }
    }

    /// Gives free places to a live booking.
    pub(super) fn take(&mut self, booking: &Booking) {
        let sold = matches!(booking.state, BookingState::Confirmed { .. });
        for &seat in booking.seats.iter() {
            let state = if sold {
                Seat::Sold(booking.offset)
            } else {
                Seat::Held(booking.offset)
            };
            self.set_seat(booking.zone, seat, state);
        }
        if let Some(general) = self.general_mut(booking.zone) {
            if sold {
                general.sold += booking.quantity;
            } else {
                general.held += booking.quantity;
            }
        }
    }

    /// Takes the places of a live booking back.
    pub(super) fn give_back(&mut self, booking: &Booking) {
        for &seat in booking.seats.iter() {
            self.set_seat(booking.zone, seat, Seat::Free);
        }
        if let Some(general) = self.general_mut(booking.zone) {
            match booking.state {
                BookingState::Held => general.held -= booking.quantity,
                BookingState::Confirmed { .. } => general.sold -= booking.quantity,
                BookingState::Cancelled { .. } | BookingState::Expired { .. } => {}
            }
        }
    }

    /// True when all places that a booking had are free.
    pub(super) fn could_take(&self, booking: &Booking) -> bool {
        match self.zone(booking.zone).map(|zone| &zone.places) {
            None => false,
            Some(Places::Seated(_)) => booking
                .seats
                .iter()
                .all(|&seat| self.seat(seat) == Some(Seat::Free)),
            Some(Places::General(general)) => general.available() >= booking.quantity,
        }
    }

    /// Places by state, counted.
    pub(super) fn counts(&self, zone: &Zone) -> ZoneCounts {
        match &zone.places {
            Places::General(general) => ZoneCounts {
                available: general.available(),
                held: general.held,
                sold: general.sold,
                blocked: general.blocked,
            },
            Places::Seated(rows) => {
                let mut counts = ZoneCounts::default();
                for seat in rows.iter().flat_map(|row| self.row(row)) {
                    match seat {
                        Seat::Free => counts.available += 1,
                        Seat::Held(_) => counts.held += 1,
                        Seat::Sold(_) => counts.sold += 1,
                        Seat::Blocked => counts.blocked += 1,
                    }
                }
                counts
            }
        }
    }

    /// The seats of a row.
    pub(super) fn row(&self, row: &Row) -> &[Seat] {
        self.seats
            .get(row.first..row.first + row.len)
            .unwrap_or_default()
    }

    pub(super) fn seats_view(&self, next_offset: Offset) -> ShowSeats {
        let unavailable = (0..)
            .zip(&self.seats)
            .filter_map(|(index, seat)| match seat {
                Seat::Free => None,
                Seat::Held(_) => Some((index, SeatStatus::Held)),
                Seat::Sold(_) => Some((index, SeatStatus::Sold)),
                Seat::Blocked => Some((index, SeatStatus::Blocked)),
            })
            .collect();
        ShowSeats {
            show: self.id(),
            next_offset,
            cancelled: self.cancelled,
            zones: self.zones.iter().map(|zone| self.counts(zone)).collect(),
            unavailable,
        }
    }
}

/// All shows by id.
#[derive(Clone, Default, Debug)]
pub(super) struct Shows(BTreeMap<ShowId, Show>);

impl Shows {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, show: ShowId) -> Option<&Show> {
        self.0.get(&show)
    }

    pub(super) fn get_mut(&mut self, show: ShowId) -> Option<&mut Show> {
        self.0.get_mut(&show)
    }

    pub(super) fn insert(&mut self, show: Show) {
        self.0.insert(show.id(), show);
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Show> {
        self.0.values_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Show> {
        self.0.values()
    }
}
