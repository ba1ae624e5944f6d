//! Best available, literally as in the rules: examines every placement of every row.

use onsale_schemas::{Rejection, SeatIndex, SeatList};

use super::shows::{Row, Seat, Show};

/// A start from which a whole block is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Placement {
    start: usize,
    /// It would leave exactly one free seat of its run at an end.
    orphan: bool,
}

/// Chooses `quantity` seats, ascending.
pub(super) fn choose(
    show: &Show,
    rows: &[Row],
    quantity: u32,
    together: bool,
) -> Result<SeatList, Rejection> {
    let block = usize::try_from(quantity).unwrap_or(usize::MAX);
    let free: usize = rows.iter().map(|row| row.free).sum();
    let short = |not_together| Rejection::InsufficientStock {
        available: u32::try_from(free).unwrap_or(u32::MAX),
        not_together,
    };
    if free < block {
        return Err(short(false));
    }
    for orphan_allowed in [false, true] {
        // A row with fewer free seats than the block has no placement.
        for row in rows.iter().filter(|row| row.free >= block) {
            if let Some(start) = best_in_row(show.row(row), block, orphan_allowed) {
                return Ok(indexes(row.first + start..row.first + start + block));
            }
        }
    }
    if together {
        return Err(short(true));
    }
    let all_free = rows.iter().flat_map(|row| {
        (row.first..)
            .zip(show.row(row))
            .filter(|(_, seat)| **seat == Seat::Free)
            .map(|(index, _)| index)
    });
    Ok(indexes(all_free.take(block)))
}

fn indexes(seats: impl Iterator<Item = usize>) -> SeatList {
    seats
        .map(|seat| SeatIndex::try_from(seat).unwrap_or(SeatIndex::MAX))
        .collect()
}

/// Where in the row the block goes: nearest the centre, of equals the lower.
fn best_in_row(row: &[Seat], block: usize, orphan_allowed: bool) -> Option<usize> {
    placements(row, block)
        .into_iter()
        .filter(|placement| orphan_allowed || !placement.orphan)
        .map(|placement| placement.start)
        .min_by_key(|start| ((2 * start + block).abs_diff(row.len()), *start))
}

fn placements(row: &[Seat], block: usize) -> Vec<Placement> {
    // Outside the row nothing is free.
    let free = |index: Option<usize>| index.and_then(|i| row.get(i)) == Some(&Seat::Free);
    (0..(row.len() + 1).saturating_sub(block))
        .filter(|&start| row[start..start + block].iter().all(|s| *s == Seat::Free))
        .map(|start| {
            let end = start + block;
            let left = free(start.checked_sub(1)) && !free(start.checked_sub(2));
            let right = free(Some(end)) && !free(Some(end + 1));
            Placement {
                start,
                orphan: left || right,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{seated, show_of};

    /// Rows as text: `.` free, anything else taken.
    fn pick(rows: &[&str], quantity: u32, together: bool) -> Result<Vec<SeatIndex>, Rejection> {
        let lens: Vec<u16> = rows
            .iter()
            .map(|row| u16::try_from(row.len()).unwrap())
            .collect();
        let mut show = Show::new(&show_of(1, vec![seated(&lens)]));
        for (seat, mark) in (0..).zip(rows.concat().chars()) {
            if mark != '.' {
                show.set_seat(0, seat, Seat::Blocked);
            }
        }
        let crate::model::Places::Seated(rows) = &show.zones[0].places else {
            panic!("seated");
        };
        choose(&show, rows, quantity, together).map(|seats| seats.to_vec())
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
            Err(Rejection::InsufficientStock {
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
                Err(Rejection::InsufficientStock {
                    available: 2,
                    not_together: false
                })
            );
        }
    }
}
