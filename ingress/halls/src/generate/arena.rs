//! An arena: two tiers of sections all around a stage.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use super::rows::{Fan, PITCH_CM, thin_out};
use super::{GENERATED_SEATS_MAX, Numbers, category};
use crate::fault::Faults;
use crate::format::{Document, Fixture, Flag, Row, Section, Special, Stage};
use crate::geometry::{ellipse, rounded};

/// From row to row.
const ROW_CM: f64 = 85.0;
/// Between two sections, on top of the usual distance of two seats.
const AISLE_CM: f64 = 110.0;
/// From the last row of the lower tier to the first of the upper.
const TIER_CM: f64 = 420.0;
/// From the last row of the lower tier to the wheelchairs.
const WHEELCHAIRS_CM: f64 = 170.0;
/// From wheelchair to companion.
const WHEELCHAIR_PITCH_CM: f64 = 110.0;
/// Places of a section's wheelchairs and companions.
const WHEELCHAIR_PLACES: u16 = 4;
/// From the middle to the first row, at least.
const FLOOR_CM: f64 = 2_400.0;
/// Seats that the first row of a section has room for, at least.
const FIRST_ROW_MIN: f64 = 6.0;
/// From the middle to the edge of the stage.
const STAGE_CM: f64 = 900.0;

/// Two tiers of sections all around a stage. Every section of a tier has as many seats as the others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Arena {
    /// Seats of both tiers, those for wheelchairs and companions among them: a multiple of `sections`.
    pub seats: u32,
    /// Sections of each tier.
    pub sections: u16,
    /// Rows of the lower tier. The upper has as many as it takes.
    pub lower_rows: u16,
}

impl Default for Arena {
    /// 18,000 seats.
    fn default() -> Self {
        Self {
            seats: 18_000,
            sections: 24,
            lower_rows: 14,
        }
    }
}

/// A row of a section: how far from the middle, how long, how many seats.
struct Ring {
    radius: f64,
    length: f64,
    seats: u16,
}

impl Arena {
    pub(super) fn document(&self) -> Result<Document, Faults> {
        let mut numbers = Numbers::default();
        numbers.range("seats", self.seats, 1_000..=GENERATED_SEATS_MAX);
        numbers.range("sections", u32::from(self.sections), 8..=48);
        numbers.range("lower_rows", u32::from(self.lower_rows), 2..=60);
        let sections = u32::from(self.sections.max(1));
        numbers.require(self.seats.is_multiple_of(sections), || {
            let below = self.seats / sections * sections;
            format!(
                "seats {}: a multiple of {sections} sections, such as {below} or {}",
                self.seats,
                // What is far out of range is told with all that is wrong.
                u64::from(below) + u64::from(sections)
            )
        });
        numbers.finish()?;

        let angle = TAU / f64::from(self.sections);
        let first = FLOOR_CM.max((FIRST_ROW_MIN * PITCH_CM + AISLE_CM) / angle);
        let mut radii = (0..self.lower_rows).map(|row| first + f64::from(row) * ROW_CM);
        let each = self.seats / sections - u32::from(WHEELCHAIR_PLACES);
        let lower: Vec<Ring> = radii.by_ref().map(|radius| ring(radius, angle)).collect();
        let lower_room: u32 = lower.iter().map(|ring| u32::from(ring.seats)).sum();
        let last = lower.last().map_or(first, |ring| ring.radius);
        let mut upper: Vec<Ring> = Vec::new();
        let mut room = lower_room;
        let mut radius = last + TIER_CM;
        while room < each {
            let ring = ring(radius, angle);
            room += u32::from(ring.seats);
            radius += ROW_CM;
            upper.push(ring);
        }
        let mut numbers = Numbers::default();
        numbers.require(!upper.is_empty(), || {
            let least = (lower_room + u32::from(WHEELCHAIR_PLACES) + 1) * sections;
            format!(
                "seats {}: with {} lower_rows there is an upper tier from {least} on",
                self.seats, self.lower_rows
            )
        });
        numbers.finish()?;
        let wanted: Vec<u16> = lower.iter().chain(&upper).map(|ring| ring.seats).collect();
        let seats = thin_out(&wanted, each);
        let (lower_seats, upper_seats) = seats.split_at(lower.len());

        let mut document = head();
        for (tier, rings, seats) in [(1u32, &lower, lower_seats), (2, &upper, upper_seats)] {
            for number in 0..self.sections {
                let fan = Fan {
                    centre: [0.0, 0.0],
                    axis: angle * f64::from(number),
                };
                let mut rows = rows(&fan, rings, seats, tier);
                if tier == 1 {
                    rows.push(wheelchairs(&fan, last + WHEELCHAIRS_CM));
                }
                let label = (tier * 100 + u32::from(number) + 1).to_string();
                document.sections.push(Section {
                    name: format!("Section {label}"),
                    prefix: label,
                    rows,
                    ..Section::default()
                });
            }
        }
        Ok(document)
    }
}

fn ring(radius: f64, angle: f64) -> Ring {
    let length = angle * radius - AISLE_CM - PITCH_CM;
    let fit = rounded((length / PITCH_CM).floor());
    Ring {
        radius,
        length,
        seats: u16::try_from(fit).unwrap_or(0).saturating_add(1),
    }
}

fn rows(fan: &Fan, rings: &[Ring], seats: &[u16], tier: u32) -> Vec<Row> {
    let front = rings.len().div_ceil(2);
    rings
        .iter()
        .zip(seats)
        .enumerate()
        .filter(|(_, (_, seats))| **seats > 0)
        .map(|(number, (ring, &seats))| {
            let category = match (tier, number < front) {
                (1, true) => "lower-front",
                (1, false) => "lower",
                (_, true) => "upper-front",
                (_, false) => "upper",
            };
            Row {
                name: (number + 1).to_string(),
                category: Some(category.to_owned()),
                line: Some(fan.row(ring.radius, ring.length, &[seats], 0)),
                ..Row::default()
            }
        })
        .collect()
}

fn wheelchairs(fan: &Fan, radius: f64) -> Row {
    let length = f64::from(WHEELCHAIR_PLACES - 1) * WHEELCHAIR_PITCH_CM;
    let with = |seats: [&str; 2], flag: Flag| Special {
        seats: seats.map(str::to_owned).to_vec(),
        flags: vec![flag],
        ..Special::default()
    };
    Row {
        name: "W".to_owned(),
        category: Some("lower".to_owned()),
        line: Some(fan.row(radius, length, &[WHEELCHAIR_PLACES], 0)),
        special: vec![
            with(["1", "4"], Flag::Wheelchair),
            with(["2", "3"], Flag::Companion),
        ],
        ..Row::default()
    }
}

fn head() -> Document {
    let circle = |radius: f64| ellipse([0.0, 0.0], [radius, radius], 0.0);
    Document {
        categories: vec![
            category("lower-front", "Lower tier, front", "#b5483a"),
            category("lower", "Lower tier", "#d08b3e"),
            category("upper-front", "Upper tier, front", "#3f6fa5"),
            category("upper", "Upper tier", "#6b9ac4"),
        ],
        stage: Some(Stage {
            name: "Stage".to_owned(),
            shape: circle(STAGE_CM),
            focus: [0, 0],
            facing_degrees: None,
        }),
        fixtures: vec![Fixture {
            name: "Floor".to_owned(),
            shape: circle(FLOOR_CM - 200.0),
        }],
        ..Document::default()
    }
}
