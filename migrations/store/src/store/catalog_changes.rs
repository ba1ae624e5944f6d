//! What changed in the catalog, for those who follow it: see migration 0035.

use onsale_schemas::EventId;

use super::Store;
use crate::catalog::{CatalogChange, CatalogChanges, ChangeCursor, Within};
use crate::database::{Database, Durability, Row, integer};
use crate::error::StoreError;

/// Changes of one read.
const CHANGES_PER_READ: u32 = 1_000;

/// What was written behind ($1, $2), with the first moment of which something may still be to come, and the
/// newest of which something was deleted, all as of one snapshot.
const SELECT_ON_POSTGRES: &str = "SELECT n.known_before, t.moment AS trimmed, c.moment, c.sequence, c.event_id \
     FROM (SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) \
         AS known_before) AS n \
     CROSS JOIN catalog_changes_trimmed AS t \
     LEFT JOIN (SELECT moment, sequence, event_id FROM catalog_changes \
         WHERE (moment, sequence) > ($1, $2) ORDER BY moment, sequence LIMIT $3) AS c ON TRUE \
     ORDER BY c.moment, c.sequence";
/// On SQLite a change is a moment of its own.
const SELECT_ON_SQLITE: &str = "SELECT n.known_before, t.moment AS trimmed, c.moment, c.moment AS sequence, c.event_id \
     FROM (SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'catalog_changes'), 0) + 1 \
         AS known_before) AS n \
     CROSS JOIN catalog_changes_trimmed AS t \
     LEFT JOIN (SELECT moment, event_id FROM catalog_changes \
         WHERE moment > $1 AND $2 >= 0 ORDER BY moment LIMIT $3) AS c ON TRUE \
     ORDER BY c.moment";

/// Says first what is deleted next, so that nobody who misses it believes to know everything. What the oldest open
/// transaction of the cluster holds back is kept for as long, since everybody still begins there.
const TRIM_ON_POSTGRES: &str = "UPDATE catalog_changes_trimmed SET moment = GREATEST(moment, \
     (SELECT COALESCE(MAX(c.moment), 0) FROM catalog_changes AS c WHERE c.written_at_ms < \
         CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) - $1 \
         AND c.moment < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)))";
const TRIM_ON_SQLITE: &str = "UPDATE catalog_changes_trimmed SET moment = MAX(moment, \
     (SELECT COALESCE(MAX(c.moment), 0) FROM catalog_changes AS c \
         WHERE c.written_at_ms < unixepoch() * 1000 - $1))";
const DELETE_ON_POSTGRES: &str = "DELETE FROM catalog_changes WHERE sequence IN \
     (SELECT sequence FROM catalog_changes \
     WHERE moment <= (SELECT t.moment FROM catalog_changes_trimmed AS t) AND written_at_ms < \
         CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) - $1 \
     ORDER BY moment, sequence LIMIT $2)";
const DELETE_ON_SQLITE: &str = "DELETE FROM catalog_changes WHERE moment IN \
     (SELECT moment FROM catalog_changes \
     WHERE moment <= (SELECT t.moment FROM catalog_changes_trimmed AS t) \
         AND written_at_ms < unixepoch() * 1000 - $1 ORDER BY moment LIMIT $2)";

impl Store {
    /// Where the changes of the catalog are now. Whoever reads the catalog after this and follows from here
    /// misses nothing.
    ///
    /// # Errors
    /// As every read.
    pub async fn catalog_changes_end(&self) -> Result<ChangeCursor, StoreError> {
        let rows = self.changes_behind((i64::MAX, i64::MAX)).await?;
        let (known_before, _) = ends(&rows)?;
        Ok(ChangeCursor {
            known_before,
            within: None,
        })
    }

