//! Nothing that comes in makes anything panic.

use onsale_fuzz::Run;
use onsale_halls::chart::encode;
use onsale_halls::compile::{Assignment, compile};
use onsale_halls::generate::{Club, Shape, generate};
use onsale_halls::{Hall, csv, pretix};

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
