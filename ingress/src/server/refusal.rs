//! Requests that are answered before any route sees them.

use axum::body::Body;
use axum::response::Response;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{Method, Request, Version};

use crate::context::{RequestContext, X_REQUEST_ID};
use crate::envelope;
use crate::error::{ApiError, Code};
use crate::rate_limit::too_often;
use crate::security;

/// What `Retry-After` says to such an address, in seconds: its connections that do not read are closed
/// by then.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Why a request is none: HTTP/1.1 names the host that is asked, once, and where its body ends so
/// that no proxy in front can have read it differently.
pub(super) fn malformed<B>(request: &Request<B>) -> Option<ApiError> {
    if request.version() != Version::HTTP_11 {
        return None;
    }
    let hosts = request.headers().get_all(HOST).iter().count();
    if hosts != 1 {
        return Some(ApiError::new(
            Code::ValidationError,
            format!("header \"host\": expected exactly one in HTTP/1.1, found {hosts}"),
        ));
    }
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let is_plain = match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    (!is_plain).then(|| {
        ApiError::new(
            Code::ValidationError,
            "header \"transfer-encoding\": expected \"chunked\", once and nothing beside it",
        )
    })
}

/// The refusal of an address that has not taken what it asked for before. What changes something is
/// let through: its answer is small, and others may share the address.
pub(super) fn too_much_unsent<B>(
    request: &Request<B>,
    unsent_bytes: usize,
    unsent_max_bytes: usize,
) -> Option<ApiError> {
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD);
    (only_reads && unsent_bytes > unsent_max_bytes).then(|| too_often(RETRY_AFTER_SECONDS))
}

/// The answer to a request that no route sees.
pub(super) fn answer<B>(request: &Request<B>, error: &ApiError) -> Response<Body> {
    let context = RequestContext::of(request.headers());
    let path = request.uri().path();
    let mut response = envelope::problem(&context, path, error);
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, context.header());
    security::harden(headers, path);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_chunked_and_nothing_else() {
        let is_refused = |codings: &[&str]| {
            let mut request = Request::post("/").header(HOST, "a");
            for coding in codings {
                request = request.header(TRANSFER_ENCODING, *coding);
            }
            malformed(&request.body(()).unwrap()).is_some()
        };
        for codings in [&[][..], &["chunked"], &["Chunked"]] {
            assert!(!is_refused(codings), "{codings:?}");
        }
        for codings in [
            &["gzip, chunked"][..],
            &["chunked", "chunked"],
            &["chunked, chunked"],
            &["identity", "chunked"],
        ] {
            assert!(is_refused(codings), "{codings:?}");
        }
    }
}
