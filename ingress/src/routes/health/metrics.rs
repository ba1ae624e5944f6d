//! `GET /metrics`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use crate::error::ApiError;
use crate::state::AppState;

/// Metrics in the Prometheus text format, on the operations listener.
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    state.operations.refresh_metrics();
    let text = state
        .metrics
        .text(state.live.readers_connected(), state.live.shows_kept())
        .map_err(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
