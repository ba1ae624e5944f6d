//! Straight rows before a stage.

use serde::{Deserialize, Serialize};

use super::rows::{gaps, in_blocks};
use super::{Numbers, category};
use crate::fault::Faults;
use crate::format::{Document, Line, Row, Section, Stage};
use crate::numbering::{Numbering, Style};

/// From seat to seat.
const PITCH_CM: i32 = 55;
/// From row to row.
const ROW_CM: i32 = 95;
/// How much wider an aisle is than two seats are apart.
const AISLE_CM: u16 = 110;
/// From the stage to the first row.
const FRONT_CM: i32 = 300;

/// Straight rows of one length before a stage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rectangle {
    /// Rows.
    pub rows: u16,
    /// Seats of each.
    pub seats_per_row: u16,
    /// Aisles through each.
    pub aisles: u16,
}

impl Default for Rectangle {
    /// 240 seats.
    fn default() -> Self {
        Self {
            rows: 12,
            seats_per_row: 20,
            aisles: 1,
        }
    }
}

impl Rectangle {
    pub(super) fn document(&self) -> Result<Document, Faults> {
        let mut numbers = Numbers::default();
        numbers.range("rows", u32::from(self.rows), 1..=500);
        numbers.range("seats_per_row", u32::from(self.seats_per_row), 1..=200);
        numbers.range("aisles", u32::from(self.aisles), 0..=8);
        numbers.require(self.aisles < self.seats_per_row, || {
            format!("aisles {}: fewer than seats_per_row", self.aisles)
        });
        numbers.finish()?;

        let width = PITCH_CM * (i32::from(self.seats_per_row) - 1)
            + i32::from(AISLE_CM) * i32::from(self.aisles);
        let [left, right] = [-width / 2, width - width / 2];
        let blocks = in_blocks(self.seats_per_row, self.aisles + 1);
        let rows = (0..i32::from(self.rows))
            .map(|number| {
                let y = FRONT_CM + number * ROW_CM;
                Row {
                    name: Style::Letters.write(u64::from(number.unsigned_abs()) + 1),
                    category: Some("standard".to_owned()),
                    line: Some(Line {
                        from: [left, y],
                        to: [right, y],
                        rise: 0,
                        seats: self.seats_per_row,
                        numbering: Numbering::default(),
                        gaps: gaps(&blocks, u32::from(AISLE_CM)),
                    }),
                    ..Row::default()
                }
            })
            .collect();
        let half = (width / 3).max(200);
        Ok(Document {
            categories: vec![category("standard", "Standard", "#3f6fa5")],
            stage: Some(Stage {
                name: "Stage".to_owned(),
                shape: vec![[-half, -400], [half, -400], [half, 0], [-half, 0]],
                focus: [0, 0],
                facing_degrees: Some(180),
            }),
            sections: vec![Section {
                name: "Hall".to_owned(),
                rows,
                ..Section::default()
            }],
            ..Document::default()
        })
    }
}
