//! Shows with their zones.

use onsale_schemas::{EventId, PartitionId, ShowId};

use super::Store;
use super::events::lock_event;
use super::offers;
use super::usage::{self, Added};
use super::venue_maps;
use super::zones::{insert_zone, layout, zone_row};
use crate::audit::Audit;
use crate::catalog::{EventStatus, Quotas, ShowRow, ShowStatus};
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::venue::{ShowMap, StoredChart};

/// Shows and zones in one statement, so that both are of one moment. A show without zones has one
/// row. The offer comes with the first row alone: it may be large.
macro_rules! select {
    ($condition_and_order:literal) => {
        concat!(
            "SELECT s.show_id, s.event_id, s.partition, s.name, s.starts_at_ms, \
             s.sale_opens_at_ms, s.sale_closes_at_ms, s.closes_by_default, s.hold_ms, \
             s.cooldown_ms, s.status, s.created_at_ms, s.companions_per_accessible, \
             s.venue_id, s.map_id, s.map_version, s.chart, \
             CASE WHEN z.zone IS NULL OR z.zone = 0 THEN s.offer END AS offer, \
             z.zone, z.zone_id, z.name AS zone_name, z.unit_price, z.currency, z.layout, z.growth \
             FROM shows AS s LEFT JOIN zones AS z ON z.show_id = s.show_id WHERE ",
            $condition_and_order,
            ", z.zone"
        )
    };
}

/// A show without its zones.
pub(crate) const SHOW_ALONE: &str = "SELECT show_id, event_id, partition, name, starts_at_ms, \
     sale_opens_at_ms, sale_closes_at_ms, closes_by_default, hold_ms, cooldown_ms, status, \
     created_at_ms, companions_per_accessible, offer, venue_id, map_id, map_version, chart FROM shows \
     WHERE show_id = $1";

/// Adds a show with its zones in an open transaction, whatever its organizer has. Zones that were left
/// of it, as by someone who deleted the show by hand, are replaced.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    show: &ShowRow,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM zones WHERE show_id = $1",
            &[show.show_id.0.into()],
        )
        .await?;
    insert_within(transaction, show, &Quotas::UNLIMITED).await
}

/// Layouts of the zones as they are stored.
fn layouts(show: &ShowRow) -> Result<Vec<String>, StoreError> {
    show.zones.iter().map(layout).collect()
}

async fn insert_within(
    transaction: &mut Transaction,
    show: &ShowRow,
    quotas: &Quotas,
) -> Result<(), StoreError> {
    let layouts = layouts(show)?;
    let offer = offers::text(show.offer.as_ref())?;
    let map = show.map.as_ref();
    transaction
        .execute(
            "INSERT INTO shows (show_id, event_id, partition, name, starts_at_ms, \
             sale_opens_at_ms, sale_closes_at_ms, closes_by_default, hold_ms, cooldown_ms, \
             status, created_at_ms, companions_per_accessible, offer, \
             venue_id, map_id, map_version, chart) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
            &[
                show.show_id.0.into(),
                show.event_id.0.into(),
                show.partition.0.into(),
                Value::from(&show.name),
                integer("starts_at_ms", show.starts_at_ms)?.into(),
                integer("sale_opens_at_ms", show.sale_opens_at_ms)?.into(),
                integer("sale_closes_at_ms", show.sale_closes_at_ms)?.into(),
                i64::from(show.closes_by_default).into(),
                show.hold_ms.into(),
                show.cooldown_ms.into(),
                show.status.as_str().into(),
                integer("created_at_ms", show.created_at_ms)?.into(),
                u32::from(show.companions_per_accessible).into(),
                Value::from(&offer),
                map.map(|map| map.venue_id).into(),
                map.map(|map| map.map_id).into(),
                Value::Integer(map.map(|map| map.version.into())),
                Value::BytesOrNull(map.map(|map| &map.chart[..])),
            ],
        )
        .await?;
    usage::check_shows(transaction, show.event_id, quotas).await?;
    let owner = usage::owner_of(transaction, show.event_id).await?;
    usage::add(transaction, owner, Added::show(show, &layouts), quotas).await?;
    insert_zones(transaction, show).await
}

