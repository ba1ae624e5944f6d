//! `POST /admin/reconcile`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::state::AppState;

/// Compare the engine's state with the database.
///
/// Projection and snapshots stand still meanwhile; sales go on.
#[utoipa::path(
    post, path = "/api/v1/admin/reconcile", operation_id = "reconcile", tag = "operation",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The report", body = Success<Value>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn report(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
) -> Result<Response, ApiError> {
    caller.require(&[Role::Operator], "Only operators reconcile.")?;
    let report = detached(async move { Ok(state.operations.reconcile().await?) }).await?;
    envelope::success(&context, StatusCode::OK, &report)
}
