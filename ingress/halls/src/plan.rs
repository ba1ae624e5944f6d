//! A hall seat by seat: what its rows and tables come to.

use crate::format::{Flag, Point};

/// What a seat is besides a seat, as a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    /// Every flag, in the order in which they are written.
    pub const ALL: [Flag; 4] = [
        Flag::Wheelchair,
        Flag::Companion,
        Flag::RestrictedView,
        Flag::AisleBefore,
    ];

    /// The set of these.
    #[must_use]
    pub fn of(flags: &[Flag]) -> Self {
        flags
            .iter()
            .fold(Self::default(), |set, &flag| set.with(flag))
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | Self::bit(flag))
    }

    /// Whether it is in the set.
    #[must_use]
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & Self::bit(flag) != 0
    }

    /// Those of the set, in their order.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Self::ALL.into_iter().filter(move |&flag| self.has(flag))
    }

    const fn bit(flag: Flag) -> u8 {
        match flag {
            Flag::Wheelchair => 1,
            Flag::Companion => 2,
            Flag::RestrictedView => 4,
            Flag::AisleBefore => 8,
        }
    }
}

impl Flag {
    /// As it is written in every format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wheelchair => "wheelchair",
            Self::Companion => "companion",
            Self::RestrictedView => "restricted_view",
            Self::AisleBefore => "aisle_before",
        }
    }
}

/// A seat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanSeat {
    /// Label within its row.
    pub label: Box<str>,
    /// Its centre, in centimetres.
    pub at: Point,
    /// Its category, by its place in the list of them.
    pub category: u16,
    /// What it is besides.
    pub flags: Flags,
    /// How well one sees from it: the lower, the better.
    pub rank: u16,
}

/// A row or a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanRow {
    /// Its section, by its place in the list of them.
    pub section: u16,
    /// Its place among the rows of its section, or among the tables.
    pub number: u32,
    /// Whether it is a table.
    pub is_table: bool,
    /// Its name with the prefix of its section, unique in the hall.
    pub label: String,
    /// Its first seat.
    pub first: u32,
    /// How many.
    pub count: u16,
}

impl PlanRow {
    /// Its seats, by their places in the list of all.
    #[must_use]
    pub fn seats(&self) -> std::ops::Range<usize> {
        let first = self.first as usize;
        first..first + usize::from(self.count)
    }
}

/// A standing area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlanArea {
    /// Its section, by its place in the list of them.
    pub section: u16,
    /// Its place in the section's list.
    pub number: u32,
    /// Its category, by its place in the list of them.
    pub category: u16,
    /// People.
    pub capacity: u32,
}

/// All places of a hall, in the order in which they are described.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Rows and tables.
    pub rows: Vec<PlanRow>,
    /// Seats, row by row.
    pub seats: Vec<PlanSeat>,
    /// Areas without seats.
    pub standing: Vec<PlanArea>,
}

impl Plan {
    /// The row of a seat.
    pub(crate) fn row_of(&self, seat: usize) -> Option<&PlanRow> {
        let after = self.rows.partition_point(|row| row.first as usize <= seat);
        self.rows.get(after.checked_sub(1)?)
    }
}
