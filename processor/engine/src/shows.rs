//! The tables of shows and of their events. Shows are never removed, so a slot is a show's number
//! in order of opening.

use onsale_schemas::command::{Admission, Currency, OpenShow, ZoneLayout};
use onsale_schemas::{EventId, LogTimeMs, SeatIndex, ShowId, TenantId, ZoneCounts, ZoneIndex};
use smallvec::SmallVec;
use triomphe::Arc;

use crate::hash;
use crate::index::{Index, NONE};
use crate::layout::{self, SeatedZone, ZoneKind};
use crate::pages::{Pages, own, prefetch};
use crate::sale::Sale;
use crate::seats::{Place, SeatMap};

mod hall;

/// Zones that a show holds without a pointer to them.
const ZONES_INLINE: usize = 4;

/// A zone of a show.
#[derive(Clone)]
pub(crate) struct Zone {
    pub(crate) unit_price: i64,
    pub(crate) currency: Currency,
    pub(crate) kind: ZoneKind,
    pub(crate) counts: ZoneCounts,
}

/// One show.
#[derive(Clone)]
pub(crate) struct Show {
    pub(crate) id: ShowId,
    pub(crate) event_id: EventId,
    /// Slot of the event.
    pub(crate) event: u32,
    /// The next show of the event in order of opening.
    next_of_event: u32,
    /// `None` when it was opened without one.
    pub(crate) tenant: Option<TenantId>,
    /// First cool-down after holds that ended unpaid; 0 means none.
    pub(crate) cooldown_ms: u32,
    /// The event's limit once it has one.
    pub(crate) max_tickets_per_user: u16,
    pub(crate) hold_ms: u32,
    pub(crate) sale_opens_at_ms: LogTimeMs,
    pub(crate) sale_closes_at_ms: LogTimeMs,
    pub(crate) cancelled_at_ms: Option<LogTimeMs>,
    /// Of the command that opened it.
    pub(crate) fingerprint: u64,
    /// Live holds.
    pub(crate) holds: u32,
    /// Confirmed bookings.
    pub(crate) sales: u32,
    /// Bookings that were live when the show was cancelled.
    pub(crate) voided: u32,
    pub(crate) zones: SmallVec<[Zone; ZONES_INLINE]>,
    pub(crate) seats: SeatMap,
    /// What machine version 3 knows of it, when there is anything.
    sale: Option<Arc<Sale>>,
}

impl Show {
    /// A show as in the command; the layout is valid.
    pub(crate) fn new(command: &OpenShow, event: u32, fingerprint: u64) -> Self {
        let (layout, kinds) = layout::build(&command.zones);
        let seats = SeatMap::new(layout, seated(kinds.iter()));
        let zones = command
            .zones
            .iter()
            .zip(kinds)
            .map(|(zone, kind)| Zone {
                unit_price: zone.unit_price,
                currency: zone.currency,
                kind,
                counts: ZoneCounts {
                    available: match kind {
                        ZoneKind::Seated(seated) => seated.seats,
                        ZoneKind::General { capacity } => capacity,
                    },
                    ..ZoneCounts::default()
                },
            })
            .collect();
        Self {
            id: command.show,
            event_id: command.event,
            event,
            next_of_event: NONE,
            tenant: None,
            cooldown_ms: 0,
            max_tickets_per_user: command.max_tickets_per_user,
            hold_ms: command.hold_ms,
            sale_opens_at_ms: command.sale_opens_at_ms,
            sale_closes_at_ms: command.sale_closes_at_ms,
            cancelled_at_ms: None,
            fingerprint,
            holds: 0,
            sales: 0,
            voided: 0,
            zones,
            seats,
            sale: None,
        }
    }

    /// Prefetches what a change of places reads.
    #[inline]
    pub(crate) fn fetch(&self, zone: usize, seat: SeatIndex) {
        if let Some(zone) = self.zones.get(zone) {
            prefetch(std::ptr::from_ref(&zone.counts).cast());
            if let ZoneKind::Seated(_) = &zone.kind {
                self.seats.fetch(seat);
            }
        }
    }

    /// Changes places of a zone from one state to another. `seats` are empty for general admission.
    #[inline(always)]
    pub(crate) fn turn(
        &mut self,
        zone: usize,
        seats: &[SeatIndex],
        quantity: u32,
        from: Place,
        to: Place,
    ) {
        if let ZoneKind::Seated(seated) = &self.zones[zone].kind {
            if seated.is_amended {
                self.turn_amended(zone, seats, from, to);
            } else {
                self.seats.turn(seated, seats, from, to);
            }
        }
        let zone = &mut self.zones[zone];
        *count_of(&mut zone.counts, from) -= quantity;
        *count_of(&mut zone.counts, to) += quantity;
    }

