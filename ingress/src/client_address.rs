//! The client's address: that of the connection, or the one that the trusted proxies forward.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName};

use crate::config::HttpConfig;
use crate::error::ApiError;
use crate::state::AppState;

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

impl FromRequestParts<AppState> for ClientAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let http = &state.config.http;
        Ok(Self::of(http, &parts.extensions, &parts.headers))
    }
}

/// Each proxy appends the address it was called from; only those of trusted proxies can be
/// believed.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect::<Vec<_>>()
        .iter()
        .rev()
        .nth(proxies - 1)
        .and_then(|text| text.parse().ok())
}
