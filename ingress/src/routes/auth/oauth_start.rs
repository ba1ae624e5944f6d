//! `GET /auth/oauth/{provider}/start`

use axum::response::Response;
use onsale_accounts::RETURN_TO_MAX_BYTES;
use serde::Deserialize;
use utoipa::IntoParams;

use super::account_call::AccountCall;
use super::redirect;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::{PathName, Query};

/// A path of this host: it begins with one `/`, and has no `\` and no fragment.
pub(super) const PATH: &str = "^/([!\"$-.0-\\[\\]-~][!\"$-\\[\\]-~]*)?$";

pub(super) const BOUNDS: Bounds = &[(
    Of::Parameter("return_to"),
    Bound::Form(PATH, RETURN_TO_MAX_BYTES),
)];

/// Where the browser goes then.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StartQuery {
    /// A path of this site, as `/shows/1` (default `/`).
    return_to: Option<String>,
}

/// Send a browser to a provider, to sign in with the account that its person has there.
///
/// The browser comes back to `return_to` with `#sign_in=CODE`, for `POST /auth/oauth/session`, or with
/// `#sign_in_error=WORD`.
#[utoipa::path(
    get, path = "/api/v1/auth/oauth/{provider}/start", operation_id = "start_sign_in", tag = "accounts",
    params(("provider" = String, Path, description = "As `GET /auth/providers` names it"), StartQuery),
    responses(
        (status = 303, description = "To the provider, with a cookie that holds the sign-in together"),
        (status = 400, description = "`VALIDATION_ERROR`: `return_to` is no path of this site", body = Problem),
        (status = 404, description = "`NOT_FOUND`: there is no such provider", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
        (status = 503, description = "`PROVIDER_UNAVAILABLE`: the provider does not answer as it should; or `OVERLOADED`", body = Problem),
    ),
)]
pub(crate) async fn oauth_start(
    call: AccountCall,
    PathName(provider): PathName,
    Query(query): Query<StartQuery>,
) -> Result<Response, ApiError> {
    let return_to = query.return_to.as_deref();
    let start = call
        .accounts
        .start_sign_in(&provider, return_to, call.now_ms)
        .await?;
    let mut response = redirect::to(&start.location)?;
    let cookies = call.state.cookies;
    cookies.keep_journey(response.headers_mut(), &start.cookie)?;
    Ok(response)
}
