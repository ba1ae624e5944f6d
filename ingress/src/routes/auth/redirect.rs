//! Sending a browser elsewhere.

use axum::body::Body;
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use crate::error::ApiError;

/// Sends a browser to an address, which may hold secrets.
///
/// # Errors
/// When it cannot stand in a header, which is a defect.
pub(super) fn to(location: &str) -> Result<Response, ApiError> {
    let mut header = HeaderValue::from_str(location).map_err(ApiError::internal)?;
    header.set_sensitive(true);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, header);
    Ok(response)
}
