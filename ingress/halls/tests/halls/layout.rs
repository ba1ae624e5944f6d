//! What a show sells of a hall.

use onsale_halls::compile::{Assignment, Labels, Places, PriceZone, ZoneRow, compile};
use onsale_halls::limits::ROWS_PER_ZONE_MAX;
use onsale_halls::{Hall, HallError};
use onsale_schemas::command::Admission;
use serde_json::json;

use crate::{houses, labels, small};

fn assignment(zones: &[(&str, &[&str])], not_for_sale: &[&str]) -> Assignment {
    Assignment {
        zones: zones
            .iter()
            .map(|(name, categories)| PriceZone {
                name: (*name).to_owned(),
                categories: categories.iter().map(|id| (*id).to_owned()).collect(),
            })
            .collect(),
        not_for_sale: not_for_sale.iter().map(|id| (*id).to_owned()).collect(),
    }
}

#[test]
fn zones_are_as_a_new_show_has_them() {
    let hall = small();
    let zones = assignment(
        &[
            ("Seats", &["a", "b"]),
            ("Standing", &["floor"]),
            ("Tables", &["t"]),
        ],
        &[],
    );
    let compiled = compile(&hall, &zones).unwrap();
    assert_eq!(
        serde_json::to_value(&compiled.zones).unwrap(),
        json!([
            {"name": "Seats", "admission": "seated", "rows": [
                {"name": "A", "seats": 8},
                {"name": "B", "seats": ["12", "10", "8", "6", "4", "2"]},
                {"name": "C", "seats": ["7", "8", "9a"]},
                {"name": "Circle A", "seats": ["H", "J", "K", "L", "M"]},
            ]},
            {"name": "Standing", "admission": "general", "capacity": 250},
            {"name": "Tables", "admission": "seated", "rows": [
                {"name": "T1", "seats": 6},
                {"name": "T2", "seats": 5},
            ]},
        ])
    );
    assert_eq!(
        compiled.zones[1].admission(),
        Admission::General { capacity: 250 }
    );
    let Places::Seated { rows } = &compiled.zones[0].places else {
        panic!("seated");
    };
    let breaks: Vec<&[u16]> = rows.iter().map(|row| row.breaks.as_slice()).collect();
    assert_eq!(breaks, [&[4][..], &[], &[2], &[]]);
}

#[test]
fn a_row_of_two_zones_is_in_both_with_its_break() {
    let hall = small();
    let zones = assignment(&[("Circle", &["b"]), ("Stalls", &["a"])], &["floor", "t"]);
    let compiled = compile(&hall, &zones).unwrap();
    let Places::Seated { rows } = &compiled.zones[1].places else {
        panic!("seated");
    };
    let row = &rows[0];
    assert_eq!(row.name, "A");
    assert_eq!(
        row.seats,
        Labels::Each(
            ["1", "2", "3", "4", "6", "7", "8"]
                .map(str::to_owned)
                .to_vec()
        )
    );
    // Seat 5 is another zone's, so 4 and 6 are no neighbours.
    assert_eq!(row.breaks, [4]);
    assert_eq!(
        (row.len(), row.label(4).as_deref(), row.label(7)),
        (7, Some("6"), None)
    );
}

#[test]
fn every_seat_has_one_index_and_its_label() {
    for hall in houses().into_iter().chain([small()]) {
        let compiled = compile(&hall, &Assignment::by_category(&hall)).unwrap();
        let of_plan = labels(&hall);
        let mut seen = vec![false; of_plan.len()];
        let rows = compiled.zones.iter().flat_map(|zone| match &zone.places {
            Places::Seated { rows } => rows.clone(),
            Places::General { .. } => Vec::new(),
        });
        let of_layout: Vec<String> = rows
            .flat_map(|row: ZoneRow| {
                let name = row.name.clone();
                (0..row.len()).map(move |place| format!("{name}-{}", row.label(place).unwrap()))
            })
            .collect();
        assert_eq!(of_layout.len(), compiled.seats.len());
        for (label, &seat) in of_layout.iter().zip(&compiled.seats) {
            assert_eq!(label, &of_plan[seat as usize]);
            assert!(!std::mem::replace(&mut seen[seat as usize], true));
        }
        assert!(seen.iter().all(|seen| *seen));
        // Labels are enough to name a seat, in whatever zone.
        let distinct: std::collections::HashSet<&String> = of_layout.iter().collect();
        assert_eq!(distinct.len(), of_layout.len());
    }
}

