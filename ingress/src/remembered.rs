//! Calls that the database decides and that can be repeated under an idempotency key: what they answered is
//! remembered, and what they created is found again. Those that hand a command in to the log go other ways
//! (`submit`, `routes/catalog_call.rs`).
//!
//! This stands around the handlers, behind what admits a request and counts it: limits count for repeats, too. The
//! rules of an endpoint say what of its calls is remembered ([`Remembers`]).
//!
//! Only successes are remembered. A call that was refused has changed nothing, and may be right the next time, as
//! once a second factor was shown. A caller gets an earlier answer only while it still has the right by which it
//! got that answer; otherwise the handler decides, as for a new call.

mod kept;
mod remembers;

use std::convert::Infallible;
use std::panic;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, StatusCode};
use onsale_accounts::{Accounts, Action, Asked, Asker, KeyBounds, Repeat, Started};
use onsale_private::Private;
use onsale_schemas::{MemberRole, Rejection};
use onsale_store::Scope;
use onsale_store::account::{Mandate, Requirement};
use onsale_store::account_answer::{ANSWERS_MAX, RUNNING_MS, Turn};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tower::Service;
use tracing::Instrument;

use self::kept::Kept;
pub(crate) use self::remembers::{By, Remembers};
use crate::auth::{Caller, Role};
use crate::context::RequestContext;
use crate::envelope;
use crate::error::{ApiError, Code, RETRY_AFTER_BUSY_SECONDS};
use crate::extract;
use crate::idempotency::{IDEMPOTENT_REPLAYED, IdempotencyKey};
use crate::key_quotas;
use crate::rejection;
use crate::rules::{ROUTE_UNMATCHED, Rules};
use crate::state::AppState;

/// When a caller that is refused for want of room should come back, in seconds: it is looked for once a minute.
const RETRY_AFTER_FULL_SECONDS: u64 = 60;

/// A request whose body was read.
struct Read {
    request: Request,
    /// Set where it may be a repeat of another, and this one does what was asked.
    turn: Option<Turn>,
    repeat: Option<Repeat>,
}

/// What there is to do.
enum Next {
    /// The handler decides.
    Run(Box<Read>),
    /// It was answered before.
    Answer(Response),
}

/// Calls a handler, or answers what it has answered before to the same request.
pub(crate) async fn call<S>(
    state: &AppState,
    rules: Rules,
    request: Request,
    mut inner: S,
) -> Result<Response, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Send + 'static,
{
    let Some(remembers) = rules.remembers else {
        return inner.call(request).await;
    };
    let has_key = IdempotencyKey::is_in(request.headers());
    let Some(accounts) = state.accounts.clone().filter(|_| has_key) else {
        return inner.call(request).await;
    };
    let next = match begin(state, &accounts, rules, remembers, request).await {
        Ok(next) => next,
        Err(error) => return Ok(error.into_response()),
    };
    let Read {
        request,
        turn,
        repeat,
    } = match next {
        Next::Run(read) => *read,
        Next::Answer(response) => return Ok(response),
    };
    let Some(repeat) = repeat else {
        return inner.call(request).await;
    };
    // To its end, whether or not the client waits for it: a turn that was left half-way would keep the repeat
    // waiting.
    let state = state.clone();
    let work = async move {
        let context = request.extensions().get::<RequestContext>().cloned();
        let mut response = match inner.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if let (Some(turn), Some(context)) = (turn, context) {
            let now_ms = state.clock.now_ms();
            response = end(&accounts, &context, remembers, turn, response, now_ms).await;
        }
        // What is refused now is refused now, whatever was found.
        if repeat.was_found() && response.status().is_success() {
            mark(&mut response);
        }
        response
    };
    let work = Scope::current().cover(work.in_current_span());
    match tokio::spawn(work).await {
        Ok(response) => Ok(response),
        Err(error) => match error.try_into_panic() {
            Ok(payload) => panic::resume_unwind(payload),
            Err(error) => Ok(ApiError::internal(error).into_response()),
        },
    }
}

