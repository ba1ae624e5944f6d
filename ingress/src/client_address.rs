//! The client's address: that of the connection, or the one that the trusted proxies forward.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName};
use parking_lot::Mutex;

use crate::config::HttpConfig;
use crate::error::ApiError;
use crate::state::AppState;
use crate::text;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// Of a request.
    pub(crate) fn of(config: &HttpConfig, extensions: &Extensions, headers: &HeaderMap) -> Self {
        let connection = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::from([0, 0, 0, 0]), |info| info.0.ip());
        Self(match usize::from(config.trusted_proxies) {
            0 => connection,
            proxies => forwarded(headers, proxies).unwrap_or(connection),
        })
    }
}

impl From<ClientAddress> for IpAddr {
    fn from(client: ClientAddress) -> Self {
        client.0
    }
}

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let http = &state.config.http;
        Ok(Self::of(http, &parts.extensions, &parts.headers))
    }
}

/// How often it is said that what a proxy forwards cannot be read.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Each proxy appends the address it was called from; only those of trusted proxies can be believed, so what
/// clients wrote in front of them is not even read. Some proxies add the port. `None` where too few have
/// forwarded the request, as of a probe that asks this node itself.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter();
    let entries: Vec<&[u8]> = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .collect();
    let entry = entries.iter().rev().nth(proxies - 1)?.trim_ascii();
    let address = std::str::from_utf8(entry).ok().and_then(address);
    if address.is_none() {
        warn_of(entry);
    }
    address
}

/// An address with or without a port; one of version 6 with a port stands in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = |text: &str| text.parse::<SocketAddr>().ok().map(|whole| whole.ip());
    text.parse().ok().or_else(|| with_port(text)).or_else(bare)
}

/// All clients of such a proxy count as one, which meets every limit at once.
fn warn_of(entry: &[u8]) {
    static WARNED: Mutex<Option<Instant>> = Mutex::new(None);
    let mut warned = WARNED.lock();
    if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
        *warned = Some(Instant::now());
        tracing::warn!(
            entry = %text::cut(&String::from_utf8_lossy(entry)),
            "the last entries of X-Forwarded-For are no addresses, so the proxy counts as the client: \
             http.trusted_proxies must be the number of proxies that append one"
        );
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_entry_of_a_trusted_proxy_is_read_whatever_stands_before_it() {
        type Case = (&'static [&'static [u8]], usize, Option<&'static str>);
        let cases: [Case; 11] = [
            (&[], 1, None),
            (&[b"1.2.3.4"], 1, Some("1.2.3.4")),
            (&[b"1.2.3.4"], 2, None),
            (&[b"9.9.9.9, 1.2.3.4"], 1, Some("1.2.3.4")),
            (&[b"9.9.9.9", b"1.2.3.4, 5.6.7.8"], 2, Some("1.2.3.4")),
            // A client cannot spoil what the proxy has appended.
            (&[b"\xff, 1.2.3.4"], 1, Some("1.2.3.4")),
            (&[b"1.2.3.4:56789"], 1, Some("1.2.3.4")),
            (&[b"2001:db8::1"], 1, Some("2001:db8::1")),
            (&[b"[2001:db8::1]:443"], 1, Some("2001:db8::1")),
            (&[b"[2001:db8::1]"], 1, Some("2001:db8::1")),
            (&[b"1.2.3.4, unknown"], 1, None),
        ];
        for (lines, proxies, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
            }
            let found = forwarded(&headers, proxies).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{lines:?}");
        }
    }
}
