//! The cookies in which a browser keeps the tokens of a session, so that no script of a page sees them, and
//! what holds a sign-in with a provider together.
//!
//! The access token goes with every request to this host (`__Host-`: of this very host, over TLS, for all
//! paths), the refresh token only to the calls that take it. A cookie of one path alone cannot be `__Host-`,
//! so another host of the same domain can plant one. Beside it lies a mark that none but this host can set
//! and that says which refresh token is meant; of any other nobody takes notice. `SameSite` keeps other sites
//! from having them sent; what still comes is looked at by [`crate::origin`].

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use onsale_accounts::{AccountsConfig, JOURNEY_COOKIE_SECONDS};
use onsale_private::Private;
use onsale_schemas::derived::derived;
use uuid::Uuid;

use crate::error::ApiError;

/// Where the calls are that take the refresh token.
const REFRESH_PATH: &str = "/api/v1/auth/cookie";
/// The cookie with the access token, for the document.
pub(crate) const ACCESS: &str = "__Host-onsale_access";
/// A link from a mail leads to a page that knows who comes, and a provider sends the browser back to this host.
const ON_ENTRY: &str = "Path=/; SameSite=Lax";
const MARK_PURPOSE: &str = "onsale 2026 mark of a refresh token in a cookie";

/// What a browser keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cookie {
    Access,
    Refresh,
    /// Which refresh token is that of this host.
    Mark,
    /// A sign-in with a provider, of the browser that began it.
    Journey,
}

impl Cookie {
    /// Its name, and the one where cookies do without `Secure`, which the other asks for.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Access => (ACCESS, "onsale_access"),
            Self::Refresh => ("__Secure-onsale_refresh", "onsale_refresh"),
            Self::Mark => ("__Host-onsale_refresh_mark", "onsale_refresh_mark"),
            Self::Journey => ("__Host-onsale_sign_in", "onsale_sign_in"),
        }
    }
}

/// How the cookies of this installation are written and read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cookies {
    is_secure: bool,
}

impl Cookies {
    pub(crate) fn of(config: &AccountsConfig) -> Self {
        Self {
            is_secure: !config.insecure_cookies,
        }
    }

    /// Whether only browsers that came by https have them.
    pub(crate) fn are_secure(self) -> bool {
        self.is_secure
    }

    /// The access token that a browser sends.
    pub(crate) fn access(self, headers: &HeaderMap) -> Option<&str> {
        self.read(headers, Cookie::Access)
    }

    /// The refresh token that a browser sends and had from this host, whatever else of the name it sends.
    pub(crate) fn refresh(self, headers: &HeaderMap) -> Option<&str> {
        let mark = self.read(headers, Cookie::Mark)?;
        values(headers, self.name(Cookie::Refresh))
            .filter_map(|value| std::str::from_utf8(value).ok())
            .find(|token| mark_of(token) == mark)
    }

    /// The sign-in with a provider that a browser sends.
    pub(crate) fn journey(self, headers: &HeaderMap) -> Option<&str> {
        self.read(headers, Cookie::Journey)
    }

    /// Has the browser keep an access token for `life_seconds`.
    ///
    /// # Errors
    /// When it cannot stand in a header.
    pub(crate) fn keep_access(
        self,
        headers: &mut HeaderMap,
        token: &str,
        life_seconds: u64,
    ) -> Result<(), ApiError> {
        self.set(headers, Cookie::Access, token, life_seconds, ON_ENTRY)
    }

    /// Has the browser keep a refresh token for `life_seconds`.
    ///
    /// # Errors
    /// As [`Cookies::keep_access`].
    pub(crate) fn keep_refresh(
        self,
        headers: &mut HeaderMap,
        token: &str,
        life_seconds: u64,
    ) -> Result<(), ApiError> {
        let mark = mark_of(token);
        self.set_refresh(headers, (token, &mark), life_seconds)
    }

