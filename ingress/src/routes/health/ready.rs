//! `GET /health/ready`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::operations::Readiness;
use crate::state::AppState;

/// Whether the process can serve.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "get_readiness", tag = "health",
    responses((status = 200, description = "It can serve", body = Readiness), (status = 503, description = "It cannot serve; `problems` says why", body = Readiness)),
)]
pub(crate) async fn ready(State(state): State<AppState>) -> Response {
    let mut readiness = state.operations.ready();
    if state.closing.is_cancelled() {
        readiness.ready = false;
        readiness
            .problems
            .push("the process is stopping".to_owned());
    }
    if !state.live.is_fed() {
        readiness.ready = false;
        readiness
            .problems
            .push("the feed of outcomes has ended".to_owned());
    }
    // Too many connections or a shortage of descriptors is reported but passes: taking the process
    // out of service would help no one.
    readiness.problems.extend(state.transport.problems());
    // So are keys that open nothing: sales need none of them.
    let accounts = state.accounts.as_ref();
    let problem = accounts.and_then(|accounts| accounts.problem());
    readiness.problems.extend(problem.map(str::to_owned));
    // And a search that is not there yet: lists and sales go on without it.
    readiness.problems.extend(state.finder.problems());
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, axum::Json(readiness)).into_response()
}
