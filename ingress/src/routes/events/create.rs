//! `POST /events`

use axum::response::Response;
use http::StatusCode;
use onsale_schemas::EventId;
use onsale_store::StoreError;
use onsale_store::audit::Actor;
use onsale_store::catalog::EventRow;

use super::body::{EventBody, EventRequest};
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
        (status = 409, description = "`QUOTA_EXCEEDED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn create(call: Call, body: JsonBody<EventRequest>) -> Result<Response, ApiError> {
    let identity = call.identity("create event", "", &body.bytes);
    let event_id = EventId(derived_id("event", identity.request_id));
    let now_ms = call.state.clock.now_ms();
    let row = body.value.into_row(event_id, &call.caller, now_ms)?;
    let by = audit::actor(&call.caller, &call.context);
    let answer = make(&call.state, by, identity, row).await?;
    Ok(answer.into_response(&call.context))
}

async fn make(
    state: &AppState,
    by: Actor,
    identity: Identity,
    row: EventRow,
) -> Result<Final, ApiError> {
    if let Some(answer) = recall(state, identity).await? {
        return Ok(answer);
    }
    let entry = by
        .did("event.create", "event", row.event_id)
        .of_tenant(row.tenant_id);
    let quota = &state.config.quota;
    let row = match state.store.add_event_within(&row, quota, entry).await {
        Ok(()) => {
            state.event_lists.forget();
            row
        }
        // An earlier attempt came as far as the row.
        Err(StoreError::Exists(_)) => {
            let present = state
                .store
                .event(row.event_id)
                .await?
                .ok_or_else(|| ApiError::internal("an event both exists and does not"))?;
            let same = EventRow {
                created_at_ms: present.created_at_ms,
                ..row
            } == present;
            if !same {
                return Err(key_reused());
            }
            present
        }
        Err(error) => return Err(error.into()),
    };
    let answer = Final::new(StatusCode::CREATED, &EventBody::from(row))?;
    remember(state, identity, answer).await
}
