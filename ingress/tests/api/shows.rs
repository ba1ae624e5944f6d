//! `/shows` and `POST /events/{id}/shows`

mod layouts;
mod one;
mod openings;
mod times;
mod withdrawn;

use std::sync::atomic::Ordering;

use http::Method;
use onsale_schemas::command::{Admission, BlockPlaces, OpenShowV2, Subject};
use onsale_schemas::{Command, Outcome, OutcomeRecord, Rejection, SeatList};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventRow, EventStatus, ShowStatus};
use onsale_store::document::Document;
use serde_json::{Value, json};

use crate::support::{BALCONY, Call, EVENT, FLOOR, SHOW, Script, ScriptedLog, World, event};

fn seated(rows: Value) -> Value {
    json!({"name": "Z", "price": {"amount": 5, "currency": "THB"}, "admission": "seated", "rows": rows})
}

/// A show of one seat.
fn small_show() -> Value {
    json!({
        "starts_at": "2030-01-01T20:00:00Z",
        "zones": [seated(json!([{"name": "A", "seats": 1}]))],
    })
}

/// `POST /events/{id}/shows` of the organizer.
fn create<'a>(world: &'a World, show: &Value) -> Call<'a> {
    world
        .post(&format!("/api/v1/events/{EVENT}/shows"))
        .by_role("organizer")
        .json(show)
}

#[tokio::test]
async fn a_show_is_made_with_its_defaults_and_opened_in_the_log() {
    let world = World::new().await;
    let body = json!({
        "starts_at": "2030-01-01T20:00:00Z",
        "zones": [
            seated(json!([{"name": "A", "seats": 20}, {"name": "B b", "seats": ["1", "2x"]}])),
            {"name": "Y", "price": {"amount": 0, "currency": "USD"}, "admission": "general", "capacity": 1000},
        ],
    });
    let show = create(&world, &body).send().await.data(201);
    assert_eq!(show["sale_closes_at"], "2030-01-01T19:00:00.000Z");
    assert_eq!(show["sale_opens_at"], "2023-11-14T22:13:20.000Z");
    assert_eq!(show["hold_seconds"], 600);
    assert_eq!(show["status"], "open");
    assert_eq!(show["zones"][0]["total_seats"], 22);
    assert_eq!(
        show["zones"][1]["price"],
        json!({"amount": 0, "currency": "USD"})
    );
    let Command::OpenShowV2(OpenShowV2 { show: open, .. }) = world.log.last().command else {
        panic!("not an opening")
    };
    assert_eq!(open.show.to_string(), show["show_id"].as_str().unwrap());
    assert_eq!(open.max_tickets_per_user, 4);
    assert_eq!(
        open.zones[0].admission,
        Admission::Seated { rows: vec![20, 2] }
    );
    let chart = world
        .get(&format!("/api/v1/shows/{}/seats", open.show))
        .send()
        .await
        .data(200);
    assert_eq!(
        chart["zones"][0]["rows"][1]["seats"][1],
        json!({"seat_id": "seat:21", "label": "B b-2x", "row": "B b", "number": "2x", "index": 1})
    );
}

