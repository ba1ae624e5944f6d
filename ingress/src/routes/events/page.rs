//! An event with its shows in one answer.

use std::sync::Arc;

use onsale_schemas::EventId;
use onsale_store::Store;
use onsale_store::catalog::{EventRow, ListedShow, PageStamp, ShowStatus};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::EventBody;
use super::schema_org::{self, Around, venue_of};
use crate::encoded_pages::EventPage;
use crate::error::ApiError;
use crate::routes::shows::{ShowBody, show_cursor};

/// Shows of one answer.
pub(super) const SHOWS_MAX: u32 = 100;

/// An event; with `include=shows`, what follows it too.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventWithShows {
    #[serde(flatten)]
    event: EventBody,
    /// Its first 100 shows, by their beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    shows: Option<Vec<ShowBody>>,
    /// Where `GET /events/{id}/shows` goes on; `null` where these are all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    shows_next_cursor: Option<Option<String>>,
    /// As JSON-LD of schema.org, for pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    schema_org: Option<Value>,
}

/// The page of a public event as of a stamp. Where something changes meanwhile, the next look finds another stamp.
pub(super) async fn encode(
    store: Store,
    public_url: Option<String>,
    event: EventId,
    stamp: PageStamp,
) -> Result<EventPage, ApiError> {
    let row = store
        .event(event)
        .await?
        .ok_or_else(|| ApiError::not_found("event"))?;
    made(&store, public_url.as_deref(), row, stamp).await
}

/// The page of a draft.
pub(super) async fn of_draft(
    store: &Store,
    public_url: Option<&str>,
    row: EventRow,
) -> Result<Arc<EventPage>, ApiError> {
    let found = store.versioned_event(row.event_id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("event"))?;
    let stamp = PageStamp {
        event_version: found.version,
        ended_at_ms: None,
        shows_version: 0,
        removed_shows: 0,
    };
    Ok(Arc::new(made(store, public_url, found.row, stamp).await?))
}

async fn made(
    store: &Store,
    public_url: Option<&str>,
    row: EventRow,
    stamp: PageStamp,
) -> Result<EventPage, ApiError> {
    // One more than the page, to know whether there is a next one.
    let mut shows = store
        .list_shows_after(row.event_id, None, SHOWS_MAX + 1)
        .await?;
    let has_more = shows.len() > usize::try_from(SHOWS_MAX).unwrap_or(usize::MAX);
    shows.truncate(usize::try_from(SHOWS_MAX).unwrap_or(usize::MAX));
    let last = shows.last().filter(|_| has_more);
    let next = last.map(|last| show_cursor(&last.show));
    shows.retain(|listed: &ListedShow| listed.show.status != ShowStatus::Opening);
    let venue = venue_of(store, &row).await?;
    let around = Around {
        venue: venue.as_ref(),
        public_url,
    };
    let schema_org = schema_org::event(&row, &shows, around);
    let page = EventWithShows {
        shows: Some(shows.iter().map(ShowBody::listed).collect()),
        shows_next_cursor: Some(next),
        schema_org: Some(schema_org),
        event: EventBody::from(row),
    };
    let data = serde_json::to_vec(&page).map_err(ApiError::internal)?;
    Ok(EventPage::new(stamp, stamp.event_version, &data))
}
