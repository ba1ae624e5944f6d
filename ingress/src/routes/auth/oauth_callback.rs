//! `GET /auth/oauth/{provider}/callback`

use axum::response::Response;
use http::{HeaderMap, Uri};
use onsale_accounts::ProviderReturn;
use onsale_private::Private;

use super::account_call::AccountCall;
use super::redirect;
use crate::envelope::Problem;
use crate::error::ApiError;
use crate::extract::PathName;

/// Longest value of a parameter, in bytes: codes of some providers are signed tokens.
const PARAMETER_MAX_BYTES: usize = 4_096;

/// Where a provider sends a browser back to.
///
/// Only the browser that began the sign-in gets any further.
///
/// `#sign_in_error=` is one of `cancelled`, `provider`, `try_again`, `address_missing`, `account_exists`,
/// `account_not_verified`, `registration_closed`, `disabled`, `identity_taken`, `too_many_identities`,
/// `session_ended`. What the provider says about it is not shown.
#[utoipa::path(
    get, path = "/api/v1/auth/oauth/{provider}/callback", operation_id = "return_from_provider", tag = "accounts",
    params(
        ("provider" = String, Path, description = "As `GET /auth/providers` names it"),
        ("state" = Option<String>, Query, description = "What the browser was sent to the provider with"),
        ("code" = Option<String>, Query, description = "What is exchanged there"),
        ("iss" = Option<String>, Query, description = "Whom the return is from (RFC 9207)"),
        ("error" = Option<String>, Query, description = "Why there is no code"),
    ),
    responses(
        (status = 303, description = "To the page that the sign-in began with, with `#sign_in=CODE`, `#linked=PROVIDER` or `#sign_in_error=WORD`"),
        (status = 404, description = "`NOT_FOUND`: there is no such provider", body = Problem),
        (status = 410, description = "`SIGN_IN_EXPIRED`: not begun in this browser, too long ago, or ended", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn oauth_callback(
    call: AccountCall,
    PathName(provider): PathName,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let cookies = call.state.cookies;
    let cookie = cookies.journey(&headers);
    let landing = call
        .accounts
        .return_from_provider(&provider, cookie, read(&uri), &call.origin, call.now_ms)
        .await?;
    let mut response = redirect::to(landing.location.expose())?;
    if landing.is_over {
        cookies.forget_journey(response.headers_mut())?;
    }
    Ok(response)
}

/// What the browser brings. Providers add parameters of their own, which are not looked at; what cannot be
/// read, is too long or stands twice is as good as missing, and nothing of it is repeated in an answer.
fn read(uri: &Uri) -> ProviderReturn {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_or_else(|_| Vec::new(), |axum::extract::Query(pairs)| pairs);
    let one = |name: &str| {
        let mut values = pairs.iter().filter(|(of, _)| of == name);
        let (_, value) = values.next()?;
        let is_fine = values.next().is_none() && value.len() <= PARAMETER_MAX_BYTES;
        is_fine.then(|| value.clone())
    };
    ProviderReturn {
        state: one("state").unwrap_or_default(),
        code: one("code").map(Private::new),
        issuer: one("iss"),
        error: one("error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> ProviderReturn {
        let uri = format!("/api/v1/auth/oauth/x/callback?{query}");
        read(&uri.parse().unwrap())
    }

    #[test]
    fn what_stands_twice_is_as_good_as_missing() {
        let back = of("state=s&code=c%2F1&scope=openid&iss=https%3A%2F%2Fid.example");
        assert_eq!(back.state, "s");
        assert_eq!(back.code.unwrap().expose(), "c/1");
        assert_eq!(back.issuer.as_deref(), Some("https://id.example"));
        assert_eq!(back.error, None);
        let twice = of("state=s&state=t&code=c&code=d");
        assert!(twice.state.is_empty() && twice.code.is_none());
        assert!(of("").state.is_empty());
        let long = of(&format!("state={}", "x".repeat(PARAMETER_MAX_BYTES + 1)));
        assert!(long.state.is_empty());
    }
}
