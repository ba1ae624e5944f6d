//! `POST /auth/oauth/session`

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use onsale_accounts::SIGN_IN_CODE_MAX_BYTES;
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::account_call::AccountCall;
use super::body::SignedInBody;
use super::delivery::{self, Form};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

const SCHEMA: &str = "OAuthSessionRequest";

pub(super) const BOUNDS: Bounds = &[(
    Of::Field(SCHEMA, "code"),
    Bound::Length(SIGN_IN_CODE_MAX_BYTES),
)];

/// What a browser landed with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OAuthSessionRequest {
    /// Behind `#sign_in=`.
    #[schema(value_type = String)]
    code: Private,
    /// As with `POST /auth/login`.
    tenant_id: Option<Uuid>,
}

impl RequestBody for OAuthSessionRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &["tenant_id"];

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Open a session by the code that a browser came back with from a provider, within 2 minutes, in the same browser.
///
/// The answer is that of `POST /auth/login`.
#[utoipa::path(
    post, path = "/api/v1/auth/oauth/session", operation_id = "finish_sign_in", tag = "accounts",
    request_body = OAuthSessionRequest,
    responses(
        (status = 200, description = "Signed in", body = Success<SignedInBody>),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: as with `POST /auth/login`", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the account is disabled", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the account does not belong to that tenant", body = Problem),
        (status = 410, description = "`SIGN_IN_EXPIRED`: not of this browser, too late, or used before", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn oauth_session(
    call: AccountCall,
    headers: HeaderMap,
    body: JsonBody<OAuthSessionRequest>,
) -> Result<Response, ApiError> {
    finish(call, headers, body, Form::Tokens).await
}

/// Opens the session, with tokens in the form that the route has.
pub(super) async fn finish(
    call: AccountCall,
    headers: HeaderMap,
    body: JsonBody<OAuthSessionRequest>,
    form: Form,
) -> Result<Response, ApiError> {
    let OAuthSessionRequest { code, tenant_id } = body.value;
    let cookies = call.state.cookies;
    let cookie = cookies.journey(&headers);
    let signed_in = call
        .accounts
        .finish_sign_in(cookie, &code, tenant_id, &call.origin, call.now_ms)
        .await?;
    let mut response = delivery::answer(&call, form, StatusCode::OK, signed_in)?;
    cookies.forget_journey(response.headers_mut())?;
    Ok(response)
}
