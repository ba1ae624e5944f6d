//! Guests, what becomes of their bookings, and events that are sold to verified accounts alone.

mod keys;
mod minimum_age;
mod taken_over;
mod verified_only;

use http::Method;
use jsonwebtoken::Algorithm;
use onsale_ingress::Rate;
use onsale_schemas::outcome::{EndedBooking, Reserved};
use onsale_schemas::{BookingId, Command, Outcome, PartitionId, SeatList, ShowId, UserId};
use onsale_store::audit::AuditFilter;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{PASSWORD, config, mailed, post};
use crate::authorisation::wants_token;
use crate::support::{
    BUYER, Call, Claims, EVENT, NOW_MS, Reply, SECRET, SHOW, STALLS, ScriptedLog, World, sign,
};

const EMAIL: &str = "nobody@example.test";
/// What a guest reads where its token opens nothing.
const ELSEWHERE: &str =
    "A guest's token is for its purchase alone: register, or sign in with an account.";

async fn world() -> World {
    World::with(|all| all.accounts = config()).await
}

/// A guest of the address, for any show.
async fn guest(world: &World, email: &str) -> Value {
    post(world, "guest", json!({ "email": email }))
        .await
        .data(201)
}

fn token(of: &Value) -> &str {
    of["access_token"].as_str().unwrap()
}

fn id(guest: &Value) -> UserId {
    UserId(guest["guest_id"].as_str().unwrap().parse().unwrap())
}

fn reserve<'a>(world: &'a World, of: &Value, seat: &str) -> Call<'a> {
    world
        .post("/api/v1/bookings/reserve")
        .token(token(of))
        .json(&json!({ "show_id": SHOW, "zone_id": STALLS, "seats": [seat] }))
}

/// As the projector writes it.
async fn projected(world: &World, offset: u64, user: UserId) -> BookingId {
    let from = if offset == 100 { 0 } else { offset };
    let mut record = ScriptedLog::record(
        offset,
        Outcome::Reserved(Reserved {
            booking: offset,
            show: SHOW,
            event: EVENT,
            user,
            zone: 0,
            seats: SeatList::from_iter([u32::try_from(offset - 100).unwrap()]),
            quantity: 1,
            unit_price: 250_000,
            currency: "THB".parse().unwrap(),
            expires_at_ms: NOW_MS + 600_000,
        }),
    );
    record.previous = (offset > 100).then(|| offset - 1);
    world.project(from, vec![record]).await;
    BookingId::new(PartitionId(0), offset)
}

async fn get(world: &World, of: &Value, path: &str) -> Reply {
    let path = format!("/api/v1/{path}");
    world.get(&path).token(token(of)).send().await
}

