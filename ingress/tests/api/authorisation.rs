//! Who may do what: every route of the document, for every role, owner or not. A route that is
//! missing from [`MATRIX`], and a row without a route, fail.

mod house;
mod matrix;
mod people;

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Method, Response};
use onsale_schemas::{BookingId, EventId, PartitionId, RequestId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use self::house::world;
use self::matrix::{MATRIX, Row};
use crate::support::{BUYER, Call, Claims, EVENT, ORGANIZER, Reply, SHOW, STALLS, World};

/// An event that only its organizer may see.
const DRAFT: EventId = EventId::from_bytes([0xd7; 16]);
/// The request that made the buyer's booking.
const REQUEST: RequestId = RequestId::from_bytes([0x9e; 16]);
/// A group of codes of the show.
const GROUP: u32 = 7;
const SOMEONE_ELSE: UserId = UserId::from_bytes([0x5e; 16]);
/// The tenant of the buyer's booking, and of the event.
const TENANT: Uuid = Uuid::from_u128(7);

/// What the buyer has paid, and what it wants back of that.
const PAYMENT: Uuid = Uuid::from_u128(0xd1);
const REFUND: Uuid = Uuid::from_u128(0xd2);

/// A venue in which a public show takes place, and a map of it.
const VENUE: Uuid = Uuid::from_u128(0xe1);
const MAP: Uuid = Uuid::from_u128(0xe2);
/// A venue without a show.
const EMPTY_VENUE: Uuid = Uuid::from_u128(0xe3);

/// What a caller gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Gets {
    /// What was asked for: any status that says so.
    Ok,
    /// 401, because there is no known caller.
    Unknown,
    /// 403, because of the role or of another's property.
    Forbidden,
    /// 404, as for what does not exist, because others must not learn of its existence.
    Hidden,
}

use Gets::{Forbidden as F, Hidden as H, Ok as K, Unknown as U};