#[test]
fn the_best_row_comes_first() {
    for hall in houses() {
        let compiled = compile(&hall, &Assignment::by_category(&hall)).unwrap();
        let mut first = 0;
        for zone in &compiled.zones {
            let Places::Seated { rows } = &zone.places else {
                continue;
            };
            let mut before = 0.0;
            for row in rows {
                let after = first + usize::from(row.len());
                let seats = &compiled.seats[first..after];
                let ranks = seats
                    .iter()
                    .map(|&seat| f64::from(hall.plan().seats[seat as usize].rank));
                let mean = ranks.sum::<f64>() / f64::from(row.len());
                assert!(
                    mean >= before - 0.001,
                    "{}: {mean} after {before}",
                    row.name
                );
                before = mean;
                first = after;
            }
        }
    }
}

#[test]
fn wrong_assignments_are_refused_by_name() {
    let hall = small();
    let all = &["a", "b", "t", "floor"][..];
    for (zones, not_for_sale, expected) in [
        (&[][..], all, "hall: 0 price zones: 1 to 256"),
        (
            &[("A", &["a", "b", "t"][..])][..],
            &[][..],
            "category floor: 250 places and no price zone: assign it to one, or say that it is not for sale",
        ),
        (
            &[("A", &["a", "x"])],
            &["b", "t", "floor"],
            "price zone A: category \"x\": the hall has none with this id",
        ),
        (
            &[("A", &["a"]), ("B", &["a"])],
            &["b", "t", "floor"],
            "price zone B: category a: assigned twice",
        ),
        (
            &[("A", &["a"])],
            &["a", "b", "t", "floor"],
            "hall: category a: assigned twice",
        ),
        (
            &[("A", &["a"]), ("A", &["b"])],
            &["t", "floor"],
            "price zone A: another price zone has this name",
        ),
        (
            &[("A", &["a", "floor"])],
            &["b", "t"],
            "price zone A: 15 seats and standing room for 250: either is a price zone of its own",
        ),
        (
            &[("A", &["a"]), ("B", &[])],
            &["b", "t", "floor"],
            "price zone B: no places: at least one",
        ),
        (
            &[("", &["a"])],
            &["b", "t", "floor"],
            "price zone number 1: name \"\"",
        ),
    ] {
        let faults = compile(&hall, &assignment(zones, not_for_sale)).unwrap_err();
        let texts: Vec<String> = faults.listed.iter().map(ToString::to_string).collect();
        assert!(
            texts.iter().any(|text| text.starts_with(expected)),
            "{expected}: {texts:#?}"
        );
    }
}

#[test]
fn a_zone_has_no_more_rows_than_the_machine_holds() {
    let rows: Vec<_> = (0..=ROWS_PER_ZONE_MAX)
        .map(|row| json!({"name": row.to_string(), "category": "a", "seats": [{"label": "1", "at": [0, row]}]}))
        .collect();
    let json = json!({
        "format": "onsale-hall/1", "name": "H", "categories": [{"id": "a", "name": "A"}],
        "sections": [{"name": "S", "rows": rows}]
    });
    let hall: Result<Hall, HallError> = Hall::from_json(&serde_json::to_vec(&json).unwrap());
    let hall = hall.unwrap();
    let faults = compile(&hall, &Assignment::by_category(&hall)).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "price zone A: 2049 rows: at most 2048; make two price zones of it"
    );
}
