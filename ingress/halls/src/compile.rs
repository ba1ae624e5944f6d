//! What a show sells of a hall: its zones with rows and labels, as `POST /events/{id}/shows` takes
//! them, and which seat of the hall each seat index is.

use std::collections::{HashMap, HashSet};

use onsale_schemas::command::Admission;
use serde::{Deserialize, Serialize};

use crate::fault::{Faults, Findings, Spot};
use crate::format::Flag;
use crate::hall::Hall;
use crate::limits::{GENERAL_CAPACITY_MAX, NAME_MAX_CHARS, ROWS_PER_ZONE_MAX, ZONES_PER_SHOW_MAX};
use crate::plan::Plan;
use crate::text::{composed, cut, is_name};

/// Which category is sold in which price zone. Every category with places is named once.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The price zones, in the order that the show has them.
    pub zones: Vec<PriceZone>,
    /// Ids of categories whose places the show does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_for_sale: Vec<String>,
}

/// A price zone: seats or standing areas, not both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceZone {
    /// Its name, unique in the show.
    pub name: String,
    /// Ids of its categories.
    pub categories: Vec<String>,
}

impl Assignment {
    /// A price zone for each category of a hall that has places, under the category's name.
    #[must_use]
    pub fn by_category(hall: &Hall) -> Self {
        let used = places_of(hall);
        let mut names = HashSet::new();
        let zones = hall
            .document()
            .categories
            .iter()
            .zip(used)
            .filter(|(_, places)| places.seats + places.capacity > 0)
            .map(|(category, _)| {
                let name = &category.name;
                let is_new = names.insert(composed(name));
                PriceZone {
                    name: if is_new { name } else { &category.id }.clone(),
                    categories: vec![category.id.clone()],
                }
            })
            .collect();
        Self {
            zones,
            not_for_sale: Vec::new(),
        }
    }
}

/// A hall as a show has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compiled {
    /// The zones, with the indexes of the assignment.
    pub zones: Vec<Zone>,
    /// For each seat index of the show the seat's place in [`Plan::seats`].
    pub seats: Vec<u32>,
    /// The zone of each category of the hall.
    pub(crate) zone_of_category: Vec<Option<usize>>,
}

/// A zone of the layout. As JSON it is a zone of a new show but for its price.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// What it consists of.
    #[serde(flatten)]
    pub places: Places,
}

/// Places of a zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "admission", rename_all = "lowercase")]
pub enum Places {
    /// Named seats.
    Seated {
        /// Best row first.
        rows: Vec<ZoneRow>,
    },
    /// Places without a name.
    General {
        /// People.
        capacity: u32,
    },
}

/// A row of a zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ZoneRow {
    /// Its name with the section's prefix; with a seat's label it is `A-3`.
    pub name: String,
    /// Its seats.
    pub seats: Labels,
    /// Its place in [`Plan::rows`].
    #[serde(skip)]
    pub row: u32,
    /// Places in this row, from 1, between which and the one before there is an aisle or seats of
    /// another zone: those two are no neighbours.
    #[serde(skip)]
    pub breaks: Vec<u16>,
}

/// Labels of the seats of a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Labels {
    /// `1`, `2` and so on, up to this.
    Count(u16),
    /// One by one.
    Each(Vec<String>),
}

impl ZoneRow {
    /// How many seats.
    #[must_use]
    pub fn len(&self) -> u16 {
        match &self.seats {
            Labels::Count(count) => *count,
            Labels::Each(labels) => u16::try_from(labels.len()).unwrap_or(u16::MAX),
        }
    }

    /// Whether it has none. No row of a layout is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The label of a seat of this row, within the row.
    #[must_use]
    pub fn label(&self, place: u16) -> Option<String> {
        match &self.seats {
            Labels::Count(count) => (place < *count).then(|| (u32::from(place) + 1).to_string()),
            Labels::Each(labels) => labels.get(usize::from(place)).cloned(),
        }
    }
}

impl Zone {
    /// As the command that opens the show has it.
    #[must_use]
    pub fn admission(&self) -> Admission {
        match &self.places {
            Places::General { capacity } => Admission::General {
                capacity: *capacity,
            },
            Places::Seated { rows } => Admission::Seated {
                rows: rows.iter().map(ZoneRow::len).collect(),
            },
        }
    }
}

