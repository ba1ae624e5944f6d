//! `Idempotency-Key`

use onsale_schemas::envelope::idempotent_request_id;
use onsale_schemas::{Outcome, Rejection, UserId};
use serde_json::json;
use uuid::Uuid;

use crate::support::{BUYER, Claims, EVENT, SHOW, Script, World};

#[tokio::test]
async fn a_key_names_the_request_and_its_body_is_fingerprinted() {
    let world = World::new().await;
    for header in ["idempotency-key", "x-idempotency-key"] {
        for seat in ["B-L", "B-L", "B-M"] {
            world
                .reserve(json!({"show_id": SHOW, "seats": [seat]}))
                .header(header, "key-1")
                .send()
                .await
                .data(201);
        }
    }
    let seen = world.log.seen();
    let id = idempotent_request_id(BUYER, "key-1");
    assert!(seen.iter().all(|envelope| envelope.request_id == Some(id)));
    assert_eq!(seen[0].idempotency, seen[1].idempotency);
    assert_eq!(seen[0].idempotency, seen[3].idempotency);
    assert_ne!(seen[0].idempotency, seen[2].idempotency);
    assert!(seen[0].idempotency.is_some());
}

#[tokio::test]
async fn keys_outside_the_rules_are_refused() {
    let world = World::new().await;
    let long = "k".repeat(256);
    for key in ["", "a b", "é", &long, "a\tb"] {
        let reply = world
            .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
            .header("idempotency-key", key)
            .send()
            .await;
        assert_eq!(
            reply.error(400, "VALIDATION_ERROR")["field"],
            "Idempotency-Key",
            "{key:?}"
        );
    }
    let reply = world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
        .header("idempotency-key", "a")
        .header("x-idempotency-key", "b")
        .send()
        .await;
    reply.error(400, "VALIDATION_ERROR");
    world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
        .header("idempotency-key", &long[..255])
        .send()
        .await
        .data(201);
    assert_eq!(world.log.seen().len(), 1);
}

#[tokio::test]
async fn a_replay_says_so_and_is_the_same_answer() {
    let world = World::new().await;
    let call = || {
        world
            .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
            .header("idempotency-key", "k")
    };
    let first = call().send().await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let booking = first.data(201);
    let offset = booking["position"]["offset"].as_u64().unwrap();
    let replayed = Outcome::Reserved(onsale_schemas::outcome::Reserved {
        booking: offset,
        show: SHOW,
        event: EVENT,
        user: BUYER,
        zone: 0,
        seats: onsale_schemas::SeatList::from_iter([20]),
        quantity: 1,
        unit_price: 250_000,
        currency: "THB".parse().unwrap(),
        expires_at_ms: crate::support::NOW_MS + 540_000,
    });
    world.log.next(Script::Replay(replayed));
    let again = call().send().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    let again = again.data(201);
    assert_eq!(again["booking_id"], booking["booking_id"]);
    // As of the first one's time, a minute before.
    assert_eq!(again["server_time"], "2023-11-14T22:12:20.000Z");
    assert_eq!(again["expires_in_seconds"], 600);
    world
        .log
        .next(Script::reject(Rejection::IdempotencyKeyReused));
    call().send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
}

