//! Zones of shows: how they are stored, and what becomes of them after their shows were opened.

use onsale_schemas::{EventId, ShowId, ZoneIndex};

use super::usage::{self, Added};
use crate::catalog::{Growth, ZoneRow};
use crate::database::{Row, Transaction, Value};
use crate::error::StoreError;

/// The layout of a zone as it is stored.
pub(super) fn layout(zone: &ZoneRow) -> Result<String, StoreError> {
    serde_json::to_string(&zone.admission)
        .map_err(|error| StoreError::Invalid(format!("layout: {error}")))
}

/// What became of a zone as it is stored; nothing is NULL.
fn growth(zone: &ZoneRow) -> Result<Option<String>, StoreError> {
    if zone.growth.is_none() {
        return Ok(None);
    }
    serde_json::to_string(&zone.growth)
        .map(Some)
        .map_err(|error| StoreError::Invalid(format!("growth: {error}")))
}

/// What became of a zone, of its column; none where that is NULL.
pub(super) fn growth_of(text: Option<&str>) -> Result<Growth, StoreError> {
    text.map_or(Ok(Growth::default()), |text| {
        serde_json::from_str(text)
            .map_err(|error| StoreError::Corrupt(format!("zones.growth: {error}")))
    })
}

/// Adds a zone of a show in an open transaction.
pub(crate) async fn insert_zone(
    transaction: &mut Transaction,
    show: ShowId,
    zone: &ZoneRow,
) -> Result<(), StoreError> {
    let (is_seated, places) = usage::places(zone);
    transaction
        .execute(
            "INSERT INTO zones (show_id, zone, zone_id, name, unit_price, currency, \
             layout, is_seated, places, growth) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                show.0.into(),
                zone.index.into(),
                zone.zone_id.into(),
                Value::from(&zone.name),
                zone.unit_price.into(),
                Value::from(&zone.currency),
                Value::from(&layout(zone)?),
                is_seated.into(),
                places.into(),
                Value::from(&growth(zone)?),
            ],
        )
        .await
        .map(drop)
}

/// A zone of a show in an open transaction.
pub(crate) async fn zone_of(
    transaction: &mut Transaction,
    show: ShowId,
    index: ZoneIndex,
) -> Result<Option<ZoneRow>, StoreError> {
    transaction
        .fetch_optional(
            "SELECT zone_id, name AS zone_name, unit_price, currency, layout, growth FROM zones \
             WHERE show_id = $1 AND zone = $2",
            &[show.0.into(), index.into()],
        )
        .await?
        .map(|row| zone_row(&row, index))
        .transpose()
}

/// Replaces the places of a zone in an open transaction, and counts what its organizer has by that.
pub(crate) async fn replace_layout(
    transaction: &mut Transaction,
    show: (ShowId, EventId),
    before: &ZoneRow,
    after: &ZoneRow,
) -> Result<(), StoreError> {
    let (is_seated, places) = usage::places(after);
    transaction
        .execute(
            "UPDATE zones SET layout = $3, is_seated = $4, places = $5, growth = $6 \
             WHERE show_id = $1 AND zone = $2",
            &[
                show.0.0.into(),
                after.index.into(),
                Value::from(&layout(after)?),
                is_seated.into(),
                places.into(),
                Value::from(&growth(after)?),
            ],
        )
        .await?;
    let had = usage::of_zone(before, &layout(before)?);
    let has = usage::of_zone(after, &layout(after)?);
    usage::shift(transaction, show.1, had, has).await
}

/// Adds a zone to a show that is there, in an open transaction, and counts what its organizer has by
/// that.
pub(crate) async fn add_zone(
    transaction: &mut Transaction,
    show: (ShowId, EventId),
    zone: &ZoneRow,
) -> Result<(), StoreError> {
    insert_zone(transaction, show.0, zone).await?;
    // A row that is added is no update of one, and the show is another version all the same.
    transaction
        .execute(
            "UPDATE shows SET version = version + 1 WHERE show_id = $1",
            &[show.0.0.into()],
        )
        .await?;
    let has = usage::of_zone(zone, &layout(zone)?);
    usage::shift(transaction, show.1, Added::default(), has).await
}

/// The version of a show, which nobody else changes until the transaction ends; `None` when there is no such
/// show.
pub(crate) async fn lock_version(
    transaction: &mut Transaction,
    show: ShowId,
) -> Result<Option<i64>, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let select = match transaction {
        Transaction::Postgres(_) => "SELECT version FROM shows WHERE show_id = $1 FOR UPDATE",
        Transaction::Sqlite(_) => "SELECT version FROM shows WHERE show_id = $1",
    };
    let row = transaction.fetch_optional(select, &[show.0.into()]).await?;
    row.map(|row| row.signed("version")).transpose()
}

/// Says of which version a show is, whatever the triggers have counted in this transaction.
pub(crate) async fn set_version(
    transaction: &mut Transaction,
    show: ShowId,
    version: i64,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE shows SET version = $2 WHERE show_id = $1",
            &[show.0.into(), version.into()],
        )
        .await
        .map(drop)
}

/// Of a row that has the name of the zone as `zone_name`.
pub(super) fn zone_row(row: &Row, index: ZoneIndex) -> Result<ZoneRow, StoreError> {
    Ok(ZoneRow {
        zone_id: row.uuid("zone_id")?,
        index,
        name: row.text("zone_name")?,
        unit_price: row.signed("unit_price")?,
        currency: row.text("currency")?,
        admission: serde_json::from_str(&row.text("layout")?)
            .map_err(|error| StoreError::Corrupt(format!("zones.layout: {error}")))?,
        growth: growth_of(row.text_or_null("growth")?.as_deref())?,
    })
}