    /// Has the browser keep a sign-in with a provider.
    ///
    /// # Errors
    /// As [`Cookies::keep_access`].
    pub(crate) fn keep_journey(
        self,
        headers: &mut HeaderMap,
        journey: &Private,
    ) -> Result<(), ApiError> {
        let (value, seconds) = (journey.expose(), JOURNEY_COOKIE_SECONDS);
        self.set(headers, Cookie::Journey, value, seconds, ON_ENTRY)
    }

    /// Has the browser forget the session.
    ///
    /// # Errors
    /// As [`Cookies::keep_access`].
    pub(crate) fn forget(self, headers: &mut HeaderMap) -> Result<(), ApiError> {
        self.keep_access(headers, "", 0)?;
        self.set_refresh(headers, ("", ""), 0)
    }

    /// Has the browser forget a sign-in with a provider.
    ///
    /// # Errors
    /// As [`Cookies::keep_access`].
    pub(crate) fn forget_journey(self, headers: &mut HeaderMap) -> Result<(), ApiError> {
        self.set(headers, Cookie::Journey, "", 0, ON_ENTRY)
    }

    fn set_refresh(
        self,
        headers: &mut HeaderMap,
        (token, mark): (&str, &str),
        life_seconds: u64,
    ) -> Result<(), ApiError> {
        let attributes = format!("Path={REFRESH_PATH}; SameSite=Strict");
        self.set(headers, Cookie::Refresh, token, life_seconds, &attributes)?;
        let attributes = "Path=/; SameSite=Strict";
        self.set(headers, Cookie::Mark, mark, life_seconds, attributes)
    }

    fn name(self, cookie: Cookie) -> &'static str {
        let (secure, plain) = cookie.names();
        if self.is_secure { secure } else { plain }
    }

    /// The value of a cookie; `None` also where two of the name differ, as when one was planted from
    /// elsewhere: nobody can say which of them is meant.
    fn read(self, headers: &HeaderMap, cookie: Cookie) -> Option<&str> {
        let mut found = values(headers, self.name(cookie));
        let value = found.next()?;
        if found.any(|other| other != value) {
            return None;
        }
        let value = std::str::from_utf8(value).ok()?;
        (!value.is_empty()).then_some(value)
    }

    fn set(
        self,
        headers: &mut HeaderMap,
        cookie: Cookie,
        value: &str,
        life_seconds: u64,
        attributes: &str,
    ) -> Result<(), ApiError> {
        let name = self.name(cookie);
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text =
            format!("{name}={value}; Max-Age={life_seconds}; {attributes}; HttpOnly{secure}");
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| ApiError::internal(format!("the cookie {name} is no header")))?;
        value.set_sensitive(true);
        headers.append(SET_COOKIE, value);
        Ok(())
    }
}

/// The values of the cookies of a name. HTTP/2 sends each cookie in a header of its own, and other cookies may
/// hold anything.
fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let pairs = headers
        .get_all(COOKIE)
        .into_iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let behind = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        behind.strip_prefix(b"=")
    })
}

