//! Logos of tenants, for everybody.

mod one;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default().with(routes!(one::one), Rules::DEFAULT)
}

/// Where a logo is.
pub(crate) fn path(logo_id: Uuid) -> String {
    format!("/api/v1/logos/{logo_id}")
}

/// The answer with a picture.
pub(crate) fn png(file: Bytes) -> Response {
    let mut response = Response::new(Body::from(file));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
    response
}
