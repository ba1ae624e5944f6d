//! The span of a request, for traces.
//!
//! It has a separate target, so that the binary can switch spans off when no traces are exported:
//! an unused span would only cost time on the path of every request.

use http::Method;
use onsale_schemas::envelope::TraceContext;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::context::RequestContext;

/// Target of request spans.
pub const SPAN_TARGET: &str = "onsale_ingress::request";

/// The span of a request, below the caller's if it sent a trace context.
pub(crate) fn of_request(context: &RequestContext, method: &Method, route: &str) -> Span {
    let span = tracing::info_span!(
        target: SPAN_TARGET,
        "request",
        otel.name = format_args!("{method} {route}").to_string(),
        otel.kind = "server",
        http.request.method = method.as_str(),
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        request_id = context.request_id(),
    );
    if !span.is_disabled()
        && let Some(trace) = context.trace()
        && span.set_parent(remote(trace)).is_err()
    {
        // Only says that no exporter is set up.
        tracing::debug!("the caller's trace is not continued");
    }
    span
}

fn remote(trace: TraceContext) -> opentelemetry::Context {
    let caller = SpanContext::new(
        TraceId::from_bytes(trace.trace_id),
        SpanId::from_bytes(trace.span_id),
        TraceFlags::new(trace.flags),
        true,
        TraceState::default(),
    );
    opentelemetry::Context::new().with_remote_span_context(caller)
}
