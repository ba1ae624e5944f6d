//! A database that keeps rows and watermark in one transaction.

use std::rc::Rc;

use onsale_schemas::{LogTimeMs, Offset, OutcomeRecord};

use crate::linear::Ledger;

/// What the database holds of one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Database {
    pub(crate) watermark: Watermark,
    /// The rows; they refuse a seat with two holders.
    rows: Ledger,
    /// The copy of the newest snapshot.
    pub(crate) snapshot: Option<Rc<[u8]>>,
}

/// How far the database has projected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Watermark {
    pub(crate) next_offset: Offset,
    pub(crate) last_outcome: Option<Offset>,
    pub(crate) log_time_ms: LogTimeMs,
}

impl Database {
    /// One transaction: what is below the watermark is dropped, the rest moves it.
    pub(crate) fn project(&mut self, outcomes: &[Rc<OutcomeRecord>]) -> Result<(), String> {
        for record in outcomes {
            if record.offset < self.watermark.next_offset {
                continue;
            }
            self.rows
                .take(record)
                .map_err(|why| format!("the database: the outcome at {} {why}", record.offset))?;
            self.watermark = Watermark {
                next_offset: record.offset + 1,
                last_outcome: Some(record.offset),
                log_time_ms: record.log_time_ms,
            };
        }
        Ok(())
    }

    /// Records that every record before `next_offset` was processed.
    pub(crate) fn advance(&mut self, next_offset: Offset) {
        self.watermark.next_offset = self.watermark.next_offset.max(next_offset);
    }

    /// The live bookings in the rows.
    pub(crate) fn live(&self) -> Vec<(Offset, bool)> {
        self.rows.live()
    }
}
