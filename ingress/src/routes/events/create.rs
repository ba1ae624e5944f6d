//! `POST /events`

use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;
use onsale_store::StoreError;
use onsale_store::audit::Actor;
use onsale_store::catalog::EventRow;

use super::body::{EventBody, EventRequest, other_slug};
use super::venue;
use crate::audit;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::idempotency::{IdempotencyKey, Identity};
use crate::routes::call::Call;
use crate::routes::catalog_call::{derived_id, key_reused, recall, remember};
use crate::state::AppState;
use crate::submit::Final;

/// Create an event.
#[utoipa::path(
    post, path = "/api/v1/events", operation_id = "create_event", tag = "catalog", request_body = EventRequest,
    params(IdempotencyKey),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new event", body = Success<EventBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 409, description = "`QUOTA_EXCEEDED`; `SLUG_TAKEN`: the `slug` that was sent is, or was, another event's", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn create(call: Call, body: JsonBody<EventRequest>) -> Result<Response, ApiError> {
    let identity = call.identity("create event", "", &body.bytes);
    let event_id = EventId(derived_id("event", identity.request_id));
    let now_ms = call.state.clock.now_ms();
    let request = body.value.mapped(&call.state).await?;
    let tenant = call.caller.tenant.0;
    let request = match request.at_venue(&call.state, tenant, None).await {
        Ok(request) => request,
        // Its venue may be gone since it was answered.
        Err(refusal) => {
            let answered = recall(&call.state, identity).await?.ok_or(refusal)?;
            return Ok(answered.into_response(&call.context));
        }
    };
    let names_itself = request.has_slug();
    let row = request.into_row(event_id, &call.caller, now_ms)?;
    let by = audit::actor(&call.caller, &call.context);
    let answer = make(&call.state, by, identity, row, names_itself).await?;
    Ok(answer.into_response(&call.context))
}

/// Adds the row. A name in addresses that the client did not choose gives way to one that is taken.
pub(super) async fn make(
    state: &AppState,
    by: Actor,
    identity: Identity,
    mut row: EventRow,
    names_itself: bool,
) -> Result<Final, ApiError> {
    if let Some(answer) = recall(state, identity).await? {
        return Ok(answer);
    }
    let quota = &state.config.quota;
    let venue_id = row.details.venue_id;
    let entry = || {
        by.did("event.create", "event", row.event_id)
            .of_tenant(row.tenant_id)
    };
    let mut added = state.store.add_event_within(&row, quota, entry()).await;
    if matches!(added, Err(StoreError::Exists("slug"))) && !names_itself {
        let entry = entry();
        row.details.slug = Some(other_slug(&row));
        added = state.store.add_event_within(&row, quota, entry).await;
    }
    let row = match added {
        Ok(()) => {
            state.event_lists.forget();
            match venue_id {
                // With what its venue is called.
                Some(_) => state.store.event(row.event_id).await?.unwrap_or(row),
                None => row,
            }
        }
        Err(error @ StoreError::Exists("slug")) => return Err(error.into()),
        // An earlier attempt came as far as the row.
        Err(StoreError::Exists(_)) => {
            let present = state
                .store
                .event(row.event_id)
                .await?
                .ok_or_else(|| ApiError::internal("an event both exists and does not"))?;
            let mut same = EventRow {
                created_at_ms: present.created_at_ms,
                ..row
            };
            // What the venue is called is no part of what was asked for.
            let known = &present.details.known_venue;
            same.details.known_venue.clone_from(known);
            if !names_itself {
                same.details.slug.clone_from(&present.details.slug);
            }
            if same != present {
                return Err(key_reused());
            }
            present
        }
        Err(error) => return Err(venue::refused(error, venue_id)),
    };
    let answer = Final::new(StatusCode::CREATED, &EventBody::from(row))?;
    remember(state, identity, answer).await
}
