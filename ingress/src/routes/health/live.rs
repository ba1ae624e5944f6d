//! `GET /health/live`

use axum::response::{IntoResponse, Response};

/// The process runs.
#[utoipa::path(get, path = "/health/live", operation_id = "get_liveness", tag = "health", responses((status = 200, description = "It runs")))]
pub(crate) async fn live() -> Response {
    axum::Json(serde_json::json!({ "status": "live" })).into_response()
}
