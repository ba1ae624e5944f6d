//! What is wrong with a hall, and where.

use std::fmt;

use crate::limits::FAULTS_MAX;
use crate::text::cut;

/// Something that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Fault {
    /// For people: `section B, row 7`.
    pub place: String,
    /// For programs: `sections[1].rows[6]`; of a file with lines `line 8`.
    pub path: String,
    /// What is wrong, with the value and what would be right.
    pub message: String,
}

/// All that is wrong, at least one fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Faults {
    /// The first of them, at most [`FAULTS_MAX`].
    pub listed: Vec<Fault>,
    /// How many there are beyond these.
    pub more: u64,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.listed.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}

/// Gathers faults.
#[derive(Default)]
pub(crate) struct Findings {
    listed: Vec<Fault>,
    more: u64,
}

impl Findings {
    /// Notes a fault. Its texts are only made while there is room for them.
    pub(crate) fn add(&mut self, spot: Spot<'_>, message: impl FnOnce() -> String) {
        if self.listed.len() < FAULTS_MAX {
            self.listed.push(Fault {
                place: spot.place(),
                path: spot.path(),
                message: message(),
            });
        } else {
            self.more += 1;
        }
    }

    /// Notes a fault unless `is_fine`.
    pub(crate) fn require(
        &mut self,
        is_fine: bool,
        spot: Spot<'_>,
        message: impl FnOnce() -> String,
    ) {
        if !is_fine {
            self.add(spot, message);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// # Errors
    /// With what was found.
    pub(crate) fn finish(self) -> Result<(), Faults> {
        if self.listed.is_empty() {
            return Ok(());
        }
        Err(Faults {
            listed: self.listed,
            more: self.more,
        })
    }

    pub(crate) fn one(spot: Spot<'_>, message: String) -> Faults {
        Faults {
            listed: vec![Fault {
                place: spot.place(),
                path: spot.path(),
                message,
            }],
            more: 0,
        }
    }
}

/// A part of a hall: its number in the list and its name.
pub(crate) type Part<'a> = (usize, &'a str);

/// Where in a hall something is.
#[derive(Clone, Copy)]
pub(crate) enum Spot<'a> {
    Hall,
    Stage,
    Category(Part<'a>),
    Fixture(Part<'a>),
    Section(Part<'a>),
    Row(Part<'a>, Part<'a>),
    Table(Part<'a>, Part<'a>),
    Standing(Part<'a>, Part<'a>),
    /// A price zone of an assignment.
    Zone(Part<'a>),
    /// A line of a file, counted from 1, and the column's name.
    Line(u64, &'a str),
}

impl Spot<'_> {
    fn place(self) -> String {
        // What has no name yet is found by its number.
        let named = |kind: &str, (number, name): Part<'_>| {
            if name.trim().is_empty() {
                format!("{kind} number {}", number + 1)
            } else {
                format!("{kind} {}", cut(name))
            }
        };
        match self {
            Self::Hall => "hall".to_owned(),
            Self::Stage => "stage".to_owned(),
            Self::Category(category) => named("category", category),
            Self::Fixture(fixture) => named("fixture", fixture),
            Self::Section(section) => named("section", section),
            Self::Row(section, row) => {
                format!("{}, {}", named("section", section), named("row", row))
            }
            Self::Table(section, table) => {
                format!("{}, {}", named("section", section), named("table", table))
            }
            Self::Standing(section, area) => {
                let area = named("standing area", area);
                format!("{}, {area}", named("section", section))
            }
            Self::Zone(zone) => named("price zone", zone),
            Self::Line(line, "") => format!("line {line}"),
            Self::Line(line, column) => format!("line {line}, column {column}"),
        }
    }

    fn path(self) -> String {
        match self {
            Self::Hall => String::new(),
            Self::Stage => "stage".to_owned(),
            Self::Category((number, _)) => format!("categories[{number}]"),
            Self::Fixture((number, _)) => format!("fixtures[{number}]"),
            Self::Section((number, _)) => format!("sections[{number}]"),
            Self::Row((section, _), (row, _)) => format!("sections[{section}].rows[{row}]"),
            Self::Table((section, _), (table, _)) => {
                format!("sections[{section}].tables[{table}]")
            }
            Self::Standing((section, _), (area, _)) => {
                format!("sections[{section}].standing[{area}]")
            }
            Self::Zone((number, _)) => format!("zones[{number}]"),
            Self::Line(line, _) => format!("line {line}"),
        }
    }
}
