//! What happens to every request before its handler and to every answer after it.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::SET_COOKIE;
use http::{Extensions, HeaderMap};
use onsale_store::Scope;
use onsale_store::catalog::TenantScope;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::auth::{ByCookie, Caller, GuestElsewhere, Role};
use crate::client_address::ClientAddress;
use crate::context::{RequestContext, X_REQUEST_ID};
use crate::credential::{self, Shown};
use crate::envelope;
use crate::error::{ApiError, Code};
use crate::origin;
use crate::rate_limit::{Class, Key, Passed};
use crate::remembered;
use crate::rules::{ROUTE_UNMATCHED, Rules};
use crate::security;
use crate::span;
use crate::state::{AppState, IngressState};

/// Route that a link leads to, which needs nothing else.
const ROUTE_RECEIPT: &str = "/api/v1/bookings/{id}/receipt";

/// The edge around every route of a router. (What `axum::middleware::from_fn` makes would move each
/// request into two more boxes.)
#[derive(Clone)]
pub(crate) struct EdgeLayer(pub(crate) AppState);

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge {
            state: self.0.clone(),
            inner,
        }
    }
}

/// See [`EdgeLayer`].
#[derive(Clone)]
pub(crate) struct Edge<S> {
    state: AppState,
    inner: S,
}

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The one that is ready is called; its copy takes its place.
        let copy = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, copy);
        let state = self.state.clone();
        async move { Ok(pass(state, request, inner).await) }.boxed()
    }
}

async fn pass<S>(state: AppState, mut request: Request, inner: S) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Send + 'static,
{
    let started = Instant::now();
    let in_flight = Decrement::after_increment(&state);
    let method = request.method().clone();
    let uri = request.uri().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched
        .as_ref()
        .map_or(ROUTE_UNMATCHED, MatchedPath::as_str);
    let client = ClientAddress::of(&state.config.http, request.extensions(), request.headers());
    let context = RequestContext::of(request.headers()).with_address(client);
    let span = span::of_request(&context, &method, route);
    let rules = state.rules.of(&method, route);
    let (admitted, passed) = match rules.class {
        Some(class) => {
            let counted_as = Key::of_address(client.0);
            let shown = credential::shown(&state, request.headers(), counted_as).await;
            admit(&state, &mut request, (class, counted_as), rules, shown)
        }
        None => (Ok(()), None),
    };
    let mut response = match admitted {
        Ok(()) => {
            request.extensions_mut().insert(context.clone());
            let scope = scope_of(request.extensions().get::<Caller>());
            let run = remembered::call(&state, rules, request, inner);
            let run = scope.cover(run.instrument(span.clone()));
            match AssertUnwindSafe(run).catch_unwind().await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => {
                    state.metrics.panics.inc();
                    ApiError::internal(format!("handler of {method} {route} panicked"))
                        .into_response()
                }
            }
        }
        Err(error) => error.into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let mut rendered = envelope::problem(&context, uri.path(), &error);
        // As with `Allow` beside a 405.
        for (name, value) in response.headers() {
            if name == SET_COOKIE {
                rendered.headers_mut().append(name, value.clone());
                continue;
            }
            rendered
                .headers_mut()
                .entry(name)
                .or_insert_with(|| value.clone());
        }
        rendered.headers_mut().remove(http::header::CONTENT_LENGTH);
        response = rendered;
    }
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, context.header());
    if let Some(passed) = passed {
        passed.write(headers);
    }
    security::harden(headers, uri.path());
    drop(in_flight);
    span.record("http.response.status_code", response.status().as_u16());
    let elapsed = started.elapsed();
    state
        .metrics
        .answered(&method, route, response.status(), elapsed.as_secs_f64());
    state
        .access_log
        .answered(&context, &method, route, response.status(), elapsed);
    response
}

/// What of the tenants' data the database shows and changes for a caller: the second layer behind what handlers
/// compare. It comes from the token alone.
fn scope_of(caller: Option<&Caller>) -> Scope {
    let Some(caller) = caller else {
        return Scope::PUBLIC;
    };
    let tenant = match (caller.role, caller.scope()) {
        (_, TenantScope::All) => return Scope::Installation,
        // Buyers and guests are of no tenant, whatever their token names; mostly that is the nil one, which is
        // also that of organizers without a membership.
        (Role::Buyer, TenantScope::One(_)) => None,
        (_, TenantScope::One(tenant)) => Some(tenant),
    };
    Scope::Caller {
        tenant,
        user: Some(caller.user.0),
    }
}

