//! What a page draws: `onsale-chart/1`, the places of a show in columns, so that a hall of 20,000
//! seats is small on the wire and read in a few milliseconds. README.md says how to read it.
//!
//! The columns of `seats` have one number for each seat index of the show. Numbers that resemble the
//! one before them are written as differences, which compress well; flags are lists of the seats that
//! have them.

use serde::Serialize;

use crate::compile::{Compiled, Places, ZoneRow};
use crate::format::{Fixture, Flag, Point, Section, Stage, TableShape};
use crate::geometry::table_outline;
use crate::hall::{Address, Hall};
use crate::plan::PlanSeat;

/// A chart, encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chart {
    /// JSON. The same hall and assignment give the same bytes everywhere.
    pub json: Vec<u8>,
    /// Of these bytes.
    pub address: Address,
}

#[derive(Serialize)]
struct Body<'a> {
    format: &'static str,
    hall: String,
    name: &'a str,
    unit: &'static str,
    /// Left, top, right and bottom of all that is drawn.
    bounds: [i32; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'a Stage>,
    #[serde(skip_serializing_if = "is_empty")]
    fixtures: &'a [Fixture],
    categories: Vec<CategoryBody<'a>>,
    sections: Vec<&'a str>,
    zones: Vec<ZoneBody<'a>>,
    rows: RowColumns<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tables: Vec<TableBody>,
    seats: SeatColumns,
}

fn is_empty(fixtures: &&[Fixture]) -> bool {
    fixtures.is_empty()
}

#[derive(Serialize)]
struct CategoryBody<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<&'a str>,
}

#[derive(Serialize)]
struct ZoneBody<'a> {
    name: &'a str,
    #[serde(flatten)]
    places: PlacesBody<'a>,
}

#[derive(Serialize)]
#[serde(tag = "admission", rename_all = "lowercase")]
enum PlacesBody<'a> {
    /// How many of the rows and of the seats are its own; zones follow each other.
    Seated { rows: u32, seats: u32 },
    General {
        capacity: u32,
        areas: Vec<AreaBody<'a>>,
    },
}

#[derive(Serialize)]
struct AreaBody<'a> {
    name: &'a str,
    section: u16,
    capacity: u32,
    shape: &'a [Point],
}

#[derive(Serialize, Default)]
struct RowColumns<'a> {
    name: Vec<&'a str>,
    section: Vec<u16>,
    seats: Vec<u16>,
    labels: Vec<LabelsBody<'a>>,
}

/// `[first, step]`, or each label.
#[derive(Serialize)]
#[serde(untagged)]
enum LabelsBody<'a> {
    Steps([i64; 2]),
    Each(Vec<&'a str>),
}

#[derive(Serialize)]
struct TableBody {
    /// Its chairs are this row.
    row: u32,
    at: Point,
    shape: TableShape,
    size: [u32; 2],
    #[serde(skip_serializing_if = "is_zero")]
    turn_degrees: u16,
}

fn is_zero(value: &u16) -> bool {
    *value == 0
}

#[derive(Serialize, Default)]
struct SeatColumns {
    /// Differences to the seat before.
    x: Vec<i32>,
    y: Vec<i32>,
    rank: Vec<i32>,
    /// Category and how many seats in a row have it, again and again.
    category: Vec<u32>,
    /// Seat indexes, as differences.
    wheelchair: Vec<u32>,
    companion: Vec<u32>,
    restricted_view: Vec<u32>,
    aisle_before: Vec<u32>,
}

/// Encodes the chart of a hall as a show has it.
#[must_use]
pub fn encode(hall: &Hall, compiled: &Compiled) -> Chart {
    let document = hall.document();
    let plan = hall.plan();
    let seats: Vec<&PlanSeat> = compiled
        .seats
        .iter()
        .filter_map(|&seat| plan.seats.get(seat as usize))
        .collect();
    let body = Body {
        format: "onsale-chart/1",
        hall: hall.address().to_string(),
        name: &document.name,
        unit: "cm",
        bounds: bounds(hall),
        stage: document.stage.as_ref(),
        fixtures: &document.fixtures,
        categories: document
            .categories
            .iter()
            .map(|category| CategoryBody {
                id: &category.id,
                name: &category.name,
                color: category.color.as_deref(),
            })
            .collect(),
        sections: document
            .sections
            .iter()
            .map(|section| section.name.as_str())
            .collect(),
        zones: zones(hall, compiled),
        rows: row_columns(hall, compiled, &seats),
        tables: tables(hall, compiled),
        seats: seat_columns(&seats),
    };
    // No map with keys that are no texts is in it: all of it can be written.
    let json = serde_json::to_vec(&body).unwrap_or_default();
    Chart {
        address: Address::of(&json),
        json,
    }
}

fn rows(compiled: &Compiled) -> impl Iterator<Item = &ZoneRow> {
    compiled.zones.iter().flat_map(|zone| match &zone.places {
        Places::Seated { rows } => rows.as_slice(),
        Places::General { .. } => &[],
    })
}

