//! `GET /categories`

use axum::extract::State;
use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};

use super::body::CategoryBody;
use crate::context::RequestContext;
use crate::envelope::{self, Success};
use crate::error::ApiError;
use crate::state::AppState;

/// A change is seen within this time.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// The categories of events, in the order in which pages list them.
///
/// What an organizer writes for one of them, in any case, becomes its name.
#[utoipa::path(
    get, path = "/api/v1/categories", operation_id = "list_categories", tag = "catalog",
    responses((status = 200, description = "All of them, at most 200", body = Success<Vec<CategoryBody>>)),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
) -> Result<Response, ApiError> {
    let rows = state.store.categories().await?;
    let bodies: Result<Vec<CategoryBody>, ApiError> =
        rows.into_iter().map(CategoryBody::of).collect();
    let mut response = envelope::success(&context, StatusCode::OK, &bodies?)?;
    response.headers_mut().insert(CACHE_CONTROL, CACHE);
    Ok(response)
}
