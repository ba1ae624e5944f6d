//! What a request carries besides its meaning: its id for tracing and its trace context.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use onsale_schemas::envelope::TraceContext;
use uuid::Uuid;

use crate::client_address::ClientAddress;
use crate::error::ApiError;
use crate::ids;

/// Header with the id of a request, for tracing only: it grants no idempotency.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Longest id that is echoed, in bytes.
const REQUEST_ID_MAX_BYTES: usize = 128;
/// W3C trace flag of a sampled request.
const FLAG_SAMPLED: u8 = 0x01;

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    request_id: HeaderValue,
    trace: Option<TraceContext>,
    /// The client's address; `None` before the edge has looked.
    address: Option<IpAddr>,
}

impl RequestContext {
    /// From the headers: a sane `X-Request-ID` is kept, anything else replaced by a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let request_id = headers
            .get(X_REQUEST_ID)
            .filter(|value| is_sane(value.as_bytes()))
            .cloned()
            .unwrap_or_else(new_request_id);
        let trace = headers
            .get(TRACEPARENT)
            .and_then(|value| parse_traceparent(value.as_bytes()));
        Self {
            request_id,
            trace,
            address: None,
        }
    }

    /// Of a request from this address.
    pub(crate) fn with_address(self, address: ClientAddress) -> Self {
        Self {
            address: Some(address.0),
            ..self
        }
    }

    /// The client's address.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.request_id.clone()
    }

    pub(crate) fn request_id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }

    /// The caller's trace context.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// The trace context for the log's envelope: only when the request is sampled.
    pub(crate) fn sampled_trace(&self) -> Option<TraceContext> {
        self.trace.filter(|trace| trace.flags & FLAG_SAMPLED != 0)
    }

    /// The trace id for log lines.
    pub(crate) fn trace_id(&self) -> Option<impl std::fmt::Display + use<>> {
        struct Hex([u8; 16]);
        impl std::fmt::Display for Hex {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        self.trace.map(|trace| Hex(trace.trace_id))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ApiError::internal("a route outside the edge"))
    }
}

fn is_sane(id: &[u8]) -> bool {
    (1..=REQUEST_ID_MAX_BYTES).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

fn new_request_id() -> HeaderValue {
    let mut buffer = Uuid::encode_buffer();
    let text = ids::random().hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// `version-traceid-parentid-flags` of W3C Trace Context; unknown later versions are read by the
/// fields they share with version 00.
fn parse_traceparent(text: &[u8]) -> Option<TraceContext> {
    const LENGTH: usize = 55;
    let (head, rest) = text.split_at_checked(LENGTH)?;
    let version = hex::<1>(&head[0..2])?[0];
    let well_formed = head[2] == b'-'
        && head[35] == b'-'
        && head[52] == b'-'
        && version != 0xff
        && (rest.is_empty() || (version > 0 && rest[0] == b'-'));
    if !well_formed {
        return None;
    }
    let trace_id = hex::<16>(&head[3..35])?;
    let span_id = hex::<8>(&head[36..52])?;
    let flags = hex::<1>(&head[53..55])?[0];
    (trace_id != [0; 16] && span_id != [0; 8]).then_some(TraceContext {
        trace_id,
        span_id,
        flags,
    })
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != N * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Upper case is malformed by the W3C recommendation.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(name: HeaderName, value: &str) -> RequestContext {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        RequestContext::of(&headers)
    }

    #[test]
    fn a_sane_request_id_is_kept_and_any_other_replaced() {
        assert_eq!(context(X_REQUEST_ID, "abc-1").request_id(), "abc-1");
        let longest = "x".repeat(REQUEST_ID_MAX_BYTES);
        assert_eq!(context(X_REQUEST_ID, &longest).request_id(), longest);
        for bad in ["", "a b", &format!("{longest}x"), "ümlaut"] {
            let made = context(X_REQUEST_ID, bad);
            assert!(made.request_id().parse::<Uuid>().is_ok(), "{bad}");
        }
    }

    #[test]
    fn only_a_sampled_trace_reaches_the_log() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let sampled = context(TRACEPARENT, &format!("00-{id}-b7ad6b7169203331-01"));
        assert_eq!(sampled.sampled_trace().unwrap().flags, 1);
        assert_eq!(sampled.trace_id().unwrap().to_string(), id);
        let unsampled = context(TRACEPARENT, &format!("00-{id}-b7ad6b7169203331-00"));
        assert_eq!(unsampled.sampled_trace(), None);
        assert!(unsampled.trace_id().is_some());
    }

    #[test]
    fn a_malformed_traceparent_is_no_trace() {
        for bad in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        ] {
            assert!(context(TRACEPARENT, bad).trace.is_none(), "{bad}");
        }
    }
}
