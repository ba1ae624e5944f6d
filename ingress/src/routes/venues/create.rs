//! `POST /venues`

use axum::response::Response;
use http::StatusCode;
use onsale_store::StoreError;
use onsale_store::venue::VenueRow;

use super::body::{VenueBody, VenueRequest};
use crate::audit;
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::JsonBody;
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::routes::catalog_call::{derived_id, key_reused, recall, remember};
use crate::submit::Final;
use crate::versions;

/// Create a venue of the caller's tenant.
#[utoipa::path(
    post, path = "/api/v1/venues", operation_id = "create_venue", tag = "venues", request_body = VenueRequest,
    params(IdempotencyKey),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new venue", body = Success<VenueBody>, headers(("ETag" = String))),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 409, description = "`QUOTA_EXCEEDED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn create(call: Call, body: JsonBody<VenueRequest>) -> Result<Response, ApiError> {
    let state = &call.state;
    let identity = call.identity("create venue", "", &body.bytes);
    let now_ms = state.clock.now_ms();
    let row = VenueRow {
        venue_id: derived_id("venue", identity.request_id),
        tenant_id: call.caller.tenant.0,
        venue: body.value.into_venue()?,
        version: 1,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    if let Some(answer) = recall(state, identity).await? {
        return answered(answer, &call);
    }
    let entry = audit::actor(&call.caller, &call.context)
        .did("venue.create", "venue", row.venue_id)
        .of_tenant(row.tenant_id);
    let row = match state.store.add_venue(&row, entry).await {
        Ok(()) => row,
        // An earlier attempt came as far as the row.
        Err(StoreError::Exists(_)) => {
            let present = state.store.venue(row.venue_id).await?;
            present
                .filter(|present| present.venue == row.venue)
                .ok_or_else(key_reused)?
        }
        Err(error) => return Err(error.into()),
    };
    let answer = Final::new(StatusCode::CREATED, &VenueBody::from(row))?;
    let answer = remember(state, identity, answer).await?;
    answered(answer, &call)
}

/// A new venue is at its first version.
fn answered(answer: Final, call: &Call) -> Result<Response, ApiError> {
    let mut response = answer.into_response(&call.context);
    versions::set_tag(response.headers_mut(), &versions::tag(1, None))?;
    Ok(response)
}