/// Account, role and tenant.
type Caller = (UserId, &'static str, u128);

/// The callers, in the order of a row's columns.
const CALLERS: [(&str, Option<Caller>); 12] = [
    ("nobody", None),
    ("the buyer", Some((BUYER, "buyer", 7))),
    ("another buyer", Some((SOMEONE_ELSE, "buyer", 7))),
    ("the organizer", Some((ORGANIZER, "organizer", 7))),
    ("another organizer", Some((SOMEONE_ELSE, "organizer", 7))),
    // The same account id under another tenant is another account.
    (
        "the organizer of another tenant",
        Some((ORGANIZER, "organizer", 8)),
    ),
    ("an admin", Some((SOMEONE_ELSE, "admin", 7))),
    ("a service", Some((SOMEONE_ELSE, "service", 7))),
    (
        "an admin of another tenant",
        Some((SOMEONE_ELSE, "admin", 8)),
    ),
    (
        "a service of another tenant",
        Some((SOMEONE_ELSE, "service", 8)),
    ),
    // Of the installation: the tenant of their token says nothing.
    ("an operator", Some((SOMEONE_ELSE, "operator", 8))),
    (
        "a service of the installation",
        Some((SOMEONE_ELSE, "platform", 8)),
    ),
];

/// Members of tenants, whose tokens are an organizer's and say what they are: account, membership and
/// tenant, in the order of a row's second columns. None of them has made the event.
const MEMBERS: [(&str, u128); 6] = [
    ("owner", 7),
    ("manager", 7),
    ("finance", 7),
    ("box_office", 7),
    ("scanner", 7),
    ("owner", 8),
];

/// A body that the route takes.
fn body(method: &str, route: &str) -> Option<Value> {
    let event = json!({"name": "n", "starts_at": "2030-01-01T00:00:00Z"});
    if route.starts_with("/api/v1/auth/") && method != "GET" {
        return Some(json!({}));
    }
    match (method, route) {
        ("POST", "/api/v1/bookings/reserve") => Some(json!({"show_id": SHOW, "seats": ["B-L"]})),
        ("POST", "/api/v1/payments") => Some(json!({
            "booking_id": BookingId::new(PartitionId(0), 0).as_uuid(), "method": "cash",
        })),
        ("POST", "/api/v1/payments/{id}/refund") => Some(json!({"amount": 1})),
        ("POST", "/api/v1/bookings/{id}/confirm") => Some(json!({"payment_reference": "p"})),
        ("POST", "/api/v1/bookings/{id}/extend") => Some(json!({"seconds": 60})),
        ("POST", "/api/v1/bookings/{id}/return") => Some(json!({"seats": ["A-1"]})),
        ("POST", "/api/v1/events") | ("PUT", "/api/v1/events/{id}") => Some(event),
        ("POST", "/api/v1/events/{id}/shows") => Some(json!({
            "starts_at": "2030-01-01T00:00:00Z",
            "zones": [{
                "name": "Floor", "admission": "general", "capacity": 5,
                "price": {"amount": 1, "currency": "THB"},
            }],
        })),
        ("POST", "/api/v1/venues") | ("PUT", "/api/v1/venues/{id}") => {
            Some(json!({"name": "Lyric", "time_zone": "Asia/Bangkok"}))
        }
        ("POST", "/api/v1/venues/{id}/maps" | "/api/v1/venues/{id}/maps/import")
        | ("PUT", "/api/v1/venues/{id}/maps/{map_id}") => Some(json!({
            "format": "onsale-hall/1", "name": "Hall", "categories": [{"id": "a", "name": "A"}],
            "sections": [{"name": "B", "rows": [{
                "name": "A", "category": "a", "seats": [{"label": "1", "at": [0, 0]}],
            }]}],
        })),
        ("POST", "/api/v1/venues/{id}/maps/generate") => Some(json!({"shape": "club"})),
        ("POST", "/api/v1/tenants") => Some(json!({"name": "Opera", "slug": "opera"})),
        ("PATCH", "/api/v1/tenants/{id}") => Some(json!({"name": "Opera"})),
        ("PUT", "/api/v1/tenants/{id}/branding") => Some(json!({"imprint": "Opera"})),
        ("POST", "/api/v1/tenants/{id}/members") => {
            Some(json!({"email": "nobody@example.test", "role": "scanner"}))
        }
        ("POST", "/api/v1/tenants/{id}/api-keys") => {
            Some(json!({"name": "box office", "scopes": ["serve_buyers"]}))
        }
        ("PATCH", "/api/v1/tenants/{id}/members/{user}") => Some(json!({"role": "scanner"})),
        ("PUT", "/api/v1/users/{id}/role") => Some(json!({"role": "buyer"})),
        ("PUT", "/api/v1/shows/{id}/offer") => Some(json!({"tax_percent": "7"})),
        ("POST", "/api/v1/shows/{id}/quote") => Some(json!({"seats": ["B-M"]})),
        (
            "PATCH",
            "/api/v1/shows/{id}"
            | "/api/v1/shows/{id}/codes/{group}"
            | "/api/v1/events/{id}"
            | "/api/v1/categories/{id}",
        ) => Some(json!({})),
        ("POST", "/api/v1/shows/{id}/codes") => {
            Some(json!({"count": 3, "kind": "access", "opens": true}))
        }
        ("POST", "/api/v1/events/{id}/copy") => Some(json!({"name": "n"})),
        ("POST", "/api/v1/categories") => Some(json!({"name": "Opera"})),
        ("POST", "/api/v1/shows/{id}/block" | "/api/v1/shows/{id}/unblock") => {
            Some(json!({"zone_id": STALLS, "seats": ["B-M"]}))
        }
        ("POST", "/api/v1/shows/{id}/zones") => Some(json!({
            "name": "Gallery", "admission": "general", "capacity": 5,
            "price": {"amount": 1, "currency": "THB"},
        })),
        ("POST", "/api/v1/shows/{id}/zones/{zone_id}/seats") => {
            Some(json!({"rows": [{"name": "Z", "seats": 2}]}))
        }
        ("DELETE", "/api/v1/shows/{id}/zones/{zone_id}/seats") => Some(json!({"seats": ["B-M"]})),
        ("POST", "/api/v1/admin/reconcile/apply") => Some(json!({"differences": []})),
        ("POST", "/api/v1/admin/clock/reset") => Some(json!({"force": true})),
        ("POST", "/api/v1/admin/failover") => Some(json!({"to": "b"})),
        _ => None,
    }
}

/// The ids that stand in a route's place-holders.
fn concrete(route: &str) -> String {
    let id = match route.split('/').nth(3) {
        Some("bookings") => BookingId::new(PartitionId(0), 0).to_string(),
        Some("requests") => REQUEST.to_string(),
        Some("shows") => SHOW.to_string(),
        Some("tenants") => TENANT.to_string(),
        Some("venues") => VENUE.to_string(),
        Some("payments") => PAYMENT.to_string(),
        Some("refunds") => REFUND.to_string(),
        _ => EVENT.to_string(),
    };
    let draft = match route.split('/').nth(3) {
        Some("venues") => EMPTY_VENUE.to_string(),
        _ => DRAFT.to_string(),
    };
    route
        .replace("{id}", &id)
        .replace("{draft}", &draft)
        .replace("{map_id}", &MAP.to_string())
        .replace("{address}", &house::chart())
        .replace("{user}", &ORGANIZER.to_string())
        .replace("{invitation}", &ORGANIZER.to_string())
        .replace("{zone_id}", &STALLS.to_string())
        .replace("{key}", &ORGANIZER.to_string())
        .replace("{token}", "ost_guessed")
        .replace("{provider}", "google")
        .replace("{slug}", "theatre")
        .replace("{group}", &GROUP.to_string())
        .replace("{code}", "EARLY-BIRD")
        .replace("{width}", "320")
        .replace("{gateway}", "stripe")
}

/// Who asks for a row, and what they get.
fn asked(row: &Row) -> Vec<(String, Option<Claims>, Gets)> {
    let claims = |user, role, tenant| {
        let mut claims = Claims::new(user, role);
        claims.tenant = Uuid::from_u128(tenant);
        claims
    };
    let callers = CALLERS.iter().zip(row.gets).map(|((name, caller), gets)| {
        let claims = caller.map(|(user, role, tenant)| claims(user, role, tenant));
        ((*name).to_owned(), claims, gets)
    });
    let members = MEMBERS
        .iter()
        .zip(row.members)
        .map(|((member, tenant), gets)| {
            let mut claims = claims(SOMEONE_ELSE, "organizer", *tenant);
            claims.member = Some((*member).to_owned());
            (format!("{member} of tenant {tenant}"), Some(claims), gets)
        });
    callers.chain(members).collect()
}

/// The call of a row.
fn call<'a>(world: &'a World, row: &Row, token: Option<&str>) -> Call<'a> {
    let method = Method::from_bytes(row.method.as_bytes()).unwrap();
    // What keeps tokens in cookies is for pages of this server.
    let call = world.call(method, &concrete(row.route));
    let mut call = call.header("sec-fetch-site", "same-origin");
    if let Some(token) = token {
        call = call.token(token);
    }
    match body(row.method, row.route) {
        Some(body) => call.json(&body),
        None => call,
    }
}

