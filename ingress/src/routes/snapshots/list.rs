//! `GET /admin/snapshots`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::operations::SnapshotDone;
use crate::state::AppState;

/// The snapshots that are kept.
#[utoipa::path(
    get, path = "/api/v1/admin/snapshots", operation_id = "list_snapshots", tag = "operation",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The snapshots that are kept", body = Success<Vec<SnapshotDone>>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.require(&[Role::Operator], "Only operators see snapshots.")?;
    let snapshots = state.operations.snapshots().await?;
    envelope::success(&context, StatusCode::OK, &snapshots)
}
