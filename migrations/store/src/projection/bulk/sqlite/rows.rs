//! Statements of many rows with a parameter for each value, in a few sizes, so that each is
//! prepared once per connection.

use std::fmt::Write;

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

use crate::database::classify;
use crate::error::StoreError;

/// Rows of one statement. What a larger size leaves over goes by smaller ones.
const SIZES: [usize; 3] = [64, 8, 1];

pub(super) type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// A statement in each of the sizes.
pub(super) struct ManyRows {
    texts: [String; SIZES.len()],
}

impl ManyRows {
    /// `before (?, ?), (?, ?) after`, with this many values per row.
    pub(super) fn new(before: &str, values: usize, after: &str) -> Self {
        Self {
            texts: SIZES.map(|rows| {
                let mut text = format!("{before} ");
                for row in 0..rows {
                    let comma = if row == 0 { "" } else { ", " };
                    // Writing into a text cannot fail.
                    let _ = write!(text, "{comma}({})", vec!["?"; values].join(", "));
                }
                text + " " + after
            }),
        }
    }

    /// Runs it for all rows; `bind` appends the values of one. Returns how many rows were touched.
    pub(super) async fn run<R>(
        &'static self,
        connection: &mut SqliteConnection,
        mut rows: &[R],
        bind: impl for<'q> Fn(Statement<'q>, &R) -> Result<Statement<'q>, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut touched = 0;
        for (size, text) in SIZES.into_iter().zip(&self.texts) {
            while let Some((these, others)) = rows.split_at_checked(size) {
                let statement = these
                    .iter()
                    .try_fold(sqlx::query(text.as_str()), |statement, row| {
                        bind(statement, row)
                    })?;
                let done = statement
                    .execute(&mut *connection)
                    .await
                    .map_err(classify)?;
                touched += done.rows_affected();
                rows = others;
            }
        }
        Ok(touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_a_parameter_per_value() {
        let many = ManyRows::new("INSERT INTO t VALUES", 2, "ON CONFLICT DO NOTHING");
        assert_eq!(
            many.texts[2],
            "INSERT INTO t VALUES (?, ?) ON CONFLICT DO NOTHING"
        );
        assert_eq!(many.texts[0].matches('?').count(), 128);
    }
}