    /// Changes seats of a zone that may lie in several ranges.
    #[cold]
    fn turn_amended(&mut self, zone: usize, seats: &[SeatIndex], from: Place, to: Place) {
        let ZoneKind::Seated(base) = self.zones[zone].kind else {
            return;
        };
        let index = ZoneIndex::try_from(zone).unwrap_or(ZoneIndex::MAX);
        let ranges: SmallVec<[SeatedZone; 4]> = self.rows(index, &base).ranges().collect();
        for &seat in seats {
            if let Some(range) = ranges.iter().find(|range| range.contains(seat)) {
                self.seats.turn(range, &[seat], from, to);
            }
        }
    }

    /// Frees everything that is held or sold.
    pub(crate) fn free_all(&mut self) {
        self.seats.free_all();
        let ranges: Vec<SeatedZone> = self.seated_zones().collect();
        for range in &ranges {
            self.seats.mark_stale(range);
        }
        for zone in &mut self.zones {
            let counts = &mut zone.counts;
            counts.available += counts.held + counts.sold;
            counts.held = 0;
            counts.sold = 0;
        }
    }

    /// The zones as a command would name them, with present prices.
    pub(crate) fn zone_layouts(&self) -> Vec<ZoneLayout> {
        (0..)
            .zip(&self.zones)
            .map(|(index, zone)| ZoneLayout {
                unit_price: zone.unit_price,
                currency: zone.currency,
                admission: match &zone.kind {
                    ZoneKind::Seated(_) => Admission::Seated {
                        rows: self.row_lengths(index),
                    },
                    &ZoneKind::General { capacity } => Admission::General { capacity },
                },
            })
            .collect()
    }
}

fn seated<'a>(kinds: impl Iterator<Item = &'a ZoneKind>) -> impl Iterator<Item = SeatedZone> {
    kinds.filter_map(|kind| match kind {
        ZoneKind::Seated(seated) => Some(*seated),
        ZoneKind::General { .. } => None,
    })
}

#[inline]
fn count_of(counts: &mut ZoneCounts, place: Place) -> &mut u32 {
    match place {
        Place::Free => &mut counts.available,
        Place::Held => &mut counts.held,
        Place::Sold => &mut counts.sold,
        Place::Blocked => &mut counts.blocked,
    }
}

/// A show behind its pointer, so that a snapshot shares it until the next write.
#[derive(Clone)]
struct ShowCell(Arc<Show>);

impl Default for ShowCell {
    fn default() -> Self {
        let nothing = OpenShow {
            show: ShowId::from_bytes([0; 16]),
            event: EventId::from_bytes([0; 16]),
            max_tickets_per_user: 0,
            sale_opens_at_ms: 0,
            sale_closes_at_ms: 0,
            hold_ms: 0,
            zones: Vec::new(),
        };
        Self(Arc::new(Show::new(&nothing, NONE, 0)))
    }
}

/// An event that the machine knows.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    /// True once a show of the event was cancelled.
    has_cancelled: bool,
    /// True once the event was cancelled: no show of it can be opened any more.
    pub(crate) is_cancelled: bool,
    /// The limit per user of all its shows, once it has one.
    pub(crate) limit: Option<u16>,
    /// The tenant of its first show that was opened with one.
    pub(crate) tenant: Option<TenantId>,
    /// Its shows in order of opening: the first and the last one.
    shows: [u32; 2],
}

impl Default for Event {
    fn default() -> Self {
        Self {
            id: EventId::from_bytes([0; 16]),
            has_cancelled: false,
            is_cancelled: false,
            limit: None,
            tenant: None,
            shows: [NONE; 2],
        }
    }
}

/// The tables.
#[derive(Clone)]
pub(crate) struct Shows {
    shows: Pages<ShowCell, 16>,
    index: Index,
    events: Pages<Event, 64>,
    event_index: Index,
}

