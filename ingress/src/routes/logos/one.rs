//! `GET /logos/{id}`

use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};

use super::png;
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::PathId;
use crate::state::AppState;
use crate::values::FileBody;

/// A picture of that address never changes.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// It is a picture and nothing else, also where it is opened on its own.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Read a logo.
///
/// The branding of its tenant says where it is.
#[utoipa::path(
    get, path = "/api/v1/logos/{id}", operation_id = "get_logo", tag = "tenants",
    params(("id" = Uuid, Path, description = "The logo")),
    responses(
        (status = 200, description = "The picture, which may be kept for ever", content_type = "image/png", body = FileBody),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: there is no place for uploads", body = Problem),
    ),
)]
pub(crate) async fn one(
    State(state): State<AppState>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let mut response = png(state.files.logo(id).await?);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, CACHE);
    headers.insert(CONTENT_SECURITY_POLICY, CSP);
    Ok(response)
}
