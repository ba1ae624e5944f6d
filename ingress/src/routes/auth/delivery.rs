//! How tokens come to whoever has signed in. Whatever opens a session, or goes on with one, answers here, in
//! the form that its route has.

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::SignedIn;
use serde::Serialize;
use utoipa::ToSchema;

use super::account_call::AccountCall;
use super::body::{PersonBody, SignedInBody};
use crate::auth::ByCookie;
use crate::envelope;
use crate::error::ApiError;

/// The form of the tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::routes) enum Form {
    /// In the body, for programs: they send them as `Authorization: Bearer …`.
    Tokens,
    /// In cookies that no script sees, for the pages of this server. The body has no token.
    Cookies,
}

/// Someone who has signed in in a browser. The tokens are in its cookies.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedInBrowser)]
pub(crate) struct SignedInBrowserBody {
    /// After how many seconds `POST /auth/cookie/refresh` is due.
    expires_in: u64,
    /// Life of the session unless it is used, in seconds.
    refresh_expires_in: u64,
    user: PersonBody,
}

/// The answer to someone who has a session.
pub(in crate::routes) fn answer(
    call: &AccountCall,
    form: Form,
    status: StatusCode,
    signed_in: SignedIn,
) -> Result<Response, ApiError> {
    match form {
        Form::Tokens => envelope::success(&call.context, status, &SignedInBody::from(signed_in)),
        Form::Cookies => {
            let SignedIn {
                access_token,
                expires_in_seconds,
                refresh_token,
                refresh_expires_in_seconds,
                person,
            } = signed_in;
            let body = SignedInBrowserBody {
                expires_in: expires_in_seconds,
                refresh_expires_in: refresh_expires_in_seconds,
                user: person.into(),
            };
            let mut response = envelope::success(&call.context, status, &body)?;
            let (cookies, headers) = (call.state.cookies, response.headers_mut());
            cookies.keep_access(headers, access_token.expose(), expires_in_seconds)?;
            cookies.keep_refresh(headers, &refresh_token.expose(), refresh_expires_in_seconds)?;
            Ok(response)
        }
    }
}

/// Has the browser forget its cookies where the call that ended their session came by them.
pub(super) fn forget(
    call: &AccountCall,
    by: Option<ByCookie>,
    mut response: Response,
) -> Result<Response, ApiError> {
    if let Some(ByCookie) = by {
        call.state.cookies.forget(response.headers_mut())?;
    }
    Ok(response)
}
