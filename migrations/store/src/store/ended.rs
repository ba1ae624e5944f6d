//! Events whose last show is over.

use onsale_schemas::EventId;

use super::Store;
use super::findable::listed;
use crate::audit::Unaudited;
use crate::database::{Database, Durability, Transaction, integer};
use crate::error::StoreError;

/// Rows that one statement changes at most, so that it stays short.
const EVENTS_PER_STEP: u32 = 5_000;

/// What is noted and is not so any more, at most $3 at a time; it has no use for $1, which [`NOTE`] notes.
const TAKE_BACK: &str = "UPDATE events SET ended_at_ms = NULL WHERE CAST($1 AS bigint) >= 0 AND event_id IN \
     (SELECT e.event_id FROM events AS e WHERE e.ended_at_ms IS NOT NULL \
     AND (e.status <> 'published' OR e.starts_at_ms >= $2 OR EXISTS \
     (SELECT 1 FROM shows AS s WHERE s.event_id = e.event_id \
     AND s.status <> 'cancelled' AND s.starts_at_ms >= $2)) LIMIT $3) RETURNING event_id";
/// What is so and is not noted, at most $3 at a time.
const NOTE: &str = "UPDATE events SET ended_at_ms = $1 WHERE event_id IN \
     (SELECT e.event_id FROM events AS e WHERE e.status = 'published' \
     AND e.ended_at_ms IS NULL AND e.starts_at_ms < $2 AND NOT EXISTS \
     (SELECT 1 FROM shows AS s WHERE s.event_id = e.event_id \
     AND s.status <> 'cancelled' AND s.starts_at_ms >= $2) LIMIT $3) RETURNING event_id";

/// What follows the catalog learns of an event whose version stays the same: see migration 0035, whose triggers tell
/// of new versions.
const TELL_ON_POSTGRES: &str = "INSERT INTO catalog_changes (event_id) \
     SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json))";
const TELL_ON_SQLITE: &str =
    "INSERT INTO catalog_changes (event_id) SELECT unhex(value) FROM json_each($1)";

impl Store {
    /// Notes which public events have no show that begins at `over_before_ms` or later and have begun themselves
    /// before, and takes back what is no longer so; how many were noted. Nothing of it is part of a document, and no
    /// version of a row, but whoever follows the catalog is told of each of these events.
    ///
    /// # Errors
    /// As every write.
    pub async fn note_ended_events(
        &self,
        now_ms: u64,
        over_before_ms: u64,
    ) -> Result<u64, StoreError> {
        let now = integer("ended_at_ms", now_ms)?;
        let before = integer("over_before_ms", over_before_ms)?;
        self.change_and_tell(TAKE_BACK, now, before).await?;
        self.change_and_tell(NOTE, now, before).await
    }

    /// Runs `update` until it finds nothing more, and tells of what it has changed in the same transaction; how many
    /// rows those were.
    async fn change_and_tell(
        &self,
        update: &'static str,
        now: i64,
        before: i64,
    ) -> Result<u64, StoreError> {
        let tell = match &self.database {
            Database::Postgres(_) => TELL_ON_POSTGRES,
            Database::Sqlite(_) => TELL_ON_SQLITE,
        };
        let mut changed = 0;
        loop {
            let work = move |mut transaction: Transaction| async move {
                let values = [now.into(), before.into(), EVENTS_PER_STEP.into()];
                let rows = transaction.fetch(update, &values).await?;
                let events: Result<Vec<EventId>, StoreError> = rows
                    .iter()
                    .map(|row| Ok(EventId(row.uuid("event_id")?)))
                    .collect();
                let events = events?;
                if !events.is_empty() {
                    let ids = listed(events.iter().map(|event| event.0))?;
                    transaction.execute(tell, &[(&ids).into()]).await?;
                }
                transaction.commit(Unaudited::Automatic).await?;
                Ok::<usize, StoreError>(events.len())
            };
            let step = self.database.write_again(Durability::Durable, work).await?;
            changed += u64::try_from(step).unwrap_or(u64::MAX);
            if step < EVENTS_PER_STEP as usize {
                return Ok(changed);
            }
        }
    }
}
