//! Plans of pretix.

use onsale_halls::pretix::{Imported, Options, import};
use onsale_halls::{Hall, HallError};
use serde_json::{Value, json};

use crate::labels;

const PLAN: &str = include_str!("../data/pretix.json");

fn read(plan: &str) -> Imported {
    import(plan.as_bytes(), Options::default()).unwrap()
}

#[test]
fn a_plan_becomes_a_hall() {
    let imported = read(PLAN);
    let hall = Hall::new(imported.document).unwrap();
    assert_eq!(
        labels(&hall).join(" "),
        "1-1 1-2 1-3 1-4 1-5 1-6a Empore 1-1 Empore 1-2 Empore Reihe 2-1"
    );
    // 25 units are 55 centimetres; the positions of zone, row and seat add up.
    let at: Vec<[i32; 2]> = hall.plan().seats.iter().map(|seat| seat.at).collect();
    assert_eq!(at[..4], [[220, 440], [275, 440], [330, 440], [495, 440]]);
    assert_eq!(at[4], [881, 440]);
    assert_eq!(at[7], [275, 902]);
    let flags: Vec<usize> = hall
        .plan()
        .seats
        .iter()
        .map(|seat| seat.flags.iter().count())
        .collect();
    // A wide gap, and where two rows of one number meet.
    assert_eq!(flags, [0, 0, 0, 1, 1, 0, 0, 0, 0]);
    let document = hall.document();
    assert_eq!(document.name, "Stadthalle");
    assert_eq!(document.categories[0].color.as_deref(), Some("#44aa77"));
    assert_eq!(document.categories[1].color, None);
    let stage = document.stage.as_ref().unwrap();
    assert_eq!(stage.name, "Bühne");
    assert_eq!(
        stage.shape,
        [[220, 220], [880, 220], [880, 352], [220, 352]]
    );
    assert_eq!((stage.focus, stage.facing_degrees), ([550, 352], Some(180)));
    assert_eq!(document.fixtures.len(), 1);
    assert_eq!(
        imported.notes,
        [
            "zone Parkett, row 1: seat \"6-a\" is called 6a",
            "zone Parkett: two rows 1 are one row with an aisle",
            "zone Parkett, row leer: without seats, left out",
            "zone Empore: row \"Reihe #2\" is called Reihe 2",
            "area 3 \"Ausgang\": not a shape that is drawn, left out",
            "zone Empore: its rows have the prefix Empore, because another zone has rows of the same name",
        ]
    );
}

fn changed(pointer: &str, value: Value) -> String {
    let mut plan: Value = serde_json::from_str(PLAN).unwrap();
    *plan.pointer_mut(pointer).unwrap() = value;
    plan.to_string()
}

#[test]
fn a_scale_may_be_given() {
    let options = |scale| Options {
        cm_per_unit: Some(scale),
    };
    let imported = import(PLAN.as_bytes(), options(2.0)).unwrap();
    assert_eq!(
        imported.document.sections[0].rows[0].seats[1].at,
        [250, 400]
    );
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1_001.0] {
        let error = import(PLAN.as_bytes(), options(bad)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "hall: centimetres to one unit: above 0, at most 1000"
        );
    }
}

#[test]
fn faults_name_their_place() {
    let seat = "/zones/0/rows/0/seats/1";
    for (pointer, value, expected) in [
        (
            format!("{seat}/seat_number"),
            json!("1"),
            "section Parkett, row 1: two seats 1",
        ),
        (
            format!("{seat}/seat_number"),
            json!("?"),
            "section Parkett, row 1: seat \"\": a label",
        ),
        (
            format!("{seat}/category"),
            json!(""),
            "section Parkett, row 1: category \"\": one of the hall's, Parkett, Empore",
        ),
        (
            format!("{seat}/position"),
            json!({"x": 0, "y": 0}),
            "section Parkett, row 1: seat 2 stands where seat 1-1 stands, at [",
        ),
    ] {
        let document = read(&changed(&pointer, value)).document;
        let faults = Hall::new(document).unwrap_err();
        assert!(
            faults.listed[0].to_string().starts_with(expected),
            "{pointer}: {faults}"
        );
    }
    let far = changed(&format!("{seat}/position/x"), json!(1e300));
    let error = import(far.as_bytes(), Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "section Parkett, row 1: a seat farther than 10000000 units from the origin"
    );
    let no_zones = import(br#"{"name": "x", "categories": []}"#, Options::default());
    assert!(
        matches!(no_zones, Err(HallError::Form { message, .. }) if message == "missing field `zones`")
    );
}

#[test]
fn the_first_version_is_read_too() {
    let plan = json!({
        "name": "Old", "categories": [{"name": "A"}],
        "zones": [{
            "name": "Main", "displayed": true, "position": {"x": 0, "y": 100},
            "rows": [{"row_number": "1", "number_of_seats": 1, "seats": [
                {"seat_guid": "1", "seat_number": "1", "position": {"x": 0, "y": 0}, "category": "A"}
            ]}],
            "areas": [{"width": 100, "height": 50, "position": {"x": -50, "y": -100}, "text": "Stage"}]
        }]
    });
    let hall = Hall::new(read(&plan.to_string()).document).unwrap();
    assert_eq!(
        hall.document().stage.as_ref().unwrap().facing_degrees,
        Some(180)
    );
    assert_eq!(labels(&hall), ["1-1"]);
}