    /// What changed in the catalog since a cursor, a bounded number at a time, whichever node did it. A
    /// change is told once it is committed, and told again for as long as an earlier one may still be to
    /// come.
    ///
    /// # Errors
    /// As every read.
    pub async fn catalog_changes(&self, since: ChangeCursor) -> Result<CatalogChanges, StoreError> {
        let behind = match since.within {
            Some(within) => (within.moment, within.sequence),
            None => (since.known_before.saturating_sub(1), i64::MAX),
        };
        let rows = self.changes_behind(behind).await?;
        let (known_before, trimmed) = ends(&rows)?;
        let mut changes = Vec::with_capacity(rows.len());
        for row in &rows {
            if let Some(event) = row.uuid_or_null("event_id")? {
                changes.push(CatalogChange {
                    event_id: EventId(event),
                    moment: row.signed("moment")?,
                    sequence: row.signed("sequence")?,
                });
            }
        }
        // What was committed before the first read of several is in them all.
        let then_known_before = since
            .within
            .map_or(known_before, |within| within.then_known_before);
        let last = changes
            .last()
            .filter(|_| changes.len() >= CHANGES_PER_READ as usize);
        let within = last.map(|last| Within {
            moment: last.moment,
            sequence: last.sequence,
            then_known_before,
        });
        let is_lost = trimmed >= since.known_before || known_before < since.known_before;
        Ok(CatalogChanges {
            cursor: ChangeCursor {
                known_before: match within {
                    Some(_) => since.known_before,
                    None => then_known_before,
                },
                within,
            },
            has_more: within.is_some(),
            is_lost,
            changes,
        })
    }

    /// Deletes changes that are older than this, by the clock of the database; how many. Whoever has not
    /// read them by then is told so ([`CatalogChanges::is_lost`]).
    ///
    /// # Errors
    /// As every write.
    pub async fn trim_catalog_changes(&self, older_than_ms: u64) -> Result<u64, StoreError> {
        let (trim, delete) = match &self.database {
            Database::Postgres(_) => (TRIM_ON_POSTGRES, DELETE_ON_POSTGRES),
            Database::Sqlite(_) => (TRIM_ON_SQLITE, DELETE_ON_SQLITE),
        };
        let age = integer("older_than_ms", older_than_ms)?;
        self.database
            .execute_unaudited(Durability::Durable, trim, &[age.into()])
            .await?;
        self.forget_in_steps(delete, older_than_ms).await
    }

    /// Makes it so that nobody who follows knows any more what changed: for tests.
    ///
    /// # Errors
    /// As every write.
    #[cfg(feature = "testing")]
    pub async fn lose_catalog_changes(&self) -> Result<(), StoreError> {
        let statements: &[&'static str] = match &self.database {
            Database::Postgres(_) => &["UPDATE catalog_changes_trimmed SET moment = \
                 CAST(CAST(pg_current_xact_id() AS text) AS bigint)"],
            Database::Sqlite(_) => &[
                "UPDATE catalog_changes_trimmed SET moment = COALESCE((SELECT seq \
                 FROM sqlite_sequence WHERE name = 'catalog_changes'), 0) + 1",
                // Whoever begins after this is behind what was lost.
                "INSERT INTO catalog_changes (event_id) VALUES (zeroblob(16))",
            ],
        };
        for &sql in statements {
            self.database
                .execute_unaudited(Durability::Durable, sql, &[])
                .await?;
        }
        Ok(())
    }

    async fn changes_behind(&self, (moment, sequence): (i64, i64)) -> Result<Vec<Row>, StoreError> {
        let select = match &self.database {
            Database::Postgres(_) => SELECT_ON_POSTGRES,
            Database::Sqlite(_) => SELECT_ON_SQLITE,
        };
        let values = [moment.into(), sequence.into(), CHANGES_PER_READ.into()];
        self.database.fetch(select, &values).await
    }
}

/// The first moment of which something may still be to come, and the newest of which something was deleted.
fn ends(rows: &[Row]) -> Result<(i64, i64), StoreError> {
    let row = rows.first().ok_or_else(|| {
        StoreError::Corrupt("catalog_changes_trimmed has no row: someone deleted it".to_owned())
    })?;
    Ok((row.signed("known_before")?, row.signed("trimmed")?))
}