fn ids(bookings: &Value) -> Vec<String> {
    let ids = bookings.as_array().unwrap().iter();
    ids.map(|booking| booking["booking_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Registers the person, who is sent a link.
async fn register(world: &World, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD });
    post(world, "register", body).await.data(201)
}

async fn verify(world: &World) {
    let link = json!({ "token": mailed(world).await, "password": PASSWORD });
    post(world, "verify-email", link).await.data(200);
}

async fn take_over(world: &World, of: &Value) -> Reply {
    let call = world.post("/api/v1/auth/me/guest-bookings");
    call.token(token(of)).send().await
}

#[tokio::test]
async fn a_guest_buys_once() {
    let world = world().await;
    let guest = guest(&world, EMAIL).await;
    assert_eq!(guest["token_type"], "Bearer");
    assert_eq!(guest["expires_in"], 3_600);
    assert_eq!(guest.get("refresh_token"), None);
    let first = reserve(&world, &guest, "A-1").header("idempotency-key", "one");
    let booking = first.send().await.data(201);
    let Command::Reserve(reserved) = world.log.last().command else {
        panic!("not a reserve")
    };
    assert_eq!(reserved.user, id(&guest));
    let projected = projected(&world, 100, id(&guest)).await;
    assert_eq!(booking["booking_id"], json!(projected));

    let again = reserve(&world, &guest, "A-2").send().await;
    again.error(409, "GUEST_PURCHASE_MADE");
    assert_eq!(world.log.seen().len(), 1, "it reached the log");
    // The same request again is the log's to answer.
    let repeated = reserve(&world, &guest, "A-1").header("idempotency-key", "one");
    repeated.send().await.data(201);
    let me = get(&world, &guest, "auth/me").await.data(200);
    assert_eq!(
        (&me["email"], &me["role"]),
        (&json!(EMAIL), &json!("guest"))
    );
    assert_eq!(me["email_verified"], false);
}

#[tokio::test]
async fn what_was_given_back_is_no_purchase() {
    let world = world().await;
    let guest = guest(&world, EMAIL).await;
    reserve(&world, &guest, "A-1").send().await.data(201);
    projected(&world, 100, id(&guest)).await;
    let mut released = ScriptedLog::record(
        101,
        Outcome::Released {
            booking: EndedBooking {
                booking: 100,
                show: SHOW,
                user: id(&guest),
                zone: 0,
                seats: SeatList::from_iter([0]),
                quantity: 1,
            },
            was_confirmed: false,
        },
    );
    released.previous = Some(100);
    world.project(101, vec![released]).await;
    reserve(&world, &guest, "A-2").send().await.data(201);
}

#[tokio::test]
async fn a_guests_token_is_for_the_show_that_it_names() {
    let world = world().await;
    for (show, status) in [(SHOW, 201), (ShowId::from_bytes([0x51; 16]), 403)] {
        let body = json!({ "email": EMAIL, "show_id": show, "locale": "th" });
        let guest = post(&world, "guest", body).await.data(201);
        let reply = reserve(&world, &guest, "A-1").send().await;
        assert_eq!(reply.status, status, "{}", reply.json());
    }
    assert_eq!(world.log.seen().len(), 1);
    for body in [
        json!({ "email": "nobody" }),
        json!({ "email": EMAIL, "locale": "x" }),
        json!({ "email": EMAIL, "password": PASSWORD }),
    ] {
        let reply = post(&world, "guest", body).await;
        reply.error(400, "VALIDATION_ERROR");
        assert!(!reply.json().to_string().contains(PASSWORD));
    }
}

#[tokio::test]
async fn an_address_says_nothing_of_who_has_it() {
    let world = world().await;
    register(&world, EMAIL).await;
    let keys = |guest: &Value| {
        let keys = guest.as_object().unwrap().keys();
        keys.cloned().collect::<Vec<_>>()
    };
    let of_account = guest(&world, EMAIL).await;
    let of_nobody = guest(&world, "stranger@example.test").await;
    let of_guest = guest(&world, "stranger@example.test").await;
    assert_eq!(keys(&of_account), keys(&of_nobody));
    assert_eq!(keys(&of_guest), keys(&of_nobody));
    // A guest is no account: nobody signs in with its address, and someone may register it.
    let body = json!({ "email": "stranger@example.test", "password": PASSWORD });
    post(&world, "login", body)
        .await
        .error(401, "INVALID_CREDENTIALS");
    register(&world, "stranger@example.test").await;
    // Nothing about the address is in the audit trail.
    let filter = AuditFilter {
        action: Some("guest.open".to_owned()),
        limit: 9,
        ..AuditFilter::default()
    };
    let entries = world.store.audit(&filter).await.unwrap();
    assert_eq!(entries.len(), 3);
    assert!(!format!("{entries:?}").contains("example.test"));
}

#[tokio::test]
async fn guests_of_one_address_do_not_read_each_others_bookings() {
    let world = world().await;
    let (one, other) = (guest(&world, EMAIL).await, guest(&world, EMAIL).await);
    let booking = projected(&world, 100, id(&one)).await;
    let path = format!("bookings/{booking}");
    assert_eq!(ids(&get(&world, &one, "bookings").await.data(200)).len(), 1);
    get(&world, &one, &path).await.data(200);
    // Nor does an account whose address nobody has verified.
    let account = register(&world, EMAIL).await;
    for someone in [&other, &account] {
        get(&world, someone, &path).await.error(404, "NOT_FOUND");
        let receipt = format!("{path}/receipt");
        get(&world, someone, &receipt).await.error(404, "NOT_FOUND");
        let listed = get(&world, someone, "bookings").await.data(200);
        assert_eq!(listed, json!([]));
        let cancel = world.post(&format!("/api/v1/{path}/cancel"));
        let cancelled = cancel.token(token(someone)).send().await;
        cancelled.error(404, "NOT_FOUND");
    }
    take_over(&world, &account)
        .await
        .error(403, "EMAIL_NOT_VERIFIED");
    let listed = get(&world, &account, "bookings").await.data(200);
    assert_eq!(listed, json!([]));
}

#[tokio::test]
async fn a_guest_reads_and_erases_what_is_kept_of_it() {
    let world = world().await;
    let guest = guest(&world, EMAIL).await;
    let booking = projected(&world, 100, id(&guest)).await;
    let export = get(&world, &guest, "auth/me/export").await.data(200);
    assert_eq!(export["account"]["email"], EMAIL);
    assert_eq!(export["account"]["role"], "guest");
    assert_eq!(ids(&export["bookings"]), [booking.to_string()]);
    // The newest first.
    let audit = export["audit"].as_array().unwrap();
    let actions = audit.iter().map(|entry| entry["action"].as_str());
    assert!(
        actions.eq([Some("booking.reserve"), Some("guest.open")]),
        "{audit:?}"
    );
    assert_eq!(export["complete"], true);
    let erase = || {
        let call = world.call(Method::DELETE, "/api/v1/auth/me");
        call.token(token(&guest)).send()
    };
    erase().await.data(200);
    erase().await.error(404, "NOT_FOUND");
    get(&world, &guest, "auth/me/export")
        .await
        .error(404, "NOT_FOUND");
    // Nobody could be sent what it buys from here on.
    let more = reserve(&world, &guest, "A-2").send().await;
    more.error(403, "FORBIDDEN");
    assert!(world.log.seen().is_empty(), "it reached the log");
    // The booking is there still, and nobody's.
    get(&world, &guest, &format!("bookings/{booking}"))
        .await
        .data(200);
    let account = register(&world, EMAIL).await;
    verify(&world).await;
    let taken = take_over(&world, &account).await.data(200);
    assert_eq!(taken, json!({ "guests": [] }));
}

/// Every route of the document: what does not name guests is closed to them.
#[tokio::test]
async fn a_guests_token_opens_its_purchase_and_nothing_else() {
    const OPEN: [(&str, &str); 18] = [
        ("post", "/api/v1/auth/logout"),
        ("get", "/api/v1/auth/me"),
        ("delete", "/api/v1/auth/me"),
        ("get", "/api/v1/auth/me/export"),
        ("post", "/api/v1/bookings/reserve"),
        ("post", "/api/v1/bookings/{id}/confirm"),
        ("post", "/api/v1/bookings/{id}/cancel"),
        ("get", "/api/v1/bookings"),
        ("get", "/api/v1/bookings/pending"),
        ("get", "/api/v1/bookings/{id}"),
        ("get", "/api/v1/bookings/{id}/receipt"),
        ("get", "/api/v1/requests/{id}"),
        ("get", "/api/v1/requests/{id}/explanation"),
        ("post", "/api/v1/payments"),
        ("get", "/api/v1/payments/{id}"),
        ("post", "/api/v1/payments/{id}/cancel"),
        ("post", "/api/v1/payments/{id}/refund"),
        ("get", "/api/v1/payments/{id}/refunds"),
    ];
    let world = world().await;
    let guest = guest(&world, EMAIL).await;
    let document = world.get("/api/v1/openapi.json").send().await.json();
    let mut closed = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let what = format!("{method} {path}");
            let concrete: Vec<String> = path
                .split('/')
                .map(|part| match part.starts_with('{') {
                    true => Uuid::from_u128(7).to_string(),
                    false => part.to_owned(),
                })
                .collect();
            let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let call = world.call(verb, &concrete.join("/")).token(token(&guest));
            let reply = call.header("sec-fetch-site", "same-origin").open().await;
            let is_open = OPEN.contains(&(method.as_str(), path.as_str()));
            // A stream does not end.
            if path.ends_with("/stream") || !wants_token(operation) {
                assert_ne!(reply.status(), 403, "{what}");
                continue;
            }
            let reply = Reply::read(reply).await;
            if is_open {
                assert_ne!(reply.status, 401, "{what}");
                assert_ne!(reply.json()["detail"], ELSEWHERE, "{what}");
            } else {
                reply.error(403, "FORBIDDEN");
                assert_eq!(reply.json()["detail"], ELSEWHERE, "{what}");
                closed += 1;
            }
        }
    }
    assert!(closed > 20, "{closed}");
    assert!(world.log.seen().is_empty());
}

