//! Halls from pretix' public seating-plan format. README.md says what becomes of what.

mod areas;
mod file;
mod seats;

use crate::fault::{Faults, Findings, Spot};
use crate::format::{Category, Document};
use crate::hall::{HallError, read_json};
use crate::limits::NOTES_MAX;
use crate::prefixes::give_prefixes;
use file::Plan;

/// Distance of neighbours in a row that a plan's most common distance is taken for, in centimetres.
const PITCH_CM: f64 = 55.0;
/// Farthest coordinate that is computed with, in the plan's units.
const COORDINATE_MAX: f64 = 1e7;

/// How a plan is read.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Options {
    /// Centimetres to one unit of the plan, above 0. Plans do not say it; without it the most common
    /// distance of neighbours is taken for 55 cm.
    pub cm_per_unit: Option<f64>,
}

/// A plan that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// The hall. [`crate::Hall::new`] checks it.
    pub document: Document,
    /// What became of what has no counterpart, for a person to look at; at most
    /// [`crate::limits::NOTES_MAX`].
    pub notes: Vec<String>,
    /// How many notes there are beyond these.
    pub more_notes: u64,
}

/// Gathers notes.
#[derive(Default)]
struct Notes {
    listed: Vec<String>,
    more: u64,
}

impl Notes {
    fn add(&mut self, note: impl FnOnce() -> String) {
        if self.listed.len() < NOTES_MAX {
            self.listed.push(note());
        } else {
            self.more += 1;
        }
    }
}

/// Reads a plan. The result is not checked as a whole: [`crate::Hall::new`] does that.
///
/// # Errors
/// When it is too large or not of that form, with the place; or with what cannot be placed.
pub fn import(json: &[u8], options: Options) -> Result<Imported, HallError> {
    let plan: Plan = read_json(json)?;
    let scale = scale(&plan, options)?;
    let mut notes = Notes::default();
    let mut document = Document {
        name: plan.name.trim().to_owned(),
        categories: plan
            .categories
            .iter()
            .map(|category| Category {
                id: category.name.trim().to_owned(),
                name: category.name.trim().to_owned(),
                color: category.color.as_deref().and_then(areas::color),
            })
            .collect(),
        ..Document::default()
    };
    document.sections = seats::sections(&plan, scale, &mut notes);
    areas::add(&plan, scale, &mut document, &mut notes);
    for section in give_prefixes(&mut document) {
        let section = &document.sections[section];
        notes.add(|| {
            format!(
                "zone {}: its rows have the prefix {}, because another zone has rows of the same name",
                section.name, section.prefix
            )
        });
    }
    Ok(Imported {
        document,
        notes: notes.listed,
        more_notes: notes.more,
    })
}

/// Centimetres to one unit, after all coordinates were seen to be possible.
fn scale(plan: &Plan, options: Options) -> Result<f64, Faults> {
    let mut findings = Findings::default();
    for (number, zone) in plan.zones.iter().enumerate() {
        let name = zone.name.as_deref().unwrap_or_default();
        let rows = zone.rows.iter().enumerate();
        let far = rows.filter_map(|(row_number, row)| {
            let is_far = row
                .seats
                .iter()
                .any(|seat| !is_near(seats::absolute(zone, row, seat)));
            is_far.then_some((row_number, row.row_number.as_str()))
        });
        for row in far {
            findings.add(Spot::Row((number, name), row), || {
                format!("a seat farther than {COORDINATE_MAX} units from the origin")
            });
        }
    }
    let given = options.cm_per_unit;
    let is_possible = given.is_none_or(|scale| scale > 0.0 && scale <= 1_000.0);
    findings.require(is_possible, Spot::Hall, || {
        "centimetres to one unit: above 0, at most 1000".to_owned()
    });
    findings.finish()?;
    Ok(given.unwrap_or_else(|| {
        let pitch = seats::pitch(plan);
        pitch.map_or(1.0, |pitch| PITCH_CM / pitch)
    }))
}

fn is_near(at: [f64; 2]) -> bool {
    at.iter().all(|part| part.abs() <= COORDINATE_MAX)
}