/// Adds the zones of a show in an open transaction.
pub(super) async fn insert_zones(
    transaction: &mut Transaction,
    show: &ShowRow,
) -> Result<(), StoreError> {
    for zone in &show.zones {
        insert_zone(transaction, show.show_id, zone).await?;
    }
    Ok(())
}

/// Replaces what people read of a show, its times, prices and offer, and whether it is closed, in an open
/// transaction. Nothing undoes a cancellation.
pub(crate) async fn replace(
    transaction: &mut Transaction,
    show: &ShowRow,
) -> Result<(), StoreError> {
    let offer = offers::text(show.offer.as_ref())?;
    transaction
        .execute(
            "UPDATE shows SET name = $2, starts_at_ms = $3, sale_opens_at_ms = $4, \
             sale_closes_at_ms = $5, hold_ms = $6, closes_by_default = $7, cooldown_ms = $8, \
             status = CASE WHEN status = 'cancelled' THEN status ELSE $9 END, \
             companions_per_accessible = $10, offer = $11 \
             WHERE show_id = $1",
            &[
                show.show_id.0.into(),
                Value::from(&show.name),
                integer("starts_at_ms", show.starts_at_ms)?.into(),
                integer("sale_opens_at_ms", show.sale_opens_at_ms)?.into(),
                integer("sale_closes_at_ms", show.sale_closes_at_ms)?.into(),
                show.hold_ms.into(),
                i64::from(show.closes_by_default).into(),
                show.cooldown_ms.into(),
                show.status.as_str().into(),
                u32::from(show.companions_per_accessible).into(),
                Value::from(&offer),
            ],
        )
        .await?;
    for zone in &show.zones {
        transaction
            .execute(
                "UPDATE zones SET name = $3, unit_price = $4 WHERE show_id = $1 AND zone = $2",
                &[
                    show.show_id.0.into(),
                    zone.index.into(),
                    Value::from(&zone.name),
                    zone.unit_price.into(),
                ],
            )
            .await?;
    }
    Ok(())
}

/// Replaces where a show belongs, its times, prices and hold in an open transaction; false when there
/// is none.
async fn replace_terms(transaction: &mut Transaction, show: &ShowRow) -> Result<bool, StoreError> {
    let touched = transaction
        .execute(
            "UPDATE shows SET starts_at_ms = $2, sale_opens_at_ms = $3, \
             sale_closes_at_ms = $4, hold_ms = $5, cooldown_ms = $6, event_id = $7, \
             partition = $8 WHERE show_id = $1",
            &[
                show.show_id.0.into(),
                integer("starts_at_ms", show.starts_at_ms)?.into(),
                integer("sale_opens_at_ms", show.sale_opens_at_ms)?.into(),
                integer("sale_closes_at_ms", show.sale_closes_at_ms)?.into(),
                show.hold_ms.into(),
                show.cooldown_ms.into(),
                show.event_id.0.into(),
                show.partition.0.into(),
            ],
        )
        .await?;
    if touched == 0 {
        return Ok(false);
    }
    for zone in &show.zones {
        transaction
            .execute(
                "UPDATE zones SET unit_price = $3, currency = $4 WHERE show_id = $1 AND zone = $2",
                &[
                    show.show_id.0.into(),
                    zone.index.into(),
                    zone.unit_price.into(),
                    Value::from(&zone.currency),
                ],
            )
            .await?;
    }
    Ok(true)
}

impl Store {
    /// Adds a show with its zones, whatever its organizer has and without an entry: for tests.
    ///
    /// # Errors
    /// As [`Store::add_show_within`].
    #[cfg(feature = "testing")]
    pub async fn add_show(&self, show: &ShowRow) -> Result<(), StoreError> {
        let audit = crate::audit::Unaudited::Unattended;
        self.add_show_within(show, &Quotas::UNLIMITED, audit).await
    }

