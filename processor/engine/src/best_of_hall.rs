//! The best free seats of a zone with a plan, with rows that were added, or of which the order has
//! some already. Without any of that [`crate::best_available`] finds the same, faster.
//!
//! The map's summaries of the zone have been renewed ([`SeatMap::refresh`]).

use onsale_schemas::seating::SeatKind;
use onsale_schemas::{SeatIndex, SeatList};

use crate::hall::{Row, Rows};
use crate::seats::SeatMap;

/// See the module's documentation.
pub(crate) struct Search<'a> {
    pub(crate) map: &'a SeatMap,
    pub(crate) rows: Rows<'a>,
    /// Only seats of this kind.
    pub(crate) kind: SeatKind,
    /// Seats that count as taken, ascending.
    pub(crate) without: &'a [SeatIndex],
}

impl Search<'_> {
    fn is_usable(&self, row: &Row<'_>, seat: SeatIndex) -> bool {
        row.kind(seat) == self.kind && self.without.binary_search(&seat).is_err()
    }

    /// Calls `found` with the first seat and the seat after the last of every run in a row: of
    /// adjacent free seats of the kind. Ascending.
    pub(crate) fn for_each_run(&self, row: &Row<'_>, mut found: impl FnMut(SeatIndex, SeatIndex)) {
        self.map.for_each_run(row.start, row.end, |first, after| {
            let mut at = first;
            while at < after {
                if !self.is_usable(row, at) {
                    at += 1;
                    continue;
                }
                let begin = at;
                at += 1;
                while at < after && self.is_usable(row, at) && !row.is_behind_gap(at) {
                    at += 1;
                }
                found(begin, at);
            }
        });
    }

    /// The first of `quantity` adjacent seats: in the first row where they leave no single seat at
    /// an end of their run, or else in the first row where they fit.
    pub(crate) fn together(&self, quantity: u32) -> Option<SeatIndex> {
        let well = (self.kind != SeatKind::Accessible)
            .then(|| self.first_row(quantity, true))
            .flatten();
        well.or_else(|| self.first_row(quantity, false))
    }

    fn first_row(&self, quantity: u32, no_orphan: bool) -> Option<SeatIndex> {
        self.rows
            .in_order()
            .filter(|row| self.map.may_have_run(row.of_show, quantity))
            .find_map(|row| self.in_row(&row, quantity, no_orphan))
    }

    /// The seat nearest the focus of the row from which on they fit, the lower of two.
    fn in_row(&self, row: &Row<'_>, quantity: u32, no_orphan: bool) -> Option<SeatIndex> {
        let focus = row.focus();
        let mut best: Option<(u32, SeatIndex)> = None;
        self.for_each_run(row, |first, after| {
            if after - first < quantity {
                return;
            }
            let last = after - quantity;
            for seat in first..=last {
                if no_orphan && (seat - first == 1 || last - seat == 1) {
                    continue;
                }
                let off = (2 * (seat - row.start) + quantity).abs_diff(focus);
                if best.is_none_or(|best| (off, seat) < best) {
                    best = Some((off, seat));
                }
            }
        });
        best.map(|(_, seat)| seat)
    }

    /// The first `quantity` seats by rank, row and seat, ascending.
    pub(crate) fn anywhere(&self, quantity: u32) -> SeatList {
        let mut seats = SeatList::new();
        let mut left = quantity;
        for row in self.rows.in_order() {
            if left == 0 {
                break;
            }
            if !self.map.may_have_run(row.of_show, 1) {
                continue;
            }
            self.for_each_run(&row, |first, after| {
                for seat in first..after.min(first.saturating_add(left)) {
                    seats.push(seat);
                    left -= 1;
                }
            });
        }
        seats.sort_unstable();
        seats
    }

    /// `quantity` companion seats, each the one nearest to any of these accessible seats of the
    /// zone; without any of them, by rank, row and seat. In the order chosen.
    pub(crate) fn companions(&self, quantity: u32, accessible: &[SeatIndex]) -> SeatList {
        let anchors: Vec<(u32, SeatIndex)> = accessible
            .iter()
            .filter_map(|&seat| Some((self.rows.row_of(seat)?.number, seat)))
            .collect();
        let mut free: Vec<((u32, u32), SeatIndex)> = self
            .special(SeatKind::Companion)
            .map(|(seat, row)| {
                let nearest = anchors
                    .iter()
                    .map(|&(anchor_row, anchor)| (row.abs_diff(anchor_row), seat.abs_diff(anchor)))
                    .min();
                (nearest.unwrap_or((0, 0)), seat)
            })
            .collect();
        // Without anchors all are equally near, and stand in their order already.
        if !anchors.is_empty() {
            free.sort_unstable();
        }
        free.into_iter()
            .take(quantity as usize)
            .map(|(_, seat)| seat)
            .collect()
    }

    /// Free seats of the kind, of a zone that has `free` seats free.
    pub(crate) fn available(&self, free: u32) -> u32 {
        let count = |kind| u32::try_from(self.special(kind).count()).unwrap_or(u32::MAX);
        if self.kind != SeatKind::Ordinary {
            return count(self.kind);
        }
        let special = [SeatKind::Accessible, SeatKind::Companion].map(|kind| {
            let seats = self.rows.special(kind);
            seats.filter(|&(seat, _)| self.map.is_free(seat)).count()
        });
        let is_ours = |seat: &&SeatIndex| {
            let row = self.rows.row_of(**seat);
            row.is_some_and(|row| row.kind(**seat) == SeatKind::Ordinary)
                && self.map.is_free(**seat)
        };
        let ours = self.without.iter().filter(is_ours).count();
        let others = special.iter().sum::<usize>() + ours;
        free.saturating_sub(u32::try_from(others).unwrap_or(u32::MAX))
    }

    /// Free seats of a kind that is not ordinary, with their rows, by rank, row and seat.
    fn special(&self, kind: SeatKind) -> impl Iterator<Item = (SeatIndex, u32)> {
        self.rows.special(kind).filter(|&(seat, _)| {
            self.map.is_free(seat) && self.without.binary_search(&seat).is_err()
        })
    }
}

#[cfg(test)]
mod tests;
