//! Shows as in a list: a page at a time, without their layouts.

use onsale_schemas::EventId;

use super::Store;
use super::shows::show_row;
use crate::catalog::{ListedShow, ListedZone, Page};
use crate::error::StoreError;

impl Store {
    /// How many shows an event has.
    ///
    /// # Errors
    /// As every read.
    pub async fn count_shows(&self, event: EventId) -> Result<u64, StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT COUNT(*) AS total FROM shows WHERE event_id = $1",
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
        let skip = i64::from(page.saturating_sub(1)).saturating_mul(i64::from(per_page));
        let rows = self
            .database
            .fetch(
                "SELECT s.show_id, s.event_id, s.partition, s.name, s.starts_at_ms, \
                 s.sale_opens_at_ms, s.sale_closes_at_ms, s.closes_by_default, s.hold_ms, \
                 s.cooldown_ms, s.status, s.created_at_ms, s.companions_per_accessible, \
                 s.venue_id, s.map_id, s.map_version, s.chart, CAST(NULL AS text) AS offer, \
                 z.zone, z.zone_id, z.name AS zone_name, z.unit_price, z.currency, z.is_seated, \
                 z.places FROM (SELECT * FROM shows WHERE event_id = $1 \
                 ORDER BY starts_at_ms, show_id LIMIT $2 OFFSET $3) AS s \
                 LEFT JOIN zones AS z ON z.show_id = s.show_id \
                 ORDER BY s.starts_at_ms, s.show_id, z.zone",
                &[event.0.into(), per_page.into(), skip.into()],
            )
            .await?;
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
        Ok(Page { rows: shows, total })
    }
}