    /// Adds a show with its zones in one transaction, if its organizer may have as much.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the show's id or the id of a zone is taken;
    /// [`StoreError::NotPublished`] when its event is a draft or cancelled; [`StoreError::Quota`];
    /// [`StoreError::Database`] when its event is not there.
    pub async fn add_show_within(
        &self,
        show: &ShowRow,
        quotas: &Quotas,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let result = self.insert_show(show, None, quotas, audit.into()).await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("show")),
            other => other,
        }
    }

    /// As [`Store::add_show_within`] for a show that was made from the map of a venue, with its chart.
    ///
    /// # Errors
    /// As [`Store::add_show_within`], and [`StoreError::NotThere`] when the map is not there any more.
    pub async fn add_show_of_map(
        &self,
        show: &ShowRow,
        chart: &StoredChart,
        quotas: &Quotas,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let audit = audit.into();
        let result = self.insert_show(show, Some(chart), quotas, audit).await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("show")),
            other => other,
        }
    }

    async fn insert_show(
        &self,
        show: &ShowRow,
        chart: Option<&StoredChart>,
        quotas: &Quotas,
        audit: Audit,
    ) -> Result<(), StoreError> {
        let (show, chart, quotas) = (show.clone(), chart.cloned(), *quotas);
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                // Nobody unpublishes the event meanwhile. One that is not there is what the key
                // refuses.
                let event = lock_event(&mut transaction, show.event_id).await?;
                if event
                    .as_ref()
                    .is_some_and(|event| event.status != EventStatus::Published)
                {
                    return Err(StoreError::NotPublished);
                }
                if let (Some(event), Some(map), Some(chart)) = (&event, &show.map, &chart) {
                    let tenant = event.tenant_id;
                    venue_maps::add_show_of(&mut transaction, tenant, map, chart).await?;
                }
                insert_within(&mut transaction, &show, &quotas).await?;
                // It has something to come again; housekeeping looks whether that is so.
                transaction
                    .execute(
                        "UPDATE events SET ended_at_ms = NULL \
                         WHERE event_id = $1 AND ended_at_ms IS NOT NULL",
                        &[show.event_id.0.into()],
                    )
                    .await?;
                transaction.commit(audit).await
            })
            .await
    }

    /// Removes a show whose opening the log refused, and gives its organizer back what it used; false
    /// when the log has opened it after all, or there is none. The catalog has to be as far as the
    /// refusal.
    ///
    /// # Errors
    /// As every write.
    pub async fn withdraw_show(
        &self,
        id: ShowId,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let Some(show) = self.show(id).await? else {
            return Ok(false);
        };
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                // In this order everywhere: event, then show.
                lock_event(&mut transaction, show.event_id).await?;
                let layouts = layouts(&show)?;
                transaction
                    .execute(
                        "DELETE FROM zones WHERE show_id IN \
                         (SELECT show_id FROM shows WHERE show_id = $1 AND status = 'opening')",
                        &[id.0.into()],
                    )
                    .await?;
                // The log refuses them like the show: nothing else would settle them.
                transaction
                    .execute(
                        "DELETE FROM show_changes WHERE show_id IN \
                         (SELECT show_id FROM shows WHERE show_id = $1 AND status = 'opening')",
                        &[id.0.into()],
                    )
                    .await?;
                let removed = transaction
                    .execute(
                        "DELETE FROM shows WHERE show_id = $1 AND status = 'opening'",
                        &[id.0.into()],
                    )
                    .await?;
                if removed == 0 {
                    return Ok(false);
                }
                if let Some(map) = &show.map {
                    venue_maps::forget_chart(&mut transaction, map.chart).await?;
                }
                let owner = usage::owner_of(&mut transaction, show.event_id).await?;
                usage::remove(&mut transaction, owner, Added::show(&show, &layouts)).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Replaces event, partition, times, prices, currencies and hold of a show (not its layout or
    /// status) outside the projection (reconciliation only); false when there is none.
    ///
    /// # Errors
    /// As every write.
    pub async fn update_show(
        &self,
        show: &ShowRow,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (show, audit) = (show.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !replace_terms(&mut transaction, &show).await? {
                    return Ok(false);
                }
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// One show with its zones.
    ///
    /// # Errors
    /// As every read.
    pub async fn show(&self, id: ShowId) -> Result<Option<ShowRow>, StoreError> {
        Ok(self
            .select_shows(select!("s.show_id = $1 ORDER BY s.show_id"), id.0.into())
            .await?
            .pop())
    }

    /// Shows of an event with their zones, by (starts_at_ms, show_id): for tests.
    ///
    /// # Errors
    /// As every read.
    #[cfg(feature = "testing")]
    pub async fn shows_of_event(&self, id: EventId) -> Result<Vec<ShowRow>, StoreError> {
        self.select_shows(
            select!("s.event_id = $1 ORDER BY s.starts_at_ms, s.show_id"),
            id.0.into(),
        )
        .await
    }

    /// Shows with this status, with their zones, of all events, by show id.
    ///
    /// # Errors
    /// As every read.
    pub async fn shows_with_status(&self, status: ShowStatus) -> Result<Vec<ShowRow>, StoreError> {
        self.select_shows(
            select!("s.status = $1 ORDER BY s.show_id"),
            status.as_str().into(),
        )
        .await
    }

    /// Sets a show's status outside the projection (reconciliation only); false when there is none.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_show_status(
        &self,
        id: ShowId,
        status: ShowStatus,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let touched = transaction
                    .execute(
                        "UPDATE shows SET status = $2 WHERE show_id = $1",
                        &[id.0.into(), status.as_str().into()],
                    )
                    .await?;
                if touched == 0 {
                    return Ok(false);
                }
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    async fn select_shows(
        &self,
        sql: &'static str,
        value: Value<'_>,
    ) -> Result<Vec<ShowRow>, StoreError> {
        let mut shows: Vec<ShowRow> = Vec::new();
        for row in self.database.fetch(sql, &[value]).await? {
            let id = ShowId(row.uuid("show_id")?);
            if shows.last().is_none_or(|show| show.show_id != id) {
                shows.push(show_row(&row)?);
            }
            if let Some(show) = shows.last_mut()
                && let Some(index) = row.number_or_null("zone")?
            {
                show.zones.push(zone_row(&row, index)?);
            }
        }
        Ok(shows)
    }
}

/// Without its zones.
pub(crate) fn show_row(row: &Row) -> Result<ShowRow, StoreError> {
    Ok(ShowRow {
        show_id: ShowId(row.uuid("show_id")?),
        event_id: EventId(row.uuid("event_id")?),
        partition: PartitionId(row.number("partition")?),
        map: show_map(row)?,
        name: row.text_or_null("name")?,
        starts_at_ms: row.number("starts_at_ms")?,
        sale_opens_at_ms: row.number("sale_opens_at_ms")?,
        sale_closes_at_ms: row.number("sale_closes_at_ms")?,
        closes_by_default: row.number::<i64>("closes_by_default")? != 0,
        hold_ms: row.number("hold_ms")?,
        cooldown_ms: row.number("cooldown_ms")?,
        status: row.word("status", ShowStatus::parse)?,
        created_at_ms: row.number("created_at_ms")?,
        companions_per_accessible: row.number("companions_per_accessible")?,
        offer: offers::read(row)?,
        zones: Vec::new(),
    })
}

/// What a show was made from: all of it, or nothing.
fn show_map(row: &Row) -> Result<Option<ShowMap>, StoreError> {
    let ids = row
        .uuid_or_null("venue_id")?
        .zip(row.uuid_or_null("map_id")?);
    let version = row.number_or_null("map_version")?;
    let chart = row.exactly_or_null("chart")?;
    Ok(ids
        .zip(version.zip(chart))
        .map(|((venue_id, map_id), (version, chart))| ShowMap {
            venue_id,
            map_id,
            version,
            chart,
        }))
}
