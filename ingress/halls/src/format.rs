//! The format `onsale-hall/1`, as it is written. `hall.schema.json` describes the same for other
//! programs, README.md for people. Lengths are whole centimetres; x grows to the right, y downwards
//! on the page.

use serde::{Deserialize, Serialize};

use crate::numbering::Numbering;

/// The JSON Schema (2020-12) of the format.
pub const SCHEMA: &str = include_str!("../hall.schema.json");

/// A place on the plan: x and y in centimetres.
pub type Point = [i32; 2];

/// Versions of the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Format {
    /// The only one so far.
    #[default]
    #[serde(rename = "onsale-hall/1")]
    V1,
}

/// A hall as its organizer describes it. [`crate::Hall`] is one that was checked.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Which format this is.
    pub format: Format,
    /// Name of the hall.
    pub name: String,
    /// What seats can be told apart by when prices are set.
    pub categories: Vec<Category>,
    /// Where people look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Its parts, in the order in which they are listed to people.
    pub sections: Vec<Section>,
    /// What is drawn for orientation: bars, walls, doors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixtures: Vec<Fixture>,
}

/// A category of places.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// What rows and seats name it by.
    pub id: String,
    /// What people read.
    pub name: String,
    /// As `#3b6ea5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}

/// Where people look.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// What people read on it.
    pub name: String,
    /// Its outline.
    pub shape: Vec<Point>,
    /// The point that people look at. Distances are measured from here.
    pub focus: Point,
    /// Where it faces, in degrees clockwise from the top of the page: 180 is downwards. Absent: it
    /// is seen equally well from all around.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facing_degrees: Option<u16>,
}

/// A part of a hall.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its name, unique in the hall.
    pub name: String,
    /// Written before the names of its rows on tickets, so that no two rows of the hall have one
    /// label: with `Balcony` its row `A` is `Balcony A`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Its rows, in any order: the best place is found by rank.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Its tables. Each is a row of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// Its areas without seats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standing: Vec<Standing>,
}

/// A row of seats: either `line` or `seats` says where they are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name, such as `A`.
    pub name: String,
    /// Category of its seats, but for those that have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Sight-line rank of its seats, but for those that have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u16>,
    /// Seats that are spread evenly along a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// In which the seats of a `line` differ from their row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub special: Vec<Special>,
    /// Seats one by one, in the order in which they stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<Seat>,
}

/// A straight or curved line with seats.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Centre of the first seat, the left one.
    pub from: Point,
    /// Centre of the last seat.
    pub to: Point,
    /// How far the middle of the row lies from the straight line, in centimetres, to the right of
    /// one who walks along it; to the left when negative. The row is then an arc of a circle.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rise: i32,
    /// How many.
    pub seats: u16,
    /// How they are labelled.
    #[serde(default, skip_serializing_if = "Numbering::is_default")]
    pub numbering: Numbering,
    /// Aisles through the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// An aisle through a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Seats before it, counted from the first seat of the row.
    pub after: u16,
    /// Its width in centimetres, on top of the usual distance of two seats.
    pub width: u32,
}

/// In which some seats of a row or table differ from the others.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Special {
    /// Labels of the seats.
    pub seats: Vec<String>,
    /// Their category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Their sight-line rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u16>,
    /// What they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
}

/// A seat that is described by itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Label within its row, such as `14`.
    pub label: String,
    /// Its centre.
    pub at: Point,
    /// Its category, if not the row's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its sight-line rank, if not the row's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u16>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
}

/// What a seat is besides a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Room for a wheelchair.
    Wheelchair,
    /// For who comes with somebody in a wheelchair.
    Companion,
    /// Something is in the way.
    RestrictedView,
    /// Between the seat before it and this one there is an aisle.
    AisleBefore,
}

/// A table with chairs. It is sold as a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name, such as `T1`.
    pub name: String,
    /// Category of its chairs, but for those that have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Sight-line rank of its chairs, but for those that have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u16>,
    /// Its centre.
    pub at: Point,
    /// Round, or with corners.
    pub shape: TableShape,
    /// Width and depth in centimetres, before it is turned. A round table has one diameter.
    pub size: [u32; 2],
    /// How far it is turned, in degrees clockwise.
    #[serde(default, skip_serializing_if = "is_none_or_zero")]
    pub turn_degrees: u16,
    /// How many. Round a table they go clockwise from the top; at one with corners along the upper
    /// side from the left, then along the lower side from the right.
    pub chairs: u16,
    /// How they are labelled.
    #[serde(default, skip_serializing_if = "Numbering::is_default")]
    pub numbering: Numbering,
    /// In which chairs differ from their table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub special: Vec<Special>,
}

/// Shape of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableShape {
    /// Chairs all around.
    Round,
    /// Chairs along its two wide sides.
    Rectangle,
}

/// An area without seats.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Its category.
    pub category: String,
    /// People.
    pub capacity: u32,
    /// Its outline.
    pub shape: Vec<Point>,
}

/// What is drawn for orientation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// What people read on it.
    pub name: String,
    /// Its outline.
    pub shape: Vec<Point>,
}

fn is_zero(value: &i32) -> bool {
    *value == 0
}

fn is_none_or_zero(value: &u16) -> bool {
    *value == 0
}
