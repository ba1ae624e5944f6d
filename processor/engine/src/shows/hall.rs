//! What machine version 3 does with the seats of a show.

use onsale_schemas::command::{Admission, ZoneLayout};
use onsale_schemas::seating::{RowPlan, SeatKind};
use onsale_schemas::{SeatIndex, ZoneCounts, ZoneIndex};
use smallvec::SmallVec;
use triomphe::Arc;

use super::{Show, Zone, seated};
use crate::hall::{Hall, Rows};
use crate::layout::{SeatedZone, ZoneKind};
use crate::pages::own;
use crate::sale::Sale;
use crate::seats::Place;

impl Show {
    /// What machine version 3 knows of the show.
    #[inline]
    pub(crate) fn sale(&self) -> Option<&Sale> {
        self.sale.as_deref()
    }

    /// As [`Show::sale`], to be changed.
    pub(crate) fn sale_mut(&mut self) -> &mut Sale {
        own(self.sale.get_or_insert_with(|| Arc::new(Sale::new())))
    }

    fn hall(&self) -> Option<&Hall> {
        self.sale().map(|sale| &*sale.hall)
    }

    /// Ranges of seats: those of every seated zone, and those that were added.
    pub(crate) fn seated_zones(&self) -> impl Iterator<Item = SeatedZone> + '_ {
        let added = self
            .hall()
            .into_iter()
            .flat_map(Hall::zones)
            .flat_map(|(_, zone)| zone.added.iter().copied());
        seated(self.zones.iter().map(|zone| &zone.kind)).chain(added)
    }

    /// The rows of a seated zone.
    pub(crate) fn rows<'a>(&'a self, zone: ZoneIndex, base: &SeatedZone) -> Rows<'a> {
        Rows {
            base: *base,
            hall: self.hall().and_then(|hall| hall.zone(zone)),
            layout: &self.seats.layout,
        }
    }

    /// Renews the summaries of a zone, if it is seated.
    pub(crate) fn refresh(&mut self, zone: ZoneIndex) {
        let Some(ZoneKind::Seated(base)) = self.zones.get(usize::from(zone)).map(|zone| zone.kind)
        else {
            return;
        };
        let ranges: SmallVec<[SeatedZone; 4]> = self.rows(zone, &base).ranges().collect();
        for range in &ranges {
            self.seats.refresh(range);
        }
    }

    /// Whether the seat is one of a seated zone.
    #[inline]
    pub(crate) fn has_seat(&self, zone: ZoneIndex, base: &SeatedZone, seat: SeatIndex) -> bool {
        if !base.is_amended {
            return base.contains(seat);
        }
        !self.is_taken(seat) && self.spans(zone, base, seat)
    }

    /// As [`Show::has_seat`], seats that were taken away included.
    pub(crate) fn spans(&self, zone: ZoneIndex, base: &SeatedZone, seat: SeatIndex) -> bool {
        self.rows(zone, base)
            .ranges()
            .any(|range| range.contains(seat))
    }

    /// The zone of a seat, which may be taken away.
    pub(crate) fn zone_of(&self, seat: SeatIndex) -> Option<ZoneIndex> {
        (0..).zip(&self.zones).find_map(|(index, zone)| {
            let ZoneKind::Seated(base) = &zone.kind else {
                return None;
            };
            self.spans(index, base, seat).then_some(index)
        })
    }

    /// Lengths of all rows of a zone; none of general admission.
    pub(crate) fn row_lengths(&self, zone: ZoneIndex) -> Vec<u16> {
        match self.zones.get(usize::from(zone)).map(|zone| &zone.kind) {
            Some(ZoneKind::Seated(base)) => self
                .rows(zone, base)
                .ranges()
                .flat_map(|range| self.seats.layout.row_lengths(&range))
                .collect(),
            Some(ZoneKind::General { .. }) | None => Vec::new(),
        }
    }

    /// Whether the seat was taken away.
    pub(crate) fn is_taken(&self, seat: SeatIndex) -> bool {
        self.hall().is_some_and(|hall| hall.is_taken(seat))
    }

    /// The seats that were taken away, ascending.
    pub(crate) fn taken_seats(&self) -> Vec<SeatIndex> {
        self.hall()
            .map_or_else(Vec::new, |hall| hall.taken().collect())
    }

    /// What a seat of a zone is.
    pub(crate) fn seat_kind(&self, zone: ZoneIndex, seat: SeatIndex) -> SeatKind {
        match self.zones.get(usize::from(zone)).map(|zone| &zone.kind) {
            Some(ZoneKind::Seated(base)) => self.rows(zone, base).kind(seat),
            Some(ZoneKind::General { .. }) | None => SeatKind::Ordinary,
        }
    }

    /// Notes that the hall knows more of a zone than the layout.
    pub(crate) fn mark_amended(&mut self, zone: ZoneIndex) {
        if let Some(Zone {
            kind: ZoneKind::Seated(base),
            ..
        }) = self.zones.get_mut(usize::from(zone))
        {
            base.is_amended = true;
        }
    }

    /// Adds rows to a seated zone, and says where they lie; `plans` are empty or one for each.
    pub(crate) fn add_rows(
        &mut self,
        zone: ZoneIndex,
        rows: &[u16],
        plans: &[RowPlan],
    ) -> Option<SeatedZone> {
        let base = match self.zones.get(usize::from(zone))?.kind {
            ZoneKind::Seated(base) => base,
            ZoneKind::General { .. } => return None,
        };
        let known = self.rows(zone, &base).count();
        let range = self.seats.add(rows);
        self.sale_mut()
            .hall_mut()
            .add_rows(zone, known, range, plans);
        self.mark_amended(zone);
        self.zones[usize::from(zone)].counts.available += range.seats;
        Some(range)
    }

    /// Adds a zone behind the present ones, and says where its seats lie.
    pub(crate) fn add_zone(&mut self, zone: &ZoneLayout) -> Option<SeatedZone> {
        self.sale_mut().added_zones += 1;
        let (kind, available) = match &zone.admission {
            Admission::Seated { rows } => {
                let range = self.seats.add(rows);
                (ZoneKind::Seated(range), range.seats)
            }
            &Admission::General { capacity } => (ZoneKind::General { capacity }, capacity),
        };
        self.zones.push(Zone {
            unit_price: zone.unit_price,
            currency: zone.currency,
            kind,
            counts: ZoneCounts {
                available,
                ..ZoneCounts::default()
            },
        });
        match kind {
            ZoneKind::Seated(range) => Some(range),
            ZoneKind::General { .. } => None,
        }
    }

    /// Adds places to a general-admission zone.
    pub(crate) fn add_capacity(&mut self, zone: ZoneIndex, places: u32) {
        let zone = &mut self.zones[usize::from(zone)];
        if let ZoneKind::General { capacity } = &mut zone.kind {
            *capacity += places;
            zone.counts.available += places;
        }
    }

    /// Takes free or blocked seats, or free places, away for good.
    pub(crate) fn take_away(&mut self, zone: ZoneIndex, seats: &[SeatIndex], quantity: u32) {
        let slot = usize::from(zone);
        if let ZoneKind::General { capacity } = &mut self.zones[slot].kind {
            *capacity -= quantity;
            self.zones[slot].counts.available -= quantity;
            return;
        }
        for &seat in seats {
            if self.seats.is_free(seat) {
                self.turn(slot, &[seat], 1, Place::Free, Place::Blocked);
            }
            self.zones[slot].counts.blocked -= 1;
            self.sale_mut().hall_mut().take(seat);
        }
        self.mark_amended(zone);
    }
}