#[tokio::test]
async fn prices_and_times_are_amended_in_log_and_catalog() {
    let world = World::new().await;
    world.operations.projected.store(0, Ordering::SeqCst);
    let path = format!("/api/v1/shows/{SHOW}");
    let amend = |body: Value| {
        world
            .call(Method::PATCH, &path)
            .by_role("organizer")
            .json(&body)
    };
    let show = amend(json!({
        "prices": [{"zone_id": BALCONY, "price": {"amount": 7, "currency": "THB"}}],
        "hold_seconds": 60, "max_tickets_per_user": 6, "name": "Late show",
    }))
    .send()
    .await
    .data(200);
    assert_eq!(show["zones"][2]["price"]["amount"], 7);
    assert_eq!(show["name"], "Late show");
    let Command::AmendShow(amended) = world.log.last().command else {
        panic!("not an amendment")
    };
    assert_eq!(amended.prices, [(2, 7)]);
    // The projection was behind; the catalog is the projector's to change, and nobody else's.
    let row = world.store.show(SHOW).await.unwrap().unwrap();
    assert_eq!(row.zones[2].unit_price, 250_000);
    let accepted = OutcomeRecord {
        request_id: world.log.last().request_id,
        ..ScriptedLog::record(100, Outcome::ShowAmended { show: SHOW })
    };
    world.project(0, vec![accepted]).await;
    world.operations.projected.store(u64::MAX, Ordering::SeqCst);
    let read = world.get(&path).send().await.data(200);
    assert_eq!(read["zones"][2]["price"]["amount"], 7);
    assert_eq!(read["name"], "Late show");
    assert_eq!(read["hold_seconds"], 60);
    let event = world
        .get(&format!("/api/v1/events/{EVENT}"))
        .send()
        .await
        .data(200);
    assert_eq!(event["max_tickets_per_user"], 6);
    let price = |zone, amount: i64, currency: &str| json!({"prices": [{"zone_id": zone, "price": {"amount": amount, "currency": currency}}]});
    for (body, field) in [
        (price(BALCONY, 1, "USD"), "prices[0].price.currency"),
        (price(BALCONY, -1, "THB"), "prices[0].price.amount"),
        (price(SHOW.0, 1, "THB"), "prices[0].zone_id"),
        (
            json!({"sale_closes_at": "2000-01-01T00:00:00Z"}),
            "sale_closes_at",
        ),
        (json!({"zones": []}), "zones"),
    ] {
        let reply = amend(body).send().await;
        assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], field);
    }
    // What the log refuses does not reach the catalog.
    world.log.next(Script::reject(Rejection::ShowCancelled));
    amend(price(BALCONY, 9, "THB"))
        .send()
        .await
        .error(409, "SHOW_CANCELLED");
    let read = world.get(&path).send().await.data(200);
    assert_eq!(read["zones"][2]["price"]["amount"], 7);
}

#[tokio::test]
async fn what_the_log_accepted_without_an_answer_reaches_the_catalog() {
    let world = World::with(|config| config.http.reply_deadline_ms = 10).await;
    let path = format!("/api/v1/shows/{SHOW}");
    // The process that asked dies here: the log has it, and no answer comes.
    world.log.next(Script::Drop);
    let reply = world
        .call(Method::PATCH, &path)
        .by_role("organizer")
        .json(&json!({"name": "Late show", "hold_seconds": 60}))
        .send()
        .await;
    reply.data(202);
    let accepted = OutcomeRecord {
        request_id: world.log.last().request_id,
        ..ScriptedLog::record(100, Outcome::ShowAmended { show: SHOW })
    };
    world.project(0, vec![accepted]).await;
    let read = world.get(&path).send().await.data(200);
    assert_eq!(read["name"], "Late show");
    assert_eq!(read["hold_seconds"], 60);
}

#[tokio::test]
async fn a_key_stands_for_one_change() {
    let world = World::with(|config| config.http.reply_deadline_ms = 10).await;
    let amend = |seconds: u32| {
        world
            .call(Method::PATCH, &format!("/api/v1/shows/{SHOW}"))
            .by_role("organizer")
            .header("idempotency-key", "change-1")
            .json(&json!({ "hold_seconds": seconds }))
    };
    world.log.next(Script::Drop);
    amend(60).send().await.data(202);
    // Whatever became of the first, the projector must not take it for the second.
    amend(61).send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(world.log.seen().len(), 1);
    world.log.next(Script::Drop);
    amend(60).send().await.data(202);
    assert_eq!(world.log.seen().len(), 2);
}

