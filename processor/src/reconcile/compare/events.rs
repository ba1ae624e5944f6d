//! Rows of events.

use std::collections::BTreeMap;

use onsale_engine::{EventView, Partition};
use onsale_schemas::EventId;
use onsale_store::catalog::{EventRow, EventStatus};
use onsale_store::{Store, StoreError};

use crate::reconcile::report::{Finding, Report};

/// What the log decides about events: their limit, and whether they are cancelled.
pub(super) async fn compare_events(
    machine: &Partition,
    store: &Store,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut events: BTreeMap<EventId, bool> = BTreeMap::new();
    for show in machine.shows() {
        *events.entry(show.event).or_default() |= !show.cancelled;
    }
    for (event_id, sells) in events {
        // One that is not there is missing by its document.
        let (Some(view), Some(row)) = (machine.event(event_id), store.event(event_id).await?)
        else {
            continue;
        };
        let columns = differing_event_columns(&view, sells, &row);
        if !columns.is_empty() {
            report.add(
                machine.id(),
                Finding::EventDiffers { event_id, columns },
                "the row was changed from outside, or comes from an old backup",
            );
        }
    }
    Ok(())
}

/// The columns in which an event's row is not what the engine says. `sells` where a show of it is not
/// cancelled.
pub(crate) fn differing_event_columns(
    view: &EventView,
    sells: bool,
    row: &EventRow,
) -> Vec<String> {
    let mut columns = Vec::new();
    if let Some(limit) = view.max_tickets_per_user
        && limit != row.max_tickets_per_user
    {
        columns.push(format!(
            "max_tickets_per_user: engine {limit} database {}",
            row.max_tickets_per_user
        ));
    }
    let is_cancelled = row.status == EventStatus::Cancelled;
    if (view.cancelled && !is_cancelled) || (is_cancelled && !view.cancelled && sells) {
        let engine = if view.cancelled {
            "cancelled"
        } else {
            "on sale"
        };
        let database = format!("{:?}", row.status).to_lowercase();
        columns.push(format!("status: engine {engine} database {database}"));
    }
    columns
}
