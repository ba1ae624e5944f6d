//! `GET /admin/clock`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::operations::ClockStatus;
use crate::state::AppState;

/// The clocks that stamp records, and machine time.
#[utoipa::path(
    get, path = "/api/v1/admin/clock", operation_id = "get_clocks", tag = "operation",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The clocks that stamp records", body = Success<Vec<ClockStatus>>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn status(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.require(&[Role::Operator], "Only operators see the clocks.")?;
    let clocks = state.operations.clock().await?;
    envelope::success(&context, StatusCode::OK, &clocks)
}
