//! The maps of venues, and the charts of the shows that were made from them.

use uuid::Uuid;

use super::Store;
use super::venues::lock_venue;
use crate::audit::Audit;
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::venue::{
    Deflated, MAP_BYTES_PER_TENANT_MAX, MAPS_PER_VENUE_MAX, MapId, MapRow, MapVersion, ShowMap,
    StoredChart, StoredHall, VERSIONS_PER_VENUE_MAX,
};

macro_rules! select {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT map_id, version, venue_id, tenant_id, name, places, address, created_at_ms",
            $more,
            " FROM venue_maps ",
            $rest
        )
    };
}

const INSERT: &str = "INSERT INTO venue_maps (map_id, version, venue_id, tenant_id, name, places, address, \
     hall, hall_bytes, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// What there is of the maps of a tenant, and of a venue of it.
const USED: &str = "SELECT COALESCE(SUM(LENGTH(hall)), 0) AS bytes, \
     COALESCE(SUM(CASE WHEN venue_id = $2 THEN 1 ELSE 0 END), 0) AS versions, \
     COUNT(DISTINCT CASE WHEN venue_id = $2 THEN map_id END) AS maps \
     FROM venue_maps WHERE tenant_id = $1";

impl Store {
    /// Adds a map to a venue, as its version 1; `None` when there is no such venue.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the id is taken, and [`StoreError::TooMany`].
    pub async fn add_map(
        &self,
        id: MapId,
        hall: &StoredHall,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Option<MapRow>, StoreError> {
        let (hall, audit) = (hall.clone(), audit.into());
        let added = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(venue) = lock_venue(&mut transaction, id.venue_id).await? else {
                    return Ok(None);
                };
                let row = of_hall(id, venue.tenant_id, 1, &hall, now_ms);
                insert(&mut transaction, &row, &hall).await?;
                check_room(&mut transaction, &row).await?;
                transaction.commit(audit).await?;
                Ok(Some(row))
            })
            .await;
        match added {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("map")),
            other => other,
        }
    }

    /// Adds a version to a map; `None` when there is no such map. Where the hall is that of the last version,
    /// nothing is written and that one is given: a call that is made again makes no second one.
    ///
    /// # Errors
    /// [`StoreError::TooMany`], and [`StoreError::VersionChanged`] where the last version is not the expected one.
    pub async fn add_map_version(
        &self,
        id: MapId,
        hall: &StoredHall,
        expected: Option<u32>,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<Option<MapRow>, StoreError> {
        let (hall, audit) = (hall.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                // All versions of a map are written behind this lock.
                if lock_venue(&mut transaction, id.venue_id).await?.is_none() {
                    return Ok(None);
                }
                let last = transaction
                    .fetch_optional(
                        select!(
                            "",
                            "WHERE map_id = $1 AND venue_id = $2 ORDER BY version DESC LIMIT 1"
                        ),
                        &[id.map_id.into(), id.venue_id.into()],
                    )
                    .await?;
                let Some(last) = last.map(|row| map_row(&row)).transpose()? else {
                    return Ok(None);
                };
                if expected.is_some_and(|version| version != last.version) {
                    return Err(StoreError::VersionChanged {
                        found: last.version.into(),
                    });
                }
                if last.address == hall.address {
                    return Ok(Some(last));
                }
                let version = last.version.saturating_add(1);
                let row = of_hall(id, last.tenant_id, version, &hall, now_ms);
                insert(&mut transaction, &row, &hall).await?;
                check_room(&mut transaction, &row).await?;
                transaction.commit(audit).await?;
                Ok(Some(row))
            })
            .await
    }

    /// A version of a map with its hall; the last one where none is named.
    ///
    /// # Errors
    /// As every read.
    pub async fn map_version(
        &self,
        id: MapId,
        version: Option<u32>,
    ) -> Result<Option<MapVersion>, StoreError> {
        let found = self
            .database
            .fetch_optional(
                select!(
                    ", hall, hall_bytes",
                    "WHERE map_id = $1 AND venue_id = $2 AND ($3 IS NULL OR version = $3) \
                     ORDER BY version DESC LIMIT 1"
                ),
                &[
                    id.map_id.into(),
                    id.venue_id.into(),
                    Value::Integer(version.map(i64::from)),
                ],
            )
            .await?;
        found.map(|row| map_version(&row)).transpose()
    }

    /// A version of a map of a tenant with its hall, of whichever venue; the last one where none is named.
    ///
    /// # Errors
    /// As every read.
    pub async fn map_of_tenant(
        &self,
        tenant: Uuid,
        map_id: Uuid,
        version: Option<u32>,
    ) -> Result<Option<MapVersion>, StoreError> {
        let found = self
            .database
            .fetch_optional(
                select!(
                    ", hall, hall_bytes",
                    "WHERE map_id = $1 AND tenant_id = $2 AND ($3 IS NULL OR version = $3) \
                     ORDER BY version DESC LIMIT 1"
                ),
                &[
                    map_id.into(),
                    tenant.into(),
                    Value::Integer(version.map(i64::from)),
                ],
            )
            .await?;
        found.map(|row| map_version(&row)).transpose()
    }

    /// The last version of each map of a venue, by name and id.
    ///
    /// # Errors
    /// As every read.
    pub async fn maps_of_venue(&self, venue: Uuid) -> Result<Vec<MapRow>, StoreError> {
        let rows = self
            .database
            .fetch(
                select!(
                    "",
                    "WHERE venue_id = $1 AND version = (SELECT MAX(other.version) FROM venue_maps AS other \
                     WHERE other.map_id = venue_maps.map_id) ORDER BY name, map_id"
                ),
                &[venue.into()],
            )
            .await?;
        rows.iter().map(map_row).collect()
    }

    /// The chart with this address.
    ///
    /// # Errors
    /// As every read.
    pub async fn chart(&self, address: [u8; 32]) -> Result<Option<Deflated>, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT chart, chart_bytes FROM charts WHERE address = $1 LIMIT 1",
                &[Value::Bytes(&address)],
            )
            .await?;
        let Some(row) = found else {
            return Ok(None);
        };
        Ok(Some(Deflated {
            deflated: row.bytes("chart")?,
            bytes: row.number("chart_bytes")?,
        }))
    }
}

