//! Best available, literally as in the rules: examines every placement of every row.

use std::collections::BTreeSet;
use std::ops::Range;

use onsale_schemas::seating::SeatKind;
use onsale_schemas::{SeatIndex, SeatList, ZoneIndex};

use super::shows::{Row, Seat, Show};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) zone: ZoneIndex,
    pub(super) quantity: u32,
    pub(super) together: bool,
    pub(super) kind: SeatKind,
}

/// Why there are no such seats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Short {
    /// Free seats of the kind.
    pub(super) available: u32,
    /// Enough, but not side by side.
    pub(super) not_together: bool,
}

/// The seats that are there for an order: free ones that it does not have yet.
pub(super) struct Seats<'a> {
    pub(super) show: &'a Show,
    /// Those that the order names or has chosen.
    pub(super) ordered: &'a BTreeSet<SeatIndex>,
}

/// Chooses seats: ascending, companion seats in the order in which they are chosen.
pub(super) fn choose(seats: &Seats<'_>, wish: Wish) -> Result<SeatList, Short> {
    let block = usize::try_from(wish.quantity).unwrap_or(usize::MAX);
    let rows = by_rank(seats.show.rows(wish.zone));
    let is_companion = wish.kind == SeatKind::Companion;
    if !is_companion && let Some(start) = best_block(seats, &rows, wish.kind, block) {
        return Ok(indexes(start..start + block));
    }
    let free: Vec<SeatIndex> = rows
        .iter()
        .flat_map(|(_, row)| seats.free(row, wish.kind))
        .collect();
    let is_enough = free.len() >= block;
    if is_enough && is_companion {
        return Ok(companions(seats, wish.zone, &rows, free, block));
    }
    if is_enough && !wish.together {
        let mut chosen: Vec<SeatIndex> = free.into_iter().take(block).collect();
        chosen.sort_unstable();
        return Ok(chosen.into_iter().collect());
    }
    Err(Short {
        available: u32::try_from(free.len()).unwrap_or(u32::MAX),
        not_together: is_enough,
    })
}

/// Rows with their numbers in the zone, by (rank, number).
fn by_rank(rows: &[Row]) -> Vec<(usize, &Row)> {
    let mut rows: Vec<(usize, &Row)> = rows.iter().enumerate().collect();
    rows.sort_by_key(|(number, row)| (row.rank, *number));
    rows
}

/// Index of the first of so many seats side by side.
fn best_block(
    seats: &Seats<'_>,
    rows: &[(usize, &Row)],
    kind: SeatKind,
    block: usize,
) -> Option<usize> {
    // Who needs an accessible seat does not have to care for single ones.
    let passes: &[bool] = if kind == SeatKind::Accessible {
        &[true]
    } else {
        &[false, true]
    };
    for &single_allowed in passes {
        // A row with fewer free seats than the block has no placement.
        for (_, row) in rows.iter().filter(|(_, row)| row.free >= block) {
            let best = placements(&seats.runs(row, kind), block, single_allowed)
                .into_iter()
                .min_by_key(|start| ((2 * start + block).abs_diff(focus(row)), *start));
            if let Some(start) = best {
                return Some(row.first + start);
            }
        }
    }
    None
}

fn focus(row: &Row) -> usize {
    if row.focus == 0 {
        row.len
    } else {
        usize::from(row.focus)
    }
}

/// Positions from which a block is free, in runs of a row.
fn placements(runs: &[Range<usize>], block: usize, single_allowed: bool) -> Vec<usize> {
    let mut placements = Vec::new();
    for run in runs {
        for start in run.clone() {
            let end = start + block;
            if end > run.end {
                continue;
            }
            let leaves_single = start - run.start == 1 || run.end - end == 1;
            if single_allowed || !leaves_single {
                placements.push(start);
            }
        }
    }
    placements
}

/// Companion seats one by one, each the nearest to an accessible seat of the order.
fn companions(
    seats: &Seats<'_>,
    zone: ZoneIndex,
    rows: &[(usize, &Row)],
    mut free: Vec<SeatIndex>,
    block: usize,
) -> SeatList {
    let row_of = |seat: SeatIndex| {
        let found = rows.iter().find(|(_, row)| row.has(seat));
        found.map_or(0, |(number, _)| *number)
    };
    let accessible: Vec<SeatIndex> = seats
        .ordered
        .iter()
        .copied()
        .filter(|&seat| seats.show.has_seat(zone, seat))
        .filter(|&seat| seats.show.kind(seat) == SeatKind::Accessible)
        .collect();
    let distance = |seat: SeatIndex| {
        let from = |other: &SeatIndex| {
            (
                row_of(seat).abs_diff(row_of(*other)),
                seat.abs_diff(*other),
                seat,
            )
        };
        accessible.iter().map(from).min()
    };
    // Without an accessible seat all are equally near, and keep the order of rows.
    free.sort_by_key(|&seat| distance(seat));
    free.into_iter().take(block).collect()
}

