//! A theatre: stalls and a balcony in curved rows.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::rows::{Fan, PITCH_CM, in_blocks, thin_out};
use super::{GENERATED_SEATS_MAX, Numbers, category};
use crate::fault::Faults;
use crate::format::{Document, Flag, Line, Row, Section, Special, Stage};
use crate::geometry::{Path, rounded};
use crate::numbering::Style;
use crate::sight::seen_from;

/// From the front of the stage back to the centre of all rows.
const CENTRE_CM: f64 = 1_400.0;
/// From the front of the stage to the first row.
const PIT_CM: f64 = 350.0;
/// From row to row.
const ROW_CM: f64 = 95.0;
/// From the rows' axis to their ends, in radians.
const HALF_ANGLE: f64 = 24.0 / 180.0 * PI;
/// How much wider an aisle is than two seats are apart.
const AISLE_CM: u32 = 110;
/// From the last row of the stalls to the first of the balcony, which hangs above them: on the plan
/// it is drawn behind.
const BALCONY_CM: f64 = 330.0;
/// From the last row of the stalls to the wheelchairs.
const WHEELCHAIRS_CM: f64 = 160.0;
/// From wheelchair to companion and from pair to pair.
const WHEELCHAIR_PITCH_CM: f64 = 110.0;
/// Who sees the stage at an angle with a smaller cosine does not see all of it.
const RESTRICTED_BELOW_COSINE: f64 = 0.5;

/// Stalls and balcony in curved rows, with aisles, and wheelchairs behind the stalls.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Theatre {
    /// Seats of the stalls, without those for wheelchairs and companions.
    pub stalls_seats: u32,
    /// Seats of the balcony, or 0.
    pub balcony_seats: u32,
    /// Aisles through the stalls: an even number.
    pub stalls_aisles: u16,
    /// Aisles through the balcony: an even number.
    pub balcony_aisles: u16,
    /// Places for a wheelchair, each with one for a companion: an even number.
    pub wheelchairs: u16,
}

impl Default for Theatre {
    /// 1,500 seats.
    fn default() -> Self {
        Self {
            stalls_seats: 928,
            balcony_seats: 560,
            stalls_aisles: 2,
            balcony_aisles: 4,
            wheelchairs: 6,
        }
    }
}

impl Theatre {
    pub(super) fn document(&self) -> Result<Document, Faults> {
        self.check()?;
        let stage = stage();
        let radius = CENTRE_CM + PIT_CM;
        let (mut stalls, last) = tier(&stage, self.stalls_seats, self.stalls_aisles, radius);
        let premium = stalls.len().div_ceil(3);
        for (number, row) in stalls.iter_mut().enumerate() {
            let id = if number < premium {
                "premium"
            } else {
                "stalls"
            };
            row.category = Some(id.to_owned());
        }
        let mut next = last + BALCONY_CM;
        if self.wheelchairs > 0 {
            stalls.push(wheelchairs(last + WHEELCHAIRS_CM, self.wheelchairs));
            next += WHEELCHAIRS_CM;
        }
        let mut sections = vec![Section {
            name: "Stalls".to_owned(),
            rows: stalls,
            ..Section::default()
        }];
        let mut categories = vec![
            category("premium", "Premium stalls", "#b5483a"),
            category("stalls", "Stalls", "#d08b3e"),
        ];
        if self.balcony_seats > 0 {
            let (mut rows, _) = tier(&stage, self.balcony_seats, self.balcony_aisles, next);
            for row in &mut rows {
                row.category = Some("balcony".to_owned());
            }
            categories.push(category("balcony", "Balcony", "#3f6fa5"));
            sections.push(Section {
                name: "Balcony".to_owned(),
                prefix: "Balcony".to_owned(),
                rows,
                ..Section::default()
            });
        }
        Ok(Document {
            categories,
            stage: Some(stage),
            sections,
            ..Document::default()
        })
    }

    fn check(&self) -> Result<(), Faults> {
        let mut numbers = Numbers::default();
        let max = GENERATED_SEATS_MAX / 2;
        numbers.range("stalls_seats", self.stalls_seats, 20..=max);
        if self.balcony_seats > 0 {
            numbers.range("balcony_seats", self.balcony_seats, 20..=max);
        }
        for (name, aisles) in [
            ("stalls_aisles", self.stalls_aisles),
            ("balcony_aisles", self.balcony_aisles),
        ] {
            numbers.range(name, u32::from(aisles), 0..=6);
            numbers.require(aisles.is_multiple_of(2), || {
                format!("{name} {aisles}: an even number, so that both sides are alike")
            });
        }
        // As many as stand behind a small theatre's stalls.
        numbers.range("wheelchairs", u32::from(self.wheelchairs), 0..=6);
        numbers.require(self.wheelchairs.is_multiple_of(2), || {
            let wheelchairs = self.wheelchairs;
            format!("wheelchairs {wheelchairs}: an even number, so that both sides are alike")
        });
        numbers.finish()
    }
}

