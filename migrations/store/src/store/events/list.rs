//! Lists of events, a page at a time.

use super::{event_row, fold};
use crate::catalog::{EventFilter, EventRow, EventStatus, Page};
use crate::database::{Database, Value};
use crate::error::StoreError;
use crate::store::Store;

/// When the first or the last show of an event begins that takes place; the event's own beginning where there is none.
/// The search has the same times.
macro_rules! show_time {
    ($of_all:literal) => {
        concat!(
            "COALESCE((SELECT ",
            $of_all,
            "(s.starts_at_ms) FROM shows AS s WHERE s.event_id = events.event_id \
             AND s.removed_at_ms IS NULL AND s.status <> 'cancelled'), starts_at_ms)"
        )
    };
}

/// Every filter is there in every statement, so that it is one text that is prepared once.
macro_rules! filters {
    () => {
        " FROM events WHERE deleted_at_ms IS NULL AND ($1 IS NULL OR status = $1) \
         AND ($2 IS NULL OR tenant_id = $2) \
         AND ($5 IS NULL OR city_folded = $5) \
         AND ($6 IS NULL OR category_folded = $6) \
         AND ($7 IS NULL OR organizer_id = $7) \
         AND ($8 IS NULL OR "
    };
}

/// A page of the events that pass the filters, with the number of all of them in every row; where the
/// page is empty, one row with that number alone. The catalog is gone through once.
///
/// The position of a text in another has a name of its own in each database. It is used instead of
/// `LIKE` because a `%` or `_` that is searched for is just that.
macro_rules! select_page {
    ($position:literal) => {
        concat!(
            "WITH found AS MATERIALIZED (SELECT event_id, first_ms FROM (SELECT event_id, ",
            show_time!("MIN"),
            " AS first_ms, ",
            show_time!("MAX"),
            " AS last_ms",
            filters!(),
            $position,
            "(search_text, $8) > 0)) AS dated WHERE last_ms >= $3 AND first_ms < $4), \
             page AS (SELECT event_id, first_ms FROM found \
             ORDER BY first_ms, event_id LIMIT $9 OFFSET $10) SELECT total, ",
            columns!(),
            ", venue_name, venue_city FROM (SELECT COUNT(*) AS total FROM found) AS counted LEFT JOIN (SELECT first_ms, ",
            selected!(),
            " FROM page JOIN events USING (event_id)) AS listed ON TRUE \
             ORDER BY first_ms, event_id"
        )
    };
}

impl Store {
    /// Events by their first show that takes place, or their own beginning where there is none, and then by id; page by
    /// number from 1.
    ///
    /// # Errors
    /// As every read.
    pub async fn events(
        &self,
        filter: &EventFilter,
        page: u32,
        per_page: u32,
    ) -> Result<Page<EventRow>, StoreError> {
        let status = (!filter.unpublished).then_some(EventStatus::Published.as_str());
        let city = filter.city.as_deref().map(fold);
        let category = filter.category.as_deref().map(fold);
        let search = filter
            .search
            .as_deref()
            .map(fold)
            .filter(|text| !text.is_empty());
        // Beyond what a column holds there is nothing to find; the limit is exclusive.
        let from = filter.from_ms.unwrap_or(0);
        let until = filter.until_ms.unwrap_or(u64::MAX);
        let skip = i64::from(page.saturating_sub(1)).saturating_mul(i64::from(per_page));
        let values = [
            Value::Text(status),
            filter.tenants.one().into(),
            i64::try_from(from).unwrap_or(i64::MAX).into(),
            i64::try_from(until).unwrap_or(i64::MAX).into(),
            Value::from(&city),
            Value::from(&category),
            filter.organizer_id.map(|organizer| organizer.0).into(),
            Value::from(&search),
            per_page.into(),
            skip.into(),
        ];
        let select = match &self.database {
            Database::Postgres(_) => select_page!("strpos"),
            Database::Sqlite(_) => select_page!("instr"),
        };
        let listed = self.database.fetch(select, &values).await?;
        let total = match listed.first() {
            Some(row) => row.number("total")?,
            None => 0,
        };
        let mut rows = Vec::with_capacity(listed.len());
        for row in &listed {
            if row.uuid_or_null("event_id")?.is_some() {
                rows.push(event_row(row)?);
            }
        }
        Ok(Page { rows, total })
    }
}
