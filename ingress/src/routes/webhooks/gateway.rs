//! `POST /webhooks/{gateway}`

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use onsale_store::payment::NewNotice;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{PathName, whole};
use crate::payments::GatewayNotice;
use crate::state::AppState;
use crate::values::FileBody;

/// What became of a notice.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeReceipt {
    /// True, also where it came before.
    received: bool,
}

/// What a gateway says has happened there.
///
/// Signed by the gateway over the bytes of the body (`Stripe-Signature`), which are looked at as they come. A notice is
/// written down by the id of its event before it is answered, and looked at later: then the gateway is asked how things
/// stand, and nothing of the notice itself is believed. Repeats, notices out of order and missing ones change nothing.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{gateway}", operation_id = "gateway_notice", tag = "payments",
    params(("gateway" = String, Path, description = "The gateway of this installation, as `stripe`")),
    request_body(content = FileBody, content_type = "application/json", description = "An event of the gateway, as it comes"),
    responses(
        (status = 200, description = "It is written down", body = Success<NoticeReceipt>),
        (status = 400, description = "`VALIDATION_ERROR`: it is not signed by the gateway, too old, or no event; nothing was kept", body = Problem),
        (status = 404, description = "`NOT_FOUND`: this installation has no such gateway", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: no payments are taken here", body = Problem),
        (status = 503, description = "`OVERLOADED`: it could not be written down; send it again", body = Problem),
    ),
)]
pub(crate) async fn gateway(
    State(state): State<AppState>,
    context: RequestContext,
    PathName(name): PathName,
    request: Request,
) -> Result<Response, ApiError> {
    let desk = state.desk()?;
    let gateway = desk
        .gateway()
        .filter(|gateway| *gateway == name)
        .ok_or_else(|| ApiError::not_found("gateway"))?;
    let (parts, body) = request.into_parts();
    let size_max_bytes = state.config.http.body_max_bytes;
    let (bytes, _share) = whole(body, size_max_bytes, None, &state).await?;
    let now_ms = state.clock.now_ms();
    let notice = desk
        .verify_webhook(&parts.headers, &bytes, now_ms)
        .map_err(|refused| {
            // Of whoever has sent it, nothing is repeated.
            tracing::debug!(%refused, gateway, "a notice is not believed");
            ApiError::new(
                Code::ValidationError,
                format!("The notice is not believed: {refused}."),
            )
            .with_details(serde_json::json!({
                "field": "body", "value": Value::Null, "expected": "an event, signed by the gateway just now",
            }))
        })?;
    let is_new = detached(async move {
        let new = new_notice(notice);
        Ok(state.installation.put_notice(gateway, &new).await?)
    })
    .await?;
    if !is_new {
        tracing::debug!(gateway, "a notice came again");
    }
    envelope::success(&context, StatusCode::OK, &NoticeReceipt { received: true })
}

fn new_notice(notice: GatewayNotice) -> NewNotice {
    NewNotice {
        event_id: notice.event_id,
        kind: notice.kind,
        object: notice.object,
        payment: notice.payment,
        refund: notice.refund,
        dispute: notice.dispute,
        created_at_ms: notice.created_at_ms,
    }
}
