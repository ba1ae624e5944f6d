//! Events whose last show is over.

use super::Store;
use crate::database::{Durability, integer};
use crate::error::StoreError;

/// Rows that one statement changes at most, so that it stays short.
const EVENTS_PER_STEP: u32 = 5_000;

impl Store {
    /// Notes which public events have no show that begins at `over_before_ms` or later and have begun themselves
    /// before, and takes back what is no longer so; how many were noted. Nothing of it is part of a document, and no
    /// version of a row.
    ///
    /// # Errors
    /// As every write.
    pub async fn note_ended_events(
        &self,
        now_ms: u64,
        over_before_ms: u64,
    ) -> Result<u64, StoreError> {
        let (now, before) = (
            integer("ended_at_ms", now_ms)?,
            integer("over_before_ms", over_before_ms)?,
        );
        self.database
            .execute_unaudited(
                Durability::Durable,
                "UPDATE events SET ended_at_ms = NULL WHERE ended_at_ms IS NOT NULL \
                 AND (status <> 'published' OR starts_at_ms >= $1 OR EXISTS \
                 (SELECT 1 FROM shows AS s WHERE s.event_id = events.event_id \
                 AND s.status <> 'cancelled' AND s.starts_at_ms >= $1))",
                &[before.into()],
            )
            .await?;
        let mut noted = 0;
        loop {
            let step = self
                .database
                .execute_unaudited(
                    Durability::Durable,
                    "UPDATE events SET ended_at_ms = $1 WHERE event_id IN \
                     (SELECT e.event_id FROM events AS e WHERE e.status = 'published' \
                     AND e.ended_at_ms IS NULL AND e.starts_at_ms < $2 AND NOT EXISTS \
                     (SELECT 1 FROM shows AS s WHERE s.event_id = e.event_id \
                     AND s.status <> 'cancelled' AND s.starts_at_ms >= $2) LIMIT $3)",
                    &[now.into(), before.into(), EVENTS_PER_STEP.into()],
                )
                .await?;
            noted += step;
            if step < u64::from(EVENTS_PER_STEP) {
                return Ok(noted);
            }
        }
    }
}
