//! Requests that are answered before any route sees them.

use axum::body::Body;
use axum::response::Response;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{Method, Request, Version};

use super::host::is_host;
use crate::context::{RequestContext, X_REQUEST_ID};
use crate::envelope;
use crate::error::{ApiError, Code};
use crate::rate_limit::too_often;
use crate::security;

/// What `Retry-After` says to such an address, in seconds: its connections that do not read are closed
/// by then.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Why a request is none: it names the host that is asked once and as a host, and HTTP/1.1 says where
/// its body ends so that no proxy in front can have read it differently. (Lengths that contradict each
/// other are refused where heads are read; the same one twice is one.)
pub(super) fn malformed<B>(request: &Request<B>) -> Option<ApiError> {
    if let Some(wrong) = wrong_host(request) {
        return Some(wrong);
    }
    if request.version() != Version::HTTP_11 {
        return None;
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

/// What is wrong with the host that a request names.
fn wrong_host<B>(request: &Request<B>) -> Option<ApiError> {
    let refused = |why: &str| {
        let why = format!("header \"host\": {why}");
        Some(ApiError::new(Code::ValidationError, why))
    };
    let hosts: Vec<_> = request.headers().get_all(HOST).iter().collect();
    let version = request.version();
    if hosts.len() > 1 || (hosts.is_empty() && version == Version::HTTP_11) {
        let count = hosts.len();
        return refused(&format!("expected exactly one in HTTP/1.1, found {count}"));
    }
    let host = hosts.first().map(|host| host.as_bytes());
    // In the request line of HTTP/1, or as `:authority` of HTTP/2.
    let authority = request
        .uri()
        .authority()
        .map(|named| named.as_str().as_bytes());
    if [host, authority]
        .into_iter()
        .flatten()
        .any(|named| !is_host(named))
    {
        return refused("expected a host, with a port or without one");
    }
    if let (Some(host), Some(authority)) = (host, authority)
        && !host.eq_ignore_ascii_case(authority)
    {
        return refused("expected the same as in `:authority`, or in the URI of the request line");
    }
    None
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
    fn a_request_is_for_one_host() {
        let is_refused = |version: Version, uri: &str, hosts: &[&str]| {
            let mut request = Request::get(uri).version(version);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            malformed(&request.body(()).unwrap()).is_some()
        };
        let (old, one, two) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
        for (version, uri, hosts, refused) in [
            (old, "/", &[][..], false),
            (old, "/", &["x/y@z"], true),
            (old, "/", &["a", "a"], true),
            (one, "/", &["a:1"], false),
            (one, "/", &[], true),
            (one, "/", &["a", "a"], true),
            (one, "/", &["x/y@z"], true),
            (one, "/", &[""], true),
            (one, "http://a/", &["a"], false),
            (one, "http://a/", &["b"], true),
            (one, "http://user@a/", &["a"], true),
            (two, "https://a/", &[], false),
            (two, "https://a/", &["A"], false),
            (two, "https://a/", &["b"], true),
            (two, "https://a/", &["a", "a"], true),
            (two, "https://user@a/", &[], true),
        ] {
            assert_eq!(
                is_refused(version, uri, hosts),
                refused,
                "{version:?} {uri} {hosts:?}"
            );
        }
    }

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
