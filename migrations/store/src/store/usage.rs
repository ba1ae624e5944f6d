//! How much of the catalog each organizer has, and how much they may.
//!
//! It is kept beside the catalog because adding it up takes a pass over all of it.

use onsale_schemas::{EventId, UserId};
use uuid::Uuid;

use super::Store;
use crate::audit::Audit;
use crate::catalog::{EventRow, Quotas, ShowRow, ZoneAdmission, ZoneRow};
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

    /// Refuses what an organizer may not have on top of what there is. The log decides about it
    /// afterwards, so that what is asked for at the same time is not counted.
    ///
    /// # Errors
    /// [`StoreError::Quota`]; otherwise as every read.
    pub async fn check_growth(
        &self,
        event: EventId,
        seats: u64,
        layout_bytes: u64,
        quotas: &Quotas,
    ) -> Result<(), StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT u.seats, u.layout_bytes FROM events AS e JOIN organizer_usage AS u \
                 ON u.tenant_id = e.tenant_id AND u.organizer_id = e.organizer_id \
                 WHERE e.event_id = $1",
                &[event.0.into()],
            )
            .await?;
        let (has_seats, has_bytes): (u64, u64) = match row {
            Some(row) => (row.number("seats")?, row.number("layout_bytes")?),
            None => (0, 0),
        };
        check(
            "seats_per_organizer_max",
            seats,
            has_seats.saturating_add(seats),
            quotas.seats_per_organizer_max,
        )?;
        check(
            "layout_bytes_per_organizer_max",
            layout_bytes,
            has_bytes.saturating_add(layout_bytes),
            quotas.layout_bytes_per_organizer_max,
        )
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
        let seats = show.zones.iter().map(|zone| {
            let (is_seated, places) = places(zone);
            u64::from(is_seated) * u64::from(places)
        });
        Self {
            events: 0,
            seats: seats.sum(),
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
            "UPDATE organizer_usage SET \
             events = CASE WHEN events < $3 THEN 0 ELSE events - $3 END, \
             seats = CASE WHEN seats < $4 THEN 0 ELSE seats - $4 END, \
             layout_bytes = CASE WHEN layout_bytes < $5 THEN 0 ELSE layout_bytes - $5 END \
             WHERE tenant_id = $1 AND organizer_id = $2",
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

/// Whether a zone is seated, and how many places it has, as they are stored.
pub(super) fn places(zone: &ZoneRow) -> (u16, u32) {
    match &zone.admission {
        ZoneAdmission::Seated { .. } => (1, zone.places()),
        ZoneAdmission::General { .. } => (0, zone.places()),
    }
}

/// What a zone adds to what its organizer has.
pub(super) fn of_zone(zone: &ZoneRow, layout: &str) -> Added {
    let (is_seated, places) = places(zone);
    Added {
        events: 0,
        seats: u64::from(is_seated) * u64::from(places),
        layout_bytes: u64::try_from(layout.len()).unwrap_or(u64::MAX),
    }
}

/// Counts that a part of an event is no longer what it was, whatever its organizer may have: the log has
/// decided it. Where less was counted than goes, nothing is left, and nothing stops for it: reconciliation
/// counts again.
pub(super) async fn shift(
    transaction: &mut Transaction,
    event: EventId,
    had: Added,
    has: Added,
) -> Result<(), StoreError> {
    let (tenant, organizer) = owner_of(transaction, event).await?;
    let difference = |what: &str, had: u64, has: u64| -> Result<i64, StoreError> {
        Ok(integer(what, has)? - integer(what, had)?)
    };
    transaction
        .execute(
            "UPDATE organizer_usage SET \
             seats = CASE WHEN seats + $3 < 0 THEN 0 ELSE seats + $3 END, \
             layout_bytes = CASE WHEN layout_bytes + $4 < 0 THEN 0 ELSE layout_bytes + $4 END \
             WHERE tenant_id = $1 AND organizer_id = $2",
            &[
                tenant.into(),
                organizer.0.into(),
                difference("seats", had.seats, has.seats)?.into(),
                difference("layout_bytes", had.layout_bytes, has.layout_bytes)?.into(),
            ],
        )
        .await
        .map(drop)
}
