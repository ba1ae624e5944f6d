//! Shows for calendars.

use onsale_schemas::{EventId, ShowId};
use uuid::Uuid;

use super::Store;
use crate::catalog::{CalendarShow, EventStatus, ShowStatus};
use crate::database::Row;
use crate::error::StoreError;

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT s.show_id, s.event_id, e.name AS event_name, s.name AS show_name, \
             COALESCE(e.venue, v.name) AS venue, COALESCE(e.city, v.city) AS city, e.time_zone, \
             s.starts_at_ms, s.status AS show_status, \
             e.status AS event_status, s.version + e.version AS both_versions, s.created_at_ms \
             FROM shows AS s JOIN events AS e ON e.event_id = s.event_id \
             LEFT JOIN venues AS v ON v.venue_id = e.venue_id AND v.tenant_id = e.tenant_id \
             WHERE s.removed_at_ms IS NULL AND s.status <> 'opening' \
             AND e.deleted_at_ms IS NULL AND ",
            $condition,
            " ORDER BY s.starts_at_ms, s.show_id LIMIT $3"
        )
    };
}

impl Store {
    /// Shows of an event that begin at `from_ms` or later, by their beginning, at most `limit`.
    ///
    /// # Errors
    /// As every read.
    pub async fn calendar_of_event(
        &self,
        event: EventId,
        from_ms: u64,
        limit: u32,
    ) -> Result<Vec<CalendarShow>, StoreError> {
        let sql = select!("e.event_id = $1 AND s.starts_at_ms >= $2");
        self.calendar(sql, event.0, from_ms, limit).await
    }

    /// Shows of the public events of a tenant, as [`Store::calendar_of_event`].
    ///
    /// # Errors
    /// As every read.
    pub async fn calendar_of_tenant(
        &self,
        tenant: Uuid,
        from_ms: u64,
        limit: u32,
    ) -> Result<Vec<CalendarShow>, StoreError> {
        let sql = select!("e.tenant_id = $1 AND e.status <> 'draft' AND s.starts_at_ms >= $2");
        self.calendar(sql, tenant, from_ms, limit).await
    }

    async fn calendar(
        &self,
        sql: &'static str,
        id: Uuid,
        from_ms: u64,
        limit: u32,
    ) -> Result<Vec<CalendarShow>, StoreError> {
        let from = i64::try_from(from_ms).unwrap_or(i64::MAX);
        let values = [id.into(), from.into(), limit.into()];
        let rows = self.database.fetch(sql, &values).await?;
        rows.iter().map(calendar_show).collect()
    }
}

fn calendar_show(row: &Row) -> Result<CalendarShow, StoreError> {
    let event_status = row.word("event_status", EventStatus::parse)?;
    let show_status = row.word("show_status", ShowStatus::parse)?;
    Ok(CalendarShow {
        show_id: ShowId(row.uuid("show_id")?),
        event_id: EventId(row.uuid("event_id")?),
        event_name: row.text("event_name")?,
        show_name: row.text_or_null("show_name")?,
        venue: row.text_or_null("venue")?,
        city: row.text_or_null("city")?,
        time_zone: row.text_or_null("time_zone")?,
        starts_at_ms: row.number("starts_at_ms")?,
        is_cancelled: show_status == ShowStatus::Cancelled
            || event_status == EventStatus::Cancelled,
        event_status,
        version: row.number("both_versions")?,
        created_at_ms: row.number("created_at_ms")?,
    })
}
