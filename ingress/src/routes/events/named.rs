//! Names in addresses that events get by themselves.

use onsale_schemas::EventId;
use onsale_store::catalog::EventRow;

use crate::slug::{self, SLUG_MAX_CHARS};

/// Characters of an id that tell two events of the same name apart.
const SLUG_ID_CHARS: usize = 12;

/// The name in addresses of a new event. One whose name has no letters has its id there.
pub(super) fn slug_of(name: &str, event: EventId) -> String {
    let slug = slug::of(name);
    if slug.is_empty() {
        event.0.simple().to_string()
    } else {
        slug
    }
}

/// As [`slug_of`], where another event of the tenant has that: with the beginning of the id behind it.
pub(super) fn other_slug(row: &EventRow) -> String {
    let id = row.event_id.0.simple().to_string();
    let id = id.get(..SLUG_ID_CHARS).unwrap_or_default();
    let name: String = slug_of(&row.name, row.event_id)
        .chars()
        .take(SLUG_MAX_CHARS - SLUG_ID_CHARS - 1)
        .collect();
    slug::of(&format!("{name}-{id}"))
}
