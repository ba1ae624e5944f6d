//! Venues.

use uuid::Uuid;

use super::Store;
use crate::audit::Audit;
use crate::catalog::{FindableVenue, Page, TenantScope};
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::venue::{Position, VENUES_PER_TENANT_MAX, Venue, VenueChanged, VenueDeleted, VenueRow};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT venue_id, tenant_id, name, address, city, country, latitude_e6, longitude_e6, \
             time_zone, website, version, created_at_ms, updated_at_ms FROM venues ",
            $rest
        )
    };
}

const INSERT: &str = "INSERT INTO venues (venue_id, tenant_id, name, address, city, country, latitude_e6, \
     longitude_e6, time_zone, website, version, created_at_ms, updated_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const REPLACE: &str = "UPDATE venues SET name = $2, address = $3, city = $4, country = $5, latitude_e6 = $6, \
     longitude_e6 = $7, time_zone = $8, website = $9, version = $10, updated_at_ms = $11 \
     WHERE venue_id = $1";

impl Store {
    /// Adds a venue.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the id is taken, and [`StoreError::TooMany`].
    pub async fn add_venue(
        &self,
        venue: &VenueRow,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let (venue, audit) = (venue.clone(), audit.into());
        let added = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                insert(&mut transaction, &venue).await?;
                let counted = transaction
                    .fetch_optional(
                        "SELECT COUNT(*) AS venues FROM venues WHERE tenant_id = $1",
                        &[venue.tenant_id.into()],
                    )
                    .await?;
                let venues: u64 = counted.map_or(Ok(0), |row| row.number("venues"))?;
                if venues > VENUES_PER_TENANT_MAX {
                    return Err(StoreError::TooMany {
                        what: "venues of the tenant",
                        max: VENUES_PER_TENANT_MAX,
                    });
                }
                transaction.commit(audit).await
            })
            .await;
        match added {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("venue")),
            other => other,
        }
    }

    /// One venue.
    ///
    /// # Errors
    /// As every read.
    pub async fn venue(&self, id: Uuid) -> Result<Option<VenueRow>, StoreError> {
        self.database
            .fetch_optional(select!("WHERE venue_id = $1"), &[id.into()])
            .await?
            .map(|row| venue_row(&row))
            .transpose()
    }

    /// Venues within the scope by (name, id), page by number from 1.
    ///
    /// # Errors
    /// As every read.
    pub async fn venues(
        &self,
        scope: TenantScope,
        page: u32,
        per_page: u32,
    ) -> Result<Page<VenueRow>, StoreError> {
        let counted = self
            .database
            .fetch_optional(
                "SELECT COUNT(*) AS total FROM venues WHERE ($1 IS NULL OR tenant_id = $1)",
                &[scope.one().into()],
            )
            .await?;
        let total = counted.map_or(Ok(0), |row| row.number("total"))?;
        let skip = i64::from(page.saturating_sub(1)).saturating_mul(i64::from(per_page));
        let rows = self
            .database
            .fetch(
                select!(
                    "WHERE ($1 IS NULL OR tenant_id = $1) ORDER BY name, venue_id LIMIT $2 OFFSET $3"
                ),
                &[scope.one().into(), per_page.into(), skip.into()],
            )
            .await?;
        let rows = rows.iter().map(venue_row).collect::<Result<_, _>>()?;
        Ok(Page { rows, total })
    }

    /// Whether an event that is no draft, or a show of one, takes place in a venue: then everybody may know it.
    ///
    /// # Errors
    /// As every read.
    pub async fn is_venue_public(&self, id: Uuid) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT s.show_id AS id FROM shows AS s JOIN events AS e ON e.event_id = s.event_id \
                 WHERE s.venue_id = $1 AND e.status <> 'draft' \
                 UNION ALL SELECT e.event_id AS id FROM events AS e \
                 WHERE e.venue_id = $1 AND e.status <> 'draft' AND e.deleted_at_ms IS NULL LIMIT 1",
                &[id.into()],
            )
            .await?;
        Ok(found.is_some())
    }

    /// Says of a venue what people want said, where it is at the `expected` version, if there is one. Where
    /// nothing is other than before, nothing is written and no entry is left; otherwise it names the fields.
    /// Who follows the catalog is told that the events in it have changed, if its name or its city has.
    ///
    /// # Errors
    /// As every write.
    pub async fn change_venue(
        &self,
        id: Uuid,
        venue: &Venue,
        expected: Option<u64>,
        now_ms: u64,
        audit: impl Into<Audit>,
    ) -> Result<VenueChanged, StoreError> {
        let (venue, audit) = (venue.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(before) = lock_venue(&mut transaction, id).await? else {
                    return Ok(VenueChanged::NotThere);
                };
                let changes = before.venue.changes(&venue);
                if expected.is_some_and(|version| version != before.version) {
                    return Ok(VenueChanged::IsAt(before.version));
                }
                if changes.is_empty() {
                    return Ok(VenueChanged::Done(before));
                }
                let was = before.venue.clone();
                let after = VenueRow {
                    venue,
                    version: before.version + 1,
                    updated_at_ms: now_ms,
                    ..before
                };
                let of_venue = values(&after.venue);
                let [
                    name,
                    address,
                    city,
                    country,
                    latitude,
                    longitude,
                    zone,
                    website,
                ] = of_venue;
                transaction
                    .execute(
                        REPLACE,
                        &[
                            id.into(),
                            name,
                            address,
                            city,
                            country,
                            latitude,
                            longitude,
                            zone,
                            website,
                            integer("version", after.version)?.into(),
                            integer("updated_at_ms", now_ms)?.into(),
                        ],
                    )
                    .await?;
                if (&was.name, &was.city) != (&after.venue.name, &after.venue.city) {
                    // Not another version of their rows: that would wait for whoever changes one, who in turn may
                    // wait for this venue.
                    transaction
                        .execute(
                            "INSERT INTO catalog_changes (event_id) \
                             SELECT event_id FROM events WHERE venue_id = $1",
                            &[id.into()],
                        )
                        .await?;
                }
                transaction.commit(audit.with_changes(&changes)).await?;
                Ok(VenueChanged::Done(after))
            })
            .await
    }

    /// Deletes a venue with its maps, where it is at the `expected` version, if there is one, and no show
    /// takes place in it and no event. None can be added while this looks.
    ///
    /// # Errors
    /// As every write.
    pub async fn delete_venue(
        &self,
        id: Uuid,
        expected: Option<u64>,
        audit: impl Into<Audit>,
    ) -> Result<VenueDeleted, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(venue) = lock_venue(&mut transaction, id).await? else {
                    return Ok(VenueDeleted::NotThere);
                };
                if expected.is_some_and(|version| version != venue.version) {
                    return Ok(VenueDeleted::IsAt(venue.version));
                }
                let counted = transaction
                    .fetch_optional(
                        "SELECT COUNT(*) AS shows FROM shows WHERE venue_id = $1",
                        &[id.into()],
                    )
                    .await?;
                let shows = counted.map_or(Ok(0), |row| row.number("shows"))?;
                if shows > 0 {
                    return Ok(VenueDeleted::HasShows(shows));
                }
                let counted = transaction
                    .fetch_optional(
                        "SELECT COUNT(*) AS events FROM events WHERE venue_id = $1 \
                         AND deleted_at_ms IS NULL",
                        &[id.into()],
                    )
                    .await?;
                let events = counted.map_or(Ok(0), |row| row.number("events"))?;
                if events > 0 {
                    return Ok(VenueDeleted::HasEvents(events));
                }
                for delete in [
                    "DELETE FROM venue_maps WHERE venue_id = $1",
                    "DELETE FROM venues WHERE venue_id = $1",
                ] {
                    transaction.execute(delete, &[id.into()]).await?;
                }
                transaction.commit(audit).await?;
                Ok(VenueDeleted::Done)
            })
            .await
    }
}

