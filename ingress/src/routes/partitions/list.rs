//! `GET /partitions`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::operations::PartitionStatus;
use crate::state::AppState;

/// The status of every partition.
#[utoipa::path(
    get, path = "/api/v1/partitions", operation_id = "list_partitions", tag = "operation",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The state of each partition", body = Success<Vec<PartitionStatus>>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn partitions(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.require(
        &[Role::Admin, Role::Operator],
        "Only admins and operators see partitions.",
    )?;
    let partitions = state.operations.partitions().await;
    envelope::success(&context, StatusCode::OK, &partitions)
}
