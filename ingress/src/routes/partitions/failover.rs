//! `POST /admin/failover`

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::NodeName;
use onsale_schemas::limits::NODE_NAME_MAX_BYTES;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::audit;
use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of, VISIBLE};
use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::operations::Which;
use crate::state::AppState;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("FailoverRequest", "to"),
        Bound::Form(VISIBLE, NODE_NAME_MAX_BYTES),
    ),
    (
        Of::Field("FailoverRequest", "partition"),
        Bound::Range(0, u16::MAX as u64),
    ),
];

/// Which partition goes where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailoverRequest {
    /// All when left out.
    partition: Option<u16>,
    /// The node that takes over.
    to: String,
}

impl RequestBody for FailoverRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.require(&[Role::Operator], "Only operators move partitions.")
    }
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Failover {
    to: String,
}

/// Move partitions to another node.
#[utoipa::path(
    post, path = "/api/v1/admin/failover", operation_id = "failover", tag = "operation", request_body = FailoverRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The partitions have moved", body = Success<Failover>),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such partition", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: there is only one node", body = Problem),
    ),
)]
pub(crate) async fn failover(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    body: JsonBody<FailoverRequest>,
) -> Result<Response, ApiError> {
    caller.require(&[Role::Operator], "Only operators move partitions.")?;
    let to = body.value.to;
    let plain = to.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !(1..=NODE_NAME_MAX_BYTES).contains(&to.len()) {
        return Err(ApiError::invalid(
            "to",
            to,
            &format!("1 to {NODE_NAME_MAX_BYTES} visible ASCII characters"),
        ));
    }
    let partition = body.value.partition;
    let which = Which::of(partition);
    let node = NodeName(to.clone());
    let subject = partition.map_or_else(|| "all".to_owned(), |partition| partition.to_string());
    let entry = audit::actor(&caller, &context)
        .did("partition.failover", "partition", subject)
        .with(json!({ "to": to }));
    detached(async move {
        state.operations.failover(which, node).await?;
        audit::note(&state, entry).await;
        Ok(())
    })
    .await?;
    envelope::success(&context, StatusCode::OK, &Failover { to })
}
