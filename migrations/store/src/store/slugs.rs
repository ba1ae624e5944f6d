//! Names of events in addresses: each leads to one event of its tenant, also after the event has another.

use onsale_schemas::EventId;
use uuid::Uuid;

use super::Store;
use super::events::event_row;
use crate::catalog::{EventRow, TenantScope};
use crate::database::{Transaction, Value};
use crate::error::StoreError;

/// Events that have the same name in addresses, of which at most so many are looked at: one may be a draft that its
/// reader does not see after all, and two say that the name is not enough.
const SAME_SLUG_MAX: u32 = 3;

/// Notes the names of an event as its own, present and former ones. One that leads to another event goes on
/// doing so: a document must not fail for it.
pub(super) async fn keep(
    transaction: &mut Transaction,
    event: &EventRow,
) -> Result<(), StoreError> {
    let details = &event.details;
    for slug in details.slug.iter().chain(&details.former_slugs) {
        note(transaction, event, slug).await?;
    }
    Ok(())
}

/// Notes the name of an event as its own. [`StoreError::Exists`] (`slug`) where it leads to another one.
pub(super) async fn take(
    transaction: &mut Transaction,
    event: &EventRow,
) -> Result<(), StoreError> {
    let Some(slug) = &event.details.slug else {
        return Ok(());
    };
    if note(transaction, event, slug).await? {
        return Ok(());
    }
    let owner = transaction
        .fetch_optional(
            "SELECT event_id FROM event_slugs WHERE slug = $1 AND tenant_id = $2",
            &[Value::from(slug), event.tenant_id.into()],
        )
        .await?
        .map(|row| row.uuid("event_id"))
        .transpose()?;
    if owner == Some(event.event_id.0) {
        Ok(())
    } else {
        Err(StoreError::Exists("slug"))
    }
}

/// Gives names up that were an event's.
pub(super) async fn give_up(
    transaction: &mut Transaction,
    event: &EventRow,
    slugs: &[String],
) -> Result<(), StoreError> {
    for slug in slugs {
        transaction
            .execute(
                "DELETE FROM event_slugs WHERE slug = $1 AND tenant_id = $2 AND event_id = $3",
                &[
                    Value::from(slug),
                    event.tenant_id.into(),
                    event.event_id.0.into(),
                ],
            )
            .await?;
    }
    Ok(())
}

/// False where it was noted before, for this event or another.
async fn note(
    transaction: &mut Transaction,
    event: &EventRow,
    slug: &str,
) -> Result<bool, StoreError> {
    let noted = transaction
        .execute(
            "INSERT INTO event_slugs (slug, tenant_id, event_id) VALUES ($1, $2, $3) \
             ON CONFLICT (slug, tenant_id) DO NOTHING",
            &[slug.into(), event.tenant_id.into(), event.event_id.0.into()],
        )
        .await?;
    Ok(noted > 0)
}

impl Store {
    /// The events that a name in addresses leads to: at most one of each tenant, and of all tenants at most three, so
    /// that it shows whether it says enough. Deleted ones are left out, and so are drafts, but for those of the tenant
    /// of the scope and of `drafts_of`: whoever sees none of them must not miss a published event for them.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_by_slug(
        &self,
        scope: TenantScope,
        drafts_of: Option<Uuid>,
        slug: &str,
    ) -> Result<Vec<EventRow>, StoreError> {
        let rows = self
            .database
            .fetch(
                "SELECT event_id FROM event_slugs WHERE slug = $1 \
                 AND ($2 IS NULL OR tenant_id = $2) AND event_id IN \
                 (SELECT e.event_id FROM events AS e WHERE e.deleted_at_ms IS NULL \
                 AND (e.status <> 'draft' OR e.tenant_id = $2 OR e.tenant_id = $4)) \
                 ORDER BY tenant_id LIMIT $3",
                &[
                    slug.into(),
                    scope.one().into(),
                    SAME_SLUG_MAX.into(),
                    drafts_of.into(),
                ],
            )
            .await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let id = EventId(row.uuid("event_id")?);
            let found = self
                .database
                .fetch_optional(super::events::SELECT_WITH_VERSION, &[id.0.into()])
                .await?;
            if let Some(row) = found {
                events.push(event_row(&row)?);
            }
        }
        Ok(events)
    }
}
