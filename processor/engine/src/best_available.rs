//! The best free seats of a zone. Rows come best first; within a row the middle is best.
//!
//! The map's summaries of the zone have been renewed ([`SeatMap::refresh`]).

use onsale_schemas::{SeatIndex, SeatList};

use crate::layout::SeatedZone;
use crate::seats::{RUN_BIT_MAX, SeatMap, bits_from};

/// The first of `quantity` adjacent free seats in one row.
///
/// Picks the first row where they fit without leaving a single seat alone beside them; if there is
/// none, the first row where they fit. Within the row, the place nearest the middle, the lower one
/// of two that are equally near.
pub(crate) fn together(map: &SeatMap, zone: &SeatedZone, quantity: u32) -> Option<SeatIndex> {
    let fits = bits_from(quantity.min(RUN_BIT_MAX));
    // A run of `quantity` is used up; one seat more would leave an orphan; more can be placed well.
    let fits_well = fits & !1u64.checked_shl(quantity + 1).unwrap_or(0);
    // Lengths of RUN_BIT_MAX and more share a bit, so those rows are examined one by one.
    let fits_well = if quantity + 1 >= RUN_BIT_MAX {
        fits
    } else {
        fits_well
    };
    first_row(map, zone, quantity, fits_well, true)
        .or_else(|| first_row(map, zone, quantity, fits, false))
}

fn first_row(
    map: &SeatMap,
    zone: &SeatedZone,
    quantity: u32,
    lengths: u64,
    no_orphan: bool,
) -> Option<SeatIndex> {
    let mut from = 0;
    while let Some(row) = map.first_row_with(zone, from, lengths) {
        let (start, end) = map.layout.row_in(zone, row);
        if let Some(seat) = in_row(map, start, end, quantity, no_orphan) {
            return Some(seat);
        }
        from = row + 1;
    }
    None
}

fn in_row(
    map: &SeatMap,
    start: SeatIndex,
    end: SeatIndex,
    quantity: u32,
    no_orphan: bool,
) -> Option<SeatIndex> {
    let row = end - start;
    let middle = start + row.saturating_sub(quantity) / 2;
    let mut best: Option<(u32, SeatIndex)> = None;
    map.for_each_run(start, end, |first, after| {
        if after - first < quantity {
            return;
        }
        let last = after - quantity;
        let nearest = middle.clamp(first, last);
        // At most two places of a run leave an orphan, so the best one left is not far.
        for seat in nearest.saturating_sub(2).max(first)..=(nearest + 3).min(last) {
            if no_orphan && (seat - first == 1 || last - seat == 1) {
                continue;
            }
            let off_middle = (2 * (seat - start) + quantity).abs_diff(row);
            if best.is_none_or(|best| (off_middle, seat) < best) {
                best = Some((off_middle, seat));
            }
        }
    });
    best.map(|(_, seat)| seat)
}

