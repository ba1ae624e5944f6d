//! What a generated hall looks like.

use std::collections::{HashMap, HashSet};

use onsale_halls::format::{Flag, Point};
use onsale_halls::generate::{Arena, Club, Rectangle, Shape, Theatre, generate};
use onsale_halls::{Hall, PlanSeat};
use proptest::prelude::*;

use crate::houses;

/// Least distance of two seats, in centimetres.
const APART_CM: i32 = 50;

/// Whether no two seats are closer than that, by a grid of cells as wide as that.
fn nearest_is_apart(hall: &Hall) -> Result<(), String> {
    let mut cells: HashMap<Point, Vec<Point>> = HashMap::new();
    for seat in &hall.plan().seats {
        let cell = seat.at.map(|part| part.div_euclid(APART_CM));
        for x in cell[0] - 1..=cell[0] + 1 {
            for y in cell[1] - 1..=cell[1] + 1 {
                for other in cells.get(&[x, y]).into_iter().flatten() {
                    let [dx, dy] = [0, 1].map(|axis| seat.at[axis] - other[axis]);
                    if dx * dx + dy * dy < APART_CM * APART_CM {
                        return Err(format!("{:?} and {other:?}", seat.at));
                    }
                }
            }
        }
        cells.entry(cell).or_default().push(seat.at);
    }
    Ok(())
}

/// Whether each seat has another on the other side of the middle, of the same category and flags, to
/// a centimetre.
fn is_symmetrical(hall: &Hall) -> Result<(), String> {
    let key = |seat: &PlanSeat| {
        (
            seat.category,
            seat.flags.has(Flag::Wheelchair),
            seat.flags.has(Flag::RestrictedView),
        )
    };
    let seats: HashSet<_> = hall
        .plan()
        .seats
        .iter()
        .map(|seat| (seat.at, key(seat)))
        .collect();
    for seat in &hall.plan().seats {
        let [x, y] = seat.at;
        let is_there = (-x - 1..=-x + 1)
            .flat_map(|x| (y - 1..=y + 1).map(move |y| [x, y]))
            .any(|at| seats.contains(&(at, key(seat))));
        if !is_there {
            return Err(format!("{:?} has no counterpart", seat.at));
        }
    }
    Ok(())
}

fn count(hall: &Hall, flag: Flag) -> usize {
    hall.plan()
        .seats
        .iter()
        .filter(|seat| seat.flags.has(flag))
        .count()
}

#[test]
fn three_houses_and_a_hall_look_right() {
    let [theatre, arena, club, rectangle] = houses();
    assert_eq!(
        [&theatre, &arena, &club, &rectangle].map(|hall| hall.plan().seats.len()),
        [1_500, 18_000, 104, 240]
    );
    assert_eq!(club.plan().standing[0].capacity, 600);
    for hall in [&theatre, &arena, &club, &rectangle] {
        nearest_is_apart(hall).unwrap();
        is_symmetrical(hall).unwrap();
    }
    assert_eq!(theatre.document().sections[1].name, "Balcony");
    assert_eq!(arena.document().sections.len(), 48);
    assert_eq!(count(&theatre, Flag::Wheelchair), 6);
    assert_eq!(count(&theatre, Flag::Companion), 6);
    assert_eq!(count(&arena, Flag::Wheelchair), 48);
    assert_eq!(count(&club, Flag::Wheelchair), 4);
    assert!(count(&theatre, Flag::RestrictedView) > 0);
    // Two aisles through each row of the stalls, four through each of the balcony.
    let [stalls, balcony] = [0, 1].map(|section| theatre.document().sections[section].rows.len());
    assert_eq!(
        count(&theatre, Flag::AisleBefore),
        2 * (stalls - 1) + 4 * balcony
    );
}

