//! Halls as tables: one line for each seat, with the columns `section`, `row`, `seat`, `x`, `y`,
//! `category`, `flags`, `rank` and `prefix` in any order. README.md says what is in them.
//!
//! A table has seats alone: stage, standing areas, fixtures and the shape of tables are not in it.

mod export;
mod import;

pub use export::export;
pub use import::import;

/// Names of the columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Column {
    Section,
    Prefix,
    Row,
    Seat,
    X,
    Y,
    Category,
    Flags,
    Rank,
}

impl Column {
    /// In the order in which they are written.
    const ALL: [Self; 9] = [
        Self::Section,
        Self::Prefix,
        Self::Row,
        Self::Seat,
        Self::X,
        Self::Y,
        Self::Category,
        Self::Flags,
        Self::Rank,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Section => "section",
            Self::Prefix => "prefix",
            Self::Row => "row",
            Self::Seat => "seat",
            Self::X => "x",
            Self::Y => "y",
            Self::Category => "category",
            Self::Flags => "flags",
            Self::Rank => "rank",
        }
    }
}

/// Whether a spreadsheet may take a cell that begins so for a formula. The apostrophe is the mark that
/// it is none, so a cell that has one by itself gets another.
fn is_risky(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠', '\''])
}
