//! What the log knows of rows.

use onsale_halls::compile::{Assignment, Places, compile};
use onsale_halls::format::{Category, Document, Flag, Row, Seat, Section};
use onsale_halls::seating::plans;
use onsale_halls::{Address, Hall};
use onsale_schemas::limits::SPECIAL_SEATS_PER_SHOW_MAX;
use onsale_schemas::seating::{RowPlan, SeatKind, Special};

use crate::{houses, small};

/// A hall of one row for each list of seats: rank and flags.
fn hall_of(rows: &[&[(u16, &[Flag])]]) -> Hall {
    let rows = rows.iter().zip(0i32..).map(|(seats, number)| Row {
        name: format!("R{number}"),
        category: Some("a".to_owned()),
        seats: seats
            .iter()
            .zip(1i32..)
            .map(|((rank, flags), place)| Seat {
                label: place.to_string(),
                at: [place * 60, number * 100],
                rank: Some(*rank),
                flags: flags.to_vec(),
                ..Seat::default()
            })
            .collect(),
        ..Row::default()
    });
    let document = Document {
        name: "Hall".to_owned(),
        categories: vec![Category {
            id: "a".to_owned(),
            name: "A".to_owned(),
            color: None,
        }],
        sections: vec![Section {
            name: "S".to_owned(),
            rows: rows.collect(),
            ..Section::default()
        }],
        ..Document::default()
    };
    Hall::new(document).unwrap()
}

#[test]
fn rows_have_the_rank_of_their_seats_and_the_best_of_them() {
    let plain: &[Flag] = &[];
    let hall = hall_of(&[
        // The best seats are at its end.
        &[(9, plain), (7, plain), (5, plain), (3, plain)],
        // In its middle, which goes without saying.
        &[(2, plain), (1, plain), (1, plain), (2, plain)],
        // One of them, and an aisle.
        &[(8, plain), (4, plain), (9, &[Flag::AisleBefore])],
        &[
            (20, &[Flag::Wheelchair]),
            (20, &[Flag::Companion]),
            (20, &[Flag::Companion]),
            (20, &[Flag::RestrictedView]),
            (20, &[Flag::Wheelchair]),
        ],
    ]);
    let compiled = compile(&hall, &Assignment::by_category(&hall)).unwrap();
    let plans = plans(&hall, &compiled).unwrap();
    let special = |first, count, kind| Special { first, count, kind };
    assert_eq!(plans.len(), 1);
    assert_eq!(
        plans[0].rows,
        [
            RowPlan {
                rank: 1,
                ..RowPlan::default()
            },
            RowPlan {
                rank: 6,
                focus: 7,
                ..RowPlan::default()
            },
            RowPlan {
                rank: 7,
                focus: 0,
                gaps: vec![2],
                special: Vec::new(),
            },
            RowPlan {
                rank: 20,
                special: vec![
                    special(0, 1, SeatKind::Accessible),
                    special(1, 2, SeatKind::Companion),
                    special(4, 1, SeatKind::Accessible),
                ],
                ..RowPlan::default()
            },
        ]
    );
}

/// What the log demands of a plan, for every house.
#[test]
fn plans_are_as_the_log_takes_them() {
    for hall in houses().into_iter().chain([small()]) {
        let compiled = compile(&hall, &Assignment::by_category(&hall)).unwrap();
        let plans = plans(&hall, &compiled).unwrap();
        let seated = compiled
            .zones
            .iter()
            .filter(|zone| matches!(zone.places, Places::Seated { .. }));
        assert_eq!(plans.len(), seated.count());
        for plan in &plans {
            let Places::Seated { rows } = &compiled.zones[usize::from(plan.zone)].places else {
                panic!("zone {} is not seated", plan.zone);
            };
            assert_eq!(plan.rows.len(), rows.len());
            let ranks: Vec<u16> = plan.rows.iter().map(|row| row.rank).collect();
            assert!(ranks.is_sorted(), "the best row first: {ranks:?}");
            for (plan, row) in plan.rows.iter().zip(rows) {
                let seats = row.len();
                assert!(plan.focus < 2 * seats, "{}: {}", row.name, plan.focus);
                assert!(plan.gaps.iter().all(|gap| (1..seats).contains(gap)));
                let mut next = 0;
                for special in &plan.special {
                    assert!(special.first >= next && special.count > 0);
                    next = special.first + special.count;
                }
                assert!(next <= seats);
            }
        }
    }
}

#[test]
fn a_show_has_so_many_wheelchairs_and_no_more() {
    let wheelchair: &[Flag] = &[Flag::Wheelchair];
    let row = vec![(1, wheelchair); 1_024];
    let mut rows = vec![row.as_slice(); 4];
    assert_eq!(SPECIAL_SEATS_PER_SHOW_MAX, 4 * 1_024);
    let of = |rows: &[&[(u16, &[Flag])]]| {
        let hall = hall_of(rows);
        let compiled = compile(&hall, &Assignment::by_category(&hall)).unwrap();
        plans(&hall, &compiled)
    };
    assert!(of(&rows).is_ok());
    rows.push(&row[..1]);
    let refused = of(&rows).unwrap_err().to_string();
    assert!(
        refused.contains("4097") && refused.contains("4096"),
        "{refused}"
    );
}

#[test]
fn an_address_is_read_as_it_is_written() {
    let address = Address::of(b"hall");
    let text = address.to_string();
    assert_eq!(Address::parse(&text), Some(address));
    for wrong in [
        "",
        "ab",
        &text[1..],
        &text.to_uppercase(),
        &format!("{text}0"),
    ] {
        assert_eq!(Address::parse(wrong), None, "{wrong}");
    }
}
