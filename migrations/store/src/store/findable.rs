//! Events as the search of each node knows them.

use std::collections::HashMap;

use onsale_schemas::{EventId, PartitionId, ShowId};
use uuid::Uuid;

use super::Store;
use super::events::{SELECT_AFTER, SELECT_LISTED_ON_POSTGRES, SELECT_LISTED_ON_SQLITE, event_row};
use crate::catalog::{EventRow, FindableEvent, FindableShow, ShowPrices, ShowStatus};
use crate::database::{Database, Row};
use crate::error::StoreError;

/// The shows of a list of events with what their zones cost: a row for each currency of a show, or one
/// without where it has no zones.
macro_rules! shows_of {
    ($events:literal) => {
        concat!(
            "SELECT s.event_id, s.show_id, s.partition, s.starts_at_ms, s.sale_closes_at_ms, \
             s.status, z.currency, MIN(z.unit_price) AS price_min, MAX(z.unit_price) AS price_max \
             FROM shows AS s LEFT JOIN zones AS z ON z.show_id = s.show_id WHERE s.event_id IN (",
            $events,
            ") GROUP BY s.show_id, z.currency \
             ORDER BY s.event_id, s.starts_at_ms, s.show_id, z.currency"
        )
    };
}

impl Store {
    /// Events with what a search needs to know of their shows, of whatever status, by id from behind
    /// `after` on, at most `limit`. What someone has damaged by hand is left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn findable_after(
        &self,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<FindableEvent>, StoreError> {
        let rows = self
            .database
            .fetch(SELECT_AFTER, &[after.into(), limit.into()])
            .await?;
        self.with_shows(readable(&rows)?).await
    }

    /// As [`Store::findable_after`], of these events; those that are not there are left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn findable(&self, events: &[EventId]) -> Result<Vec<FindableEvent>, StoreError> {
        let events = self.events_listed(events).await?;
        self.with_shows(events).await
    }

    /// These events by id; those that are not there are left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_listed(&self, events: &[EventId]) -> Result<Vec<EventRow>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let select = match &self.database {
            Database::Postgres(_) => SELECT_LISTED_ON_POSTGRES,
            Database::Sqlite(_) => SELECT_LISTED_ON_SQLITE,
        };
        let ids = listed(events.iter().map(|event| event.0))?;
        let rows = self.database.fetch(select, &[(&ids).into()]).await?;
        readable(&rows)
    }

    /// The events of these shows, each once; those of shows that are not there are left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_of_shows(&self, shows: &[ShowId]) -> Result<Vec<EventId>, StoreError> {
        if shows.is_empty() {
            return Ok(Vec::new());
        }
        let select = match &self.database {
            Database::Postgres(_) => {
                "SELECT DISTINCT event_id FROM shows WHERE show_id IN \
                 (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json)))"
            }
            Database::Sqlite(_) => {
                "SELECT DISTINCT event_id FROM shows WHERE show_id IN \
                 (SELECT unhex(value) FROM json_each($1))"
            }
        };
        let ids = listed(shows.iter().map(|show| show.0))?;
        let rows = self.database.fetch(select, &[(&ids).into()]).await?;
        rows.iter()
            .map(|row| Ok(EventId(row.uuid("event_id")?)))
            .collect()
    }

    async fn with_shows(&self, events: Vec<EventRow>) -> Result<Vec<FindableEvent>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let select = match &self.database {
            Database::Postgres(_) => shows_of!(
                "SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json))"
            ),
            Database::Sqlite(_) => shows_of!("SELECT unhex(value) FROM json_each($1)"),
        };
        let ids = listed(events.iter().map(|event| event.event_id.0))?;
        let rows = self.database.fetch(select, &[(&ids).into()]).await?;
        let mut shows: HashMap<EventId, Vec<FindableShow>> = HashMap::new();
        for row in &rows {
            let of_event = shows.entry(EventId(row.uuid("event_id")?)).or_default();
            let show_id = ShowId(row.uuid("show_id")?);
            if of_event.last().is_none_or(|last| last.show_id != show_id) {
                of_event.push(findable_show(row, show_id)?);
            }
            if let (Some(show), Some(currency)) =
                (of_event.last_mut(), row.text_or_null("currency")?)
            {
                show.prices.push(ShowPrices {
                    currency,
                    min: row.signed("price_min")?,
                    max: row.signed("price_max")?,
                });
            }
        }
        let findable = events.into_iter().map(|event| FindableEvent {
            shows: shows.remove(&event.event_id).unwrap_or_default(),
            event,
        });
        Ok(findable.collect())
    }
}

/// The events of these rows but for those that someone has damaged by hand: they hide no others.
fn readable(rows: &[Row]) -> Result<Vec<EventRow>, StoreError> {
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        match event_row(row) {
            Ok(event) => events.push(event),
            Err(StoreError::Corrupt(what)) => tracing::warn!(%what, "an event is not searched"),
            Err(error) => return Err(error),
        }
    }
    Ok(events)
}

fn findable_show(row: &Row, show_id: ShowId) -> Result<FindableShow, StoreError> {
    Ok(FindableShow {
        show_id,
        partition: PartitionId(row.number("partition")?),
        starts_at_ms: row.number("starts_at_ms")?,
        sale_closes_at_ms: row.number("sale_closes_at_ms")?,
        status: row.word("status", ShowStatus::parse)?,
        prices: Vec::new(),
    })
}

/// Ids as one JSON text: the statement stays the same however many there are, and both databases read
/// hexadecimal digits without hyphens.
fn listed(ids: impl Iterator<Item = Uuid>) -> Result<String, StoreError> {
    let ids: Vec<String> = ids.map(|id| id.simple().to_string()).collect();
    serde_json::to_string(&ids).map_err(|error| StoreError::Invalid(format!("ids: {error}")))
}
