//! Migrations of a later version of the program.

use std::fmt;

/// Numbers that a message names.
const NAMED_MAX: usize = 8;

/// Migrations that a database has and this program does not know: it belongs to a later version. Migrations only
/// add, so this version works with it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LaterMigrations {
    /// Their numbers, ascending.
    pub numbers: Vec<i64>,
}

impl LaterMigrations {
    /// Whether there are none: the database is not of a later version.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

impl fmt::Display for LaterMigrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.numbers.len() {
            1 => "migration ",
            _ => "migrations ",
        })?;
        for (place, number) in self.numbers.iter().take(NAMED_MAX).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{number:04}")?;
        }
        match self.numbers.len().checked_sub(NAMED_MAX) {
            Some(more @ 1..) => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_are_named_and_the_rest_is_counted() {
        for (numbers, expected) in [
            (26..27, "migration 0026"),
            (26..28, "migrations 0026, 0027"),
            (
                1..9,
                "migrations 0001, 0002, 0003, 0004, 0005, 0006, 0007, 0008",
            ),
            (
                1..12,
                "migrations 0001, 0002, 0003, 0004, 0005, 0006, 0007, 0008 and 3 more",
            ),
        ] {
            let later = LaterMigrations {
                numbers: numbers.collect(),
            };
            assert!(!later.is_empty());
            assert_eq!(later.to_string(), expected);
        }
        assert!(LaterMigrations::default().is_empty());
    }
}