/// Looks up what became of an earlier call with the same key.
async fn begin(
    state: &AppState,
    accounts: &Accounts,
    rules: Rules,
    remembers: Remembers,
    request: Request,
) -> Result<Next, ApiError> {
    let (mut parts, body) = request.into_parts();
    let key = IdempotencyKey::from_request_parts(&mut parts, state).await?;
    let unremembered = |parts: Parts, body: Body| {
        Next::Run(Box::new(Read {
            request: Request::from_parts(parts, body),
            turn: None,
            repeat: None,
        }))
    };
    let caller = parts.extensions.get::<Caller>().copied();
    let context = RequestContext::from_request_parts(&mut parts, state).await?;
    let is_nobodys = caller.is_none() && remembers.by == By::Caller;
    let (Some(key), false) = (key.text(), is_nobodys || !may_send(rules, caller)) else {
        // The handler refuses it, or does what leaves nothing to remember.
        return Ok(unremembered(parts, body));
    };
    let http = &state.config.http;
    let large = caller.as_ref().filter(|_| rules.has_large_body);
    let size_max_bytes = match large {
        Some(_) => http.layout_body_max_bytes,
        None => http.body_max_bytes,
    };
    let (bytes, share) = extract::whole(body, size_max_bytes, large, state).await?;
    // The handler takes room for it in its turn.
    drop(share);
    let matched = parts.extensions.get::<MatchedPath>();
    let route = matched.map_or(ROUTE_UNMATCHED, MatchedPath::as_str);
    let operation = format!("{} {route}", parts.method);
    let target = parts.uri.path_and_query();
    let asked = Asked {
        key,
        operation: &operation,
        target: target.map_or("", PathAndQuery::as_str),
        caller: caller.map(|caller| caller.user.0),
        body: &bytes,
    };
    let standing = caller.as_ref().map(standing).unwrap_or_default();
    let shown = shown_in(remembers.by, &bytes);
    let as_caller = match remembers.by {
        By::Caller => caller.map(|caller| Asker::Caller {
            user: caller.user.0,
            standing: &standing,
        }),
        By::Shown(_) | By::ShownFromNetwork(_) => None,
    };
    let as_nobody = shown.as_ref().map(|shown| Asker::Nobody {
        shown,
        network: context.address(),
        is_of_network: matches!(remembers.by, By::ShownFromNetwork(_)),
    });
    let Some(asker) = as_caller.or(as_nobody) else {
        return Ok(unremembered(parts, Body::from(bytes)));
    };
    let now_ms = state.clock.now_ms();
    let bounds = KeyBounds {
        of_owner: state.key_quotas.per_user_max(),
        of_all: ANSWERS_MAX,
    };
    let (started, repeat) = accounts.begin_call(asker, asked, bounds, now_ms).await?;
    let turn = match started {
        Started::Now(turn) => Some(turn),
        Started::Running(left_ms) => return Err(in_progress(left_ms)),
        Started::OtherRequest => {
            return Err(rejection::to_error(
                &Rejection::IdempotencyKeyReused,
                None,
                None,
            ));
        }
        Started::TooMany(_) | Started::Full if remembers.runs_at_quota => {
            return Ok(unremembered(parts, Body::from(bytes)));
        }
        Started::TooMany(until_ms) => {
            let wait_ms = until_ms.saturating_sub(now_ms);
            return Err(key_quotas::refusal(bounds.of_owner, wait_ms));
        }
        Started::Full => return Err(full()),
        Started::Done(status, Some(kept)) => {
            // Where the body shows who asks, that is the right by which it was answered.
            let by = caller.as_ref().filter(|_| remembers.by == By::Caller);
            if may_be_told(accounts, remembers, by, now_ms).await? {
                return replay(state, &context, status, &kept).map(Next::Answer);
            }
            None
        }
        Started::Done(_, None) => None,
    };
    parts.extensions.insert(repeat.clone());
    Ok(Next::Run(Box::new(Read {
        request: Request::from_parts(parts, Body::from(bytes)),
        turn,
        repeat: Some(repeat),
    })))
}