/// Makes the layout of a hall.
///
/// # Errors
/// With all that is wrong with the assignment, up to a bound.
pub fn compile(hall: &Hall, assignment: &Assignment) -> Result<Compiled, Faults> {
    let mut findings = Findings::default();
    let zone_of = zones_of_categories(hall, assignment, &mut findings);
    let kinds = kinds(hall, assignment, &zone_of, &mut findings);
    findings.finish()?;

    let mut rows = rows_by_zone(hall.plan(), &zone_of, assignment.zones.len());
    let mut findings = Findings::default();
    for (number, zone) in assignment.zones.iter().enumerate() {
        let count = rows[number].len();
        let spot = Spot::Zone((number, &zone.name));
        findings.require(count <= ROWS_PER_ZONE_MAX, spot, || {
            format!("{count} rows: at most {ROWS_PER_ZONE_MAX}; make two price zones of it")
        });
    }
    findings.finish()?;

    let mut seats = Vec::with_capacity(hall.plan().seats.len());
    let mut zones = Vec::with_capacity(assignment.zones.len());
    for ((zone, rows), kind) in assignment.zones.iter().zip(&mut rows).zip(kinds) {
        let places = match kind {
            Kind::General(capacity) => Places::General { capacity },
            Kind::Seated => {
                best_first(hall.plan(), rows);
                let rows = rows
                    .iter()
                    .map(|part| {
                        seats.extend_from_slice(&part.seats);
                        zone_row(hall.plan(), part)
                    })
                    .collect();
                Places::Seated { rows }
            }
        };
        zones.push(Zone {
            name: zone.name.clone(),
            places,
        });
    }
    Ok(Compiled {
        zones,
        seats,
        zone_of_category: zone_of,
    })
}

/// The zone of each category, where it has one.
fn zones_of_categories(
    hall: &Hall,
    assignment: &Assignment,
    findings: &mut Findings,
) -> Vec<Option<usize>> {
    let categories = &hall.document().categories;
    let index_of: HashMap<&str, usize> = categories
        .iter()
        .enumerate()
        .map(|(index, category)| (category.id.as_str(), index))
        .collect();
    let zones = assignment.zones.len();
    findings.require(
        (1..=ZONES_PER_SHOW_MAX).contains(&zones),
        Spot::Hall,
        || format!("{zones} price zones: 1 to {ZONES_PER_SHOW_MAX}"),
    );
    let mut zone_of = vec![None; categories.len()];
    let mut is_named = vec![false; categories.len()];
    let mut names = HashSet::new();
    let mut name = |id: &str, zone: Option<usize>, spot: Spot<'_>, findings: &mut Findings| {
        let Some(&index) = index_of.get(id) else {
            findings.add(spot, || {
                format!("category {:?}: the hall has none with this id", cut(id))
            });
            return;
        };
        let is_new = !std::mem::replace(&mut is_named[index], true);
        findings.require(is_new, spot, || {
            format!("category {}: assigned twice", cut(id))
        });
        zone_of[index] = zone;
    };
    for (number, zone) in assignment.zones.iter().enumerate().take(ZONES_PER_SHOW_MAX) {
        let spot = Spot::Zone((number, &zone.name));
        findings.require(is_name(&zone.name, NAME_MAX_CHARS), spot, || {
            format!(
                "name {:?}: 1 to {NAME_MAX_CHARS} characters in one line, among them a letter or \
                 digit, without space around them",
                cut(&zone.name)
            )
        });
        findings.require(names.insert(composed(&zone.name)), spot, || {
            "another price zone has this name".to_owned()
        });
        for id in &zone.categories {
            name(id, Some(number), spot, findings);
        }
    }
    for id in &assignment.not_for_sale {
        name(id, None, Spot::Hall, findings);
    }
    for ((number, category), places) in categories.iter().enumerate().zip(places_of(hall)) {
        let is_used = places.seats + places.capacity > 0;
        let spot = Spot::Category((number, &category.id));
        findings.require(!is_used || is_named[number], spot, || {
            let Count { seats, capacity } = places;
            format!(
                "{} places and no price zone: assign it to one, or say that it is not for sale",
                seats + capacity
            )
        });
    }
    zone_of
}

/// Places of a category.
#[derive(Clone, Copy, Default)]
struct Count {
    seats: u64,
    capacity: u64,
}

