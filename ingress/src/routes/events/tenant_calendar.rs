//! `GET /events/calendar.ics`

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::calendar::{PUBLIC, SHOWS_MAX, answer};
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::Query;
use crate::icalendar;
use crate::state::AppState;
use crate::values::FileBody;

/// How long a show stays in it after its beginning, in milliseconds: 30 days.
const PAST_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// What calendars of a tenant are called.
const NAME: &str = "Shows";

/// Whose.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CalendarQuery {
    /// The tenant.
    tenant: Uuid,
}

/// The shows of a tenant's public events as a calendar (iCalendar, RFC 5545).
///
/// The next 500, beginning with those of the last 30 days; each as in the calendar of its event.
#[utoipa::path(
    get, path = "/api/v1/events/calendar.ics", operation_id = "get_calendar", tag = "catalog", params(CalendarQuery),
    responses(
        (status = 200, description = "The calendar, empty where there are no such shows", content_type = "text/calendar", body = FileBody),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
    ),
)]
pub(crate) async fn tenant_calendar(
    State(state): State<AppState>,
    Query(query): Query<CalendarQuery>,
) -> Result<Response, ApiError> {
    let from_ms = state.clock.now_ms().saturating_sub(PAST_MS);
    let shows = state
        .store
        .calendar_of_tenant(query.tenant, from_ms, SHOWS_MAX)
        .await?;
    Ok(answer(icalendar::calendar(NAME, &shows), PUBLIC))
}