/// Compares what the request shows with what its endpoint takes, and counts it: by its caller, or as its
/// address.
fn admit(
    state: &IngressState,
    request: &mut Request,
    (class, address): (Class, Key),
    rules: Rules,
    shown: Shown,
) -> (Result<(), ApiError>, Option<Passed>) {
    let Shown {
        caller,
        is_by_cookie,
    } = shown;
    let caller = match caller {
        Err(_) if rules.ignores_bad_tokens => Ok(None),
        // The link alone is the right to what it leads to.
        Err(_) if is_link(request) => Ok(None),
        // Guessing is counted by address.
        caller => caller,
    };
    let caller = if is_by_cookie || rules.sets_cookies {
        // Whoever makes a browser ask counts by that browser's address, not as who signed in there.
        origin::check(request, state.cookies.are_secure()).and(caller)
    } else {
        caller
    };
    let key = match &caller {
        // Who signs in is nobody yet, whatever token is sent beside it.
        Ok(Some(caller)) if !class.is_by_address() => Key::User(caller.user),
        _ => address,
    };
    let passed = match state.limits.check(class, key) {
        Ok(passed) => passed,
        Err((error, passed)) => return (Err(error), Some(passed)),
    };
    match caller {
        Ok(Some(caller)) if caller.guest.is_some() && !rules.takes_guests => {
            request.extensions_mut().insert(GuestElsewhere);
            (Ok(()), passed)
        }
        Ok(Some(caller)) => {
            if is_by_cookie {
                request.extensions_mut().insert(ByCookie);
            }
            request.extensions_mut().insert(caller);
            (Ok(()), passed)
        }
        Ok(None) => (Ok(()), passed),
        Err(error) => (Err(error), passed),
    }
}

/// Whether a link to a receipt is followed, whatever a client sends beside it.
fn is_link(request: &Request) -> bool {
    let is_receipt = request
        .extensions()
        .get::<MatchedPath>()
        .is_some_and(|matched| matched.as_str() == ROUTE_RECEIPT);
    let query = request.uri().query().unwrap_or_default();
    is_receipt && query.split('&').any(|part| part.starts_with("token="))
}

/// The client's address as it is counted.
pub(crate) fn address(state: &IngressState, extensions: &Extensions, headers: &HeaderMap) -> Key {
    Key::of_address(ClientAddress::of(&state.config.http, extensions, headers).0)
}

/// A handler that is dropped with its connection must not stay counted.
struct Decrement<'a>(&'a IngressState);

impl<'a> Decrement<'a> {
    fn after_increment(state: &'a IngressState) -> Self {
        state.metrics.in_flight.inc();
        Self(state)
    }
}

impl Drop for Decrement<'_> {
    fn drop(&mut self) {
        self.0.metrics.in_flight.dec();
    }
}

/// No route of that path.
pub(crate) async fn not_found() -> ApiError {
    ApiError::new(
        Code::NotFound,
        "There is nothing here; see /docs for the endpoints.",
    )
}

/// No route of that path on the operations listener, which is easily taken for the other one.
pub(crate) async fn not_on_this_listener() -> ApiError {
    ApiError::new(
        Code::NotFound,
        "This is the operations listener, which serves /metrics and /health. The API is at the \
         address of http.listen.",
    )
}

/// A route of that path, but not for that method.
pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(
        Code::MethodNotAllowed,
        "This path does not support that method; see the Allow header.",
    )
}

#[cfg(test)]
mod tests {
    use onsale_auth::{Identity, Purchase};
    use onsale_schemas::{TenantId, UserId};
    use uuid::Uuid;

    use super::*;

    const USER: Uuid = Uuid::from_u128(1);

    fn caller(role: Role, tenant: Uuid, guest: Option<Purchase>) -> Caller {
        Caller::from(Identity {
            user: UserId(USER),
            role,
            tenant: TenantId(tenant),
            member: None,
            session: None,
            email_verified: false,
            guest,
            expires_at_seconds: 0,
        })
    }

    #[test]
    fn a_buyer_is_of_no_tenant_whatever_its_token_names() {
        let own = |tenant| Scope::Caller {
            tenant,
            user: Some(USER),
        };
        let purchase = Some(Purchase { show: None });
        for tenant in [Uuid::nil(), Uuid::from_u128(7)] {
            for guest in [None, purchase] {
                let buyer = caller(Role::Buyer, tenant, guest);
                assert_eq!(scope_of(Some(&buyer)), own(None), "{tenant} {guest:?}");
            }
            for role in [Role::Organizer, Role::Admin, Role::Service] {
                let staff = caller(role, tenant, None);
                assert_eq!(scope_of(Some(&staff)), own(Some(tenant)), "{role:?}");
            }
            for role in [Role::Operator, Role::Platform] {
                let installation = caller(role, tenant, None);
                let scope = scope_of(Some(&installation));
                assert_eq!(scope, Scope::Installation, "{role:?}");
            }
        }
        assert_eq!(scope_of(None), Scope::PUBLIC);
    }
}