#[tokio::test]
async fn a_sale_is_closed_and_a_show_cancelled() {
    let world = World::new().await;
    for (action, status) in [("close", "closed"), ("cancel", "cancelled")] {
        let reply = world
            .post(&format!("/api/v1/shows/{SHOW}/{action}"))
            .by_role("organizer")
            .send()
            .await;
        assert_eq!(reply.data(200), json!({"show_id": SHOW, "status": status}));
    }
    let reply = world
        .post(&format!("/api/v1/shows/{EVENT}/close"))
        .by_role("organizer")
        .send()
        .await;
    reply.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn places_are_blocked_and_put_back() {
    let world = World::new().await;
    let call = |action: &str, body: Value| {
        world
            .post(&format!("/api/v1/shows/{SHOW}/{action}"))
            .by_role("organizer")
            .json(&body)
    };
    let reply = call("block", json!({"zone_id": BALCONY, "seats": ["A-1"]}))
        .send()
        .await;
    assert_eq!(
        reply.data(200),
        json!({"show_id": SHOW, "zone_id": BALCONY, "seats": ["A-1"], "quantity": 1, "status": "blocked"})
    );
    let Command::Block(block) = world.log.last().command else {
        panic!("not a block")
    };
    assert_eq!(block.places, BlockPlaces::Seats(SeatList::from_iter([23])));
    let reply = call("unblock", json!({"zone_id": FLOOR, "quantity": 3}))
        .send()
        .await;
    assert_eq!(reply.data(200)["status"], "available");
    for (body, field) in [
        (json!({"seats": ["A-1"]}), "zone_id"),
        (json!({"zone_id": BALCONY}), "seats"),
        (json!({"zone_id": BALCONY, "quantity": 1}), "quantity"),
        (json!({"zone_id": FLOOR, "quantity": 0}), "quantity"),
        (json!({"zone_id": FLOOR, "seats": ["A-1"]}), "seats"),
        (json!({"zone_id": BALCONY, "seats": ["A-9"]}), "seats[0]"),
    ] {
        let reply = call("block", body).send().await;
        assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], field);
    }
}

#[tokio::test]
async fn places_that_are_not_blocked_are_called_so() {
    let world = World::new().await;
    let body = json!({"zone_id": BALCONY, "seats": ["A-1"]});
    for (action, said) in [
        (
            "block",
            "Some of these seats are not available. Nothing was changed.",
        ),
        (
            "unblock",
            "Some of these seats are not blocked. Nothing was changed.",
        ),
    ] {
        let seats = SeatList::from_iter([23]);
        let refused = Rejection::SeatUnavailable { seats };
        world.log.next(Script::reject(refused));
        let path = format!("/api/v1/shows/{SHOW}/{action}");
        let call = world.post(&path).by_role("organizer").json(&body);
        let reply = call.send().await;
        assert_eq!(
            reply.error(409, "SEAT_UNAVAILABLE")["seats"],
            json!(["A-1"])
        );
        assert_eq!(reply.json()["detail"], said);
    }
}

#[tokio::test]
async fn a_show_is_opened_for_its_tenant_with_a_cool_down() {
    let world = World::with(|config| config.shows.cooldown_seconds = 90).await;
    let make = |cooldown: Option<u32>| {
        let mut body = small_show();
        if let Some(seconds) = cooldown {
            body["cooldown_seconds"] = json!(seconds);
        }
        create(&world, &body)
    };
    for (asked, ms) in [(None, 90_000), (Some(0), 0), (Some(450), 450_000)] {
        let show = make(asked).send().await.data(201);
        assert_eq!(show["cooldown_seconds"], ms / 1_000);
        let Command::OpenShowV2(open) = world.log.last().command else {
            panic!("not an opening")
        };
        assert_eq!(open.cooldown_ms, ms);
        assert_eq!(open.tenant.0, uuid::Uuid::from_u128(7));
    }
    let details = make(Some(451)).send().await.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], "cooldown_seconds");
}

#[tokio::test]
async fn a_draft_and_a_cancelled_event_get_no_shows() {
    let world = World::new().await;
    for (status, code, http) in [
        (EventStatus::Draft, "VALIDATION_ERROR", 400),
        (EventStatus::Cancelled, "SHOW_CANCELLED", 409),
    ] {
        let row = EventRow { status, ..event() };
        world
            .store
            .update_event(&row, Unaudited::Unattended)
            .await
            .unwrap();
        create(&world, &small_show()).send().await.error(http, code);
    }
    assert!(world.log.seen().is_empty());
}

#[tokio::test]
async fn a_new_show_is_described_behind_its_opening() {
    let world = World::new().await;
    let show = create(&world, &small_show()).send().await.data(201);
    let [opening, description] = &world.log.seen()[..] else {
        panic!("not two commands: {:?}", world.log.seen())
    };
    assert!(matches!(opening.command, Command::OpenShowV2(_)));
    let Command::Describe(describe) = &description.command else {
        panic!("not a document")
    };
    let Subject::Show {
        show: described, ..
    } = describe.subject
    else {
        panic!("not a show")
    };
    assert_eq!(described.to_string(), show["show_id"].as_str().unwrap());
    let document = Document::decode(&describe.document).unwrap();
    assert_eq!(document.show.unwrap().row.status, ShowStatus::Open);
}
