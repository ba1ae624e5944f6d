//! The cookie that holds a sign-in with a provider together, of the browser that began it.

use axum::body::Body;
use axum::response::Response;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_accounts::{Accounts, JOURNEY_COOKIE_SECONDS};
use onsale_private::Private;

use crate::error::ApiError;

/// By TLS. Browsers take the name from this host alone, and with `Secure` and `Path=/` only.
const NAME_BY_TLS: &str = "__Host-onsale-sign-in";
/// On the machine itself, for development.
const NAME: &str = "onsale-sign-in";

fn name(accounts: &Accounts) -> &'static str {
    if accounts.is_by_tls() {
        NAME_BY_TLS
    } else {
        NAME
    }
}

/// The cookie of a request; `None` where there is none, or more than one.
pub(super) fn of<'a>(accounts: &Accounts, headers: &'a HeaderMap) -> Option<&'a str> {
    let name = name(accounts);
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(of, value)| (of == name).then_some(value));
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Keeps a sign-in in the browser. `Lax`: it comes along when the provider sends the browser back.
///
/// # Errors
/// When it cannot stand in a header, which is a defect.
pub(super) fn keep(
    response: &mut Response,
    accounts: &Accounts,
    cookie: &Private,
) -> Result<(), ApiError> {
    set(response, accounts, cookie.expose(), JOURNEY_COOKIE_SECONDS)
}

/// Deletes it.
///
/// # Errors
/// As [`keep`].
pub(super) fn forget(response: &mut Response, accounts: &Accounts) -> Result<(), ApiError> {
    set(response, accounts, "", 0)
}

fn set(
    response: &mut Response,
    accounts: &Accounts,
    value: &str,
    seconds: u64,
) -> Result<(), ApiError> {
    let secure = if accounts.is_by_tls() { "; Secure" } else { "" };
    let text = format!(
        "{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
        name(accounts)
    );
    let mut header = HeaderValue::from_str(&text).map_err(ApiError::internal)?;
    header.set_sensitive(true);
    response.headers_mut().append(SET_COOKIE, header);
    Ok(())
}

/// Sends a browser elsewhere.
///
/// # Errors
/// As [`keep`].
pub(super) fn redirect(location: &str) -> Result<Response, ApiError> {
    let mut header = HeaderValue::from_str(location).map_err(ApiError::internal)?;
    header.set_sensitive(true);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, header);
    Ok(response)
}
