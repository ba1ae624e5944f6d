//! How much of the catalog each organizer has, and how much they may.
//!
//! It is kept beside the catalog because adding it up takes a pass over all of it.

use onsale_schemas::{EventId, UserId};
use uuid::Uuid;

use super::Store;
use crate::audit::Audit;
use crate::catalog::{EventRow, Quotas, ShowRow, ZoneAdmission};
use crate::database::{Durability, Transaction, integer};
use crate::error::StoreError;

/// What the catalog adds up to.
macro_rules! added_up {
    () => {
        "SELECT e.tenant_id, e.organizer_id, count(DISTINCT e.event_id) AS events, \
         CAST(coalesce(sum(CASE z.is_seated WHEN 1 THEN z.places ELSE 0 END), 0) AS bigint) \
             AS seats, \
         CAST(coalesce(sum(octet_length(z.layout)), 0) AS bigint) AS layout_bytes \
         FROM events AS e LEFT JOIN shows AS s ON s.event_id = e.event_id \
         LEFT JOIN zones AS z ON z.show_id = s.show_id GROUP BY e.tenant_id, e.organizer_id"
    };
}

impl Store {
    /// Whether what organizers have is noted otherwise than the catalog adds up. An organizer of whom
    /// nothing is left may be noted with nothing.
    ///
    /// # Errors
    /// As every read.
    pub async fn usage_differs(&self) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(
                concat!(
                    "SELECT 1 AS found FROM (",
                    added_up!(),
                    ") AS a FULL JOIN organizer_usage AS u \
                     ON u.tenant_id = a.tenant_id AND u.organizer_id = a.organizer_id \
                     WHERE coalesce(a.events, 0) <> coalesce(u.events, 0) \
                     OR coalesce(a.seats, 0) <> coalesce(u.seats, 0) \
                     OR coalesce(a.layout_bytes, 0) <> coalesce(u.layout_bytes, 0) LIMIT 1"
                ),
                &[],
            )
            .await?;
        Ok(found.is_some())
    }

    /// Notes what organizers have as the catalog adds up. One transaction.
    ///
    /// # Errors
    /// As every write.
    pub async fn repair_usage(&self, audit: impl Into<Audit>) -> Result<(), StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                // Nobody adds to it meanwhile.
                transaction
                    .set_on_postgres("LOCK TABLE organizer_usage IN EXCLUSIVE MODE")
                    .await?;
                for sql in [
                    "DELETE FROM organizer_usage",
                    concat!(
                        "INSERT INTO organizer_usage \
                         (tenant_id, organizer_id, events, seats, layout_bytes) ",
                        added_up!()
                    ),
                ] {
                    transaction.execute(sql, &[]).await?;
                }
                transaction.commit(audit).await
            })
            .await
    }
}

/// What something new adds.
#[derive(Clone, Copy, Default)]
pub(super) struct Added {
    events: u64,
    seats: u64,
    layout_bytes: u64,
}

impl Added {
    pub(super) const EVENT: Self = Self {
        events: 1,
        seats: 0,
        layout_bytes: 0,
    };

    /// A show with these layouts, as they are stored.
    pub(super) fn show(show: &ShowRow, layouts: &[String]) -> Self {
        let seats = show.zones.iter().map(|zone| zone.admission.seat_count());
        Self {
            events: 0,
            seats: seats.map(u64::from).sum(),
            layout_bytes: layouts
                .iter()
                .map(|layout| u64::try_from(layout.len()).unwrap_or(u64::MAX))
                .fold(0, u64::saturating_add),
        }
    }
}