fn places_of(hall: &Hall) -> Vec<Count> {
    let mut counts = vec![Count::default(); hall.document().categories.len()];
    for seat in &hall.plan().seats {
        counts[usize::from(seat.category)].seats += 1;
    }
    for area in &hall.plan().standing {
        counts[usize::from(area.category)].capacity += u64::from(area.capacity);
    }
    counts
}

#[derive(Clone, Copy)]
enum Kind {
    Seated,
    General(u32),
}

/// Whether zones have seats or standing areas.
fn kinds(
    hall: &Hall,
    assignment: &Assignment,
    zone_of: &[Option<usize>],
    findings: &mut Findings,
) -> Vec<Kind> {
    let mut counts = vec![Count::default(); assignment.zones.len()];
    for (places, zone) in places_of(hall).into_iter().zip(zone_of) {
        if let Some(count) = zone.and_then(|zone| counts.get_mut(zone)) {
            count.seats += places.seats;
            count.capacity += places.capacity;
        }
    }
    assignment
        .zones
        .iter()
        .enumerate()
        .zip(counts)
        .map(|((number, zone), Count { seats, capacity })| {
            let spot = Spot::Zone((number, &zone.name));
            match (seats, capacity) {
                (0, 0) => findings.add(spot, || "no places: at least one".to_owned()),
                (1.., 1..) => findings.add(spot, || {
                    format!(
                        "{seats} seats and standing room for {capacity}: either is a price zone \
                         of its own"
                    )
                }),
                _ => {}
            }
            findings.require(capacity <= u64::from(GENERAL_CAPACITY_MAX), spot, || {
                format!("standing room for {capacity}: at most {GENERAL_CAPACITY_MAX}")
            });
            if capacity > 0 {
                Kind::General(u32::try_from(capacity).unwrap_or(u32::MAX))
            } else {
                Kind::Seated
            }
        })
        .collect()
}

/// The seats of one row of the hall that are in one zone.
struct Part {
    row: u32,
    seats: Vec<u32>,
    breaks: Vec<u16>,
}

fn rows_by_zone(plan: &Plan, zone_of: &[Option<usize>], zones: usize) -> Vec<Vec<Part>> {
    let mut parts: Vec<Vec<Part>> = (0..zones).map(|_| Vec::new()).collect();
    for (number, row) in (0u32..).zip(&plan.rows) {
        for place in row.seats() {
            let seat = &plan.seats[place];
            let Some(parts) =
                zone_of[usize::from(seat.category)].and_then(|zone| parts.get_mut(zone))
            else {
                continue;
            };
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            match parts.last_mut() {
                Some(part) if part.row == number => {
                    let is_next = part.seats.last().is_some_and(|last| last + 1 == place);
                    if !is_next || seat.flags.has(Flag::AisleBefore) {
                        let length = u16::try_from(part.seats.len()).unwrap_or(u16::MAX);
                        part.breaks.push(length);
                    }
                    part.seats.push(place);
                }
                _ => parts.push(Part {
                    row: number,
                    seats: vec![place],
                    breaks: Vec::new(),
                }),
            }
        }
    }
    parts
}

/// Sorts rows by the mean rank of their seats; equal ones stay as they are described.
fn best_first(plan: &Plan, rows: &mut [Part]) {
    rows.sort_by_cached_key(|part| {
        let sum: u64 = part
            .seats
            .iter()
            .map(|&seat| u64::from(plan.seats[seat as usize].rank))
            .sum();
        // A thousandth of a rank is as fine as a mean needs to be.
        sum * 1_000 / part.seats.len().max(1) as u64
    });
}

fn zone_row(plan: &Plan, part: &Part) -> ZoneRow {
    let label = |seat: u32| plan.seats[seat as usize].label.as_ref();
    let is_plain = (1u32..)
        .zip(&part.seats)
        .all(|(number, &seat)| label(seat) == number.to_string());
    let seats = if is_plain {
        Labels::Count(u16::try_from(part.seats.len()).unwrap_or(u16::MAX))
    } else {
        Labels::Each(
            part.seats
                .iter()
                .map(|&seat| label(seat).to_owned())
                .collect(),
        )
    };
    ZoneRow {
        name: plan.rows[part.row as usize].label.clone(),
        seats,
        row: part.row,
        breaks: part.breaks.clone(),
    }
}
