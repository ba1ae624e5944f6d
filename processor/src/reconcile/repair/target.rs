//! What is repaired, on whose behalf, and what the audit trail says about it.

use std::collections::BTreeMap;

use onsale_schemas::{BookingId, EventId, ShowId};
use onsale_store::audit::{Actor, Audit, Unaudited};
use onsale_store::booking::{ExpectedProjection, Watermark};
use onsale_store::catalog::ShowRow;
use onsale_store::{Store, StoreError};
use serde_json::json;
use uuid::Uuid;

use super::bookings::Repair;
use crate::reconcile::Projector;

/// Repaired bookings that an entry of the audit trail names; it says how many there were. Each takes 39
/// bytes of the 4,096 that an entry has for its details.
const BOOKINGS_NAMED_MAX: usize = 64;

/// What is repaired, and on whose behalf.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) store: &'a Store,
    pub(super) by: Option<&'a Actor>,
    pub(super) projector: Projector,
    /// Where the projection stood before anything was repaired, as far as that matters.
    pub(super) stood: &'a [Watermark],
}

impl Target<'_> {
    /// Where the projection has to stand for what is written.
    pub(super) fn expected(&self) -> Option<ExpectedProjection> {
        let is_held = match self.projector {
            Projector::StandsStill => return None,
            Projector::IsHeld => true,
            Projector::MayCome => false,
        };
        let marks = self.stood.iter();
        Some(ExpectedProjection {
            offsets: marks
                .map(|mark| (mark.partition, mark.next_offset))
                .collect(),
            is_held,
        })
    }

    /// What the audit trail says about one repair of something that belongs to `tenant`.
    pub(super) fn audit(
        &self,
        action: &'static str,
        (subject_kind, subject_id): (&'static str, Uuid),
        tenant: Option<Uuid>,
        detail: serde_json::Value,
    ) -> Audit {
        let Some(actor) = self.by else {
            return Unaudited::Automatic.into();
        };
        let entry = actor.did(action, subject_kind, subject_id).with(detail);
        match tenant {
            Some(tenant) => entry.of_tenant(tenant).into(),
            None => entry.into(),
        }
    }

    /// The tenant of an event, `None` where the database lacks the event.
    pub(super) async fn tenant_of_event(&self, event: EventId) -> Result<Option<Uuid>, StoreError> {
        let row = self.store.event(event).await?;
        Ok(row.map(|row| row.tenant_id))
    }

    pub(super) async fn tenant_of_show(&self, show: ShowId) -> Result<Option<Uuid>, StoreError> {
        match readable_show(self.store, show).await? {
            Some(row) => self.tenant_of_event(row.event_id).await,
            None => Ok(None),
        }
    }

    /// What the audit trail says about a repair of bookings: an entry for each of their shows.
    pub(super) async fn audit_of_bookings(&self, repair: &Repair) -> Result<Audit, StoreError> {
        let Some(actor) = self.by else {
            return Ok(Unaudited::Automatic.into());
        };
        let mut shows: BTreeMap<ShowId, Vec<BookingId>> = BTreeMap::new();
        for row in &repair.rows {
            let bookings = shows.entry(row.show_id).or_default();
            bookings.push(row.booking_id);
        }
        for (booking, show) in &repair.removed {
            shows.entry(*show).or_default().push(*booking);
        }
        for show in &repair.shows {
            shows.entry(*show).or_default();
        }
        let mut entries = Vec::with_capacity(shows.len());
        for (show, bookings) in shows {
            let named: Vec<Uuid> = bookings
                .iter()
                .take(BOOKINGS_NAMED_MAX)
                .map(|booking| booking.as_uuid())
                .collect();
            let entry = actor
                .did("reconcile.bookings", "show", show)
                .with(json!({ "bookings": bookings.len(), "ids": named }));
            entries.push(match self.tenant_of_show(show).await? {
                Some(tenant) => entry.of_tenant(tenant),
                None => entry,
            });
        }
        Ok(Audit::Entries(entries))
    }
}

/// A show whose rows can be read.
pub(super) async fn readable_show(
    store: &Store,
    show: ShowId,
) -> Result<Option<ShowRow>, StoreError> {
    match store.show(show).await {
        // Its zones were changed by hand, which is a finding of its own.
        Err(StoreError::Corrupt(_)) => Ok(None),
        read => read,
    }
}