impl Seats<'_> {
    fn is_free(&self, seat: usize, kind: SeatKind) -> bool {
        let Ok(index) = SeatIndex::try_from(seat) else {
            return false;
        };
        self.show.seat(index) == Some(Seat::Free)
            && self.show.kind(index) == kind
            && !self.ordered.contains(&index)
    }

    /// Free seats of a kind in a row, ascending.
    fn free(&self, row: &Row, kind: SeatKind) -> Vec<SeatIndex> {
        if row.free == 0 {
            return Vec::new();
        }
        let range = row.first..row.first + row.len;
        indexes(range.filter(|&seat| self.is_free(seat, kind))).to_vec()
    }

    /// Longest sequences of adjacent free seats of a kind in a row, as positions in it.
    pub(super) fn runs(&self, row: &Row, kind: SeatKind) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for position in 0..row.len {
            if !self.is_free(row.first + position, kind) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.end == position && !row.has_gap(position) => run.end += 1,
                _ => runs.push(position..position + 1),
            }
        }
        runs
    }
}

fn indexes(seats: impl Iterator<Item = usize>) -> SeatList {
    seats
        .map(|seat| SeatIndex::try_from(seat).unwrap_or(SeatIndex::MAX))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{seated, show_of};

    /// Rows as text: `.` free, anything else taken.
    fn pick(rows: &[&str], quantity: u32, together: bool) -> Result<Vec<SeatIndex>, Short> {
        let lens: Vec<u16> = rows
            .iter()
            .map(|row| u16::try_from(row.len()).unwrap())
            .collect();
        let mut show = Show::new(&show_of(1, vec![seated(&lens)]), &[]);
        for (seat, mark) in (0..).zip(rows.concat().chars()) {
            if mark != '.' {
                show.set_seat(0, seat, Seat::Blocked);
            }
        }
        let seats = Seats {
            show: &show,
            ordered: &BTreeSet::new(),
        };
        let wish = Wish {
            zone: 0,
            quantity,
            together,
            kind: SeatKind::Ordinary,
        };
        choose(&seats, wish).map(|seats| seats.to_vec())
    }

    #[test]
    fn the_rule_as_a_table() {
        let cases: &[(&[&str], u32, &[SeatIndex], &str)] = &[
            (&["......."], 1, &[3], "the centre"),
            (&["......"], 1, &[2], "of two centres the lower"),
            (
                &["....."],
                2,
                &[0, 1],
                "1..3 and 2..4 leave an orphan, of 0 and 3 the lower",
            ),
            (&["...."], 2, &[0, 1], "the middle would leave two orphans"),
            (
                &["..."],
                2,
                &[0, 1],
                "orphan either way, the lower of two equals",
            ),
            (
                &[".x.", "..."],
                1,
                &[0],
                "a run of its own leaves no orphan",
            ),
            (
                &["...", ".."],
                2,
                &[3, 4],
                "a later row without an orphan before an orphan",
            ),
            (
                &["x...", "x..."],
                2,
                &[1, 2],
                "the first row, nearest its centre",
            ),
            (
                &["xx....", "......"],
                4,
                &[2, 3, 4, 5],
                "the first row that has a block",
            ),
        ];
        for (rows, quantity, want, why) in cases {
            assert_eq!(pick(rows, *quantity, true).as_deref(), Ok(*want), "{why}");
        }
    }

    #[test]
    fn a_larger_run_nearer_the_centre_beats_a_fitting_one() {
        // Starts without an orphan: 0 (whole run), 3 and 5. Centre distance |2s+2-7|: 5, 1, 5.
        assert_eq!(pick(&["..x...."], 2, true), Ok(vec![3, 4]));
    }

    #[test]
    fn split_takes_by_index_only_when_no_block_is_left() {
        assert_eq!(pick(&[".x.x.", "x.x"], 3, false), Ok(vec![0, 2, 4]));
        assert_eq!(pick(&[".x.x.", ".."], 2, false), Ok(vec![5, 6]));
        assert_eq!(
            pick(&[".x.x.", "x.x"], 2, true),
            Err(Short {
                available: 4,
                not_together: true
            })
        );
    }

    #[test]
    fn too_few_is_not_a_matter_of_together() {
        for together in [false, true] {
            assert_eq!(
                pick(&[".x", "x."], 3, together),
                Err(Short {
                    available: 2,
                    not_together: false
                })
            );
        }
    }
}
