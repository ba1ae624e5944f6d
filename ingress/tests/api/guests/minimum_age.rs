//! Events for people of an age.

use http::Method;
use onsale_schemas::Command;
use serde_json::{Value, json};

use super::{said, token, world};
use crate::support::{EVENT, SHOW, STALLS, World};

/// Has the organizer change the age that the event asks for.
async fn set_age(world: &World, age: Value) {
    let path = format!("/api/v1/events/{EVENT}");
    let call = world.call(Method::PATCH, &path).by_role("organizer");
    let event = call.json(&json!({ "minimum_age": age })).send().await;
    assert_eq!(event.data(200)["minimum_age"], age);
}

/// What to hold, with what the buyer says of its age.
fn seat(seat: &str, confirmed: &Value) -> Value {
    let mut body = json!({ "show_id": SHOW, "zone_id": STALLS, "seats": [seat] });
    if *confirmed != json!("left out") {
        body["age_confirmed"] = confirmed.clone();
    }
    body
}

/// Reservations that the log was asked for.
fn reached(world: &World) -> usize {
    let seen = world.log.seen();
    let reserves = seen.iter().filter(|envelope| {
        matches!(
            envelope.command,
            Command::Reserve(_) | Command::ReserveV2(_)
        )
    });
    reserves.count()
}

#[tokio::test]
async fn an_age_is_asked_before_the_log_is() {
    let world = world().await;
    let issued = said(&Value::Null);
    let reserve = |body: &Value| {
        let call = world.post("/api/v1/bookings/reserve").token(token(&issued));
        call.json(body)
    };
    // Nobody has to say anything for an event for everyone.
    for (taken, said) in [("A-1", json!("left out")), ("A-2", json!(false))] {
        reserve(&seat(taken, &said)).send().await.data(201);
    }
    set_age(&world, json!(18)).await;
    let before = reached(&world);
    for said in [json!("left out"), json!(false), Value::Null] {
        let refused = reserve(&seat("A-3", &said)).send().await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "age_confirmed", "{said}");
        assert_eq!(details["minimum_age"], 18, "{said}");
        let json = refused.json();
        let detail = json["detail"].as_str().unwrap();
        assert!(detail.contains("18 years"), "{detail}");
    }
    for wrong in [json!("true"), json!(18)] {
        let refused = reserve(&seat("A-3", &wrong)).send().await;
        refused.error(400, "VALIDATION_ERROR");
    }
    // Whoever asks for an order is asked, too.
    let items = json!([{ "zone_id": STALLS, "seats": ["A-3"] }]);
    let order = reserve(&json!({ "show_id": SHOW, "items": items }));
    let details = order.send().await.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], "age_confirmed");
    assert_eq!(reached(&world), before, "none of them reached the log");
    reserve(&seat("A-3", &json!(true))).send().await.data(201);
    for nothing_asked in [json!(0), Value::Null] {
        set_age(&world, nothing_asked).await;
        reserve(&seat("A-4", &json!("left out")))
            .send()
            .await
            .data(201);
    }
}

/// What was granted before the organizer asked for an age is answered again.
#[tokio::test]
async fn a_repeated_request_is_the_logs_to_answer() {
    let world = world().await;
    let issued = said(&Value::Null);
    let reserve = |taken: &str, key: &str| {
        let call = world.post("/api/v1/bookings/reserve").token(token(&issued));
        let call = call.json(&seat(taken, &json!("left out")));
        call.header("idempotency-key", key)
    };
    reserve("A-1", "one").send().await.data(201);
    set_age(&world, json!(18)).await;
    reserve("A-1", "one").send().await.data(201);
    let refused = reserve("A-2", "two").send().await;
    refused.error(400, "VALIDATION_ERROR");
}
