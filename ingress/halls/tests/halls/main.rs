//! Halls from outside: what is read, refused, compiled, drawn, imported and generated.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a panic is how a test reports, and its numbers are small"
)]

mod chart;
mod checks;
mod generated;
mod layout;
mod mutated;
mod pretix;
mod random;
mod schema;
mod seating;
mod table;

use onsale_halls::Hall;
use onsale_halls::generate::{Arena, Club, Rectangle, Shape, Theatre, generate};

/// A small hall that has everything.
const SMALL: &str = include_str!("../data/small.json");

fn small() -> Hall {
    Hall::from_json(SMALL.as_bytes()).unwrap()
}

/// The houses that are generated with their default numbers.
fn houses() -> [Hall; 4] {
    [
        Shape::Theatre(Theatre::default()),
        Shape::Arena(Arena::default()),
        Shape::Club(Club::default()),
        Shape::Rectangle(Rectangle::default()),
    ]
    .map(|shape| generate("House", &shape).unwrap())
}

/// `A-3` of every seat of a hall, in its order.
fn labels(hall: &Hall) -> Vec<String> {
    let plan = hall.plan();
    plan.rows
        .iter()
        .flat_map(|row| {
            plan.seats[row.seats()]
                .iter()
                .map(|seat| format!("{}-{}", row.label, seat.label))
        })
        .collect()
}
