//! `POST /admin/clock/reset`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::operations::{ClockMoved, Which};
use crate::state::AppState;

/// Which clock is taken as right.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetClockRequest {
    /// All partitions when left out.
    partition: Option<u16>,
    /// Also where clock and machine time agree.
    #[serde(default)]
    force: bool,
}

impl RequestBody for ResetClockRequest {
    const OPTIONAL: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&[Role::Operator], "Only operators reset the clock.")
    }
}

/// Accept the clock that stamps records as right, by a record in the log.
#[utoipa::path(
    post, path = "/api/v1/admin/clock/reset", operation_id = "reset_clock", tag = "operation",
    request_body = Option<ResetClockRequest>,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Machine time before and after, by partition", body = Success<Vec<ClockMoved>>),
        (status = 400, description = "`VALIDATION_ERROR`: clock and machine time agree, or the machine's version is too old", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such partition", body = Problem),
    ),
)]
pub(crate) async fn reset(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    body: JsonBody<ResetClockRequest>,
) -> Result<Response, ApiError> {
    let authority = caller.authority_over_installation("Only operators reset the clock.")?;
    let (which, force) = (Which::of(body.value.partition), body.value.force);
    let moved = detached(async move {
        let by = authority.staff();
        Ok(state.operations.reset_clock(which, force, by).await?)
    })
    .await?;
    envelope::success(&context, StatusCode::OK, &moved)
}