/// Compares the answer to a row's call with what the caller gets; `has_session`: its token is of a session
/// here.
async fn compare(row: &Row, what: &str, gets: Gets, has_session: bool, response: Response<Body>) {
    let status = response.status();
    let (expected, code) = match gets {
        Gets::Ok if status.is_success() => return,
        Gets::Ok => {
            let reply = Reply::read(response).await;
            let is_let_in = let_in(row.route, has_session, &reply);
            assert!(is_let_in, "{what}: {}", reply.json());
            return;
        }
        Gets::Unknown => (401, "UNAUTHORIZED"),
        Gets::Forbidden => (403, "FORBIDDEN"),
        Gets::Hidden => (404, "NOT_FOUND"),
    };
    assert_eq!(status.as_u16(), expected, "{what}");
    Reply::read(response).await.error(expected, code);
}

/// Whether an answer that is no success says nothing against who asks, but only of what was sent, or of what
/// there is not.
fn let_in(route: &str, has_session: bool, reply: &Reply) -> bool {
    let said = reply.json();
    let code = said["error"]["code"].as_str().unwrap_or_default();
    let detail = said["detail"].as_str().unwrap_or_default();
    let is_of_team = ["/api/v1/tenants/", "/api/v1/users/"]
        .iter()
        .any(|part| route.starts_with(part));
    let is_of_person = ["/api/v1/auth/", "/api/v1/invitations/"]
        .iter()
        .any(|part| route.starts_with(part));
    match code {
        // What this one node cannot do, it says only to those who may ask. It has accounts, and no place for uploads.
        "NOT_SUPPORTED" => (!is_of_team && !is_of_person) || route.ends_with("/logo"),
        // Who was asked as before is changing them, and nothing is projected here.
        "REQUEST_IN_PROGRESS" => route.ends_with("/codes/{group}"),
        // The refund is approved by another of this walk, and only who may refuse it is told.
        "ALREADY_CONFIRMED" => route.ends_with("/refuse"),
        // It is not deleted by whoever may.
        "VENUE_IN_USE" => true,
        // A member, an invitation or a key that is not there, of a tenant that is; or an account.
        "NOT_FOUND" if route.starts_with("/api/v1/categories/") => detail.contains("category"),
        "NOT_FOUND" => (is_of_team || is_of_person) && !detail.contains("tenant"),
        // What is on sale is not deleted, and only who may delete it is told.
        "STILL_ON_SALE" => true,
        "UNAUTHORIZED" => detail.contains("in the cookies of this browser"),
        "FORBIDDEN" => is_of_person && !has_session && detail.contains("a session of an account"),
        "CROSS_SITE_REQUEST" => false,
        // Nothing makes an index here.
        "OVERLOADED" => route.contains("/suggest"),
        _ => is_of_person && reply.status.is_client_error(),
    }
}

