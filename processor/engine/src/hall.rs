//! What machine version 3 knows of a show's seats beyond its layout: plans of rows, rows that were
//! added, seats that were taken away.
//!
//! Rows that were added are a range of seats and rows of their own, which the bitsets treat as if it
//! were another zone; [`Rows`] puts all rows of a zone together again.

use std::collections::BTreeMap;

use onsale_schemas::seating::{RowPlan, SeatKind};
use onsale_schemas::{SeatIndex, ZoneIndex};

use crate::layout::{Layout, SeatedZone};

/// See the module's documentation.
#[derive(Clone, Default)]
pub(crate) struct Hall {
    /// Seated zones that have a plan or rows that were added.
    zones: BTreeMap<ZoneIndex, ZoneHall>,
    /// Seats taken away, as bits; empty while there are none.
    taken: Vec<u64>,
}

/// See [`Hall`].
#[derive(Clone, Default)]
pub(crate) struct ZoneHall {
    /// One for each row of the zone.
    pub(crate) plans: Vec<RowPlan>,
    /// Ranges of rows that were added, in this order.
    pub(crate) added: Vec<SeatedZone>,
    /// Rows of the zone in the order in which best available looks at them.
    order: Vec<u16>,
}

impl Hall {
    /// The zone, if anything is special about it.
    #[inline]
    pub(crate) fn zone(&self, zone: ZoneIndex) -> Option<&ZoneHall> {
        self.zones.get(&zone)
    }

    /// Zones with plans or rows that were added, ascending.
    pub(crate) fn zones(&self) -> impl Iterator<Item = (ZoneIndex, &ZoneHall)> {
        self.zones.iter().map(|(&zone, hall)| (zone, hall))
    }

    /// Sets the plans of all rows of a zone.
    pub(crate) fn set_plans(&mut self, zone: ZoneIndex, plans: Vec<RowPlan>) {
        let hall = self.zones.entry(zone).or_default();
        hall.plans = plans;
        hall.sort();
    }

    /// Adds rows to a zone that has `known` rows; `plans` are empty or one for each.
    pub(crate) fn add_rows(
        &mut self,
        zone: ZoneIndex,
        known: u32,
        range: SeatedZone,
        plans: &[RowPlan],
    ) {
        let hall = self.zones.entry(zone).or_default();
        hall.plans.resize(known as usize, RowPlan::default());
        hall.plans.extend_from_slice(plans);
        hall.plans
            .resize((known + range.rows) as usize, RowPlan::default());
        hall.added.push(range);
        hall.sort();
    }

    /// Whether the seat was taken away.
    #[inline]
    pub(crate) fn is_taken(&self, seat: SeatIndex) -> bool {
        let word = self.taken.get((seat / 64) as usize).copied().unwrap_or(0);
        word >> (seat % 64) & 1 == 1
    }

    /// Takes a seat away for good.
    pub(crate) fn take(&mut self, seat: SeatIndex) {
        let at = (seat / 64) as usize;
        if self.taken.len() <= at {
            self.taken.resize(at + 1, 0);
        }
        if let Some(word) = self.taken.get_mut(at) {
            *word |= 1 << (seat % 64);
        }
    }

    /// Seats taken away, ascending.
    pub(crate) fn taken(&self) -> impl Iterator<Item = SeatIndex> + '_ {
        (0u32..).zip(&self.taken).flat_map(|(at, &word)| {
            (0..64)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| at * 64 + bit)
        })
    }

    /// Accessible and companion seats of all zones.
    pub(crate) fn special_seats(&self) -> u32 {
        self.zones
            .values()
            .map(|hall| special_seats(&hall.plans))
            .sum()
    }

    /// True when it says nothing that a show without it would not say.
    pub(crate) fn is_blank(&self) -> bool {
        self.taken.iter().all(|&word| word == 0)
            && self.zones.values().all(|hall| {
                hall.added.is_empty() && hall.plans.iter().all(|plan| *plan == RowPlan::default())
            })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let zones: usize = self
            .zones
            .values()
            .map(|hall| {
                let plans: usize = hall
                    .plans
                    .iter()
                    .map(|plan| {
                        size_of::<RowPlan>()
                            + plan.gaps.len() * size_of::<u16>()
                            + plan.special.len() * size_of::<onsale_schemas::seating::Special>()
                    })
                    .sum();
                plans + hall.order.len() * size_of::<u16>()
            })
            .sum();
        zones + self.taken.len() * size_of::<u64>()
    }
}

impl ZoneHall {
    fn sort(&mut self) {
        let count = u16::try_from(self.plans.len()).unwrap_or(u16::MAX);
        self.order = (0..count).collect();
        let plans = &self.plans;
        let rank = |row: u16| plans.get(usize::from(row)).map_or(0, |plan| plan.rank);
        self.order.sort_by_key(|&row| (rank(row), row));
    }
}

