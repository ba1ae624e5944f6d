//! `POST /admin/reconcile/apply`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::audit;
use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

/// A report as `POST /admin/reconcile` gave it.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub(crate) struct ReconciliationReport(Value);

impl RequestBody for ReconciliationReport {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&[Role::Operator], "Only operators reconcile.")
    }
}

/// Repair the database from a report.
///
/// Each difference is looked at again first, and a report that the state has left behind is refused.
#[utoipa::path(
    post, path = "/api/v1/admin/reconcile/apply", operation_id = "apply_reconciliation", tag = "operation", request_body = ReconciliationReport,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What was repaired", body = Success<Value>),
        (status = 400, description = "`VALIDATION_ERROR`: not a report, or one that may not be applied", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
    ),
)]
pub(crate) async fn apply(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    body: JsonBody<ReconciliationReport>,
) -> Result<Response, ApiError> {
    caller.require(&[Role::Operator], "Only operators reconcile.")?;
    let (report, by) = (body.value.0, audit::actor(&caller, &context));
    let applied = detached(async move {
        let applied = state.operations.apply_reconciliation(report, by).await;
        // What is quoted here is what the catalog has now, also where the repair has ended early.
        state.charts.doubt_all();
        Ok(applied?)
    })
    .await?;
    envelope::success(&context, StatusCode::OK, &applied)
}
