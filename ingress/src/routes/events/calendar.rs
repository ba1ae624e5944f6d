//! `GET /events/{id}/calendar.ics`

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use onsale_schemas::EventId;
use onsale_store::catalog::EventStatus;

use crate::auth::Caller;
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::PathId;
use crate::icalendar;
use crate::routes::visible;
use crate::state::AppState;
use crate::values::FileBody;

/// Shows of one calendar.
pub(super) const SHOWS_MAX: u32 = 500;

/// What is called off is seen within this time.
pub(super) const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=300");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The shows of an event as a calendar (iCalendar, RFC 5545), the first 500.
///
/// Times are in the time zone of the event, where it has one, otherwise in UTC. Cancelled shows are in it as cancelled,
/// so that calendars that subscribe to it take them out.
#[utoipa::path(
    get, path = "/api/v1/events/{id}/calendar.ics", operation_id = "get_event_calendar", tag = "catalog",
    params(("id" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, description = "The calendar", content_type = "text/calendar", body = FileBody),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn calendar(
    State(state): State<AppState>,
    caller: Option<Caller>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let row = visible::event(&state, caller.as_ref(), EventId(id)).await?;
    let shows = state
        .store
        .calendar_of_event(row.event_id, 0, SHOWS_MAX)
        .await?;
    let caching = match row.status {
        EventStatus::Draft => PRIVATE,
        EventStatus::Published | EventStatus::Cancelled => PUBLIC,
    };
    Ok(answer(icalendar::calendar(&row.name, &shows), caching))
}

/// A calendar as it is sent.
pub(super) fn answer(calendar: String, caching: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(calendar));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(icalendar::CONTENT_TYPE),
    );
    headers.insert(CACHE_CONTROL, caching);
    response
}
