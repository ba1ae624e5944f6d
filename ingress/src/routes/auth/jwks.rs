//! `GET /.well-known/jwks.json`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::state::AppState;

/// For how long a client need not ask again: a key that is changed is listed before it signs.
const CACHE: &str = "public, max-age=300";

/// The public keys that tokens of this installation are verified with (RFC 7517).
///
/// Empty where it signs with a secret.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "get_jwks", tag = "accounts",
    responses((status = 200, description = "The set of keys", body = serde_json::Value, content_type = "application/jwk-set+json")),
)]
pub(crate) async fn jwks(State(state): State<AppState>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/jwk-set+json"),
        (CACHE_CONTROL, CACHE),
    ];
    (headers, state.jwks.clone()).into_response()
}
