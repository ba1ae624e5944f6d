//! The cookies in which a browser keeps the tokens of a session, so that no script of a page sees them.
//!
//! The access token goes with every request to this host (`__Host-`: of this very host, over TLS, for all
//! paths), the refresh token only to the calls that take it. `SameSite` keeps other sites from having them
//! sent; what still comes is looked at by [`crate::origin`].

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use onsale_accounts::AccountsConfig;

use crate::error::ApiError;

/// Where the calls are that take the refresh token.
const REFRESH_PATH: &str = "/api/v1/auth/cookie";
/// The cookie with the access token, for the document.
pub(crate) const ACCESS: &str = "__Host-onsale_access";
const REFRESH: &str = "__Secure-onsale_refresh";
/// The same where cookies do without `Secure`, which those names ask for.
const PLAIN_ACCESS: &str = "onsale_access";
const PLAIN_REFRESH: &str = "onsale_refresh";

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
        read(headers, self.access_name())
    }

    /// The refresh token that a browser sends.
    pub(crate) fn refresh(self, headers: &HeaderMap) -> Option<&str> {
        read(headers, self.refresh_name())
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
        // A link from a mail leads to a page that knows who comes.
        let attributes = "Path=/; SameSite=Lax";
        self.set(headers, self.access_name(), token, life_seconds, attributes)
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
        let attributes = format!("Path={REFRESH_PATH}; SameSite=Strict");
        self.set(
            headers,
            self.refresh_name(),
            token,
            life_seconds,
            &attributes,
        )
    }

    /// Has the browser forget both.
    ///
    /// # Errors
    /// As [`Cookies::keep_access`].
    pub(crate) fn forget(self, headers: &mut HeaderMap) -> Result<(), ApiError> {
        self.keep_access(headers, "", 0)?;
        self.keep_refresh(headers, "", 0)
    }

    fn access_name(self) -> &'static str {
        if self.is_secure { ACCESS } else { PLAIN_ACCESS }
    }

    fn refresh_name(self) -> &'static str {
        if self.is_secure {
            REFRESH
        } else {
            PLAIN_REFRESH
        }
    }

    fn set(
        self,
        headers: &mut HeaderMap,
        name: &str,
        value: &str,
        life_seconds: u64,
        attributes: &str,
    ) -> Result<(), ApiError> {
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

/// The value of a cookie; `None` also where two of the name differ, as when one was planted from elsewhere:
/// nobody can say which of them is meant. HTTP/2 sends each cookie in a header of its own.
fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found: Option<&[u8]> = None;
    for header in headers.get_all(COOKIE) {
        // Of other cookies, which may hold anything, nothing is expected.
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let behind = pair.trim_ascii().strip_prefix(name.as_bytes());
            let Some(value) = behind.and_then(|behind| behind.strip_prefix(b"=")) else {
                continue;
            };
            if found.is_some_and(|found| found != value) {
                return None;
            }
            found = Some(value);
        }
    }
    let value = std::str::from_utf8(found?).ok()?;
    (!value.is_empty()).then_some(value)
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
    }

    #[test]
    fn what_is_set_has_its_attributes() {
        let mut headers = HeaderMap::new();
        let secure = Cookies { is_secure: true };
        secure.keep_access(&mut headers, "a.b.c", 900).unwrap();
        secure.keep_refresh(&mut headers, "osr_d", 60).unwrap();
        let plain = Cookies { is_secure: false };
        plain.forget(&mut headers).unwrap();
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
                "onsale_access=; Max-Age=0; Path=/; SameSite=Lax; HttpOnly",
                "onsale_refresh=; Max-Age=0; Path=/api/v1/auth/cookie; SameSite=Strict; HttpOnly",
            ]
        );
    }
}
