use onsale_schemas::command::{Admission, Currency, ZoneLayout};
use onsale_schemas::seating::{RowPlan, Special};
use proptest::prelude::*;

use super::*;
use crate::hall::Hall;
use crate::layout::{ZoneKind, build};
use crate::seats::Place;

/// A row from a picture: `.` ordinary, `a` accessible, `c` companion, capitals and `x` not free,
/// `|` a gap.
#[derive(Clone, Debug)]
struct Drawn {
    seats: Vec<(SeatKind, bool)>,
    plan: RowPlan,
}

fn draw(picture: &str, rank: u16, focus: u16) -> Drawn {
    let mut seats = Vec::new();
    let mut plan = RowPlan {
        rank,
        focus,
        ..RowPlan::default()
    };
    for c in picture.chars() {
        let at = u16::try_from(seats.len()).unwrap();
        let kind = match c.to_ascii_lowercase() {
            '|' => {
                plan.gaps.push(at);
                continue;
            }
            'a' => SeatKind::Accessible,
            'c' => SeatKind::Companion,
            _ => SeatKind::Ordinary,
        };
        if kind != SeatKind::Ordinary {
            plan.special.push(Special {
                first: at,
                count: 1,
                kind,
            });
        }
        seats.push((kind, c != 'x' && !c.is_ascii_uppercase()));
    }
    Drawn { seats, plan }
}

/// Runs `check` with a search in a zone whose first rows it was opened with; the others were added.
fn search_in<T>(
    rows: &[Drawn],
    opened: usize,
    kind: SeatKind,
    without: &[SeatIndex],
    check: impl FnOnce(&Search<'_>, u32) -> T,
) -> T {
    let lengths: Vec<u16> = rows
        .iter()
        .map(|row| u16::try_from(row.seats.len()).unwrap())
        .collect();
    let (layout, kinds) = build(&[ZoneLayout {
        unit_price: 0,
        currency: Currency(*b"THB"),
        admission: Admission::Seated {
            rows: lengths[..opened].to_vec(),
        },
    }]);
    let ZoneKind::Seated(base) = kinds[0] else {
        panic!("seated");
    };
    let mut map = SeatMap::new(layout, std::iter::once(base));
    let mut hall = Hall::default();
    let plans: Vec<RowPlan> = rows.iter().map(|row| row.plan.clone()).collect();
    hall.set_plans(0, plans[..opened].to_vec());
    if opened < rows.len() {
        let range = map.add(&lengths[opened..]);
        hall.add_rows(0, base.rows, range, &plans[opened..]);
    }
    let free: Vec<bool> = rows
        .iter()
        .flat_map(|row| row.seats.iter().map(|&(_, free)| free))
        .collect();
    let layout = map.layout.clone();
    let zone = Rows {
        base,
        hall: hall.zone(0),
        layout: &layout,
    };
    let ranges: Vec<_> = zone.ranges().collect();
    for range in &ranges {
        let seats = range.first_seat..range.first_seat + range.seats;
        let taken: Vec<u32> = seats.filter(|&seat| !free[seat as usize]).collect();
        map.turn(range, &taken, Place::Free, Place::Held);
        map.refresh(range);
    }
    let available = free.iter().filter(|&&free| free).count();
    let search = Search {
        map: &map,
        rows: zone,
        kind,
        without,
    };
    check(&search, u32::try_from(available).unwrap())
}

/// The rules, word for word: seats of each row that are usable, and whether two are adjacent.
fn by_definition(
    rows: &[Drawn],
    kind: SeatKind,
    without: &[SeatIndex],
    quantity: usize,
) -> Option<u32> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&at| (rows[at].plan.rank, at));
    let start_of = |at: usize| rows[..at].iter().map(|row| row.seats.len()).sum::<usize>();
    let passes: &[bool] = match kind {
        SeatKind::Accessible => &[false],
        _ => &[true, false],
    };
    for &no_orphan in passes {
        for &at in &order {
            let (row, start) = (&rows[at], start_of(at));
            let length = row.seats.len();
            let usable = |s: usize| {
                let seat = u32::try_from(start + s).unwrap();
                s < length && row.seats[s] == (kind, true) && !without.contains(&seat)
            };
            let adjacent = |s: usize| {
                let gap = u16::try_from(s + 1).unwrap();
                usable(s) && usable(s + 1) && !row.plan.gaps.contains(&gap)
            };
            let focus = match row.plan.focus {
                0 => length,
                focus => usize::from(focus),
            };
            let mut best: Option<(usize, usize)> = None;
            for s in 0..length {
                let fits = s + quantity <= length
                    && (s..s + quantity).all(usable)
                    && (s..s + quantity - 1).all(adjacent);
                if !fits {
                    continue;
                }
                let mut left = 0;
                while s > left && adjacent(s - left - 1) {
                    left += 1;
                }
                let mut right = 0;
                while adjacent(s + quantity - 1 + right) {
                    right += 1;
                }
                if no_orphan && (left == 1 || right == 1) {
                    continue;
                }
                let off = (2 * s + quantity).abs_diff(focus);
                if best.is_none_or(|best| (off, s) < best) {
                    best = Some((off, s));
                }
            }
            if let Some((_, s)) = best {
                return Some(u32::try_from(start + s).unwrap());
            }
        }
    }
    None
}

