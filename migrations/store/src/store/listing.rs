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
        let (starts_at_ms, show) = behind(after);
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

    /// As [`Store::list_shows_after`], but fewer than `limit` where these have more than `zones_max` zones together,
    /// though never none where there is one; and whether there are shows behind them.
    ///
    /// # Errors
    /// As every read.
    pub async fn bounded_shows_after(
        &self,
        event: EventId,
        after: Option<(u64, ShowId)>,
        limit: u32,
        zones_max: u64,
    ) -> Result<(Vec<ListedShow>, bool), StoreError> {
        let (starts_at_ms, show) = behind(after);
        let counted = self
            .database
            .fetch(
                "SELECT (SELECT COUNT(*) FROM zones AS z WHERE z.show_id = s.show_id) AS zones \
                 FROM shows AS s WHERE s.event_id = $1 AND s.removed_at_ms IS NULL \
                 AND (s.starts_at_ms, s.show_id) > ($2, $3) \
                 ORDER BY s.starts_at_ms, s.show_id LIMIT $4",
                &[
                    event.0.into(),
                    starts_at_ms.into(),
                    show.into(),
                    limit.saturating_add(1).into(),
                ],
            )
            .await?;
        let (mut fitting, mut zones) = (0_u32, 0_u64);
        for row in &counted {
            zones = zones.saturating_add(row.number("zones")?);
            if fitting == limit || (fitting > 0 && zones > zones_max) {
                break;
            }
            fitting += 1;
        }
        if fitting == 0 {
            return Ok((Vec::new(), !counted.is_empty()));
        }
        let has_more = counted.len() > usize::try_from(fitting).unwrap_or(usize::MAX);
        Ok((
            self.list_shows_after(event, after, fitting).await?,
            has_more,
        ))
    }

    /// The last show of an event that does not come behind this place in the list; `None` where all do. What comes
    /// behind it is what comes behind the place.
    ///
    /// # Errors
    /// As every read.
    pub async fn show_at(
        &self,
        event: EventId,
        place: (u64, ShowId),
    ) -> Result<Option<(u64, ShowId)>, StoreError> {
        let (starts_at_ms, show) = behind(Some(place));
        self.database
            .fetch_optional(
                "SELECT starts_at_ms, show_id FROM shows WHERE event_id = $1 \
                 AND removed_at_ms IS NULL AND (starts_at_ms, show_id) <= ($2, $3) \
                 ORDER BY starts_at_ms DESC, show_id DESC LIMIT 1",
                &[event.0.into(), starts_at_ms.into(), show.into()],
            )
            .await?
            .map(|row| Ok((row.number("starts_at_ms")?, ShowId(row.uuid("show_id")?))))
            .transpose()
    }

    /// How many zones the shows of a page by its number have together, see [`Store::list_shows`].
    ///
    /// # Errors
    /// As every read.
    pub async fn zones_of_page(
        &self,
        event: EventId,
        page: u32,
        per_page: u32,
    ) -> Result<u64, StoreError> {
        let skip = i64::from(page.saturating_sub(1)).saturating_mul(i64::from(per_page));
        self.database
            .fetch_optional(
                "SELECT COUNT(*) AS total FROM (SELECT show_id FROM shows WHERE event_id = $1 \
                 AND removed_at_ms IS NULL ORDER BY starts_at_ms, show_id LIMIT $2 OFFSET $3) AS s \
                 JOIN zones AS z ON z.show_id = s.show_id",
                &[event.0.into(), per_page.into(), skip.into()],
            )
            .await?
            .map_or(Ok(0), |row| row.number("total"))
    }

    /// What an answer about a public event and its shows depends on; `None` where there is no such event.
    ///
    /// # Errors
    /// As every read.
    pub async fn page_stamp(&self, event: EventId) -> Result<Option<PageStamp>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT e.version, e.ended_at_ms, \
                 CAST(COALESCE(SUM(s.version), 0) AS bigint) AS shows_version, \
                 CAST(COALESCE(MAX(s.created_at_ms), 0) AS bigint) AS newest_at_ms, \
                 COUNT(s.removed_at_ms) AS removed_shows, \
                 COUNT(s.show_id) - COUNT(s.removed_at_ms) AS shows, \
                 COALESCE((SELECT v.version FROM venues AS v WHERE v.venue_id = e.venue_id), 0) \
                     AS venue_version FROM events AS e \
                 LEFT JOIN shows AS s ON s.event_id = e.event_id \
                 WHERE e.event_id = $1 AND e.status <> 'draft' AND e.deleted_at_ms IS NULL \
                 GROUP BY e.event_id, e.version, e.ended_at_ms, e.venue_id",
                &[event.0.into()],
            )
            .await?
            .map(|row| {
                Ok(PageStamp {
                    newest_at_ms: row.number("newest_at_ms")?,
                    venue_version: row.number("venue_version")?,
                    event_version: row.number("version")?,
                    ended_at_ms: row.number_or_null("ended_at_ms")?,
                    shows_version: row.number("shows_version")?,
                    removed_shows: row.number("removed_shows")?,
                    shows: row.number("shows")?,
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

/// The place in a list behind a show; without one, before all.
fn behind(after: Option<(u64, ShowId)>) -> (i64, Uuid) {
    match after {
        Some((starts_at_ms, show)) => (i64::try_from(starts_at_ms).unwrap_or(i64::MAX), show.0),
        // No show is before this one.
        None => (-1, Uuid::nil()),
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
