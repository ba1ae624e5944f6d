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

#[test]
fn every_fault_names_its_place() {
    let (row_a, row_b, row_c) = (
        "/sections/0/rows/0",
        "/sections/0/rows/1",
        "/sections/0/rows/2",
    );
    let (table, floor) = ("/sections/2/tables/0", "/sections/2/standing/0");
    let at = |parent: &str, field: &str| format!("{parent}{field}");
    let long = "a".repeat(101);
    let cases: Vec<(String, Value, &str)> = vec![
        (
            "/name".into(),
            json!(" "),
            "hall: name \" \": 1 to 100 characters in one line, among them a letter or digit, without space around them",
        ),
        (
            "/name".into(),
            json!(long),
            "hall: name \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…\": 1 to 100",
        ),
        (
            "/categories/1/id".into(),
            json!("a"),
            "category a: another category has this id",
        ),
        (
            "/categories/0/color".into(),
            json!("red"),
            "category a: color \"red\": six hexadecimal digits, as #3b6ea5",
        ),
        (
            "/stage/shape".into(),
            json!([[0, 0], [1, 1]]),
            "stage: shape with 2 points: 3 to 128",
        ),
        (
            "/stage/shape".into(),
            json!([[0, 0], [1, 1], [2, 2]]),
            "stage: shape without an area",
        ),
        (
            "/stage/focus".into(),
            json!([0, 100_001]),
            "stage: [0, 100001]: from -100000 to 100000 centimetres",
        ),
        (
            "/stage/facing_degrees".into(),
            json!(360),
            "stage: facing_degrees 360: 0 to 359",
        ),
        (
            "/fixtures/0/name".into(),
            json!(""),
            "fixture number 1: name \"\"",
        ),
        (
            "/sections/1/name".into(),
            json!("Stalls"),
            "section Stalls: another section has this name",
        ),
        (
            "/sections/1/prefix".into(),
            json!("a-b"),
            "section Circle: prefix \"a-b\": at most 16 letters, digits and spaces",
        ),
        (
            "/sections/1/prefix".into(),
            json!(null),
            "section Circle, row A: section Stalls has a row with the label A: give one of the sections a prefix",
        ),
        (
            "/sections/1/prefix".into(),
            json!("ABCDEFGHIJKLMNO"),
            "section Circle, row A: name \"A\": 1 to 16 letters, digits and single spaces between them, together with the section's prefix",
        ),
        (
            at(row_b, "/name"),
            json!("A"),
            "section Stalls, row A: its section has another row of this name",
        ),
        (
            at(row_b, "/name"),
            json!("A-1"),
            "section Stalls, row A-1: name \"A-1\"",
        ),
        (
            at(row_b, "/category"),
            json!("x"),
            "section Stalls, row B: category \"x\": one of the hall's, a, b, t, floor",
        ),
        (
            at(row_b, "/category"),
            json!(null),
            "section Stalls, row B: seat 12 has no category, and the row has none either",
        ),
        (
            at(row_b, "/line"),
            json!(null),
            "section Stalls, row B: neither line nor seats",
        ),
        (
            at(row_b, "/seats"),
            json!([{"label": "1", "at": [5, 5]}]),
            "section Stalls, row B: both line and seats",
        ),
        (
            at(row_b, "/line/seats"),
            json!(0),
            "section Stalls, row B: 0 seats: 1 to 1024",
        ),
        (
            at(row_b, "/line/seats"),
            json!(1025),
            "section Stalls, row B: 1025 seats: 1 to 1024",
        ),
        (
            at(row_b, "/line/seats"),
            json!(40),
            "section Stalls, row B: 15 centimetres from seat to seat: at least 20",
        ),
        (
            at(row_b, "/line/rise"),
            json!(301),
            "section Stalls, row B: rise 301: at most half the distance of the row's ends",
        ),
        (
            at(row_b, "/line/to"),
            json!([0, -100_001]),
            "section Stalls, row B: [0, -100001]",
        ),
        (
            at(row_b, "/line/numbering/step"),
            json!(0),
            "section Stalls, row B: numbering in steps of 0: 1 to 100",
        ),
        (
            at(row_b, "/line/numbering/from"),
            json!(100_000),
            "section Stalls, row B: numbering from 100000: at most 99999",
        ),
        (
            at(row_b, "/line/numbering/order"),
            json!("odd_left"),
            "section Stalls, row B: numbering from the middle: with numbers, from 1, in steps of 1",
        ),
        (
            at(row_b, "/line/numbering"),
            json!({"from": 0, "style": "letters"}),
            "section Stalls, row B: numbering with letters from 0: A is 1",
        ),
        (
            at(row_a, "/line/gaps/-"),
            json!({"after": 4, "width": 50}),
            "section Stalls, row A: gap after seat 4: between two seats of the row, farther on",
        ),
        (
            at(row_a, "/line/gaps/0/after"),
            json!(8),
            "section Stalls, row A: gap after seat 8: between two seats",
        ),
        (
            at(row_a, "/line/gaps/0/width"),
            json!(5_001),
            "section Stalls, row A: gap of 5001 centimetres: 1 to 5000",
        ),
        (
            at(row_a, "/special/0/seats/0"),
            json!("99"),
            "section Stalls, row A: special of seat \"99\", which it does not have",
        ),
        (
            at(row_a, "/special/0/seats/0"),
            json!("4"),
            "section Stalls, row A: seat 4: in special twice",
        ),
        (
            at(row_a, "/special/0/seats"),
            json!([]),
            "section Stalls, row A: special without seats",
        ),
        (
            at(row_a, "/special/1/flags"),
            json!(["wheelchair", "wheelchair"]),
            "section Stalls, row A: seat 4: the same flag twice",
        ),
        (
            at(row_a, "/special/1/flags"),
            json!([]),
            "section Stalls, row A: companion seat 5 in a hall without wheelchair seats",
        ),
        (
            at(row_a, "/special/1/flags/-"),
            json!("companion"),
            "section Stalls, row A: seat 4: either wheelchair or companion",
        ),
        (
            at(row_c, "/seats/1/label"),
            json!("7"),
            "section Stalls, row C: two seats 7",
        ),
        (
            at(row_c, "/seats/1/label"),
            json!("8-1"),
            "section Stalls, row C: seat \"8-1\": a label of 1 to 8 letters and digits",
        ),
        (
            at(row_c, "/seats/1/at"),
            json!([-100, 600]),
            "section Stalls, row C: seat 8 stands where seat C-7 stands, at [-100, 600]",
        ),
        (
            at(row_c, "/seats/1/at"),
            json!([0, 200_000]),
            "section Stalls, row C: seat 8 at [0, 200000]",
        ),
        (
            at(row_c, "/seats/0/flags"),
            json!(["aisle_before"]),
            "section Stalls, row C: its first seat: aisle_before",
        ),
        (
            at(row_c, "/special"),
            json!([{"seats": ["7"]}]),
            "section Stalls, row C: special goes with line",
        ),
        (
            at(row_c, "/rank"),
            json!(3),
            "section Stalls, row A: seats without a rank, while others have one",
        ),
        (
            at(table, "/chairs"),
            json!(0),
            "section Club, table T1: 0 chairs: 1 to 64",
        ),
        (
            at(table, "/chairs"),
            json!(40),
            "section Club, table T1: 16 centimetres from seat to seat: at least 20",
        ),
        (
            at(table, "/size"),
            json!([120, 100]),
            "section Club, table T1: size [120, 100]: a round table is as wide as deep",
        ),
        (
            at(table, "/size"),
            json!([0, 0]),
            "section Club, table T1: size [0, 0]: 1 to 5000 centimetres each",
        ),
        (
            at(table, "/turn_degrees"),
            json!(360),
            "section Club, table T1: turn_degrees 360: 0 to 359",
        ),
        (
            at(floor, "/capacity"),
            json!(0),
            "section Club, standing area Floor: capacity 0: 1 to 10000000",
        ),
        (
            at(floor, "/category"),
            json!("q"),
            "section Club, standing area Floor: category \"q\"",
        ),
        (
            "/sections".into(),
            json!([]),
            "hall: no seats and no standing areas",
        ),
    ];
    for (pointer, value, expected) in cases {
        match changed(&pointer, value.clone()) {
            Err(HallError::Faults(faults)) => {
                let texts: Vec<String> = faults.listed.iter().map(ToString::to_string).collect();
                assert!(
                    texts.iter().any(|text| text.starts_with(expected)),
                    "{pointer} {value}: {texts:#?}"
                );
            }
            other => panic!("{pointer} {value}: {other:?}"),
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