/// Accessible and companion seats in plans that fit their rows.
pub(crate) fn special_seats(plans: &[RowPlan]) -> u32 {
    plans
        .iter()
        .flat_map(|plan| &plan.special)
        .map(|special| u32::from(special.count))
        .sum()
}

/// One row of a zone.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// Its number in the zone.
    pub(crate) number: u32,
    /// Its first seat.
    pub(crate) start: SeatIndex,
    /// The seat after its last.
    pub(crate) end: SeatIndex,
    /// The row, counted over the show.
    pub(crate) of_show: u32,
    pub(crate) plan: Option<&'a RowPlan>,
}

impl Row<'_> {
    /// What a seat of the row is.
    pub(crate) fn kind(&self, seat: SeatIndex) -> SeatKind {
        let Some(plan) = self.plan.filter(|plan| !plan.special.is_empty()) else {
            return SeatKind::Ordinary;
        };
        let position = seat.saturating_sub(self.start);
        let after = plan
            .special
            .partition_point(|special| u32::from(special.first) <= position);
        after
            .checked_sub(1)
            .and_then(|at| plan.special.get(at))
            .filter(|special| position < u32::from(special.first) + u32::from(special.count))
            .map_or(SeatKind::Ordinary, |special| special.kind)
    }

    /// Whether there is a gap between the seat and the one before it.
    pub(crate) fn is_behind_gap(&self, seat: SeatIndex) -> bool {
        let position = u16::try_from(seat.saturating_sub(self.start)).unwrap_or(u16::MAX);
        self.plan
            .is_some_and(|plan| plan.gaps.binary_search(&position).is_ok())
    }

    /// Twice the distance of the best seat from the start of the row.
    pub(crate) fn focus(&self) -> u32 {
        match self.plan.map_or(0, |plan| plan.focus) {
            0 => self.end - self.start,
            focus => u32::from(focus),
        }
    }
}

/// All rows of a seated zone.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) base: SeatedZone,
    pub(crate) hall: Option<&'a ZoneHall>,
    pub(crate) layout: &'a Layout,
}

impl<'a> Rows<'a> {
    /// The ranges of the zone in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = SeatedZone> + use<'a> {
        let added = self.hall.map_or(&[][..], |hall| hall.added.as_slice());
        std::iter::once(self.base).chain(added.iter().copied())
    }

    /// Number of rows.
    pub(crate) fn count(&self) -> u32 {
        self.ranges().map(|range| range.rows).sum()
    }

    fn row(&self, number: u32) -> Option<Row<'a>> {
        let mut within = number;
        for range in self.ranges() {
            if within < range.rows {
                let (start, end) = self.layout.row_in(&range, within);
                return Some(Row {
                    number,
                    start,
                    end,
                    of_show: range.first_row + within,
                    plan: self.hall.and_then(|hall| hall.plans.get(number as usize)),
                });
            }
            within -= range.rows;
        }
        None
    }

    /// The row of a seat of the zone.
    pub(crate) fn row_of(&self, seat: SeatIndex) -> Option<Row<'a>> {
        let mut before = 0;
        for range in self.ranges() {
            if range.contains(seat) {
                return self.row(before + self.layout.row_of(&range, seat));
            }
            before += range.rows;
        }
        None
    }

    /// What a seat of the zone is.
    pub(crate) fn kind(&self, seat: SeatIndex) -> SeatKind {
        if self.hall.is_none() {
            return SeatKind::Ordinary;
        }
        self.row_of(seat)
            .map_or(SeatKind::Ordinary, |row| row.kind(seat))
    }

    /// Rows by rank and number.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let (rows, hall) = (*self, self.hall);
        (0..self.count()).filter_map(move |at| {
            let number = match hall {
                Some(hall) => u32::from(*hall.order.get(at as usize)?),
                None => at,
            };
            rows.row(number)
        })
    }

    /// Seats of the zone that are of that kind, which is not ordinary, by rank, row and seat.
    pub(crate) fn special(
        &self,
        kind: SeatKind,
    ) -> impl Iterator<Item = (SeatIndex, u32)> + use<'a> {
        let rows = self.hall.is_some().then(|| self.in_order());
        rows.into_iter().flatten().flat_map(move |row| {
            let special = row.plan.map_or(&[][..], |plan| plan.special.as_slice());
            special
                .iter()
                .filter(move |special| special.kind == kind)
                .flat_map(move |special| {
                    let first = row.start + u32::from(special.first);
                    (first..first + u32::from(special.count)).map(move |seat| (seat, row.number))
                })
        })
    }
}
