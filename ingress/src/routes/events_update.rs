//! `PUT /events/{id}`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;
use onsale_store::catalog::{EventRow, EventStatus};

use super::catalog_call::detached;
use super::event_body::{EventBody, EventRequest};
use super::ownership::managed_event;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId};
use crate::state::AppState;

/// Replace an event's description.
///
/// A new `max_tickets_per_user` applies to shows opened later; change open ones one by one. A
/// published event with shows cannot become a draft again.
#[utoipa::path(
    put, path = "/api/v1/events/{id}", tag = "catalog", request_body = EventRequest,
    params(("id" = Uuid, Path, description = "The event")),
    security(("bearer" = [])),
    responses(
        (status = 200, body = Success<EventBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
    ),
)]
pub(crate) async fn update(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    PathId(id): PathId,
    body: JsonBody<EventRequest>,
) -> Result<Response, ApiError> {
    let row = managed_event(&state, &caller, EventId(id)).await?;
    let was = row.status;
    let row = body.value.replace(row)?;
    if row.status == EventStatus::Draft && was != EventStatus::Draft {
        refuse_with_shows(&state, &row).await?;
    }
    let row = detached(async move {
        if state.store.update_event(&row).await? {
            Ok(row)
        } else {
            Err(ApiError::not_found("event"))
        }
    })
    .await?;
    envelope::success(&context, StatusCode::OK, &EventBody::from(row))
}

/// Whoever saw a show may have booked it, and ingresses remember that it is on sale.
async fn refuse_with_shows(state: &AppState, event: &EventRow) -> Result<(), ApiError> {
    if state.store.count_shows(event.event_id).await? == 0 {
        return Ok(());
    }
    Err(ApiError::invalid(
        "status",
        "draft",
        "published: the event has shows; close or cancel them to end their sale",
    ))
}