/// A repetition undoes nothing of what others did meanwhile, and goes by the version that it was made for.
#[tokio::test]
async fn changes_of_events_are_remembered_whether_or_not_the_log_has_a_part_in_them() {
    let world = World::new().await;
    let path = format!("/api/v1/events/{EVENT}");
    let tag = world.get(&path).by_role("organizer").send().await;
    let tag = tag.header("etag").to_owned();
    let call = |key: Option<&str>, change: serde_json::Value| {
        let call = world
            .call(http::Method::PATCH, &path)
            .by_role("organizer")
            .json(&change);
        match key {
            Some(key) => call.header("idempotency-key", key),
            None => call,
        }
    };
    for (key, change) in [
        ("text", json!({ "name": "A" })),
        ("limit", json!({ "name": "A", "max_tickets_per_user": 3 })),
    ] {
        let keyed = || call(Some(key), change.clone());
        let first = keyed().send().await;
        first.data(200);
        call(None, json!({ "name": "B" })).send().await.data(200);
        let again = keyed().send().await;
        assert_eq!(again.header("idempotent-replayed"), "true", "{key}");
        assert_eq!(again.data(200), first.data(200), "{key}");
        let now = world.get(&path).send().await.data(200);
        assert_eq!(now["name"], "B", "{key}");
        let other = call(Some(key), json!({ "name": "C" }));
        other.send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
    }
    let outdated = call(Some("new"), json!({ "name": "D" })).header("if-match", &tag);
    outdated.send().await.error(412, "PRECONDITION_FAILED");
    let outdated = call(Some("text"), json!({ "name": "A" })).header("if-match", &tag);
    outdated.send().await.data(200);
}

#[tokio::test]
async fn catalog_calls_are_remembered_in_the_store() {
    let world = World::new().await;
    let call = |name: &str| {
        world
            .post("/api/v1/events")
            .by_role("organizer")
            .header("idempotency-key", "event-1")
            .json(&json!({"name": name, "starts_at": "2030-01-01T00:00:00Z"}))
    };
    let first = call("a").send().await;
    let again = call("a").send().await;
    assert_eq!(first.data(201), again.data(201));
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
    call("b").send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_show_whose_opening_was_interrupted_is_made_once() {
    let world = World::new().await;
    let path = format!("/api/v1/events/{EVENT}/shows");
    let call = |price: i64| {
        world
            .post(&path)
            .by_role("organizer")
            .header("idempotency-key", "show-1")
            .json(&json!({
                "starts_at": "2030-01-01T00:00:00Z",
                "zones": [{
                    "name": "All", "price": {"amount": price, "currency": "THB"},
                    "admission": "general", "capacity": 5,
                }],
            }))
    };
    world
        .log
        .next(Script::Fail(onsale_log::SubmitError::Unavailable));
    call(1).send().await.error(503, "PARTITION_UNAVAILABLE");
    let shows = || async {
        let reply = world.get(&path).send().await;
        reply.data(200).as_array().unwrap().len()
    };
    assert_eq!(shows().await, 2);
    // Another body under the same key finds the half-made show and leaves it alone.
    call(2).send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
    let made = call(1).send().await.data(201);
    assert_eq!(made["status"], "open");
    assert_eq!(shows().await, 2);
    let again = call(1).send().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.data(201), made);
}

#[tokio::test]
async fn a_refusal_that_is_repeated_says_so() {
    let world = World::new().await;
    let body = json!({"show_id": SHOW, "seats": ["B-L"]});
    let refused = || Outcome::Rejected(Rejection::SaleClosed);
    world.log.next(Script::Answer(refused()));
    let first = world.reserve(body.clone()).send().await;
    first.error(409, "SALE_CLOSED");
    assert_eq!(first.header("idempotent-replayed"), "");
    world.log.next(Script::Replay(refused()));
    let again = world.reserve(body).header("idempotency-key", "k").send();
    let again = again.await;
    again.error(409, "SALE_CLOSED");
    assert_eq!(again.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn the_key_of_staff_is_one_of_their_tenant() {
    let world = World::new().await;
    let create = |tenant| {
        let mut claims = Claims::new(UserId::from_bytes([0x55; 16]), "organizer");
        claims.tenant = Uuid::from_u128(tenant);
        world
            .post("/api/v1/events")
            .token(&claims.token())
            .header("idempotency-key", "k")
            .json(&json!({"name": "Same", "starts_at": "2030-01-01T20:00:00Z"}))
    };
    let first = create(7).send().await.data(201);
    assert_eq!(create(7).send().await.data(201), first);
    let other = create(8).send().await.data(201);
    assert_ne!(other["event_id"], first["event_id"]);
}