/// Keeps the venue of a new show from being deleted, and the chart of the show, in an open transaction.
///
/// # Errors
/// [`StoreError::NotThere`] when there is no such map of the tenant any more.
pub(super) async fn add_show_of(
    transaction: &mut Transaction,
    tenant: Uuid,
    map: &ShowMap,
    chart: &StoredChart,
) -> Result<(), StoreError> {
    let venue = lock_venue(transaction, map.venue_id).await?;
    let found = transaction
        .fetch_optional(
            "SELECT map_id FROM venue_maps WHERE map_id = $1 AND version = $2 AND venue_id = $3 \
             AND tenant_id = $4",
            &[
                map.map_id.into(),
                map.version.into(),
                map.venue_id.into(),
                tenant.into(),
            ],
        )
        .await?;
    if venue.is_none() || found.is_none() {
        return Err(StoreError::NotThere("map"));
    }
    transaction
        .execute(
            "INSERT INTO charts (address, tenant_id, chart, chart_bytes) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (address, tenant_id) DO NOTHING",
            &[
                Value::Bytes(&chart.address),
                tenant.into(),
                Value::Bytes(&chart.json.deflated),
                integer("chart_bytes", chart.json.bytes)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// Deletes a chart that no show has any more, in an open transaction.
pub(super) async fn forget_chart(
    transaction: &mut Transaction,
    address: [u8; 32],
) -> Result<(), StoreError> {
    transaction
        .execute(
            "DELETE FROM charts WHERE address = $1 AND NOT EXISTS \
             (SELECT 1 FROM shows WHERE shows.chart = $1)",
            &[Value::Bytes(&address)],
        )
        .await
        .map(drop)
}

/// Refuses what is more than a tenant and a venue may have, the row included.
async fn check_room(transaction: &mut Transaction, row: &MapRow) -> Result<(), StoreError> {
    let Some(used) = transaction
        .fetch_optional(USED, &[row.tenant_id.into(), row.id.venue_id.into()])
        .await?
    else {
        return Ok(());
    };
    for (column, max, what) in [
        ("maps", MAPS_PER_VENUE_MAX, "maps of the venue"),
        (
            "versions",
            VERSIONS_PER_VENUE_MAX,
            "versions of the venue's maps",
        ),
        (
            "bytes",
            MAP_BYTES_PER_TENANT_MAX,
            "bytes of the tenant's maps, compressed",
        ),
    ] {
        if used.number::<u64>(column)? > max {
            return Err(StoreError::TooMany { what, max });
        }
    }
    Ok(())
}

fn of_hall(id: MapId, tenant_id: Uuid, version: u32, hall: &StoredHall, now_ms: u64) -> MapRow {
    MapRow {
        id,
        tenant_id,
        version,
        name: hall.name.clone(),
        places: hall.places,
        address: hall.address,
        created_at_ms: now_ms,
    }
}

async fn insert(
    transaction: &mut Transaction,
    row: &MapRow,
    hall: &StoredHall,
) -> Result<(), StoreError> {
    transaction
        .execute(
            INSERT,
            &[
                row.id.map_id.into(),
                row.version.into(),
                row.id.venue_id.into(),
                row.tenant_id.into(),
                Value::from(&row.name),
                integer("places", row.places)?.into(),
                Value::Bytes(&row.address),
                Value::Bytes(&hall.deflated),
                integer("hall_bytes", hall.bytes)?.into(),
                integer("created_at_ms", row.created_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

fn map_version(row: &Row) -> Result<MapVersion, StoreError> {
    Ok(MapVersion {
        row: map_row(row)?,
        hall: Deflated {
            deflated: row.bytes("hall")?,
            bytes: row.number("hall_bytes")?,
        },
    })
}

fn map_row(row: &Row) -> Result<MapRow, StoreError> {
    Ok(MapRow {
        id: MapId {
            venue_id: row.uuid("venue_id")?,
            map_id: row.uuid("map_id")?,
        },
        tenant_id: row.uuid("tenant_id")?,
        version: row.number("version")?,
        name: row.text("name")?,
        places: row.number("places")?,
        address: row.exactly("address")?,
        created_at_ms: row.number("created_at_ms")?,
    })
}