/// What says that a refresh token is meant, and tells nothing of it.
fn mark_of(token: &str) -> String {
    let bytes = derived(MARK_PURPOSE, &[token.as_bytes()]);
    Uuid::from_bytes(bytes).simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            let value = HeaderValue::from_bytes(cookie.as_bytes()).unwrap();
            headers.append(COOKIE, value);
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_two_that_differ_are_none() {
        let secure = Cookies { is_secure: true };
        let cases: &[(&[&str], Option<&str>)] = &[
            (&["__Host-onsale_access=a.b.c"], Some("a.b.c")),
            (&["x=1; __Host-onsale_access=a.b.c;y=2"], Some("a.b.c")),
            (&["x=1", "__Host-onsale_access=a.b.c"], Some("a.b.c")),
            (
                &["__Host-onsale_access=a", "__Host-onsale_access=a"],
                Some("a"),
            ),
            (&["__Host-onsale_access=a; __Host-onsale_access=b"], None),
            (&["__Host-onsale_access="], None),
            (&["x=\u{e9}; __Host-onsale_access=a"], Some("a")),
            (&["onsale_access=a"], None),
            (&["__host-onsale_access=a"], None),
            (&["__Host-onsale_access"], None),
            (&[], None),
        ];
        for &(given, found) in cases {
            assert_eq!(secure.access(&sent(given)), found, "{given:?}");
        }
        let plain = Cookies { is_secure: false };
        assert_eq!(plain.access(&sent(&["onsale_access=a"])), Some("a"));
        assert_eq!(plain.access(&sent(&["__Host-onsale_access=a"])), None);
        let journey = sent(&["__Host-onsale_sign_in=a", "onsale_sign_in=b"]);
        assert_eq!(secure.journey(&journey), Some("a"));
        assert_eq!(plain.journey(&journey), Some("b"));
    }

    #[test]
    fn a_refresh_token_is_the_one_that_the_mark_names() {
        let secure = Cookies { is_secure: true };
        let refresh = |token: &str| format!("__Secure-onsale_refresh={token}");
        let mark = |token: &str| format!("__Host-onsale_refresh_mark={}", mark_of(token));
        let found = |cookies: &[String]| {
            let headers = sent(&[&cookies.join("; ")]);
            secure.refresh(&headers).map(str::to_owned)
        };
        let own = Some("osr_own".to_owned());
        assert_eq!(found(&[refresh("osr_own"), mark("osr_own")]), own);
        assert_eq!(found(&[refresh("osr_own")]), None);
        assert_eq!(found(&[mark("osr_own")]), None);
        // Planted by another host of the domain, alone or beside the own one.
        assert_eq!(found(&[refresh("osr_planted")]), None);
        assert_eq!(found(&[refresh("osr_planted"), mark("osr_own")]), None);
        for both in [
            [refresh("osr_planted"), refresh("osr_own"), mark("osr_own")],
            [refresh("osr_own"), refresh("osr_planted"), mark("osr_own")],
        ] {
            assert_eq!(found(&both), own);
        }
        assert_eq!(found(&[refresh(""), mark("osr_own")]), None);
    }

    #[test]
    fn what_is_set_has_its_attributes() {
        let mut headers = HeaderMap::new();
        let secure = Cookies { is_secure: true };
        secure.keep_access(&mut headers, "a.b.c", 900).unwrap();
        secure.keep_refresh(&mut headers, "osr_d", 60).unwrap();
        let plain = Cookies { is_secure: false };
        plain.forget(&mut headers).unwrap();
        let journey = Private::new("sealed");
        secure.keep_journey(&mut headers, &journey).unwrap();
        plain.forget_journey(&mut headers).unwrap();
        let mark = format!(
            "__Host-onsale_refresh_mark={}; Max-Age=60; Path=/; SameSite=Strict; HttpOnly; Secure",
            mark_of("osr_d")
        );
        let journey = format!(
            "__Host-onsale_sign_in=sealed; Max-Age={JOURNEY_COOKIE_SECONDS}; Path=/; SameSite=Lax; \
             HttpOnly; Secure"
        );
        let set: Vec<&str> = headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        assert_eq!(
            set,
            [
                "__Host-onsale_access=a.b.c; Max-Age=900; Path=/; SameSite=Lax; HttpOnly; Secure",
                "__Secure-onsale_refresh=osr_d; Max-Age=60; Path=/api/v1/auth/cookie; \
                 SameSite=Strict; HttpOnly; Secure",
                mark.as_str(),
                "onsale_access=; Max-Age=0; Path=/; SameSite=Lax; HttpOnly",
                "onsale_refresh=; Max-Age=0; Path=/api/v1/auth/cookie; SameSite=Strict; HttpOnly",
                "onsale_refresh_mark=; Max-Age=0; Path=/; SameSite=Strict; HttpOnly",
                journey.as_str(),
                "onsale_sign_in=; Max-Age=0; Path=/; SameSite=Lax; HttpOnly",
            ]
        );
    }
}
