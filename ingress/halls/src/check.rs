//! What is right about a hall, and its seats. Each description is walked once: the time grows with
//! its length and with the number of its seats, which are counted before any is placed.

mod outline;
mod seats;
mod whole;

use std::collections::{HashMap, HashSet};

use crate::fault::{Faults, Findings, Part, Spot};
use crate::format::{Document, Section};
use crate::limits::{
    AREAS_MAX, CATEGORIES_MAX, CATEGORY_ID_MAX_CHARS, GENERAL_CAPACITY_MAX, NAME_MAX_CHARS,
    ROW_LABEL_MAX_CHARS, ROWS_MAX, SEATS_PER_SHOW_MAX, SECTIONS_MAX,
};
use crate::plan::{Plan, PlanArea, PlanRow};
use crate::text::{composed, cut, is_name, is_row_label};

/// The seats of a document.
///
/// # Errors
/// With what is wrong.
pub(crate) fn check(document: &Document) -> Result<Plan, Faults> {
    let mut findings = Findings::default();
    counts(document, &mut findings);
    // What is too much is not looked at any closer.
    if !findings.is_empty() {
        return findings.finish().map(|()| Plan::default());
    }
    let mut checker = Checker {
        categories: HashMap::new(),
        findings,
        plan: Plan::default(),
        ranks: Ranks::default(),
    };
    checker.header(document);
    let mut names = HashSet::new();
    for (number, section) in document.sections.iter().enumerate() {
        let part = (number, section.name.as_str());
        let is_new = names.insert(composed(&section.name));
        checker.findings.require(is_new, Spot::Section(part), || {
            "another section has this name".to_owned()
        });
        checker.section(part, section);
    }
    checker.whole(document);
    checker.findings.finish()?;
    Ok(checker.plan)
}

/// Refuses more than a hall may have of anything.
fn counts(document: &Document, findings: &mut Findings) {
    let mut limit = |what: &str, there_are: u64, max: u64| {
        findings.require(there_are <= max, Spot::Hall, || {
            format!("{there_are} {what}: there are at most {max}")
        });
    };
    let sections = &document.sections;
    let sum = |count: fn(&Section) -> usize| sections.iter().map(count).sum::<usize>() as u64;
    limit("sections", sections.len() as u64, SECTIONS_MAX as u64);
    let categories = document.categories.len() as u64;
    limit("categories", categories, CATEGORIES_MAX as u64);
    let rows = sum(|section| section.rows.len() + section.tables.len());
    limit("rows and tables", rows, ROWS_MAX as u64);
    let areas = sum(|section| section.standing.len()) + document.fixtures.len() as u64;
    limit("standing areas and fixtures", areas, AREAS_MAX as u64);
    let seats = sum(|section| {
        let of_rows = section.rows.iter().map(|row| {
            let on_line = row.line.as_ref().map_or(0, |line| usize::from(line.seats));
            on_line + row.seats.len()
        });
        let of_tables = section.tables.iter().map(|table| usize::from(table.chairs));
        of_rows.sum::<usize>() + of_tables.sum::<usize>()
    });
    limit("seats", seats, u64::from(SEATS_PER_SHOW_MAX));
}

/// Whether seats say their rank: all do or none.
#[derive(Default)]
struct Ranks {
    is_given: bool,
    /// A row without.
    missing: Option<usize>,
}

struct Checker<'a> {
    /// Categories by their ids.
    categories: HashMap<&'a str, u16>,
    findings: Findings,
    plan: Plan,
    ranks: Ranks,
}

impl<'a> Checker<'a> {
    fn name(&mut self, name: &str, spot: Spot<'_>) {
        self.findings
            .require(is_name(name, NAME_MAX_CHARS), spot, || {
                format!(
                    "name {:?}: 1 to {NAME_MAX_CHARS} characters in one line, among them a letter \
                     or digit, without space around them",
                    cut(name)
                )
            });
    }

