//! `GET` and `POST /admin/snapshots`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::PartitionId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code, RETRY_AFTER_BUSY_SECONDS};
use crate::extract::{JsonBody, RequestBody};
use crate::operations::{OperationError, SnapshotDone, Which};
use crate::state::AppState;

/// Which partition; all when left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnapshotRequest {
    partition: Option<u16>,
}

impl RequestBody for SnapshotRequest {
    const OPTIONAL: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&[Role::Operator], "Only operators make snapshots.")
    }
}

/// Cut snapshots now.
#[utoipa::path(
    post, path = "/api/v1/admin/snapshots", tag = "operation", request_body = Option<SnapshotRequest>,
    security(("bearer" = [])),
    responses(
        (status = 201, body = Success<Vec<SnapshotDone>>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such partition", body = Problem),
    ),
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    body: JsonBody<SnapshotRequest>,
) -> Result<Response, ApiError> {
    caller.require(&[Role::Operator], "Only operators make snapshots.")?;
    let which = which(body.value.partition);
    let done = detached(async move {
        state
            .operations
            .create_snapshots(which)
            .await
            .map_err(to_error)
    })
    .await?;
    envelope::success(&context, StatusCode::CREATED, &done)
}

/// The snapshots that are kept.
#[utoipa::path(
    get, path = "/api/v1/admin/snapshots", tag = "operation",
    security(("bearer" = [])),
    responses(
        (status = 200, body = Success<Vec<SnapshotDone>>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.require(&[Role::Operator], "Only operators see snapshots.")?;
    let snapshots = state.operations.snapshots().await.map_err(to_error)?;
    envelope::success(&context, StatusCode::OK, &snapshots)
}

pub(super) fn which(partition: Option<u16>) -> Which {
    partition.map_or(Which::All, |partition| Which::One(PartitionId(partition)))
}

/// An operation that was not done, for an operator, who may read why.
pub(crate) fn to_error(error: OperationError) -> ApiError {
    match error {
        OperationError::NotSupported(why) => ApiError::new(Code::NotSupported, why),
        OperationError::UnknownPartition(_) => ApiError::not_found("partition"),
        OperationError::Refused(why) => ApiError::new(Code::ValidationError, why),
        OperationError::Gone(why) => ApiError::new(Code::RecordGone, why),
        OperationError::Unavailable(why) => {
            ApiError::new(Code::PartitionUnavailable, why).retry_after(RETRY_AFTER_BUSY_SECONDS)
        }
        OperationError::Later { why, wait } => {
            ApiError::new(Code::Overloaded, why).retry_after(wait.as_secs().saturating_add(1))
        }
        OperationError::Failed(why) => ApiError::internal(why),
    }
}
