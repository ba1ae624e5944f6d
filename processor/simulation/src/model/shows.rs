//! Shows with the state of every single seat.

use std::collections::BTreeMap;

use onsale_schemas::command::{Admission, Currency, OpenShow, ZoneLayout};
use onsale_schemas::offer::Offer;
use onsale_schemas::outcome::ZonePlaces;
use onsale_schemas::seating::{OpenShowV3, RowPlan, SeatKind, ZonePlan};
use onsale_schemas::{
    EventId, LogTimeMs, Offset, SeatIndex, SeatStatus, ShowId, ShowSeats, TenantId, ZoneCounts,
    ZoneIndex,
};

use super::bookings::{Booking, BookingState};
use super::codes::Codes;

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
    /// Not of the show any more.
    Taken,
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
    /// What each seat is, by index.
    pub kinds: Vec<SeatKind>,
    /// The command that opened it, where that was one of version 3.
    pub opened_v3: Option<Box<OpenShowV3>>,
    /// Companion seats that an order may have for each accessible seat in it.
    pub companions_per_accessible: u8,
    /// What is for sale.
    pub offer: Offer,
    /// Its codes.
    pub(super) codes: Codes,
    /// The most places that each phase ever had room for, 0 for no bound: the invariant may rely on
    /// it even after offers changed.
    pub(super) widest_phases: BTreeMap<u8, u32>,
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
    /// How often rows were added to it.
    pub additions: usize,
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
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Index of its first seat in the show.
    pub first: usize,
    /// Seats.
    pub len: usize,
    /// Free seats, counted so that skipping a sold-out row costs nothing.
    pub free: usize,
    /// Best available looks at rows with a lower rank first.
    pub rank: u16,
    /// Twice the distance of its best seat from its start; 0 for the middle.
    pub focus: u16,
    /// Positions before which there is a gap.
    pub gaps: Vec<u16>,
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

    /// Whether there is a gap before the seat at a position.
    pub(super) fn has_gap(&self, position: usize) -> bool {
        self.gaps.iter().any(|&gap| usize::from(gap) == position)
    }
}

impl Show {
    /// A show as its command says; the command was validated.
    pub(super) fn new(opened: &OpenShow, plans: &[ZonePlan]) -> Self {
        let mut show = Self {
            opened: opened.clone(),
            max_tickets_per_user: opened.max_tickets_per_user,
            sale_opens_at_ms: opened.sale_opens_at_ms,
            sale_closes_at_ms: opened.sale_closes_at_ms,
            hold_ms: opened.hold_ms,
            opened_v2: None,
            tenant: None,
            cooldown_ms: 0,
            cancelled: false,
            zones: Vec::new(),
            seats: Vec::new(),
            kinds: Vec::new(),
            opened_v3: None,
            companions_per_accessible: 0,
            offer: Offer::default(),
            codes: Codes::default(),
            widest_phases: BTreeMap::new(),
        };
        for (index, zone) in (0..).zip(&opened.zones) {
            let plan = plans.iter().find(|plan| plan.zone == index);
            show.add_zone(zone, plan.map_or(&[], |plan| &plan.rows));
        }
        show
    }

    /// Adds a zone behind the others.
    pub(super) fn add_zone(&mut self, layout: &ZoneLayout, plan: &[RowPlan]) {
        let places = match &layout.admission {
            Admission::Seated { rows } => Places::Seated(self.new_rows(rows, plan)),
            Admission::General { capacity } => Places::General(General {
                capacity: *capacity,
                held: 0,
                sold: 0,
                blocked: 0,
            }),
        };
        self.zones.push(Zone {
            unit_price: layout.unit_price,
            currency: layout.currency,
            places,
            additions: 0,
        });
    }

    /// Rows with the next seat indexes.
    pub(super) fn new_rows(&mut self, rows: &[u16], plans: &[RowPlan]) -> Vec<Row> {
        let mut made = Vec::new();
        for (number, &len) in rows.iter().enumerate() {
            let plan = plans.get(number).cloned().unwrap_or_default();
            let len = usize::from(len);
            let first = self.seats.len();
            self.seats.resize(first + len, Seat::Free);
            self.kinds.resize(first + len, SeatKind::Ordinary);
            for special in &plan.special {
                let from = first + usize::from(special.first);
                for kind in self
                    .kinds
                    .iter_mut()
                    .skip(from)
                    .take(usize::from(special.count))
                {
                    *kind = special.kind;
                }
            }
            made.push(Row {
                first,
                len,
                free: len,
                rank: plan.rank,
                focus: plan.focus,
                gaps: plan.gaps,
            });
        }
        made
    }

    /// What a seat is.
    pub(super) fn kind(&self, seat: SeatIndex) -> SeatKind {
        self.kinds.get(at(seat)).copied().unwrap_or_default()
    }

    /// Rows of a zone; none for general admission.
    pub(super) fn rows(&self, zone: ZoneIndex) -> &[Row] {
        match self.zone(zone).map(|zone| &zone.places) {
            Some(Places::Seated(rows)) => rows,
            Some(Places::General(_)) | None => &[],
        }
    }

    /// Whether the seat is one of the zone, and was not taken away.
    pub(super) fn has_seat(&self, zone: ZoneIndex, seat: SeatIndex) -> bool {
        self.rows(zone).iter().any(|row| row.has(seat)) && self.seat(seat) != Some(Seat::Taken)
    }

    /// The currency of all its zones, if there is one.
    pub(super) fn currency(&self) -> Option<Currency> {
        let first = self.zones.first()?.currency;
        let is_one = self.zones.iter().all(|zone| zone.currency == first);
        is_one.then_some(first)
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
        let state = if sold {
            Seat::Sold(booking.offset)
        } else {
            Seat::Held(booking.offset)
        };
        for part in booking.parts() {
            for &seat in part.seats.iter() {
                self.set_seat(part.zone, seat, state);
            }
            if let Some(general) = self.general_mut(part.zone) {
                if sold {
                    general.sold += part.quantity;
                } else {
                    general.held += part.quantity;
                }
            }
        }
    }

    /// Takes the places of a live booking back.
    pub(super) fn give_back(&mut self, booking: &Booking) {
        if booking.is_live() {
            let was_sold = booking.state != BookingState::Held;
            for part in booking.parts() {
                self.give_back_part(&part, was_sold);
            }
        }
    }

    /// Makes places of a hold or sale free again.
    pub(super) fn give_back_part(&mut self, part: &ZonePlaces, was_sold: bool) {
        for &seat in part.seats.iter() {
            self.set_seat(part.zone, seat, Seat::Free);
        }
        if let Some(general) = self.general_mut(part.zone) {
            if was_sold {
                general.sold -= part.quantity;
            } else {
                general.held -= part.quantity;
            }
        }
    }

    /// True when all places that a booking had are free.
    pub(super) fn could_take(&self, booking: &Booking) -> bool {
        let parts = booking.parts();
        parts
            .iter()
            .all(|part| match self.zone(part.zone).map(|zone| &zone.places) {
                None => false,
                Some(Places::Seated(_)) => part
                    .seats
                    .iter()
                    .all(|&seat| self.seat(seat) == Some(Seat::Free)),
                Some(Places::General(general)) => general.available() >= part.quantity,
            })
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
                        Seat::Taken => {}
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
                // The view has no word for a seat that is gone; it is not for sale either.
                Seat::Blocked | Seat::Taken => Some((index, SeatStatus::Blocked)),
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