fn zones<'a>(hall: &'a Hall, compiled: &'a Compiled) -> Vec<ZoneBody<'a>> {
    let document = hall.document();
    compiled
        .zones
        .iter()
        .enumerate()
        .map(|(number, zone)| ZoneBody {
            name: &zone.name,
            places: match &zone.places {
                Places::Seated { rows } => PlacesBody::Seated {
                    rows: u32::try_from(rows.len()).unwrap_or(u32::MAX),
                    seats: rows.iter().map(|row| u32::from(row.len())).sum(),
                },
                Places::General { capacity } => PlacesBody::General {
                    capacity: *capacity,
                    areas: hall
                        .plan()
                        .standing
                        .iter()
                        .filter(|area| {
                            let zone = compiled.zone_of_category.get(usize::from(area.category));
                            zone == Some(&Some(number))
                        })
                        .filter_map(|area| {
                            let section = document.sections.get(usize::from(area.section))?;
                            let standing = section.standing.get(area.number as usize)?;
                            Some(AreaBody {
                                name: &standing.name,
                                section: area.section,
                                capacity: area.capacity,
                                shape: &standing.shape,
                            })
                        })
                        .collect(),
                },
            },
        })
        .collect()
}

fn row_columns<'a>(
    hall: &'a Hall,
    compiled: &'a Compiled,
    seats: &[&'a PlanSeat],
) -> RowColumns<'a> {
    let mut columns = RowColumns::default();
    let mut first = 0;
    for row in rows(compiled) {
        let after = first + usize::from(row.len());
        let section = hall.plan().rows.get(row.row as usize);
        columns.name.push(&row.name);
        columns.section.push(section.map_or(0, |row| row.section));
        columns.seats.push(row.len());
        columns.labels.push(labels(&seats[first..after]));
        first = after;
    }
    columns
}

/// Most rows are numbered in equal steps, up or down.
fn labels<'a>(seats: &[&'a PlanSeat]) -> LabelsBody<'a> {
    let number = |seat: &PlanSeat| -> Option<i64> {
        let number: u32 = seat.label.parse().ok()?;
        // `03` is no number.
        (number.to_string() == *seat.label).then_some(i64::from(number))
    };
    let steps = || {
        let first = number(seats.first()?)?;
        let step = match seats.get(1) {
            Some(second) => number(second)? - first,
            None => 1,
        };
        let mut expected = first;
        for seat in seats {
            if number(seat)? != expected {
                return None;
            }
            expected += step;
        }
        Some([first, step])
    };
    match steps() {
        Some(steps) => LabelsBody::Steps(steps),
        None => LabelsBody::Each(seats.iter().map(|seat| seat.label.as_ref()).collect()),
    }
}

fn tables(hall: &Hall, compiled: &Compiled) -> Vec<TableBody> {
    (0u32..)
        .zip(rows(compiled))
        .filter_map(|(number, row)| {
            let row = hall.plan().rows.get(row.row as usize)?;
            let section: &Section = hall.document().sections.get(usize::from(row.section))?;
            let table = section.tables.get(row.number as usize)?;
            row.is_table.then_some(TableBody {
                row: number,
                at: table.at,
                shape: table.shape,
                size: table.size,
                turn_degrees: table.turn_degrees,
            })
        })
        .collect()
}

fn seat_columns(seats: &[&PlanSeat]) -> SeatColumns {
    let mut columns = SeatColumns::default();
    let mut last = ([0, 0], 0);
    let mut run: Option<(u16, u32)> = None;
    for seat in seats {
        columns.x.push(seat.at[0] - last.0[0]);
        columns.y.push(seat.at[1] - last.0[1]);
        columns.rank.push(i32::from(seat.rank) - last.1);
        last = (seat.at, i32::from(seat.rank));
        run = match run {
            Some((category, count)) if category == seat.category => Some((category, count + 1)),
            done => {
                columns.category.extend(
                    done.map(|(category, count)| [category.into(), count])
                        .into_iter()
                        .flatten(),
                );
                Some((seat.category, 1))
            }
        };
    }
    if let Some((category, count)) = run {
        columns.category.extend([u32::from(category), count]);
    }
    let with = |flag: Flag| {
        let mut last = 0;
        (0u32..)
            .zip(seats)
            .filter(|(_, seat)| seat.flags.has(flag))
            .map(|(index, _)| index - std::mem::replace(&mut last, index))
            .collect()
    };
    columns.wheelchair = with(Flag::Wheelchair);
    columns.companion = with(Flag::Companion);
    columns.restricted_view = with(Flag::RestrictedView);
    columns.aisle_before = with(Flag::AisleBefore);
    columns
}

/// Left, top, right and bottom of all that is drawn.
fn bounds(hall: &Hall) -> [i32; 4] {
    let document = hall.document();
    let mut bounds: Option<[i32; 4]> = None;
    let mut include = |&[x, y]: &Point| {
        let [left, top, right, bottom] = bounds.unwrap_or([x, y, x, y]);
        bounds = Some([left.min(x), top.min(y), right.max(x), bottom.max(y)]);
    };
    hall.plan().seats.iter().for_each(|seat| include(&seat.at));
    let stage = document.stage.iter().flat_map(|stage| &stage.shape);
    stage.for_each(&mut include);
    let fixtures = document.fixtures.iter().flat_map(|fixture| &fixture.shape);
    fixtures.for_each(&mut include);
    for section in &document.sections {
        let standing = section.standing.iter().flat_map(|area| &area.shape);
        standing.for_each(&mut include);
        let tables = section.tables.iter().flat_map(table_outline);
        tables.for_each(|point| include(&point));
    }
    bounds.unwrap_or_default()
}
