//! `GET /branding/{slug}`

use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};

use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathName;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::tenants::BrandingBody;

/// A change is seen within this time.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// How the tenant of a slug looks, and what it says of itself, for pages.
#[utoipa::path(
    get, path = "/api/v1/branding/{slug}", operation_id = "get_branding", tag = "tenants",
    params(("slug" = String, Path, description = "The tenant's name in addresses")),
    responses(
        (status = 200, description = "The branding, empty where nothing was said", body = Success<BrandingBody>),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn one(
    call: Result<AccountCall, ApiError>,
    PathName(slug): PathName,
) -> Result<Response, ApiError> {
    let call = call?;
    let row = call.accounts.public_branding(&slug).await?;
    let mut response = envelope::success(&call.context, StatusCode::OK, &BrandingBody::from(row))?;
    response.headers_mut().insert(CACHE_CONTROL, CACHE);
    Ok(response)
}
