//! Areas: one that is called a stage is the stage, the others are fixtures.

use std::f64::consts::TAU;

use super::file::{Area, Plan, Position};
use super::{Notes, is_near};
use crate::format::{Document, Fixture, Point, Stage};
use crate::geometry::{ellipse, encloses, is_within, point, sin_cos, turned};
use crate::limits::{AREAS_MAX, NAME_MAX_CHARS, POLYGON_POINTS_MAX};
use crate::text::{cut, is_name};

/// Words for what people look at, in lower case.
const STAGE_WORDS: &[&str] = &[
    "stage",
    "bühne",
    "scène",
    "escenario",
    "palco",
    "podium",
    "เวที",
];

/// A color in the form of a hall's; none where it is written otherwise.
pub(super) fn color(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix('#')?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    match digits.len() {
        6 => Some(format!("#{digits}")),
        3 => Some(digits.chars().fold("#".to_owned(), |mut color, digit| {
            color.extend([digit, digit]);
            color
        })),
        _ => None,
    }
}

pub(super) fn add(plan: &Plan, scale: f64, document: &mut Document, notes: &mut Notes) {
    let mut number = 0;
    for zone in &plan.zones {
        for area in &zone.areas {
            number += 1;
            let text = area.text.as_ref().map_or("", |text| text.as_str().trim());
            let Some(shape) = outline(zone.position, area, scale) else {
                notes.add(|| {
                    format!(
                        "area {number} {:?}: not a shape that is drawn, left out",
                        cut(text)
                    )
                });
                continue;
            };
            if document.fixtures.len() == AREAS_MAX {
                notes.add(|| format!("area {number}: the hall has {AREAS_MAX}, left out"));
                continue;
            }
            let name = if is_name(text, NAME_MAX_CHARS) {
                text.to_owned()
            } else {
                format!("Area {number}")
            };
            let lower = name.to_lowercase();
            let is_stage = STAGE_WORDS.iter().any(|word| lower.contains(word));
            if is_stage && document.stage.is_none() {
                document.stage = Some(stage(document, name, shape));
            } else {
                document.fixtures.push(Fixture { name, shape });
            }
        }
    }
    if document.stage.is_none() {
        notes.add(|| {
            "no area is called a stage: rows are ranked in the order in which they stand".to_owned()
        });
    }
}

fn outline(zone: Position, area: &Area, scale: f64) -> Option<Vec<Point>> {
    let at = [zone.x + area.position.x, zone.y + area.position.y];
    if !is_near(at) || !area.rotation.is_finite() {
        return None;
    }
    let at = at.map(|part| part * scale);
    let turn = area.rotation.rem_euclid(360.0) / 360.0 * TAU;
    let rectangle = |width: f64, height: f64| {
        is_near([width, height])
            .then(|| turned(at, turn, [0.0, 0.0, width * scale, height * scale]))
    };
    let round = |x: f64, y: f64| is_near([x, y]).then(|| ellipse(at, [x * scale, y * scale], turn));
    let shape = match area.shape.as_deref() {
        Some("polygon") => {
            let points = &area.polygon.as_ref()?.points;
            if points.len() > POLYGON_POINTS_MAX {
                return None;
            }
            let (sine, cosine) = sin_cos(turn);
            points
                .iter()
                .map(|&Position { x, y }| {
                    is_near([x, y]).then(|| {
                        let [x, y] = [x * scale, y * scale];
                        point(at[0] + x * cosine - y * sine, at[1] + x * sine + y * cosine)
                    })
                })
                .collect()
        }
        Some("rectangle") => {
            let size = area.rectangle.as_ref()?;
            rectangle(size.width, size.height)
        }
        Some("ellipse") => {
            let radius = area.ellipse.as_ref()?.radius;
            round(radius.x, radius.y)
        }
        Some("circle") => {
            let radius = area.circle.as_ref()?.radius;
            round(radius, radius)
        }
        None => rectangle(area.width?, area.height?),
        Some(_) => None,
    }?;
    is_drawn(&shape).then_some(shape)
}

/// Whether it encloses something within reach.
fn is_drawn(shape: &[Point]) -> bool {
    shape.len() >= 3 && shape.iter().all(|point| is_within(*point)) && encloses(shape)
}

/// A stage that faces the middle of all seats, or all around when that lies on it.
fn stage(document: &Document, name: String, shape: Vec<Point>) -> Stage {
    let [left, top, right, bottom] = shape.iter().fold(
        [i32::MAX, i32::MAX, i32::MIN, i32::MIN],
        |[left, top, right, bottom], &[x, y]| {
            [left.min(x), top.min(y), right.max(x), bottom.max(y)]
        },
    );
    let middle = [i32::midpoint(left, right), i32::midpoint(top, bottom)];
    let mut count = 0i64;
    let mut sum = [0i64; 2];
    for seat in document
        .sections
        .iter()
        .flat_map(|section| &section.rows)
        .flat_map(|row| &row.seats)
    {
        count += 1;
        sum = [0, 1].map(|axis| sum[axis] + i64::from(seat.at[axis]));
    }
    let audience = sum.map(|sum| sum / count.max(1));
    let is_on_it = (i64::from(left)..=i64::from(right)).contains(&audience[0])
        && (i64::from(top)..=i64::from(bottom)).contains(&audience[1]);
    if count == 0 || is_on_it {
        return Stage {
            name,
            shape,
            focus: middle,
            facing_degrees: None,
        };
    }
    let [x, y] = [0, 1].map(|axis| audience[axis] - i64::from(middle[axis]));
    let (focus, facing) = match (x.abs() > y.abs(), x > 0, y > 0) {
        (true, true, _) => ([right, middle[1]], 90),
        (true, false, _) => ([left, middle[1]], 270),
        (false, _, true) => ([middle[0], bottom], 180),
        (false, _, false) => ([middle[0], top], 0),
    };
    Stage {
        name,
        shape,
        focus,
        facing_degrees: Some(facing),
    }
}
