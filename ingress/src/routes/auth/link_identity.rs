//! `POST /auth/me/identities`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::passwords::PASSWORD_MAX_BYTES;
use onsale_accounts::{Confirmation, LinkRequest, PROVIDER_NAME_MAX_BYTES, RETURN_TO_MAX_BYTES};
use onsale_private::Private;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::oauth_start;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

const SCHEMA: &str = "LinkIdentityRequest";

pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field(SCHEMA, "provider"),
        Bound::Length(PROVIDER_NAME_MAX_BYTES),
    ),
    (
        Of::Field(SCHEMA, "return_to"),
        Bound::Form(oauth_start::PATH, RETURN_TO_MAX_BYTES),
    ),
    (
        Of::Field(SCHEMA, "password"),
        Bound::Length(PASSWORD_MAX_BYTES),
    ),
];

/// Which account elsewhere is linked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkIdentityRequest {
    /// As `GET /auth/providers` names it.
    provider: String,
    /// A path of this site, as `/account` (default `/`).
    return_to: Option<String>,
    /// Of an account that has one; others sign in again just before.
    #[schema(value_type = Option<String>)]
    password: Option<Private>,
}

impl RequestBody for LinkIdentityRequest {
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &["provider", "return_to"];

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Where the browser goes next.
#[derive(Serialize, ToSchema)]
#[schema(as = LinkStart)]
pub(crate) struct LinkStartBody {
    /// An address of the provider.
    authorization_url: String,
}

/// Begin to link an account elsewhere to the caller's.
///
/// The answer sets a cookie, so it has to be asked for by the browser that then follows
/// `authorization_url`. That comes back to `return_to` with `#linked=PROVIDER` or `#sign_in_error=WORD`.
#[utoipa::path(
    post, path = "/api/v1/auth/me/identities", operation_id = "link_identity", tag = "accounts",
    request_body = LinkIdentityRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Where the browser goes next", body = Success<LinkStartBody>),
        (status = 400, description = "`VALIDATION_ERROR`: the password is missing, or `return_to` is no path of this site", body = Problem),
        (status = 401, description = "`INVALID_CREDENTIALS`: the password is another; `SECOND_FACTOR_REQUIRED`: show the account's second factor first (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended", body = Problem),
        (status = 403, description = "`SIGN_IN_AGAIN`: the account has no password, and the session is older than 15 minutes; or the token is of no session", body = Problem),
        (status = 404, description = "`NOT_FOUND`: there is no such provider, or the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`PROVIDER_UNAVAILABLE`: the provider does not answer as it should; or `OVERLOADED`", body = Problem),
    ),
)]
pub(crate) async fn link_identity(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<LinkIdentityRequest>,
) -> Result<Response, ApiError> {
    call.count_confirmation(caller.user).await?;
    let request = LinkRequest {
        provider: &body.value.provider,
        return_to: body.value.return_to.as_deref(),
        confirmation: Confirmation {
            session: caller.session,
            password: body.value.password.as_ref(),
        },
    };
    let start = call
        .accounts
        .start_link(caller.user.0, request, &call.origin, call.now_ms)
        .await?;
    let body = LinkStartBody {
        authorization_url: start.location,
    };
    let mut response = envelope::success(&call.context, StatusCode::OK, &body)?;
    let cookies = call.state.cookies;
    cookies.keep_journey(response.headers_mut(), &start.cookie)?;
    Ok(response)
}