/// Whether a caller is told again what it was answered; no caller: who shows in the body what that takes.
async fn may_be_told(
    accounts: &Accounts,
    remembers: Remembers,
    by: Option<&Caller>,
    now_ms: u64,
) -> Result<bool, ApiError> {
    let right = by.and_then(|caller| right_of(caller, now_ms));
    if !remembers.ends_session && !accounts.still_holds(right).await? {
        return Ok(false);
    }
    if let Some(caller) = by.filter(|_| remembers.holds_secrets) {
        let (user, session) = (caller.user.0, caller.session);
        accounts.may_be_told_secrets(user, session, now_ms).await?;
    }
    Ok(true)
}

/// Whether a caller may send what an endpoint reads. That is asked before the body is read only where it may be large.
fn may_send(rules: Rules, caller: Option<Caller>) -> bool {
    !rules.has_large_body
        || caller.is_some_and(|caller| {
            // An organizer who is of no team has events of its own.
            let alone = caller.role == Role::Organizer;
            let may = |action| caller.may_for_tenant(action).unwrap_or(alone);
            matches!(caller.role, Role::Operator | Role::Admin)
                || may(Action::ManageTenant)
                || may(Action::ManageEvents)
        })
}

/// The standing of a person, as its token tells it.
fn standing(caller: &Caller) -> String {
    let member = caller.member.map_or("", MemberRole::as_str);
    match (caller.role, caller.guest) {
        (_, Some(_)) => "guest".to_owned(),
        // Buyers are the same people in every tenant.
        (Role::Buyer, None) => "buyer".to_owned(),
        (role, None) => format!("{} {member} {}", role.as_str(), caller.tenant.0),
    }
}

/// The right by which a caller was answered; `None` for tokens that belong to no session.
fn right_of(caller: &Caller, now_ms: u64) -> Option<Mandate> {
    let requires = match (caller.role, caller.member) {
        (Role::Operator, _) => Requirement::Admin,
        (Role::Organizer, Some(member)) => Requirement::Member(caller.tenant.0, alone(member)),
        _ => Requirement::Account,
    };
    Some(Mandate {
        user_id: caller.user.0,
        session_id: caller.session?,
        requires,
        at_ms: now_ms,
    })
}

fn alone(role: MemberRole) -> &'static [MemberRole] {
    match role {
        MemberRole::Owner => &[MemberRole::Owner],
        MemberRole::Manager => &[MemberRole::Manager],
        MemberRole::Finance => &[MemberRole::Finance],
        MemberRole::BoxOffice => &[MemberRole::BoxOffice],
        MemberRole::Scanner => &[MemberRole::Scanner],
    }
}

/// The address or the token that a body shows. What is no body of the endpoint shows none: the handler refuses it.
fn shown_in(by: By, body: &[u8]) -> Option<Private> {
    let field = match by {
        By::Caller => return None,
        By::Shown(field) | By::ShownFromNetwork(field) => field,
    };
    let mut fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
    match fields.remove(field)? {
        Value::String(text) => Some(Private::new(text)),
        _ => None,
    }
}

/// The text of an answer as it is remembered: for who writes it down together with what was done.
pub(crate) fn kept<T: Serialize>(forgets_cookies: bool, data: &T) -> Result<Vec<u8>, ApiError> {
    let data = serde_json::to_vec(data).map_err(ApiError::internal)?;
    let kept = Kept {
        forgets_cookies,
        data: &data,
    };
    Ok(kept.write())
}

/// The same request is still being done, for `left_ms` longer at most.
fn in_progress(left_ms: u64) -> ApiError {
    ApiError::new(
        Code::RequestInProgress,
        "A request with this idempotency key is still being processed. Repeat it in a moment for its answer.",
    )
    .retry_after(seconds_to_wait(left_ms))
}