/// A venue, which nobody else changes until the transaction ends, and to which no map and no show is added.
pub(super) async fn lock_venue(
    transaction: &mut Transaction,
    id: Uuid,
) -> Result<Option<VenueRow>, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let select = match transaction {
        Transaction::Postgres(_) => select!("WHERE venue_id = $1 FOR UPDATE"),
        Transaction::Sqlite(_) => select!("WHERE venue_id = $1"),
    };
    transaction
        .fetch_optional(select, &[id.into()])
        .await?
        .map(|row| venue_row(&row))
        .transpose()
}

/// Keeps the venue that an event of a tenant is to have from being deleted, in an open transaction.
///
/// # Errors
/// [`StoreError::NotThere`] when the tenant has no such venue.
pub(super) async fn keep_for_event(
    transaction: &mut Transaction,
    tenant: Uuid,
    id: Uuid,
) -> Result<FindableVenue, StoreError> {
    match lock_venue(transaction, id).await? {
        Some(found) if found.tenant_id == tenant => Ok(FindableVenue {
            name: found.venue.name,
            city: found.venue.city,
        }),
        _ => Err(StoreError::NotThere("venue")),
    }
}

async fn insert(transaction: &mut Transaction, row: &VenueRow) -> Result<(), StoreError> {
    let [
        name,
        address,
        city,
        country,
        latitude,
        longitude,
        zone,
        website,
    ] = values(&row.venue);
    transaction
        .execute(
            INSERT,
            &[
                row.venue_id.into(),
                row.tenant_id.into(),
                name,
                address,
                city,
                country,
                latitude,
                longitude,
                zone,
                website,
                integer("version", row.version)?.into(),
                integer("created_at_ms", row.created_at_ms)?.into(),
                integer("updated_at_ms", row.updated_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// In the order of the columns.
fn values(venue: &Venue) -> [Value<'_>; 8] {
    let part = |of: fn(Position) -> i32| Value::Integer(venue.position.map(|at| of(at).into()));
    [
        Value::from(&venue.name),
        Value::from(&venue.address),
        Value::from(&venue.city),
        Value::from(&venue.country),
        part(|at| at.latitude_e6),
        part(|at| at.longitude_e6),
        Value::from(&venue.time_zone),
        Value::from(&venue.website),
    ]
}

fn venue_row(row: &Row) -> Result<VenueRow, StoreError> {
    let latitude = row.number_or_null("latitude_e6")?;
    let longitude = row.number_or_null("longitude_e6")?;
    let position = latitude.zip(longitude);
    Ok(VenueRow {
        venue_id: row.uuid("venue_id")?,
        tenant_id: row.uuid("tenant_id")?,
        venue: Venue {
            name: row.text("name")?,
            address: row.text_or_null("address")?,
            city: row.text_or_null("city")?,
            country: row.text_or_null("country")?,
            position: position.map(|(latitude_e6, longitude_e6)| Position {
                latitude_e6,
                longitude_e6,
            }),
            time_zone: row.text("time_zone")?,
            website: row.text_or_null("website")?,
        },
        version: row.number("version")?,
        created_at_ms: row.number("created_at_ms")?,
        updated_at_ms: row.number("updated_at_ms")?,
    })
}