fn stage() -> Stage {
    Stage {
        name: "Stage".to_owned(),
        shape: vec![[-620, -700], [620, -700], [760, -80], [0, 0], [-760, -80]],
        focus: [0, 0],
        facing_degrees: Some(180),
    }
}

const FAN: Fan = Fan {
    centre: [0.0, -CENTRE_CM],
    axis: PI,
};

/// Rows until there are enough seats, and the radius of the last. All blocks of a row have as many
/// seats, so that aisles are straight, but in one row where the number does not allow it.
fn tier(stage: &Stage, seats: u32, aisles: u16, first: f64) -> (Vec<Row>, f64) {
    let blocks = aisles + 1;
    let gaps = f64::from(AISLE_CM) * f64::from(aisles);
    let length = |radius: f64| 2.0 * HALF_ANGLE * radius;
    let each = seats / u32::from(blocks);
    let rest = u16::try_from(seats % u32::from(blocks)).unwrap_or(0);
    let mut room = Vec::new();
    let mut sum = 0;
    let mut radius = first;
    while sum < each + u32::from(rest > 0) {
        let fit = (length(radius) - gaps) / PITCH_CM + 1.0;
        let fit = rounded((fit / f64::from(blocks)).floor());
        let fit = u16::try_from(fit).unwrap_or(0).max(1);
        room.push(fit);
        sum += u32::from(fit);
        radius += ROW_CM;
    }
    let in_block = thin_out(&room, each);
    let odd_one = if rest > 0 {
        in_block
            .iter()
            .zip(&room)
            .rposition(|(seats, room)| seats < room)
    } else {
        None
    };
    let mut radius = first - ROW_CM;
    let rows = in_block
        .iter()
        .enumerate()
        .map(|(number, in_block)| {
            let more = if odd_one == Some(number) { rest } else { 0 };
            in_block * blocks + more
        })
        .filter(|seats| *seats > 0)
        .zip(1u64..)
        .map(|(seats, number)| {
            radius += ROW_CM;
            let blocks = in_blocks(seats, blocks);
            let line = FAN.row(radius, length(radius), &blocks, AISLE_CM);
            Row {
                name: Style::Letters.write(number),
                special: restricted(stage, &line),
                line: Some(line),
                ..Row::default()
            }
        })
        .collect();
    (rows, radius)
}

/// The seats of a row that look at the stage from the side.
fn restricted(stage: &Stage, line: &Line) -> Vec<Special> {
    let places = Path::new(line).seats(line.seats, &line.gaps);
    let seats: Vec<String> = line
        .numbering
        .labels(line.seats)
        .zip(places)
        .filter(|(_, at)| {
            let (_, cosine) = seen_from(stage, *at);
            cosine.is_some_and(|cosine| cosine < RESTRICTED_BELOW_COSINE)
        })
        .map(|(label, _)| label)
        .collect();
    if seats.is_empty() {
        return Vec::new();
    }
    vec![Special {
        seats,
        flags: vec![Flag::RestrictedView],
        ..Special::default()
    }]
}

/// Wheelchairs outside of their companions on either side of the axis.
fn wheelchairs(radius: f64, wheelchairs: u16) -> Row {
    let seats = 2 * wheelchairs;
    let length = f64::from(seats - 1) * WHEELCHAIR_PITCH_CM;
    let with = |is_companion: bool, flag: Flag| Special {
        seats: (0..seats)
            .filter(|seat| {
                let from_outside = (*seat).min(seats - 1 - seat);
                (from_outside % 2 == 1) == is_companion
            })
            .map(|seat| (seat + 1).to_string())
            .collect(),
        flags: vec![flag],
        ..Special::default()
    };
    Row {
        // Rows of letters come to this only after 500.
        name: "WH".to_owned(),
        category: Some("stalls".to_owned()),
        line: Some(FAN.row(radius, length, &[seats], 0)),
        special: vec![with(false, Flag::Wheelchair), with(true, Flag::Companion)],
        ..Row::default()
    }
}
