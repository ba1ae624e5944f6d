//! Halls of any description.

use std::collections::HashSet;

use onsale_halls::compile::{Assignment, compile};
use onsale_halls::format::{
    Category, Document, Flag, Gap, Line, Row, Seat, Section, Stage, Standing, Table, TableShape,
};
use onsale_halls::numbering::{Numbering, Order, Style};
use onsale_halls::{Hall, csv};
use proptest::prelude::*;
use proptest::sample::select;

use crate::chart::holds_every_seat;
use crate::schema;

fn numbering() -> impl Strategy<Value = Numbering> {
    let plain = (
        1..500u32,
        1..4u32,
        select(vec![Style::Numbers, Style::Letters, Style::AllLetters]),
        select(vec![Order::LeftToRight, Order::RightToLeft]),
    )
        .prop_map(|(from, step, style, order)| Numbering {
            from,
            step,
            style,
            order,
        });
    let middle = select(vec![Order::OddLeft, Order::OddRight]).prop_map(|order| Numbering {
        order,
        ..Numbering::default()
    });
    prop_oneof![plain, middle]
}

/// A row in a band of its own, `wide` in what it is made of.
fn row() -> impl Strategy<Value = Row> {
    let line = (1..30u16, numbering(), -90..90i32, any::<bool>(), 1..300u32).prop_map(
        |(seats, numbering, rise, has_gap, width)| Row {
            line: Some(Line {
                from: [0, 0],
                to: [4_000, 0],
                rise,
                seats,
                numbering,
                gaps: if has_gap && seats > 1 {
                    vec![Gap {
                        after: seats / 2,
                        width,
                    }]
                } else {
                    Vec::new()
                },
            }),
            ..Row::default()
        },
    );
    let seat = ("[1-9A-Zก-ฮ]{1,5}", select(vec![None, Some("b")]), 0..3usize);
    let seats = prop::collection::vec(seat, 1..12).prop_map(|seats| {
        let mut labels = HashSet::new();
        let seats = seats
            .into_iter()
            .filter(|(label, ..)| labels.insert(label.clone()));
        Row {
            seats: (0i32..)
                .zip(seats)
                .map(|(place, (label, category, flag))| Seat {
                    label,
                    at: [place * 60, 0],
                    category: category.map(str::to_owned),
                    rank: None,
                    flags: match flag {
                        0 => Vec::new(),
                        1 => vec![Flag::RestrictedView],
                        _ if place == 0 => vec![Flag::Wheelchair],
                        _ => vec![Flag::AisleBefore, Flag::RestrictedView],
                    },
                })
                .collect(),
            ..Row::default()
        }
    });
    prop_oneof![line, seats]
}

fn table() -> impl Strategy<Value = Table> {
    (any::<bool>(), 1..9u16, 0..360u16, numbering()).prop_map(
        |(is_round, chairs, turn_degrees, numbering)| Table {
            name: String::new(),
            category: Some("t".to_owned()),
            rank: None,
            at: [0, 0],
            shape: if is_round {
                TableShape::Round
            } else {
                TableShape::Rectangle
            },
            size: if is_round { [150, 150] } else { [220, 80] },
            turn_degrees,
            chairs,
            numbering,
            special: Vec::new(),
        },
    )
}

pub(crate) fn halls() -> impl Strategy<Value = Hall> {
    let section = (
        prop::collection::vec(row(), 1..6),
        prop::collection::vec(table(), 0..3),
        any::<bool>(),
        "[=+@'\"A-Z,; ]{0,6}",
    );
    (
        prop::collection::vec(section, 1..4),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(parts, has_stage, has_ranks)| {
            let category = |id: &str| Category {
                id: id.to_owned(),
                name: format!("Category {id}"),
                color: None,
            };
            let mut y = 0;
            let sections = parts
                .into_iter()
                .enumerate()
                .map(|(number, (mut rows, mut tables, has_floor, name))| {
                    for (place, row) in rows.iter_mut().enumerate() {
                        y += 200;
                        row.name = format!("{}", place + 1);
                        row.category = Some("=a".to_owned());
                        row.rank = has_ranks.then_some(7);
                        for seat in &mut row.seats {
                            seat.at[1] = y;
                        }
                        if let Some(line) = &mut row.line {
                            line.from[1] = y;
                            line.to[1] = y;
                        }
                    }
                    for (place, table) in tables.iter_mut().enumerate() {
                        y += 500;
                        table.name = format!("T{place}");
                        table.at[1] = y;
                        table.rank = has_ranks.then_some(9);
                    }
                    y += 500;
                    let floor = Standing {
                        name: "Floor".to_owned(),
                        category: "floor".to_owned(),
                        capacity: 10,
                        shape: vec![[0, 0], [100, 0], [0, 100]],
                    };
                    Section {
                        name: format!("{name}{number}").trim().to_owned(),
                        prefix: format!("S{number}"),
                        rows,
                        tables,
                        standing: if has_floor { vec![floor] } else { Vec::new() },
                    }
                })
                .collect();
            let document = Document {
                name: "Any".to_owned(),
                categories: ["=a", "b", "t", "floor"].map(category).to_vec(),
                stage: has_stage.then(|| Stage {
                    name: "Stage".to_owned(),
                    shape: vec![[0, -500], [500, -500], [0, -100]],
                    focus: [200, -100],
                    facing_degrees: Some(180),
                }),
                sections,
                ..Document::default()
            };
            Hall::new(document).unwrap()
        })
}

/// What a table of a hall holds of its seats.
fn in_a_table(hall: &Hall) -> Vec<String> {
    let plan = hall.plan();
    let document = hall.document();
    plan.rows
        .iter()
        .flat_map(|row| {
            let section = &document.sections[usize::from(row.section)].name;
            plan.seats[row.seats()].iter().map(move |seat| {
                let category = &document.categories[usize::from(seat.category)].id;
                let (row, label, at) = (&row.label, &seat.label, seat.at);
                format!(
                    "{section:?} {row}-{label} {at:?} {category} {:?} {}",
                    seat.flags, seat.rank
                )
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_right_of_every_hall(hall in halls()) {
        // Its bytes are read as what they were written from, and keep to the schema.
        let bytes = hall.canonical();
        prop_assert_eq!(&Hall::from_json(&bytes).unwrap(), &hall);
        prop_assert_eq!(schema::check(&serde_json::from_slice(&bytes).unwrap()), Ok(()));
        // Every seat has one index, and the chart says where it is.
        let compiled = compile(&hall, &Assignment::by_category(&hall)).unwrap();
        let mut seats = compiled.seats.clone();
        seats.sort_unstable();
        let all: Vec<u32> = (0..u32::try_from(hall.plan().seats.len()).unwrap()).collect();
        prop_assert_eq!(seats, all);
        holds_every_seat(&hall);
        // As a table and back it has the same seats.
        let table = csv::export(&hall);
        let again = Hall::new(csv::import(&table, "Any").unwrap()).unwrap();
        prop_assert_eq!(in_a_table(&again), in_a_table(&hall));
    }
}
