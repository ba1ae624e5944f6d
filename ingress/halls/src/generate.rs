//! Halls of common shapes, from a few numbers. They are symmetrical, neighbours are at least 50 cm
//! apart, and the same numbers give the same hall everywhere.

mod arena;
mod club;
mod rectangle;
mod rows;
mod theatre;

use serde::{Deserialize, Serialize};

use crate::fault::{Faults, Findings, Spot};
use crate::format::Category;
use crate::hall::Hall;

pub use arena::Arena;
pub use club::Club;
pub use rectangle::Rectangle;
pub use theatre::Theatre;

/// Seats that a hall is generated with at most, so that it stays on the plan.
pub const GENERATED_SEATS_MAX: u32 = 100_000;

/// A shape with its numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case")]
pub enum Shape {
    /// Straight rows before a stage.
    Rectangle(Rectangle),
    /// Stalls and balcony in curved rows.
    Theatre(Theatre),
    /// Two tiers all around a stage.
    Arena(Arena),
    /// Standing room before the stage, tables behind it.
    Club(Club),
}

/// Makes a hall.
///
/// # Errors
/// With the numbers that no hall can be made of.
pub fn generate(name: &str, shape: &Shape) -> Result<Hall, Faults> {
    let mut document = match shape {
        Shape::Rectangle(rectangle) => rectangle.document(),
        Shape::Theatre(theatre) => theatre.document(),
        Shape::Arena(arena) => arena.document(),
        Shape::Club(club) => club.document(),
    }?;
    name.clone_into(&mut document.name);
    Hall::new(document)
}

fn category(id: &str, name: &str, color: &str) -> Category {
    Category {
        id: id.to_owned(),
        name: name.to_owned(),
        color: Some(color.to_owned()),
    }
}

/// Gathers numbers that are out of range.
#[derive(Default)]
struct Numbers(Findings);

impl Numbers {
    fn range(&mut self, name: &str, value: u32, range: std::ops::RangeInclusive<u32>) {
        self.require(range.contains(&value), || {
            format!("{name} {value}: {} to {}", range.start(), range.end())
        });
    }

    fn require(&mut self, is_fine: bool, message: impl FnOnce() -> String) {
        self.0.require(is_fine, Spot::Hall, message);
    }

    fn finish(self) -> Result<(), Faults> {
        self.0.finish()
    }
}