/// Nearly all calls are done within a second. The longer one has lasted, the more likely its server has died: then
/// it is over when its turn is, and nobody has to ask each second until then.
fn seconds_to_wait(left_ms: u64) -> u64 {
    let lasted_ms = RUNNING_MS.saturating_sub(left_ms);
    let wait_ms = lasted_ms.min(left_ms);
    wait_ms.div_ceil(1_000).max(RETRY_AFTER_BUSY_SECONDS)
}

/// As many calls are remembered as are room for.
fn full() -> ApiError {
    ApiError::new(
        Code::Overloaded,
        "Too many calls are remembered under idempotency keys at the moment. Leave the key out, and look first whether \
         the call was done, or come back later.",
    )
    .with_details(json!({ "limit": "idempotency_keys", "max": ANSWERS_MAX }))
    .retry_after(RETRY_AFTER_FULL_SECONDS)
}

/// What was answered before.
fn replay(
    state: &AppState,
    context: &RequestContext,
    status: u16,
    kept: &[u8],
) -> Result<Response, ApiError> {
    let kept = Kept::read(kept).ok_or_else(|| ApiError::damaged("account_answers"))?;
    let status = StatusCode::from_u16(status).map_err(ApiError::internal)?;
    let mut response = envelope::success_of_command(context, None, status, kept.data);
    if kept.forgets_cookies {
        state.cookies.forget(response.headers_mut())?;
    }
    mark(&mut response);
    Ok(response)
}

/// Marks an answer as that of an earlier request.
fn mark(response: &mut Response) {
    let replayed = HeaderValue::from_static("true");
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, replayed);
}

/// Ends a turn: remembers a success, and gives the turn back after a refusal. The answer is the same whether or not
/// that works; a repeat finds what was created by its id.
async fn end(
    accounts: &Accounts,
    context: &RequestContext,
    remembers: Remembers,
    turn: Turn,
    response: Response,
    now_ms: u64,
) -> Response {
    let is_done =
        response.status().is_success() && response.extensions().get::<ApiError>().is_none();
    if !is_done {
        noted(accounts.give_back(turn).await);
        return response;
    }
    let status = response.status().as_u16();
    if remembers.gives_tokens {
        noted(accounts.keep_answer(turn, status, None, now_ms).await);
        return response;
    }
    let (parts, body) = response.into_parts();
    // It is in memory already.
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return ApiError::internal(error).into_response(),
    };
    match envelope::data_of(context, &bytes) {
        Some(data) => {
            let kept = Kept {
                forgets_cookies: parts.headers.contains_key(SET_COOKIE),
                data,
            };
            let written = kept.write();
            let kept = accounts.keep_answer(turn, status, Some(&written), now_ms);
            noted(kept.await);
        }
        None => {
            tracing::error!("an answer that cannot be remembered: {}", parts.status);
            noted(accounts.give_back(turn).await);
        }
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn noted<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::warn!(%error, "an answer is not remembered under its idempotency key");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_repeats_a_call_waits_longer_the_longer_it_lasts() {
        for (lasted_ms, seconds) in [
            (0, 1),
            (900, 1),
            (1_100, 2),
            (10_000, 10),
            (30_000, 30),
            (50_000, 10),
            (59_999, 1),
            (RUNNING_MS, 1),
        ] {
            let waits = seconds_to_wait(RUNNING_MS - lasted_ms);
            assert_eq!(waits, seconds, "{lasted_ms} ms");
        }
    }

    #[test]
    fn a_body_shows_its_field_as_a_text_or_nothing() {
        let shown = |by, body: &str| shown_in(by, body.as_bytes()).map(Private::into_exposed);
        let found = Some("a@example.test".to_owned());
        let body = r#"{"email":"a@example.test","password":"x"}"#;
        for by in [By::Shown("email"), By::ShownFromNetwork("email")] {
            assert_eq!(shown(by, body), found, "{by:?}");
        }
        assert_eq!(shown(By::Caller, body), None);
        for body in ["", "[]", "{}", r#"{"email":1}"#, r#"{"email":"a"#] {
            assert_eq!(shown(By::Shown("email"), body), None, "{body}");
        }
    }
}
