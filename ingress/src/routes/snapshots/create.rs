//! `POST /admin/snapshots`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit;
use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::operations::{SnapshotDone, Which};
use crate::state::AppState;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[(
    Of::Field("SnapshotRequest", "partition"),
    Bound::Range(0, u16::MAX as u64),
)];

/// Which partition; all when left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnapshotRequest {
    partition: Option<u16>,
}

impl RequestBody for SnapshotRequest {
    const OPTIONAL: bool = true;

    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&[Role::Operator], "Only operators create snapshots.")
    }
}

/// Cut snapshots now.
#[utoipa::path(
    post, path = "/api/v1/admin/snapshots", operation_id = "create_snapshots", tag = "operation", request_body = Option<SnapshotRequest>,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The snapshots that were written", body = Success<Vec<SnapshotDone>>),
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
    caller.require(&[Role::Operator], "Only operators create snapshots.")?;
    let partition = body.value.partition;
    let which = Which::of(partition);
    let subject = partition.map_or_else(|| "all".to_owned(), |partition| partition.to_string());
    let entry = audit::actor(&caller, &context).did("snapshot.create", "partition", subject);
    let done = detached(async move {
        let done = state.operations.create_snapshots(which).await?;
        audit::note(&state, entry).await;
        Ok(done)
    })
    .await?;
    envelope::success(&context, StatusCode::CREATED, &done)
}