    fn header(&mut self, document: &'a Document) {
        self.name(&document.name, Spot::Hall);
        for (index, category) in (0u16..).zip(&document.categories) {
            let spot = Spot::Category((usize::from(index), &category.id));
            let id = &category.id;
            self.findings
                .require(is_name(id, CATEGORY_ID_MAX_CHARS), spot, || {
                    format!(
                        "id {:?}: 1 to {CATEGORY_ID_MAX_CHARS} characters in one line, among them \
                         a letter or digit, without space around them",
                        cut(id)
                    )
                });
            let is_new = self.categories.insert(id, index).is_none();
            self.findings
                .require(is_new, spot, || "another category has this id".to_owned());
            self.name(&category.name, spot);
            if let Some(color) = &category.color {
                let is_color = color.strip_prefix('#').is_some_and(|digits| {
                    digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
                });
                self.findings.require(is_color, spot, || {
                    format!("color {:?}: six hexadecimal digits, as #3b6ea5", cut(color))
                });
            }
        }
        if let Some(stage) = &document.stage {
            self.name(&stage.name, Spot::Stage);
            self.outline(&stage.shape, Spot::Stage);
            self.point(stage.focus, Spot::Stage);
            if let Some(facing) = stage.facing_degrees {
                self.findings.require(facing < 360, Spot::Stage, || {
                    format!("facing_degrees {facing}: 0 to 359")
                });
            }
        }
        for (number, fixture) in document.fixtures.iter().enumerate() {
            let spot = Spot::Fixture((number, &fixture.name));
            self.name(&fixture.name, spot);
            self.outline(&fixture.shape, spot);
        }
    }

    fn section(&mut self, part: Part<'_>, section: &'a Section) {
        let spot = Spot::Section(part);
        self.name(&section.name, spot);
        let prefix = &section.prefix;
        let is_prefix = prefix.is_empty() || is_row_label(prefix, ROW_LABEL_MAX_CHARS);
        self.findings.require(is_prefix, spot, || {
            format!(
                "prefix {:?}: at most {ROW_LABEL_MAX_CHARS} letters, digits and spaces between them",
                cut(prefix)
            )
        });
        for (number, row) in section.rows.iter().enumerate() {
            let spot = Spot::Row(part, (number, &row.name));
            self.begin_row(part, prefix, (number, &row.name), false, spot);
            self.row(row, spot);
        }
        for (number, table) in section.tables.iter().enumerate() {
            let spot = Spot::Table(part, (number, &table.name));
            self.begin_row(part, prefix, (number, &table.name), true, spot);
            self.table(table, spot);
        }
        for (number, area) in section.standing.iter().enumerate() {
            let spot = Spot::Standing(part, (number, &area.name));
            self.name(&area.name, spot);
            self.outline(&area.shape, spot);
            let is_possible = (1..=GENERAL_CAPACITY_MAX).contains(&area.capacity);
            self.findings.require(is_possible, spot, || {
                format!("capacity {}: 1 to {GENERAL_CAPACITY_MAX}", area.capacity)
            });
            let category = self.category(&area.category, spot);
            self.plan.standing.push(PlanArea {
                section: small(part.0),
                number: u32::try_from(number).unwrap_or(u32::MAX),
                category,
                capacity: area.capacity,
            });
        }
    }

    fn begin_row(
        &mut self,
        section: Part<'_>,
        prefix: &str,
        (number, name): Part<'_>,
        is_table: bool,
        spot: Spot<'_>,
    ) {
        let label = if prefix.is_empty() {
            composed(name).into_owned()
        } else {
            composed(&format!("{prefix} {name}")).into_owned()
        };
        let is_label =
            is_row_label(name, ROW_LABEL_MAX_CHARS) && is_row_label(&label, ROW_LABEL_MAX_CHARS);
        self.findings.require(is_label, spot, || {
            let with_prefix = if prefix.is_empty() {
                ""
            } else {
                ", together with the section's prefix"
            };
            format!(
                "name {:?}: 1 to {ROW_LABEL_MAX_CHARS} letters, digits and single spaces between \
                 them{with_prefix}",
                cut(name)
            )
        });
        self.plan.rows.push(PlanRow {
            section: small(section.0),
            number: u32::try_from(number).unwrap_or(u32::MAX),
            is_table,
            label,
            first: u32::try_from(self.plan.seats.len()).unwrap_or(u32::MAX),
            count: 0,
        });
    }

    /// The category with this id; some category when there is none, which is a fault.
    fn category(&mut self, id: &str, spot: Spot<'_>) -> u16 {
        if let Some(&category) = self.categories.get(id) {
            return category;
        }
        let known = &self.categories;
        self.findings.add(spot, || {
            const NAMED: usize = 5;
            let mut ids: Vec<&str> = known.keys().copied().collect();
            ids.sort_unstable_by_key(|id| known[id]);
            let more = ids.len().saturating_sub(NAMED);
            ids.truncate(NAMED);
            let list: Vec<String> = ids.iter().map(|id| cut(id).into_owned()).collect();
            let more = if more > 0 { " and others" } else { "" };
            format!(
                "category {:?}: one of the hall's, {}{more}",
                cut(id),
                list.join(", ")
            )
        });
        0
    }
}

/// Numbers of sections are below [`SECTIONS_MAX`].
fn small(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