#[test]
fn aisles_are_straight_and_wide() {
    let [theatre, ..] = houses();
    let plan = theatre.plan();
    // The angle under which an aisle is seen from the middle of the rows' circles.
    let mut angles: HashMap<(u16, usize), Vec<f64>> = HashMap::new();
    for row in &plan.rows {
        let mut number = 0;
        for seat in row.seats().skip(1) {
            let [a, b] = [seat - 1, seat].map(|seat| plan.seats[seat].at.map(f64::from));
            let distance = (a[0] - b[0]).hypot(a[1] - b[1]);
            if plan.seats[seat].flags.has(Flag::AisleBefore) {
                assert!(distance > 150.0, "{}: {distance}", row.label);
                let middle = [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0 + 1_400.0];
                angles
                    .entry((row.section, number))
                    .or_default()
                    .push(middle[0].atan2(middle[1]).to_degrees());
                number += 1;
            } else {
                assert!(distance < 125.0, "{}: {distance}", row.label);
            }
        }
    }
    assert_eq!(angles.len(), 6);
    for (aisle, angles) in angles {
        let [low, high] =
            [f64::min, f64::max].map(|pick| angles.iter().copied().reduce(pick).unwrap());
        assert!(high - low < 1.5, "{aisle:?}: {low} to {high}");
    }
}

#[test]
fn ranks_follow_distance_and_angle() {
    let [theatre, arena, ..] = houses();
    let best = |hall: &Hall| {
        hall.plan()
            .seats
            .iter()
            .min_by_key(|seat| seat.rank)
            .unwrap()
            .clone()
    };
    let front = best(&theatre);
    assert!(front.at[0].abs() <= 60 && front.at[1] < 400, "{front:?}");
    // Of two seats as far away the one before the stage is better than the one beside it.
    let row = &theatre.plan().rows[0];
    let seats = &theatre.plan().seats[row.seats()];
    assert!(seats[0].rank > seats[seats.len() / 2].rank);
    assert_eq!(seats[0].rank, seats[seats.len() - 1].rank);
    // In the round only the distance counts.
    let first_rows = arena
        .plan()
        .rows
        .iter()
        .filter(|row| row.label.starts_with('1') && row.label.ends_with(" 1"));
    let ranks: HashSet<u16> = first_rows
        .flat_map(|row| arena.plan().seats[row.seats()].iter().map(|seat| seat.rank))
        .collect();
    assert_eq!(ranks.len(), 1, "{ranks:?}");
}

#[test]
fn numbers_that_no_hall_is_made_of_are_refused() {
    let theatre = Theatre {
        stalls_aisles: 3,
        wheelchairs: 1,
        stalls_seats: 5,
        ..Theatre::default()
    };
    let arena = Arena {
        seats: 18_001,
        ..Arena::default()
    };
    let low = Arena {
        seats: 2_400,
        ..Arena::default()
    };
    let club = Club {
        standing: 0,
        chairs_per_table: 9,
        ..Club::default()
    };
    let rectangle = Rectangle {
        rows: 0,
        seats_per_row: 2,
        aisles: 2,
    };
    for (shape, expected) in [
        (
            Shape::Theatre(theatre),
            "hall: stalls_seats 5: 20 to 50000; hall: stalls_aisles 3: an even number, so that both sides are alike; hall: wheelchairs 1: an even number, so that both sides are alike",
        ),
        (
            Shape::Arena(arena),
            "hall: seats 18001: a multiple of 24 sections, such as 18000 or 18024",
        ),
        (
            Shape::Arena(low),
            "hall: seats 2400: with 14 lower_rows there is an upper tier from 4080 on",
        ),
        (
            Shape::Club(club),
            "hall: standing 0: 50 to 50000; hall: chairs_per_table 9: 2 to 8",
        ),
        (
            Shape::Rectangle(rectangle),
            "hall: rows 0: 1 to 500; hall: aisles 2: fewer than seats_per_row",
        ),
    ] {
        assert_eq!(generate("H", &shape).unwrap_err().to_string(), expected);
    }
    let name = generate("", &Shape::Club(Club::default())).unwrap_err();
    assert!(name.to_string().starts_with("hall: name \"\""));
}

