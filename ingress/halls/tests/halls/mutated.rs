//! Nothing that comes in makes anything panic.

use onsale_fuzz::{Random, Run};
use onsale_halls::chart::encode;
use onsale_halls::compile::{Assignment, compile};
use onsale_halls::generate::{Club, Shape, generate};
use onsale_halls::{Hall, HallError, csv, pretix};
use serde_json::{Value, json};

use crate::{SMALL, schema, small};

const PLAN: &str = include_str!("../data/pretix.json");

/// Whatever is a hall goes all the way.
fn all_the_way(hall: &Hall) {
    if let Ok(compiled) = compile(hall, &Assignment::by_category(hall)) {
        assert_eq!(compiled.seats.len(), hall.plan().seats.len());
        assert!(!encode(hall, &compiled).json.is_empty());
    }
    assert!(
        Hall::new(csv::import(&csv::export(hall), "H").unwrap_or_default()).is_ok()
            || hall.plan().seats.is_empty()
    );
}

#[test]
fn fuzz_halls() {
    let club = generate("Club", &Shape::Club(Club::default())).unwrap();
    let corpus = [
        SMALL.as_bytes().to_vec(),
        small().canonical(),
        club.canonical(),
    ];
    let run = Run {
        inputs: 20_000,
        size_max_bytes: 20_000,
    };
    onsale_fuzz::run("halls", run, &corpus, |input| {
        if let Ok(hall) = Hall::from_json(input) {
            let written = serde_json::from_slice(&hall.canonical()).unwrap();
            schema::check(&written).unwrap();
            all_the_way(&hall);
        }
    });
}

/// A document with some of its values replaced: of the right form more often than not, and seldom right.
fn with_other_values(document: &Value, random: &mut Random) -> Vec<u8> {
    let others = [
        json!(null),
        json!(-1),
        json!(0),
        json!(2),
        json!(65_535),
        json!(i32::MIN),
        json!(u32::MAX),
        json!(1e300),
        json!(""),
        json!("1"),
        json!("T1"),
        json!("a"),
        json!("\u{30a}"),
        json!([]),
        json!({}),
        json!([0, 0]),
        json!([[0, 0], [9, 9], [0, 9]]),
        json!(["wheelchair", "companion"]),
        json!("letters"),
        json!("odd_right"),
        json!(true),
    ];
    let mut document = document.clone();
    for _ in 0..=random.below(3) {
        replace(&mut document, &others, random);
    }
    serde_json::to_vec(&document).unwrap()
}

/// Goes down into a value until it ends or chance says so, and puts another one there.
fn replace(value: &mut Value, others: &[Value], random: &mut Random) {
    let stops = random.below(12) == 0;
    match value {
        Value::Object(fields) if !fields.is_empty() && !stops => {
            let field = random.below(fields.len());
            replace(fields.values_mut().nth(field).unwrap(), others, random);
        }
        Value::Array(items) if !items.is_empty() && !stops => {
            let item = random.below(items.len());
            replace(&mut items[item], others, random);
        }
        _ => value.clone_from(&others[random.below(others.len())]),
    }
}

#[test]
fn other_values_are_refused_or_taken() {
    let mut random = Random::new(11);
    let hall: Value = serde_json::from_str(SMALL).unwrap();
    let plan: Value = serde_json::from_str(PLAN).unwrap();
    let mut counts = [0; 3];
    for _ in 0..20_000 {
        match Hall::from_json(&with_other_values(&hall, &mut random)) {
            Ok(hall) => {
                counts[0] += 1;
                let written = serde_json::from_slice(&hall.canonical()).unwrap();
                schema::check(&written).unwrap();
                all_the_way(&hall);
            }
            Err(HallError::Faults(_)) => counts[1] += 1,
            Err(_) => {}
        }
        let plan = with_other_values(&plan, &mut random);
        if let Ok(plan) = pretix::import(&plan, pretix::Options::default())
            && let Ok(hall) = Hall::new(plan.document)
        {
            counts[2] += 1;
            all_the_way(&hall);
        }
    }
    // Otherwise this would test the reader of JSON alone.
    assert!(counts.iter().all(|count| *count > 500), "{counts:?}");
}

#[test]
fn fuzz_imports() {
    let table = csv::export(&small());
    let other = b"Section;Row;Seat;Category\nA;1;1;x\nA;1;2;x\n".to_vec();
    let corpus = [PLAN.as_bytes().to_vec(), table, other];
    let run = Run {
        inputs: 20_000,
        size_max_bytes: 20_000,
    };
    onsale_fuzz::run("imports", run, &corpus, |input| {
        let table = csv::import(input, "Hall").map(Hall::new);
        let plan = pretix::import(input, pretix::Options::default());
        let plan = plan.map(|plan| Hall::new(plan.document));
        for hall in [table, plan].into_iter().flatten().flatten() {
            all_the_way(&hall);
        }
    });
}