#[tokio::test]
async fn guests_are_counted_by_address_and_by_address_of_e_mail() {
    let world = World::with(|all| {
        all.accounts = config();
        all.rate_limit.enabled = true;
        all.rate_limit.guest = Rate {
            per_minute: 1,
            burst: 2,
        };
        all.rate_limit.guest_by_email = Rate {
            per_minute: 1,
            burst: 1,
        };
        all.http.trusted_proxies = 1;
    })
    .await;
    let open = async |address: &str, email: &str| {
        let call = world.post("/api/v1/auth/guest");
        let call = call.header("x-forwarded-for", address);
        call.json(&json!({ "email": email })).send().await
    };
    open("10.0.0.1", EMAIL).await.data(201);
    // The same whether or not anyone has the address, however it is written.
    let refused = open("10.0.0.2", "NOBODY@example.test").await;
    refused.error(429, "RATE_LIMITED");
    assert_ne!(refused.header("retry-after"), "");
    open("10.0.0.1", "other@example.test").await.data(201);
    let refused = open("10.0.0.1", "third@example.test").await;
    refused.error(429, "RATE_LIMITED");
    open("10.0.0.2", "third@example.test").await.data(201);
}

#[tokio::test]
async fn where_there_are_no_guests_nobody_is_one() {
    let closed = World::with(|all| {
        all.accounts = config();
        all.accounts.guests = false;
    })
    .await;
    let body = json!({ "email": EMAIL });
    let refused = post(&closed, "guest", body.clone()).await;
    refused.error(403, "FORBIDDEN");
    let without = World::new().await;
    let refused = post(&without, "guest", body).await;
    refused.error(501, "NOT_SUPPORTED");
}

/// Has the organizer change the setting of the event.
async fn set_verified_only(world: &World, setting: Value) -> Value {
    let mut body = json!({ "name": "A night out", "starts_at": "2030-05-01T19:00:00Z" });
    if !setting.is_null() {
        body["requires_verified_account"] = setting;
    }
    let call = world.call(Method::PUT, &format!("/api/v1/events/{EVENT}"));
    let event = call.by_role("organizer").json(&body).send().await.data(200);
    event["requires_verified_account"].clone()
}

/// The buyer's token, whose issuer says this of its address.
fn said(email_verified: &Value) -> Value {
    let mut claims = serde_json::to_value(Claims::new(BUYER, "buyer")).unwrap();
    if !email_verified.is_null() {
        claims["email_verified"] = email_verified.clone();
    }
    json!({ "access_token": sign(&claims, SECRET, Algorithm::HS256) })
}
