//! Zones with their rows and seats.

use std::collections::{HashMap, HashSet};

use super::Notes;
use super::file::{Plan, Position, Row as PlanRow, Seat as PlanSeat, Zone};
use crate::format::{Flag, Row, Seat, Section};
use crate::geometry::point;
use crate::limits::{ROW_LABEL_MAX_CHARS, SEAT_LABEL_MAX_CHARS};
use crate::prefixes::words;
use crate::text::{composed, cut, is_row_label, is_seat_label};

/// Neighbours that are farther apart than the row's usual distance times this have an aisle between
/// them.
const AISLE_FACTOR: f64 = 1.6;

/// Where a seat is: positions are relative to the row's, and those to the zone's.
pub(super) fn absolute(zone: &Zone, row: &PlanRow, seat: &PlanSeat) -> [f64; 2] {
    let of = |position: Position| [position.x, position.y];
    let parts = [of(zone.position), of(row.position), of(seat.position)];
    [0, 1].map(|axis| parts.iter().map(|part| part[axis]).sum())
}

/// The usual distance of neighbours in all rows, in units of the plan.
pub(super) fn pitch(plan: &Plan) -> Option<f64> {
    median(
        plan.zones
            .iter()
            .flat_map(|zone| &zone.rows)
            .flat_map(distances)
            .collect(),
    )
}

fn distances(row: &PlanRow) -> impl Iterator<Item = f64> {
    row.seats
        .iter()
        .zip(row.seats.iter().skip(1))
        .map(|(a, b)| {
            let [x, y] = [b.position.x - a.position.x, b.position.y - a.position.y];
            (x * x + y * y).sqrt()
        })
}

fn median(mut distances: Vec<f64>) -> Option<f64> {
    let middle = distances.len().checked_sub(1)? / 2;
    let (_, median, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
    (*median > 0.0).then_some(*median)
}

pub(super) fn sections(plan: &Plan, scale: f64, notes: &mut Notes) -> Vec<Section> {
    let mut names = HashSet::new();
    plan.zones
        .iter()
        .enumerate()
        .map(|(number, zone)| {
            let given = zone.name.as_deref().map_or("", str::trim);
            let mut name = if given.is_empty() {
                format!("Zone {}", number + 1)
            } else {
                given.to_owned()
            };
            if !names.insert(composed(&name).into_owned()) {
                name = format!("{name} ({})", number + 1);
                names.insert(composed(&name).into_owned());
            }
            let rows = rows(zone, &name, scale, notes);
            Section {
                name,
                rows,
                ..Section::default()
            }
        })
        .collect()
}

/// Rows of one number in one zone are one row with an aisle, as the two halves of it are drawn.
fn rows(zone: &Zone, section: &str, scale: f64, notes: &mut Notes) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(zone.rows.len());
    let mut row_of: HashMap<String, usize> = HashMap::new();
    for (number, row) in zone.rows.iter().enumerate() {
        if row.seats.is_empty() {
            notes.add(|| {
                let name = cut(&row.row_number);
                format!("zone {}, row {name}: without seats, left out", cut(section))
            });
            continue;
        }
        let name = row_name(number, row, section, notes);
        let seats = seats(zone, row, section, scale, notes);
        match row_of.get(composed(&name).as_ref()) {
            Some(&known) => {
                notes.add(|| {
                    let section = cut(section);
                    format!("zone {section}: two rows {name} are one row with an aisle")
                });
                let first = rows[known].seats.len();
                rows[known].seats.extend(seats);
                rows[known].seats[first].flags = vec![Flag::AisleBefore];
            }
            None => {
                row_of.insert(composed(&name).into_owned(), rows.len());
                rows.push(Row {
                    name,
                    seats,
                    ..Row::default()
                });
            }
        }
    }
    rows
}

fn row_name(number: usize, row: &PlanRow, section: &str, notes: &mut Notes) -> String {
    let given = row.row_number.trim();
    if is_row_label(given, ROW_LABEL_MAX_CHARS) {
        return given.to_owned();
    }
    let plain = words(given).join(" ");
    let name = if is_row_label(&plain, ROW_LABEL_MAX_CHARS) {
        plain
    } else {
        format!("R{}", number + 1)
    };
    notes.add(|| {
        let (section, given) = (cut(section), cut(given));
        format!("zone {section}: row {given:?} is called {name}")
    });
    name
}

fn seats(zone: &Zone, row: &PlanRow, section: &str, scale: f64, notes: &mut Notes) -> Vec<Seat> {
    let usual = median(distances(row).collect());
    let mut distances = distances(row);
    row.seats
        .iter()
        .enumerate()
        .map(|(number, seat)| {
            let [x, y] = absolute(zone, row, seat);
            let is_apart = number > 0
                && distances
                    .next()
                    .zip(usual)
                    .is_some_and(|(distance, usual)| distance > usual * AISLE_FACTOR);
            let given = seat.seat_number.trim();
            let label = if is_seat_label(given, SEAT_LABEL_MAX_CHARS) {
                given.to_owned()
            } else {
                // What is still no label, the check refuses by name.
                let label = words(given).concat();
                notes.add(|| {
                    let (section, row) = (cut(section), cut(&row.row_number));
                    let given = cut(given);
                    format!("zone {section}, row {row}: seat {given:?} is called {label}")
                });
                label
            };
            Seat {
                label,
                at: point(x * scale, y * scale),
                category: Some(seat.category.trim().to_owned()),
                rank: None,
                flags: if is_apart {
                    vec![Flag::AisleBefore]
                } else {
                    Vec::new()
                },
            }
        })
        .collect()
}
