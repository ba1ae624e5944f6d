//! Whether a request comes from a page of this installation.
//!
//! A browser sends cookies by itself, also where a page of someone else makes it ask. So what changes
//! something by the right of a cookie, and what sets one, has to come from a page of this very origin. Two
//! headers say so, and no script can write either: `Sec-Fetch-Site`, which decides where it is there, and
//! `Origin`, which has to name the host that is asked. Browsers send at least one of them with every request
//! that may change something; where there is none, nothing shows that a page of ours asks.
//!
//! `http.cors_origins` has no part in it: answers never allow credentials to another origin, and pages of
//! such an origin send tokens in `Authorization`.

use axum::extract::Request;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName};

use crate::error::{ApiError, Code};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const HTTPS: &str = "https";
const HTTP: &str = "http";

/// Refuses a request that would change something and does not come from a page of this origin. `is_https`:
/// whether pages are served over TLS alone, be it by a proxy in front.
///
/// # Errors
/// `CROSS_SITE_REQUEST`.
pub(crate) fn check(request: &Request, is_https: bool) -> Result<(), ApiError> {
    if request.method().is_safe() || is_own(request, is_https) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::CrossSite,
        "A request that changes something with a cookie has to come from a page of this server \
         (`Sec-Fetch-Site: same-origin`, or `Origin` with this host). Programs send \
         `Authorization: Bearer …` instead.",
    ))
}

fn is_own(request: &Request, is_https: bool) -> bool {
    let headers = request.headers();
    let mut said = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if said.peek().is_some() {
        // `none`: nobody's page, as where a person follows a bookmark.
        return said.all(|value| matches!(value.as_bytes(), b"same-origin" | b"none"));
    }
    let Some((scheme, authority)) = only(headers, &ORIGIN).and_then(|it| it.split_once("://"))
    else {
        return false;
    };
    let is_page = scheme == HTTPS || (scheme == HTTP && !is_https);
    // HTTP/2 names the host in the request's own address.
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => only(headers, &HOST),
    };
    let bare = |authority| without_default_port(scheme, authority);
    is_page && host.is_some_and(|host| bare(host).eq_ignore_ascii_case(bare(authority)))
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = if scheme == HTTPS { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Method;

    use super::*;

    fn passes(method: &Method, is_https: bool, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder()
            .method(method)
            .uri("/api/v1/auth/me");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        check(&request, is_https).is_ok()
    }

    #[test]
    fn what_changes_something_comes_from_a_page_of_this_origin() {
        let host = ("host", "tickets.example");
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[host, ("sec-fetch-site", "same-origin")], true),
            (&[host, ("sec-fetch-site", "none")], true),
            (&[host, ("sec-fetch-site", "same-site")], false),
            (&[host, ("sec-fetch-site", "cross-site")], false),
            (&[host, ("sec-fetch-site", "")], false),
            (
                &[
                    host,
                    ("sec-fetch-site", "same-origin"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
            // Behind a proxy that names another host.
            (
                &[
                    ("host", "backend:8080"),
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "https://tickets.example"),
                ],
                true,
            ),
            (
                &[
                    host,
                    ("sec-fetch-site", "cross-site"),
                    ("origin", "https://tickets.example"),
                ],
                false,
            ),
            (&[host, ("origin", "https://tickets.example")], true),
            (&[host, ("origin", "https://tickets.example:443")], true),
            (&[host, ("origin", "https://TICKETS.example")], true),
            (&[host, ("origin", "https://tickets.example:444")], false),
            (&[host, ("origin", "https://evil.example")], false),
            (&[host, ("origin", "https://tickets.example.evil")], false),
            (&[host, ("origin", "http://tickets.example")], false),
            (&[host, ("origin", "null")], false),
            (&[host, ("origin", "tickets.example")], false),
            (
                &[
                    host,
                    ("origin", "https://tickets.example"),
                    ("origin", "https://evil.example"),
                ],
                false,
            ),
            (&[host], false),
            (&[("origin", "https://tickets.example")], false),
        ];
        for &(headers, expected) in cases {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let passed = passes(&method, true, headers);
                assert_eq!(passed, expected, "{method} {headers:?}");
            }
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                assert!(passes(&method, true, headers), "{method} {headers:?}");
            }
        }
        let local = [
            ("host", "localhost:8080"),
            ("origin", "http://localhost:8080"),
        ];
        assert!(passes(&Method::POST, false, &local));
        assert!(!passes(&Method::POST, true, &local));
    }
}