impl Shows {
    pub(crate) fn new() -> Self {
        Self {
            shows: Pages::new(),
            index: Index::new(),
            events: Pages::new(),
            event_index: Index::new(),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.index.len()
    }

    #[inline]
    pub(crate) fn find(&self, id: &ShowId) -> Option<u32> {
        self.index
            .find(hash::id(id.as_bytes()), |slot| self.get(slot).id == *id)
    }

    /// As [`Shows::find`], trying first a slot where it may be.
    #[inline]
    pub(crate) fn find_at(&self, id: &ShowId, hint: u32) -> Option<u32> {
        if hint < self.len() && self.get(hint).id == *id {
            return Some(hint);
        }
        self.find(id)
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> &Show {
        &self.shows.get(slot).0
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut Show {
        own(&mut self.shows.get_mut(slot).0)
    }

    /// In order of opening.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Show> {
        (0..self.len()).map(|slot| self.get(slot))
    }

    /// Slot of an event.
    pub(crate) fn find_event(&self, id: &EventId) -> Option<u32> {
        self.event_index.find(hash::id(id.as_bytes()), |slot| {
            self.events.get(slot).id == *id
        })
    }

    /// Slot of an event, which is created if necessary.
    pub(crate) fn event(&mut self, id: &EventId) -> u32 {
        if let Some(slot) = self.find_event(id) {
            return slot;
        }
        let hash = hash::id(id.as_bytes());
        let slot = self.event_index.len();
        self.events.grow_to(slot);
        self.events.get_mut(slot).id = *id;
        let events = &self.events;
        self.event_index.insert(hash, slot, |older| {
            hash::id(events.get(older).id.as_bytes())
        });
        slot
    }

    pub(crate) fn event_at(&self, event: u32) -> &Event {
        self.events.get(event)
    }

    /// All events in no particular order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        (0..self.event_index.len()).map(|slot| self.events.get(slot))
    }

    /// Slots of the shows of an event in order of opening.
    pub(crate) fn of_event(&self, event: u32) -> impl Iterator<Item = u32> {
        let [first, _] = self.events.get(event).shows;
        let known = |slot: u32| (slot != NONE).then_some(slot);
        std::iter::successors(known(first), move |&slot| {
            known(self.get(slot).next_of_event)
        })
    }

    /// Sets the limit of an event, and with it of all its shows.
    pub(crate) fn set_limit(&mut self, event: u32, limit: u16) {
        self.events.get_mut(event).limit = Some(limit);
        let [mut at, _] = self.events.get(event).shows;
        while at != NONE {
            // Not written where it is already so: a snapshot may share it.
            if self.get(at).max_tickets_per_user != limit {
                self.get_mut(at).max_tickets_per_user = limit;
            }
            at = self.get(at).next_of_event;
        }
    }

    /// Gives a show its tenant, and its event if that has none.
    pub(crate) fn set_tenant(&mut self, slot: u32, tenant: TenantId) {
        let show = self.get_mut(slot);
        show.tenant = Some(tenant);
        let event = show.event;
        self.events.get_mut(event).tenant.get_or_insert(tenant);
    }

    /// Marks an event as cancelled: no show of it can be opened any more.
    pub(crate) fn mark_cancelled(&mut self, event: u32) {
        self.events.get_mut(event).is_cancelled = true;
    }

    /// True once a show of the event was cancelled.
    #[inline]
    pub(crate) fn has_cancelled(&self, event: u32) -> bool {
        self.events.get(event).has_cancelled
    }

    /// Notes that a show of the event was cancelled.
    pub(crate) fn note_cancelled(&mut self, event: u32) {
        self.events.get_mut(event).has_cancelled = true;
    }

    /// Adds a show that is not in the table. The limit of its event is its own.
    pub(crate) fn insert(&mut self, mut show: Show) -> u32 {
        let slot = self.index.len();
        let hash = hash::id(show.id.as_bytes());
        let event = self.events.get_mut(show.event);
        if let Some(limit) = event.limit {
            show.max_tickets_per_user = limit;
        }
        let [first, last] = &mut event.shows;
        let before = std::mem::replace(last, slot);
        if before == NONE {
            *first = slot;
        } else {
            self.get_mut(before).next_of_event = slot;
        }
        self.shows.grow_to(slot);
        self.shows.get_mut(slot).0 = Arc::new(show);
        let shows = &self.shows;
        self.index.insert(hash, slot, |older| {
            hash::id(shows.get(older).0.id.as_bytes())
        });
        slot
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let shows: usize = self
            .iter()
            .map(|show| {
                size_of::<Show>()
                    + if show.zones.spilled() {
                        show.zones.capacity() * size_of::<Zone>()
                    } else {
                        0
                    }
                    + show.seats.memory_bytes()
                    + show.sale().map_or(0, Sale::memory_bytes)
            })
            .sum();
        shows
            + self.shows.memory_bytes()
            + self.index.memory_bytes()
            + self.events.memory_bytes()
            + self.event_index.memory_bytes()
    }
}
