//! A club: standing room before the stage, tables behind it.

use serde::{Deserialize, Serialize};

use super::{Numbers, category};
use crate::fault::Faults;
use crate::format::{
    Document, Fixture, Flag, Line, Row, Section, Special, Stage, Standing, Table, TableShape,
};
use crate::geometry::rounded;
use crate::numbering::Numbering;

/// Room for one who stands, in square centimetres: two and a half to a square metre.
const ROOM_CM2: f64 = 4_000.0;
/// Width of the floor to its depth.
const WIDE_TO_DEEP: f64 = 1.2;
/// From the stage to the floor, and from the floor to the tables.
const SPACE_CM: i32 = 120;
/// Diameter of a table.
const TABLE_CM: u32 = 90;
/// From table to table.
const TABLE_PITCH_CM: i32 = 300;
/// From wheelchair to companion.
const WHEELCHAIR_PITCH_CM: i32 = 110;
/// Depth of the stage and of the bar.
const STAGE_CM: i32 = 400;
const BAR_CM: i32 = 150;

/// Standing room before the stage, tables behind it, and a bar; wheelchairs on both sides of the
/// floor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Club {
    /// People on the floor.
    pub standing: u32,
    /// Tables behind it.
    pub tables: u16,
    /// Chairs at each table.
    pub chairs_per_table: u16,
}

impl Default for Club {
    /// 600 on the floor, 96 at tables, 8 beside the floor.
    fn default() -> Self {
        Self {
            standing: 600,
            tables: 24,
            chairs_per_table: 4,
        }
    }
}

impl Club {
    pub(super) fn document(&self) -> Result<Document, Faults> {
        let mut numbers = Numbers::default();
        numbers.range("standing", self.standing, 50..=50_000);
        numbers.range("tables", u32::from(self.tables), 0..=1_000);
        numbers.range("chairs_per_table", u32::from(self.chairs_per_table), 2..=8);
        numbers.finish()?;

        let area = f64::from(self.standing) * ROOM_CM2;
        let half = rounded((area * WIDE_TO_DEEP).sqrt() / 2.0);
        let depth = rounded((area / WIDE_TO_DEEP).sqrt());
        let bottom = SPACE_CM + depth;
        let tables = self.tables(half, bottom);
        let end = tables.last().map_or(bottom, |table| table.at[1]);
        let bar = end + TABLE_PITCH_CM / 2 + SPACE_CM;
        let rectangle = |left: i32, top: i32, right: i32, bottom: i32| {
            vec![[left, top], [right, top], [right, bottom], [left, bottom]]
        };
        let stage_half = (half * 3 / 5).max(300);
        let mut sections = vec![Section {
            name: "Floor".to_owned(),
            standing: vec![Standing {
                name: "Floor".to_owned(),
                category: "floor".to_owned(),
                capacity: self.standing,
                shape: rectangle(-half, SPACE_CM, half, bottom),
            }],
            rows: vec![
                wheelchairs("W1", -half - SPACE_CM),
                wheelchairs("W2", half + SPACE_CM),
            ],
            ..Section::default()
        }];
        let mut categories = vec![
            category("floor", "Floor", "#5a8f5a"),
            category("side", "Beside the floor", "#3f6fa5"),
        ];
        if !tables.is_empty() {
            categories.push(category("table", "Table", "#d08b3e"));
            sections.push(Section {
                name: "Tables".to_owned(),
                tables,
                ..Section::default()
            });
        }
        Ok(Document {
            categories,
            stage: Some(Stage {
                name: "Stage".to_owned(),
                shape: rectangle(-stage_half, -STAGE_CM, stage_half, 0),
                focus: [0, 0],
                facing_degrees: Some(180),
            }),
            sections,
            fixtures: vec![Fixture {
                name: "Bar".to_owned(),
                shape: rectangle(-half * 2 / 3, bar, half * 2 / 3, bar + BAR_CM),
            }],
            ..Document::default()
        })
    }

    /// As many beside each other as the floor is wide, the last ones in the middle.
    fn tables(&self, half: i32, bottom: i32) -> Vec<Table> {
        let per_row = (2 * half / TABLE_PITCH_CM).max(1);
        let tables = i32::from(self.tables);
        (0..tables)
            .map(|number| {
                let (row, place) = (number / per_row, number % per_row);
                let in_row = (tables - row * per_row).min(per_row);
                let x = (2 * place + 1 - in_row) * TABLE_PITCH_CM / 2;
                let y = bottom + SPACE_CM + TABLE_PITCH_CM / 2 + row * TABLE_PITCH_CM;
                Table {
                    name: format!("T{}", number + 1),
                    category: Some("table".to_owned()),
                    rank: None,
                    at: [x, y],
                    shape: TableShape::Round,
                    size: [TABLE_CM; 2],
                    // Nobody sits with the back straight to the stage.
                    turn_degrees: 180 / self.chairs_per_table,
                    chairs: self.chairs_per_table,
                    numbering: Numbering::default(),
                    special: Vec::new(),
                }
            })
            .collect()
    }
}

/// Two wheelchairs with their companions between them, along the side of the floor.
fn wheelchairs(name: &str, x: i32) -> Row {
    let top = SPACE_CM + 50;
    let with = |seats: [&str; 2], flag: Flag| Special {
        seats: seats.map(str::to_owned).to_vec(),
        flags: vec![flag],
        ..Special::default()
    };
    Row {
        name: name.to_owned(),
        category: Some("side".to_owned()),
        line: Some(Line {
            from: [x, top],
            to: [x, top + 3 * WHEELCHAIR_PITCH_CM],
            rise: 0,
            seats: 4,
            numbering: Numbering::default(),
            gaps: Vec::new(),
        }),
        special: vec![
            with(["1", "4"], Flag::Wheelchair),
            with(["2", "3"], Flag::Companion),
        ],
        ..Row::default()
    }
}
