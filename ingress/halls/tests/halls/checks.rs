//! What is refused, and in which words.

use onsale_halls::{Hall, HallError};
use serde_json::{Value, json};

use crate::{SMALL, labels, small};

/// The small hall with one field changed (`null` takes it away).
fn changed(pointer: &str, value: Value) -> Result<Hall, HallError> {
    let mut hall: Value = serde_json::from_str(SMALL).unwrap();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match hall.pointer_mut(parent).unwrap() {
        Value::Object(fields) if value.is_null() => drop(fields.remove(field)),
        Value::Object(fields) => drop(fields.insert(field.to_owned(), value)),
        Value::Array(items) if field == "-" => items.push(value),
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
        other => panic!("{other}"),
    }
    Hall::from_json(&serde_json::to_vec(&hall).unwrap())
}

#[test]
fn a_hall_that_has_everything_is_read() {
    let hall = small();
    assert_eq!(
        labels(&hall).join(" "),
        "A-1 A-2 A-3 A-4 A-5 A-6 A-7 A-8 B-12 B-10 B-8 B-6 B-4 B-2 C-7 C-8 C-9a \
         Circle A-H Circle A-J Circle A-K Circle A-L Circle A-M \
         T1-1 T1-2 T1-3 T1-4 T1-5 T1-6 T2-1 T2-2 T2-3 T2-4 T2-5"
    );
    let seat = |number: usize| hall.plan().seats[number].at;
    // The row is 540 wide and rises by 40; an aisle is in its middle.
    assert_eq!((seat(0), seat(7)), ([-270, 400], [270, 400]));
    assert!(seat(3)[0] < -55 && seat(4)[0] > 55 && (436..=440).contains(&seat(3)[1]));
}

/// One line for each: a field of the small hall, what is written there (`null` takes it away), and how
/// the fault begins that this is.
#[test]
fn every_fault_names_its_place() {
    let cases = include_str!("../data/faults.tsv");
    for case in cases.lines() {
        let mut cells = case.split('\t');
        let [pointer, value, expected] = [(); 3].map(|()| cells.next().unwrap());
        match changed(pointer, serde_json::from_str(value).unwrap()) {
            Err(HallError::Faults(faults)) => {
                let texts: Vec<String> = faults.listed.iter().map(ToString::to_string).collect();
                let is_told = texts.iter().any(|text| text.starts_with(expected));
                assert!(is_told, "{case}: {texts:#?}");
            }
            other => panic!("{case}: {other:?}"),
        }
    }
}

#[test]
fn what_is_of_another_form_is_refused_by_name() {
    for (pointer, value, expected) in [
        (
            "/format",
            json!("onsale-hall/2"),
            "unknown variant `onsale-hall/2`, expected `onsale-hall/1`",
        ),
        ("/colour", json!(1), "unknown field `colour`"),
        ("/sections/0/rows/0/seat", json!(1), "unknown field `seat`"),
        (
            "/sections/0/rows/0/line/rise",
            json!(1.5),
            "invalid type: floating point",
        ),
        (
            "/sections/0/rows/0/special/0/flags",
            json!(["vip"]),
            "unknown variant `vip`",
        ),
        ("/stage/shape/0", json!([1, 2, 3]), "trailing characters"),
        (
            "/sections/0/rows/0/line/seats",
            json!(-12),
            "invalid value: integer `-12`, expected a whole number from 0 to 65535",
        ),
        (
            "/sections/0/rows",
            json!({}),
            "invalid type: map, expected a list",
        ),
        (
            "/sections/0/rows/0",
            json!(1),
            "invalid type: integer `1`, expected an object",
        ),
        ("/categories", json!(null), "missing field `categories`"),
    ] {
        match changed(pointer, value) {
            Err(HallError::Form {
                message, line: 1, ..
            }) => {
                assert!(message.starts_with(expected), "{pointer}: {message}");
            }
            other => panic!("{pointer}: {other:?}"),
        }
    }
}

#[test]
fn all_faults_are_told_up_to_a_bound() {
    let rows: Vec<Value> = (0..300)
        .map(|row| {
            json!({"name": format!("{row}"), "category": "a", "seats": [
                {"label": "1", "at": [0, row]}, {"label": "1", "at": [60, row]}
            ]})
        })
        .collect();
    let hall = json!({
        "format": "onsale-hall/1", "name": "H", "categories": [{"id": "a", "name": "A"}],
        "sections": [{"name": "S", "rows": rows}]
    });
    let Err(HallError::Faults(faults)) = Hall::from_json(&serde_json::to_vec(&hall).unwrap())
    else {
        panic!("faults");
    };
    assert_eq!((faults.listed.len(), faults.more), (100, 200));
    assert_eq!(
        faults.listed[7].to_string(),
        "section S, row 7: two seats 1"
    );
    assert_eq!(faults.listed[7].path, "sections[0].rows[7]");
    assert!(faults.to_string().ends_with("; and 200 more"));
}

#[test]
fn what_is_too_much_is_counted_before_it_is_placed() {
    let rows: Vec<Value> = (0..16_000)
        .map(|row| {
            json!({"name": format!("{row}"), "line": {"from": [0, row], "to": [99_000, row], "seats": 1_024}})
        })
        .collect();
    let hall = json!({
        "format": "onsale-hall/1", "name": "H", "categories": [],
        "sections": [{"name": "S", "rows": rows}]
    });
    let Err(HallError::Faults(faults)) = Hall::from_json(&serde_json::to_vec(&hall).unwrap())
    else {
        panic!("faults");
    };
    assert_eq!(
        faults.to_string(),
        "hall: 16384000 seats: there are at most 250000"
    );
    let large = vec![b' '; onsale_halls::limits::INPUT_MAX_BYTES + 1];
    let bytes = large.len();
    assert_eq!(Hall::from_json(&large), Err(HallError::TooLarge { bytes }));
    let objects = onsale_halls::limits::OBJECTS_MAX + 1;
    let many = format!("[{}", "{},".repeat(objects));
    let refused = Hall::from_json(many.as_bytes());
    assert_eq!(refused, Err(HallError::TooMany { objects }));
}

#[test]
fn the_address_is_that_of_the_meaning() {
    let hall = small();
    let pretty = serde_json::to_string_pretty(hall.document()).unwrap();
    let again = Hall::from_json(pretty.as_bytes()).unwrap();
    assert_eq!(again.address(), hall.address());
    assert_eq!(Hall::from_json(&hall.canonical()).unwrap(), hall);
    // A default that is written out is still the default.
    let written = changed("/sections/0/rows/1/line/rise", json!(0)).unwrap();
    assert_eq!(written.address(), hall.address());
    let other = changed("/sections/0/rows/1/line/rise", json!(1)).unwrap();
    assert_ne!(other.address(), hall.address());
    assert_eq!(hall.address().to_string().len(), 64);
}
