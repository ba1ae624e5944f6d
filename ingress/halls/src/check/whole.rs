//! What holds for all rows together.

use std::collections::HashMap;

use super::Checker;
use crate::fault::Spot;
use crate::format::{Document, Flag, Point};
use crate::plan::PlanRow;
use crate::sight;

impl<'a> Checker<'a> {
    pub(super) fn whole(&mut self, document: &'a Document) {
        if self.plan.seats.is_empty() && self.plan.standing.is_empty() {
            let is_empty = self.findings.is_empty();
            self.findings.require(!is_empty, Spot::Hall, || {
                "no seats and no standing areas: at least one".to_owned()
            });
            return;
        }
        self.row_labels(document);
        self.places(document);
        self.companions(document);
        self.ranks(document);
    }

    fn row_labels(&mut self, document: &'a Document) {
        let mut row_of: HashMap<&str, &PlanRow> = HashMap::with_capacity(self.plan.rows.len());
        for row in &self.plan.rows {
            let Some(other) = row_of.insert(&row.label, row) else {
                continue;
            };
            self.findings.add(spot_of(document, row), || {
                let kind = if other.is_table { "table" } else { "row" };
                if other.section == row.section {
                    return format!("its section has another {kind} of this name");
                }
                let section = &document.sections[usize::from(other.section)];
                format!(
                    "section {} has a {kind} with the label {}: give one of the sections a prefix",
                    crate::text::cut(&section.name),
                    row.label
                )
            });
        }
    }

    fn places(&mut self, document: &'a Document) {
        let mut seat_at: HashMap<Point, usize> = HashMap::with_capacity(self.plan.seats.len());
        for (number, seat) in self.plan.seats.iter().enumerate() {
            let Some(other) = seat_at.insert(seat.at, number) else {
                continue;
            };
            let (Some(row), Some(other_row)) = (self.plan.row_of(number), self.plan.row_of(other))
            else {
                continue;
            };
            let other = &self.plan.seats[other];
            self.findings.add(spot_of(document, row), || {
                let [x, y] = seat.at;
                format!(
                    "seat {} stands where seat {}-{} stands, at [{x}, {y}]",
                    seat.label, other_row.label, other.label
                )
            });
        }
    }

    fn companions(&mut self, document: &'a Document) {
        let mut companion = None;
        let mut has_wheelchair = false;
        for (number, seat) in self.plan.seats.iter().enumerate() {
            let is_wheelchair = seat.flags.has(Flag::Wheelchair);
            has_wheelchair |= is_wheelchair;
            if !seat.flags.has(Flag::Companion) {
                continue;
            }
            companion.get_or_insert(number);
            if is_wheelchair && let Some(row) = self.plan.row_of(number) {
                self.findings.add(spot_of(document, row), || {
                    format!("seat {}: either wheelchair or companion", seat.label)
                });
            }
        }
        if let Some(companion) = companion
            && !has_wheelchair
            && let Some(row) = self.plan.row_of(companion)
        {
            self.findings.add(spot_of(document, row), || {
                let label = &self.plan.seats[companion].label;
                format!("companion seat {label} in a hall without wheelchair seats")
            });
        }
    }

    fn ranks(&mut self, document: &'a Document) {
        match (self.ranks.is_given, self.ranks.missing) {
            (true, Some(row)) => {
                let spot = spot_of(document, &self.plan.rows[row]);
                self.findings.add(spot, || {
                    "seats without a rank, while others have one: all of a hall or none".to_owned()
                });
            }
            (false, _) => sight::rank(document.stage.as_ref(), &mut self.plan),
            (true, None) => {}
        }
    }
}

/// Where a row is described.
fn spot_of<'a>(document: &'a Document, row: &PlanRow) -> Spot<'a> {
    let number = usize::from(row.section);
    let section = &document.sections[number];
    let place = row.number as usize;
    if row.is_table {
        Spot::Table(
            (number, &section.name),
            (place, &section.tables[place].name),
        )
    } else {
        Spot::Row((number, &section.name), (place, &section.rows[place].name))
    }
}
