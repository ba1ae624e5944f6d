//! Guests, what becomes of their bookings, and events that are sold to verified accounts alone.

use std::sync::atomic::Ordering;

use http::Method;
use jsonwebtoken::Algorithm;
use onsale_ingress::Rate;
use onsale_schemas::envelope::idempotent_request_id;
use onsale_schemas::outcome::{EndedBooking, Reserved};
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{
    Actor, BookingId, Command, Outcome, PartitionId, Rejection, SeatList, ShowId, UserId,
};
use onsale_store::audit::AuditFilter;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{PASSWORD, config, mailed, post};
use crate::authorisation::wants_token;
use crate::support::{
    BUYER, Call, Claims, EVENT, NOW_MS, Reply, SECRET, SHOW, STALLS, Script, ScriptedLog, World,
    sign,
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
async fn a_verified_account_takes_over_what_was_bought_with_its_address() {
    let world = world().await;
    let guests = [
        guest(&world, EMAIL).await,
        guest(&world, "NoBody@Example.test").await,
        guest(&world, EMAIL).await,
    ];
    let stranger = guest(&world, "stranger@example.test").await;
    let first = projected(&world, 100, id(&guests[0])).await;
    let second = projected(&world, 101, id(&guests[1])).await;
    let foreign = projected(&world, 102, id(&stranger)).await;
    let account = register(&world, EMAIL).await;
    verify(&world).await;
    let taken = take_over(&world, &account).await.data(200);
    let mut taken: Vec<&str> = taken["guests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|guest| guest.as_str().unwrap())
        .collect();
    taken.sort_unstable();
    let mut expected = [id(&guests[0]).to_string(), id(&guests[1]).to_string()];
    expected.sort_unstable();
    assert_eq!(taken, expected, "the third has bought nothing");
    let again = take_over(&world, &account).await.data(200);
    assert_eq!(again, json!({ "guests": [] }));

    let listed = get(&world, &account, "bookings").await.data(200);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let pending = get(&world, &account, "bookings/pending").await.data(200);
    assert_eq!(ids(&pending), ids(&listed));
    for booking in [first, second] {
        assert!(ids(&listed).contains(&booking.to_string()));
        let path = format!("bookings/{booking}");
        get(&world, &account, &path).await.data(200);
    }
    let path = format!("bookings/{foreign}");
    get(&world, &account, &path).await.error(404, "NOT_FOUND");

    // For the log the account acts as the guest, whose booking it is there.
    world.log.next(Script::Answer(Outcome::Released {
        booking: EndedBooking {
            booking: 100,
            show: SHOW,
            user: id(&guests[0]),
            zone: 0,
            seats: SeatList::from_iter([0]),
            quantity: 1,
        },
        was_confirmed: false,
    }));
    let cancel = world.post(&format!("/api/v1/bookings/{first}/cancel"));
    cancel.token(token(&account)).send().await.data(200);
    let released = |user| Command::Release {
        booking: 100,
        by: Actor::Buyer(user),
    };
    assert_eq!(world.log.last().command, released(id(&guests[0])));
    let cancel = world.post(&format!("/api/v1/bookings/{first}/cancel"));
    let cancelled = cancel.token(token(&stranger)).send().await;
    cancelled.error(404, "NOT_FOUND");
    assert_eq!(world.log.last().command, released(id(&stranger)));

    let export = get(&world, &account, "auth/me/export").await.data(200);
    // The third, of the same address, is kept for some days more.
    let guests = export["guests"].as_array().unwrap();
    let taken = guests
        .iter()
        .filter(|guest| !guest["taken_over_at"].is_null());
    assert_eq!((guests.len(), taken.count()), (3, 2));
    assert_eq!(
        export["guests"][0]["email"].as_str().map(str::len),
        Some(EMAIL.len())
    );
    assert_eq!(export["bookings"].as_array().unwrap().len(), 2);
    // What it did as the guests that are its own now.
    let did = |action: &str| {
        let entries = export["audit"].as_array().unwrap().iter();
        entries.filter(|entry| entry["action"] == action).count()
    };
    assert_eq!((did("guest.open"), did("booking.reserve")), (2, 2));
    assert_eq!(export["complete"], true);
}

#[tokio::test]
async fn an_export_has_what_was_bought_with_a_verified_address() {
    let world = world().await;
    let bought = guest(&world, EMAIL).await;
    let booking = projected(&world, 100, id(&bought)).await;
    let stranger = guest(&world, "stranger@example.test").await;
    projected(&world, 101, id(&stranger)).await;
    let account = register(&world, EMAIL).await;
    let export = get(&world, &account, "auth/me/export").await.data(200);
    assert_eq!(export["guests"], json!([]), "it may be another person's");
    assert_eq!(export["bookings"], json!([]));
    verify(&world).await;
    // What erasure would erase, though the account has taken nothing over.
    let export = get(&world, &account, "auth/me/export").await.data(200);
    assert_eq!(export["guests"].as_array().map(Vec::len), Some(1));
    assert_eq!(export["guests"][0]["guest_id"], bought["guest_id"]);
    assert_eq!(export["guests"][0]["taken_over_at"], Value::Null);
    assert_eq!(ids(&export["bookings"]), [booking.to_string()]);
}

#[tokio::test]
async fn an_erased_account_leaves_no_address_of_its_guests() {
    let world = world().await;
    let bought = guest(&world, EMAIL).await;
    let left = guest(&world, EMAIL).await;
    projected(&world, 100, id(&bought)).await;
    let account = register(&world, EMAIL).await;
    verify(&world).await;
    take_over(&world, &account).await.data(200);
    let erased = world
        .call(Method::DELETE, "/api/v1/auth/me")
        .token(token(&account))
        .json(&json!({ "password": PASSWORD }));
    erased.send().await.data(200);
    for guest in [&bought, &left] {
        let row = world.store.guest(id(guest).0).await.unwrap().unwrap();
        assert_eq!((row.email, row.owner), (None, None));
    }
    get(&world, &left, "auth/me").await.error(404, "NOT_FOUND");
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
    const OPEN: [(&str, &str); 13] = [
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

#[tokio::test]
async fn an_event_may_be_sold_to_verified_accounts_alone() {
    let world = world().await;
    let guest = guest(&world, EMAIL).await;
    let account = register(&world, EMAIL).await;
    let before = world.get(&format!("/api/v1/events/{EVENT}")).send().await;
    assert_eq!(before.data(200)["requires_verified_account"], false);
    assert_eq!(set_verified_only(&world, json!(true)).await, true);

    let nobodys = said(&Value::Null);
    for someone in [
        &guest,
        &account,
        &nobodys,
        &said(&json!(false)),
        &said(&json!("true")),
        &said(&json!(1)),
    ] {
        let refused = reserve(&world, someone, "A-1").send().await;
        refused.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    }
    let reached = |world: &World| {
        let seen = world.log.seen();
        let reserves = seen
            .iter()
            .filter(|envelope| matches!(envelope.command, Command::Reserve(_)));
        reserves.count()
    };
    assert_eq!(reached(&world), 0);
    let issuers = said(&json!(true));
    reserve(&world, &issuers, "A-1").send().await.data(201);
    // The token is older than the proof.
    verify(&world).await;
    reserve(&world, &account, "A-2").send().await.data(201);
    let body = json!({ "refresh_token": account["refresh_token"] });
    let next = post(&world, "refresh", body).await.data(200);
    reserve(&world, &next, "A-3").send().await.data(201);
    assert_eq!(reached(&world), 3);

    // What a PUT leaves out stays.
    assert_eq!(set_verified_only(&world, Value::Null).await, true);
    let refused = reserve(&world, &nobodys, "A-4").send().await;
    refused.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    assert_eq!(set_verified_only(&world, json!(false)).await, false);
    reserve(&world, &nobodys, "A-4").send().await.data(201);
    reserve(&world, &guest, "A-5").send().await.data(201);
}

/// What was granted before the organizer asked for more is answered again.
#[tokio::test]
async fn a_repeated_request_is_the_logs_to_answer() {
    let world = world().await;
    let buyer = said(&Value::Null);
    let first = reserve(&world, &buyer, "A-1").header("idempotency-key", "one");
    first.send().await.data(201);
    set_verified_only(&world, json!(true)).await;
    let again = reserve(&world, &buyer, "A-1").header("idempotency-key", "one");
    again.send().await.data(201);
    let other = reserve(&world, &buyer, "A-2").header("idempotency-key", "two");
    let refused = other.send().await;
    refused.error(403, "VERIFIED_ACCOUNT_REQUIRED");
}

/// Uses a key up on another partition than that of the show: to give back what is nobody's.
async fn use_elsewhere(world: &World, of: &Value, key: &str) {
    world.log.partitions.store(2, Ordering::SeqCst);
    world.log.next(Script::reject(Rejection::UnknownBooking));
    let booking = BookingId::new(PartitionId(1), 7);
    let cancel = world.post(&format!("/api/v1/bookings/{booking}/cancel"));
    let cancel = cancel.token(token(of)).header("idempotency-key", key);
    cancel.send().await.error(404, "NOT_FOUND");
    world.log.partitions.store(1, Ordering::SeqCst);
}

#[tokio::test]
async fn a_key_that_was_used_on_another_partition_opens_nothing() {
    let world = world().await;
    let (guest, account) = (guest(&world, EMAIL).await, register(&world, EMAIL).await);
    reserve(&world, &guest, "A-1").send().await.data(201);
    projected(&world, 100, id(&guest)).await;
    use_elsewhere(&world, &guest, "k").await;
    let again = reserve(&world, &guest, "A-2").header("idempotency-key", "k");
    again.send().await.error(409, "GUEST_PURCHASE_MADE");

    set_verified_only(&world, json!(true)).await;
    use_elsewhere(&world, &account, "k").await;
    let handed_in = world.log.seen().len();
    for someone in [&guest, &account] {
        let refused = reserve(&world, someone, "A-3").header("idempotency-key", "k");
        refused.send().await.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    }
    assert_eq!(world.log.seen().len(), handed_in);
}

#[tokio::test]
async fn a_key_is_known_for_the_request_that_it_was_used_with() {
    let world = world().await;
    let buyer = said(&Value::Null);
    // Refused, and remembered as such; or not remembered at all.
    for (key, refusal) in [
        ("closed", Rejection::SaleClosed),
        (
            "full",
            Rejection::Full {
                table: FullTable::Idempotency,
            },
        ),
    ] {
        world.log.next(Script::reject(refusal));
        let first = reserve(&world, &buyer, "A-1").header("idempotency-key", key);
        assert_ne!(first.send().await.status, 201);
    }
    set_verified_only(&world, json!(true)).await;
    let repeated = |key: &'static str, seat: &'static str| {
        let call = reserve(&world, &buyer, seat).header("idempotency-key", key);
        call.send()
    };
    let replay = Script::Replay(Outcome::Rejected(Rejection::SaleClosed));
    world.log.next(replay);
    repeated("closed", "A-1").await.error(409, "SALE_CLOSED");
    let other = repeated("closed", "A-2").await;
    other.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    let forgotten = repeated("full", "A-1").await;
    forgotten.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    // A day later the log remembers it no more, though this node does.
    world.clock.0.fetch_add(25 * 3_600_000, Ordering::SeqCst);
    let mut claims = Claims::new(BUYER, "buyer");
    claims.exp = claims.exp.map(|exp| exp + 25 * 3_600);
    let buyer = json!({ "access_token": claims.token() });
    let late = reserve(&world, &buyer, "A-1").header("idempotency-key", "closed");
    let late = late.send().await;
    late.error(403, "VERIFIED_ACCOUNT_REQUIRED");
}

/// What another node granted is found by its booking.
#[tokio::test]
async fn a_booking_shows_that_its_key_is_known_for_a_day() {
    let world = world().await;
    let buyer = said(&Value::Null);
    set_verified_only(&world, json!(true)).await;
    let hour_ms = 3_600_000;
    for (number, (key, age_ms, show, is_known)) in [
        ("recent", hour_ms, SHOW, true),
        ("old", 25 * hour_ms, SHOW, false),
        ("elsewhere", hour_ms, ShowId::from_bytes([0x51; 16]), false),
    ]
    .into_iter()
    .enumerate()
    {
        let offset = u64::try_from(number).unwrap();
        let mut record = ScriptedLog::record(
            offset,
            Outcome::Reserved(Reserved {
                booking: offset,
                show,
                event: EVENT,
                user: BUYER,
                zone: 0,
                seats: SeatList::from_iter([u32::try_from(number).unwrap()]),
                quantity: 1,
                unit_price: 250_000,
                currency: "THB".parse().unwrap(),
                expires_at_ms: NOW_MS + 600_000,
            }),
        );
        record.previous = offset.checked_sub(1);
        record.request_id = Some(idempotent_request_id(BUYER, key));
        record.log_time_ms = NOW_MS - age_ms;
        world.project(offset, vec![record]).await;
        let call = reserve(&world, &buyer, "A-1").header("idempotency-key", key);
        let reply = call.send().await;
        if is_known {
            reply.data(201);
        } else {
            reply.error(403, "VERIFIED_ACCOUNT_REQUIRED");
        }
    }
}

#[tokio::test]
async fn a_new_event_is_sold_as_its_organizer_says() {
    let world = world().await;
    for (setting, expected) in [(Value::Null, false), (json!(true), true)] {
        let mut body = json!({ "name": "n", "starts_at": "2030-01-01T00:00:00Z" });
        if !setting.is_null() {
            body["requires_verified_account"] = setting;
        }
        let call = world.post("/api/v1/events").by_role("organizer");
        let event = call.json(&body).send().await.data(201);
        assert_eq!(event["requires_verified_account"], expected);
    }
}