/// Adds to what an organizer has. An error beyond a quota; the transaction is then to be dropped.
pub(super) async fn add(
    transaction: &mut Transaction,
    (tenant, organizer): (Uuid, UserId),
    added: Added,
    quotas: &Quotas,
) -> Result<(), StoreError> {
    let row = transaction
        .fetch_optional(
            "INSERT INTO organizer_usage (tenant_id, organizer_id, events, seats, layout_bytes) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, organizer_id) DO UPDATE SET \
             events = organizer_usage.events + excluded.events, \
             seats = organizer_usage.seats + excluded.seats, \
             layout_bytes = organizer_usage.layout_bytes + excluded.layout_bytes \
             RETURNING events, seats, layout_bytes",
            &[
                tenant.into(),
                organizer.0.into(),
                integer("events", added.events)?.into(),
                integer("seats", added.seats)?.into(),
                integer("layout_bytes", added.layout_bytes)?.into(),
            ],
        )
        .await?
        .ok_or_else(|| StoreError::Corrupt("organizer_usage: nothing was written".to_owned()))?;
    for (name, added, has, max) in [
        (
            "events_per_organizer_max",
            added.events,
            row.number("events")?,
            quotas.events_per_organizer_max,
        ),
        (
            "seats_per_organizer_max",
            added.seats,
            row.number("seats")?,
            quotas.seats_per_organizer_max,
        ),
        (
            "layout_bytes_per_organizer_max",
            added.layout_bytes,
            row.number("layout_bytes")?,
            quotas.layout_bytes_per_organizer_max,
        ),
    ] {
        check(name, added, has, max)?;
    }
    Ok(())
}

/// Takes away from what an organizer has.
pub(super) async fn remove(
    transaction: &mut Transaction,
    (tenant, organizer): (Uuid, UserId),
    removed: Added,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE organizer_usage SET events = events - $3, seats = seats - $4, \
             layout_bytes = layout_bytes - $5 WHERE tenant_id = $1 AND organizer_id = $2",
            &[
                tenant.into(),
                organizer.0.into(),
                integer("events", removed.events)?.into(),
                integer("seats", removed.seats)?.into(),
                integer("layout_bytes", removed.layout_bytes)?.into(),
            ],
        )
        .await?;
    Ok(())
}

/// An error when an event has more shows than it may, the new one counted.
pub(super) async fn check_shows(
    transaction: &mut Transaction,
    event: EventId,
    quotas: &Quotas,
) -> Result<(), StoreError> {
    let row = transaction
        .fetch_optional(
            "SELECT COUNT(*) AS total FROM shows WHERE event_id = $1",
            &[event.0.into()],
        )
        .await?;
    let total = row.map_or(Ok(0), |row| row.number("total"))?;
    check("shows_per_event_max", 1, total, quotas.shows_per_event_max)
}

/// Exceeding one quota, as after it was lowered, does not block what adds nothing to it.
fn check(name: &'static str, added: u64, has: u64, max: u64) -> Result<(), StoreError> {
    if added == 0 || has <= max {
        Ok(())
    } else {
        Err(StoreError::Quota {
            name,
            max,
            has: has - added,
            asked: added,
        })
    }
}

/// Whose usage an event's is.
pub(super) fn owner(event: &EventRow) -> (Uuid, UserId) {
    (event.tenant_id, event.organizer_id)
}

/// As [`owner`], of an event that is in the database: a show of none could not be added.
pub(super) async fn owner_of(
    transaction: &mut Transaction,
    event: EventId,
) -> Result<(Uuid, UserId), StoreError> {
    let row = transaction
        .fetch_optional(
            "SELECT tenant_id, organizer_id FROM events WHERE event_id = $1",
            &[event.0.into()],
        )
        .await?
        .ok_or_else(|| StoreError::Invalid(format!("there is no event {event}")))?;
    Ok((row.uuid("tenant_id")?, UserId(row.uuid("organizer_id")?)))
}

/// A zone's places as in a list: whether they are named seats, and how many.
pub(super) fn places(admission: &ZoneAdmission) -> (u16, u32) {
    match admission {
        ZoneAdmission::Seated { .. } => (1, admission.seat_count()),
        ZoneAdmission::General { capacity } => (0, *capacity),
    }
}
