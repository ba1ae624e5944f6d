//! Shows as in a list: a page at a time, without their layouts.

use onsale_schemas::{EventId, ShowId};
use uuid::Uuid;

use super::Store;
use super::shows::show_row;
use crate::catalog::{ListedShow, ListedZone, Page, PageStamp};
use crate::database::Row;
use crate::error::StoreError;

/// The shows of a condition with their zones, without their layouts.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT s.show_id, s.event_id, s.partition, s.name, s.starts_at_ms, \
             s.sale_opens_at_ms, s.sale_closes_at_ms, s.closes_by_default, s.hold_ms, \
             s.cooldown_ms, s.status, s.created_at_ms, s.companions_per_accessible, \
             s.venue_id, s.map_id, s.map_version, s.chart, CAST(NULL AS text) AS offer, \
             z.zone, z.zone_id, z.name AS zone_name, z.unit_price, z.currency, z.is_seated, \
             z.places FROM (SELECT * FROM shows WHERE ",
            $condition,
            ") AS s LEFT JOIN zones AS z ON z.show_id = s.show_id \
             ORDER BY s.starts_at_ms, s.show_id, z.zone"
        )
    };
}

impl Store {
    /// How many shows an event has, without those that were removed.
    ///
    /// # Errors
    /// As every read.
    pub async fn count_shows(&self, event: EventId) -> Result<u64, StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT COUNT(*) AS total FROM shows WHERE event_id = $1 \
                 AND removed_at_ms IS NULL",
                &[event.0.into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.number("total"))
    }

    /// Shows of an event by (starts_at_ms, show_id), page by number from 1. A show added between
    /// the two reads of one call may be counted and not listed.
    ///
    /// # Errors
    /// As every read.
    pub async fn list_shows(
        &self,
        event: EventId,
        page: u32,
        per_page: u32,
    ) -> Result<Page<ListedShow>, StoreError> {
        let total = self.count_shows(event).await?;
        let rows = self.page_of_shows(event, page, per_page).await?;
        let shows = listed(rows)?;
        Ok(Page { rows: shows, total })
    }

    /// The first shows of an event behind one of them, by (starts_at_ms, show_id), at most `limit`.
    ///
    /// # Errors
    /// As every read.
    pub async fn list_shows_after(
        &self,
        event: EventId,
        after: Option<(u64, ShowId)>,
        limit: u32,
    ) -> Result<Vec<ListedShow>, StoreError> {
        // No show is before this one.
        let (starts_at_ms, show) = match after {
            Some((starts_at_ms, show)) => (i64::try_from(starts_at_ms).unwrap_or(i64::MAX), show.0),
            None => (-1, Uuid::nil()),
        };
        let rows = self
            .database
            .fetch(
                select!(
                    "event_id = $1 AND removed_at_ms IS NULL \
                     AND (starts_at_ms, show_id) > ($2, $3) \
                     ORDER BY starts_at_ms, show_id LIMIT $4"
                ),
                &[
                    event.0.into(),
                    starts_at_ms.into(),
                    show.into(),
                    limit.into(),
                ],
            )
            .await?;
        listed(rows)
    }

    /// What an answer about a public event and its opened shows depends on; `None` where there is no such event.
    ///
    /// # Errors
    /// As every read.
    pub async fn page_stamp(&self, event: EventId) -> Result<Option<PageStamp>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT e.version, e.ended_at_ms, \
                 CAST(COALESCE(SUM(s.version), 0) AS bigint) AS shows_version, \
                 COUNT(s.removed_at_ms) AS removed_shows FROM events AS e \
                 LEFT JOIN shows AS s ON s.event_id = e.event_id AND s.status <> 'opening' \
                 WHERE e.event_id = $1 AND e.status <> 'draft' AND e.deleted_at_ms IS NULL \
                 GROUP BY e.event_id, e.version, e.ended_at_ms",
                &[event.0.into()],
            )
            .await?
            .map(|row| {
                Ok(PageStamp {
                    event_version: row.number("version")?,
                    ended_at_ms: row.number_or_null("ended_at_ms")?,
                    shows_version: row.number("shows_version")?,
                    removed_shows: row.number("removed_shows")?,
                })
            })
            .transpose()
    }

    async fn page_of_shows(
        &self,
        event: EventId,
        page: u32,
        per_page: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let skip = i64::from(page.saturating_sub(1)).saturating_mul(i64::from(per_page));
        self.database
            .fetch(
                select!(
                    "event_id = $1 AND removed_at_ms IS NULL \
                     ORDER BY starts_at_ms, show_id LIMIT $2 OFFSET $3"
                ),
                &[event.0.into(), per_page.into(), skip.into()],
            )
            .await
    }
}

/// Rows of shows with their zones, as they are selected above.
fn listed(rows: Vec<Row>) -> Result<Vec<ListedShow>, StoreError> {
    let mut shows: Vec<ListedShow> = Vec::new();
    for row in rows {
        let show = show_row(&row)?;
        if shows
            .last()
            .is_none_or(|last| last.show.show_id != show.show_id)
        {
            shows.push(ListedShow {
                show,
                zones: Vec::new(),
            });
        }
        if let Some(listed) = shows.last_mut()
            && let Some(index) = row.number_or_null("zone")?
        {
            listed.zones.push(ListedZone {
                zone_id: row.uuid("zone_id")?,
                index,
                name: row.text("zone_name")?,
                unit_price: row.signed("unit_price")?,
                currency: row.text("currency")?,
                is_seated: row.signed("is_seated")? != 0,
                places: row.number("places")?,
            });
        }
    }
    Ok(shows)
}
