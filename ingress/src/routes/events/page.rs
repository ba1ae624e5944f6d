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
use crate::auth::Caller;
use crate::error::ApiError;
use crate::event_pages::EventPage;
use crate::routes::shows::{ShowBody, ZONES_MAX, show_cursor};
use crate::routes::visible;
use crate::state::AppState;

/// Shows of one answer.
const SHOWS_MAX: u32 = 100;

/// An event; with `include=shows`, what follows it too.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventWithShows {
    #[serde(flatten)]
    event: EventBody,
    /// Its first 100 shows, by their beginning; fewer where they have thousands of zones.
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

/// The page of an event that the caller may see, and whether it is everybody's.
pub(super) async fn of(
    state: &AppState,
    caller: Option<&Caller>,
    event: EventId,
) -> Result<(Arc<EventPage>, bool), ApiError> {
    let store = state.installation.clone();
    let public_url = state.config.http.public_url.clone();
    let shared = state
        .event_pages
        .page(event, move |stamp| encode(store, public_url, event, stamp))
        .await;
    match shared {
        Ok(page) => Ok((page, true)),
        // A draft is encoded for who may see it.
        Err(error) if error.is_gap_of_catalog() && caller.is_some() => {
            let row = visible::event(state, caller, event).await?;
            Ok((of_draft(state, row).await?, false))
        }
        Err(error) => Err(error),
    }
}

/// The page of a public event as of a stamp. Where something changes meanwhile, the next look finds another stamp.
async fn encode(
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

async fn of_draft(state: &AppState, row: EventRow) -> Result<Arc<EventPage>, ApiError> {
    let found = state.store.versioned_event(row.event_id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("event"))?;
    let stamp = PageStamp {
        event_version: found.version,
        ended_at_ms: None,
        shows_version: 0,
        removed_shows: 0,
        shows: 0,
        newest_at_ms: 0,
        venue_version: 0,
    };
    let public_url = state.config.http.public_url.as_deref();
    let page = made(&state.store, public_url, found.row, stamp).await?;
    Ok(Arc::new(page))
}

async fn made(
    store: &Store,
    public_url: Option<&str>,
    row: EventRow,
    stamp: PageStamp,
) -> Result<EventPage, ApiError> {
    let (mut shows, has_more) = store
        .bounded_shows_after(row.event_id, None, SHOWS_MAX, ZONES_MAX)
        .await?;
    let last = shows.last().filter(|_| has_more);
    let next = last.map(|last| show_cursor(&last.show));
    shows.retain(|listed: &ListedShow| listed.show.status != ShowStatus::Opening);
    let venue = venue_of(store, &row).await?;
    let around = Around {
        venue: venue.as_ref(),
        public_url,
    };
    let schema_org = schema_org::event(&row, &shows, around);
    let schema = serde_json::to_vec(&schema_org).map_err(ApiError::internal)?;
    let page = EventWithShows {
        shows: Some(shows.iter().map(ShowBody::listed).collect()),
        shows_next_cursor: Some(next),
        schema_org: Some(schema_org),
        event: EventBody::from(row),
    };
    let data = serde_json::to_vec(&page).map_err(ApiError::internal)?;
    let (data, schema) = (schema_org::for_pages(&data), schema_org::for_pages(&schema));
    Ok(EventPage::new(stamp, &data, schema))
}