#[tokio::test]
async fn every_caller_gets_what_the_matrix_says() {
    // What only reads leaves it as it is.
    let read = world().await;
    for row in MATRIX {
        let changed = match row.method {
            "GET" => None,
            _ => Some(world().await),
        };
        let world = changed.as_ref().unwrap_or(&read);
        for (name, claims, gets) in asked(row) {
            let what = format!("{} {} by {name}", row.method, row.route);
            let token = claims.map(|claims| claims.token());
            let handed_in = world.log.seen().len();
            let response = call(world, row, token.as_deref()).open().await;
            compare(row, &what, gets, false, response).await;
            if matches!(gets, Gets::Unknown | Gets::Forbidden) {
                assert_eq!(world.log.seen().len(), handed_in, "{what} reached the log");
            }
        }
    }
}

/// Whether an operation of the document takes a token, and one without does as well.
fn takes_a_token_or_none(operation: &Value) -> bool {
    let choices = operation.get("security").and_then(Value::as_array);
    choices.is_some_and(|choices| choices.contains(&json!({})))
}

/// Whether an operation of the document has to be asked with a token.
pub(crate) fn wants_token(operation: &Value) -> bool {
    operation.get("security").is_some() && !takes_a_token_or_none(operation)
}

#[tokio::test]
async fn the_matrix_has_every_route_of_the_document_and_no_other() {
    let world = World::new().await;
    let document = world.get("/api/v1/openapi.json").send().await.json();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            documented.insert((method.to_uppercase(), path.clone()));
            let public = MATRIX
                .iter()
                .filter(|row| row.method.eq_ignore_ascii_case(method))
                .filter(|row| row.route.split('?').next() == Some(path))
                .any(|row| row.gets[0] == Gets::Ok);
            if takes_a_token_or_none(operation) {
                continue;
            }
            assert_ne!(
                public,
                wants_token(operation),
                "{method} {path}: its `security`"
            );
        }
    }
    let in_matrix: BTreeSet<(String, String)> = MATRIX
        .iter()
        .map(|row| {
            let path = row.route.split('?').next().unwrap_or_default();
            (row.method.to_owned(), path.replace("{draft}", "{id}"))
        })
        .collect();
    assert_eq!(documented, in_matrix);
}