#[test]
fn a_shape_is_read_with_its_defaults() {
    let shape: Shape = serde_json::from_str(r#"{"shape": "arena", "seats": 12000}"#).unwrap();
    let expected = Arena {
        seats: 12_000,
        ..Arena::default()
    };
    assert_eq!(shape, Shape::Arena(expected));
    let error = serde_json::from_str::<Shape>(r#"{"shape": "arena", "chairs": 1}"#).unwrap_err();
    assert!(
        error.to_string().starts_with("unknown field `chairs`"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_generated_hall_is_one(shape in shapes()) {
        let hall = generate("Hall", &shape).unwrap();
        prop_assert_eq!(nearest_is_apart(&hall), Ok(()));
        let seats = u32::try_from(hall.plan().seats.len()).unwrap();
        match shape {
            Shape::Theatre(theatre) => {
                prop_assert_eq!(is_symmetrical(&hall), Ok(()));
                let expected = theatre.stalls_seats + theatre.balcony_seats + 2 * u32::from(theatre.wheelchairs);
                prop_assert_eq!(seats, expected);
            }
            Shape::Arena(arena) => {
                prop_assert_eq!(is_symmetrical(&hall), Ok(()));
                prop_assert_eq!(seats, arena.seats);
            }
            Shape::Club(club) => {
                prop_assert_eq!(seats, u32::from(club.tables) * u32::from(club.chairs_per_table) + 8);
            }
            Shape::Rectangle(rectangle) => {
                prop_assert_eq!(seats, u32::from(rectangle.rows) * u32::from(rectangle.seats_per_row));
            }
        }
    }
}

/// Numbers of any size are refused by name, or make a hall; nothing overflows on the way.
#[test]
fn extreme_numbers_are_refused_and_do_no_harm() {
    let ends = [0, 1, 2, u32::MAX - 1, u32::MAX];
    let short = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    let mut refused = 0;
    for large in ends {
        for small in ends.map(short) {
            for other in ends.map(short) {
                for shape in [
                    Shape::Arena(Arena {
                        seats: large,
                        sections: small,
                        lower_rows: other,
                    }),
                    Shape::Theatre(Theatre {
                        stalls_seats: large,
                        balcony_seats: large,
                        stalls_aisles: small,
                        balcony_aisles: other,
                        wheelchairs: small,
                    }),
                    Shape::Club(Club {
                        standing: large,
                        tables: small,
                        chairs_per_table: other,
                    }),
                    Shape::Rectangle(Rectangle {
                        rows: short(large),
                        seats_per_row: small,
                        aisles: other,
                    }),
                ] {
                    refused += usize::from(generate("Hall", &shape).is_err());
                }
            }
        }
    }
    assert!(refused > 400, "{refused} of 500");
    let far = Shape::Arena(Arena {
        seats: u32::MAX,
        ..Arena::default()
    });
    let faults = generate("Hall", &far).unwrap_err().to_string();
    assert!(
        faults.contains("seats 4294967295: 1000 to 100000"),
        "{faults}"
    );
}

pub(crate) fn shapes() -> impl Strategy<Value = Shape> {
    let theatre = (
        20..6_000u32,
        20..3_000u32,
        any::<bool>(),
        0..=3u16,
        0..=3u16,
        0..=3u16,
    )
        .prop_map(
            |(stalls_seats, balcony, has_balcony, stalls_aisles, balcony_aisles, wheelchairs)| {
                Shape::Theatre(Theatre {
                    stalls_seats,
                    balcony_seats: if has_balcony { balcony } else { 0 },
                    stalls_aisles: 2 * stalls_aisles,
                    balcony_aisles: 2 * balcony_aisles,
                    wheelchairs: 2 * wheelchairs,
                })
            },
        );
    let arena = (220..1_000u32, 8..=48u16, 2..=8u16).prop_map(|(each, sections, lower_rows)| {
        Shape::Arena(Arena {
            seats: each * u32::from(sections),
            sections,
            lower_rows,
        })
    });
    let club =
        (50..5_000u32, 0..200u16, 2..=8u16).prop_map(|(standing, tables, chairs_per_table)| {
            Shape::Club(Club {
                standing,
                tables,
                chairs_per_table,
            })
        });
    let rectangle = (1..60u16, 9..80u16, 0..=8u16).prop_map(|(rows, seats_per_row, aisles)| {
        Shape::Rectangle(Rectangle {
            rows,
            seats_per_row,
            aisles,
        })
    });
    prop_oneof![theatre, arena, club, rectangle]
}