/// The lowest `quantity` free seats of a zone that has that many.
pub(crate) fn anywhere(map: &SeatMap, zone: &SeatedZone, quantity: u32) -> SeatList {
    let mut seats = SeatList::new();
    let mut left = quantity;
    let mut from = 0;
    while left > 0 {
        let Some(row) = map.first_row_with(zone, from, u64::MAX) else {
            break;
        };
        let (start, end) = map.layout.row_in(zone, row);
        map.for_each_run(start, end, |first, after| {
            for seat in first..after.min(first.saturating_add(left)) {
                seats.push(seat);
                left -= 1;
            }
        });
        from = row + 1;
    }
    seats
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::{Admission, Currency, ZoneLayout};
    use proptest::prelude::*;

    use super::*;
    use crate::layout::{ZoneKind, build};
    use crate::seats::Place;

    /// A zone from pictures of its rows: `.` is free, `x` is not.
    fn zone(rows: &[&str]) -> (SeatMap, SeatedZone) {
        let (layout, kinds) = build(&[ZoneLayout {
            unit_price: 0,
            currency: Currency(*b"THB"),
            admission: Admission::Seated {
                rows: rows
                    .iter()
                    .map(|row| u16::try_from(row.len()).unwrap())
                    .collect(),
            },
        }]);
        let ZoneKind::Seated(zone) = kinds[0] else {
            panic!("seated");
        };
        let mut map = SeatMap::new(layout, std::iter::once(zone));
        let taken: Vec<u32> = (0u32..)
            .zip(rows.concat().chars())
            .filter(|&(_, c)| c == 'x')
            .map(|(i, _)| i)
            .collect();
        map.turn(&zone, &taken, Place::Free, Place::Held);
        map.refresh(&zone);
        (map, zone)
    }

    #[test]
    fn the_rules_by_example() {
        let cases: &[(&[&str], u32, Option<u32>)] = &[
            // The middle of the best row.
            (&["........"], 2, Some(3)),
            (&["......."], 1, Some(3)),
            // Two are equally near: the lower.
            (&["........"], 1, Some(3)),
            // The middle of the row, not of the run.
            (&["xxxx...."], 2, Some(4)),
            // Three of four would leave an orphan, so the next row is taken ...
            (&["....", "....."], 3, Some(4)),
            // ... unless none is better.
            (&["....", "x...x"], 3, Some(5)),
            (&["....", "...."], 3, Some(0)),
            // A run that is used up leaves none.
            (&["...x...."], 3, Some(0)),
            // Around places that would leave an orphan.
            (&["....."], 1, Some(2)),
            (&["...."], 1, Some(0)),
            (&["....."], 2, Some(0)),
            // No room.
            (&["..x..", "x..x."], 3, None),
            (&["xxx"], 1, None),
        ];
        for (rows, quantity, expected) in cases {
            let (map, zone) = zone(rows);
            assert_eq!(
                together(&map, &zone, *quantity),
                *expected,
                "{quantity} of {rows:?}"
            );
        }
    }

    #[test]
    fn splits_by_lowest_index() {
        let (map, zone) = zone(&["x.x.", "xxxx", "..x."]);
        assert_eq!(&anywhere(&map, &zone, 4)[..], [1, 3, 8, 9]);
        assert_eq!(anywhere(&map, &zone, 9).len(), 5);
    }

    fn by_definition(rows: &[Vec<bool>], q: usize) -> Option<u32> {
        let free_run = |row: &[bool], s: usize| row[s..s + q].iter().all(|&free| free);
        for no_orphan in [true, false] {
            let mut base = 0;
            for row in rows {
                let mut best = None;
                for s in 0..(row.len() + 1).saturating_sub(q) {
                    if !free_run(row, s) {
                        continue;
                    }
                    let left = row[..s].iter().rev().take_while(|&&free| free).count();
                    let right = row[s + q..].iter().take_while(|&&free| free).count();
                    if no_orphan && (left == 1 || right == 1) {
                        continue;
                    }
                    let off = (2 * s + q).abs_diff(row.len());
                    if best.is_none_or(|(b, _)| off < b) {
                        best = Some((off, s));
                    }
                }
                if let Some((_, s)) = best {
                    return Some(u32::try_from(base + s).unwrap());
                }
                base += row.len();
            }
        }
        None
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            rows in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(prop::bool::weighted(0.8), 1..30),
                    proptest::collection::vec(prop::bool::weighted(0.985), 60..200),
                ],
                1..40,
            ),
            quantity in prop_oneof![1usize..8, 58usize..70, 1usize..101],
        ) {
            let pictures: Vec<String> = rows
                .iter()
                .map(|row| row.iter().map(|&free| if free { '.' } else { 'x' }).collect())
                .collect();
            let pictures: Vec<&str> = pictures.iter().map(String::as_str).collect();
            let (map, zone) = zone(&pictures);
            prop_assert_eq!(
                together(&map, &zone, u32::try_from(quantity).unwrap()),
                by_definition(&rows, quantity)
            );
        }
    }
}