fn picture() -> impl Strategy<Value = String> {
    prop_oneof!["[.]{1,3}([|]?[.]{1,4}x?[ac]?){1,6}", "[.xacAC]{1,70}"]
}

proptest! {
    #[test]
    fn agrees_with_the_definition(
        rows in proptest::collection::vec((picture(), 0u16..3, 0u16..2), 1..8),
        opened in 1usize..8,
        quantity in 1usize..6,
        kind in prop_oneof![
            3 => Just(SeatKind::Ordinary),
            1 => Just(SeatKind::Accessible),
            1 => Just(SeatKind::Companion),
        ],
        mut without in proptest::collection::vec(0u32..40, 0..4),
    ) {
        let rows: Vec<Drawn> = rows
            .iter()
            .map(|(picture, rank, focus)| draw(picture, *rank, *focus * 5))
            .collect();
        let seats: usize = rows.iter().map(|row| row.seats.len()).sum();
        without.retain(|&seat| (seat as usize) < seats);
        without.sort_unstable();
        without.dedup();
        let asked = u32::try_from(quantity).unwrap();
        let opened = opened.min(rows.len());
        let (found, available, anywhere) =
            search_in(&rows, opened, kind, &without, |search, free| {
                (search.together(asked), search.available(free), search.anywhere(asked))
            });
        prop_assert_eq!(found, by_definition(&rows, kind, &without, quantity));
        let mut usable = Vec::new();
        let mut start = 0;
        for (at, row) in rows.iter().enumerate() {
            for (s, &seat) in row.seats.iter().enumerate() {
                let index = u32::try_from(start + s).unwrap();
                if seat == (kind, true) && !without.contains(&index) {
                    usable.push((row.plan.rank, at, index));
                }
            }
            start += row.seats.len();
        }
        // Seats of the order that are not free any more do not happen, so they are not counted twice.
        prop_assert_eq!(available as usize, usable.len());
        usable.sort_unstable();
        let mut first: Vec<u32> = usable.iter().take(quantity).map(|&(_, _, seat)| seat).collect();
        first.sort_unstable();
        prop_assert_eq!(anywhere.to_vec(), first);
    }
}

#[test]
fn companions_are_near_someone() {
    let rows = [
        draw("c..a..c", 1, 0),
        draw("Ccc....", 0, 0),
        draw("..c....", 2, 0),
    ];
    let find = |quantity, accessible: &[u32]| {
        search_in(&rows, 3, SeatKind::Companion, &[3], |search, _| {
            search.companions(quantity, accessible).to_vec()
        })
    };
    // By row, then by seat, the lower one of two.
    assert_eq!(find(3, &[3]), [0, 6, 8]);
    assert_eq!(find(9, &[3]), [0, 6, 8, 9, 16]);
    // Without anyone: by rank, row and seat.
    assert_eq!(find(3, &[]), [8, 9, 0]);
}
