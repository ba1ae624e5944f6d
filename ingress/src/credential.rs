//! What a request shows of its caller: the one place that looks at `Authorization` and at the cookie of a
//! browser.
//!
//! `Authorization` is the one that counts where it is there: whoever writes it means it, and a browser never
//! does so by itself. The cookie beside it is not looked at then, also where the token is not good: a request
//! never has the right of a credential that it did not choose. A cookie comes along unasked, so one that is
//! no good is as good as none, and what changes something by its right has to come from a page of this
//! installation ([`crate::origin`]).

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::api_keys::ApiKeys;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::rate_limit::Key;
use crate::state::IngressState;

/// What a request shows.
pub(crate) struct Shown {
    /// Whom it stands for; `Ok(None)` where it shows nothing.
    pub(crate) caller: Result<Option<Caller>, ApiError>,
    /// Whether that is by the cookie of a browser.
    pub(crate) is_by_cookie: bool,
}

/// What a request shows of its caller; `address` is who sends it.
pub(crate) async fn shown(state: &IngressState, headers: &HeaderMap, address: Key) -> Shown {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = given.next() else {
        let caller = by_cookie(state, headers);
        return Shown {
            is_by_cookie: caller.is_some(),
            caller: Ok(caller),
        };
    };
    let caller = match given.next() {
        None => by_header(state, header, address).await.map(Some),
        // Of two, a proxy in front may have looked at the other one. What was given is nobody's to repeat.
        Some(_) => Err(ApiError::wrong(
            "Authorization",
            Value::Null,
            "is given more than once",
            "one value",
        )),
    };
    Shown {
        caller,
        is_by_cookie: false,
    }
}

async fn by_header(
    state: &IngressState,
    header: &HeaderValue,
    address: Key,
) -> Result<Caller, ApiError> {
    if let Some(program) = ApiKeys::caller(state, header, address).await {
        return program;
    }
    let now_ms = state.clock.now_ms();
    let identity = state.auth.authenticate(header.as_bytes(), now_ms)?;
    Ok(Caller::from(identity))
}

/// Keys of programs are in no cookie.
fn by_cookie(state: &IngressState, headers: &HeaderMap) -> Option<Caller> {
    let token = state.cookies.access(headers)?;
    let now_ms = state.clock.now_ms();
    let identity = state.auth.identity_of(token.as_bytes(), now_ms);
    identity.ok().map(Caller::from)
}
