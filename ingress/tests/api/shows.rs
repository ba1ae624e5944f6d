//! `/shows` and `POST /events/{id}/shows`

use std::sync::atomic::Ordering;

use http::Method;
use onsale_ingress::Instant;
use onsale_log::SubmitError;
use onsale_schemas::command::{Admission, BlockPlaces, OpenShowV2, Subject};
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{Command, Outcome, OutcomeRecord, Rejection, SeatList, ShowId};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventRow, EventStatus, ShowRow, ShowStatus};
use onsale_store::document::Document;
use serde_json::{Value, json};

use crate::support::{
    BALCONY, Call, EVENT, FLOOR, NOW_MS, SHOW, STALLS, Script, ScriptedLog, World, event, show,
};

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
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn layouts_outside_the_limits_are_refused_by_path() {
    let world = World::new().await;
    let zone = |change: fn(&mut Value)| {
        let mut zone = seated(json!([{"name": "A", "seats": 1}]));
        change(&mut zone);
        json!([zone])
    };
    let rows: Vec<Value> = (0..300)
        .map(|n| json!({"name": format!("R{n}"), "seats": 1_024}))
        .collect();
    for (zones, field) in [
        (json!([]), "zones"),
        (json!("x"), "zones"),
        (zone(|z| z["name"] = json!("")), "zones[0].name"),
        (
            zone(|z| z["price"]["amount"] = json!(-1)),
            "zones[0].price.amount",
        ),
        (
            zone(|z| z["price"]["currency"] = json!("thb")),
            "zones[0].price.currency",
        ),
        (
            zone(|z| z["price"]["currency"] = json!("ABC")),
            "zones[0].price.currency",
        ),
        (zone(|z| z["price"] = json!(5)), "zones[0].price"),
        (
            zone(|z| z["admission"] = json!("standing")),
            "zones[0].admission",
        ),
        (zone(|z| z["capacity"] = json!(5)), "zones[0].capacity"),
        (zone(|z| z["rows"] = json!([])), "zones[0].rows"),
        (zone(|z| z["rows"] = Value::Null), "zones[0].rows"),
        (
            zone(|z| z["rows"][0]["seats"] = json!(0)),
            "zones[0].rows[0].seats",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!(-1)),
            "zones[0].rows[0].seats",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!(1_025)),
            "zones[0].rows[0].seats",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!("many")),
            "zones[0].rows[0].seats",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!(["1", "1"])),
            "zones[0].rows[0].seats[1]",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!(["1-2"])),
            "zones[0].rows[0].seats[0]",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!("A-1")),
            "zones[0].rows[0].name",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!("seat:1")),
            "zones[0].rows[0].name",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!(" A")),
            "zones[0].rows[0].name",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!("\u{30a}A")),
            "zones[0].rows[0].name",
        ),
        (zone(|z| z["name"] = json!("a\u{202e}b")), "zones[0].name"),
        (
            seated(json!([{"name": "Å", "seats": 1}, {"name": "A\u{30a}", "seats": 1}])).wrap(),
            "zones[0].rows[1].name",
        ),
        (
            seated(json!([{"name": "A", "seats": ["é", "e\u{301}"]}])).wrap(),
            "zones[0].rows[0].seats[1]",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!("ABCDEFGHIJKLMNOPQ")),
            "zones[0].rows[0].name",
        ),
        (
            zone(|z| z["rows"][0]["size"] = json!(1)),
            "zones[0].rows[0].size",
        ),
        (
            seated(json!([{"name": "A", "seats": 1}, {"name": "A", "seats": 1}])).wrap(),
            "zones[0].rows[1].name",
        ),
        (seated(json!(rows)).wrap(), "zones[0].rows[244].seats"),
        (
            json!([{"name": "G", "price": {"amount": 1, "currency": "THB"}, "admission": "general"}]),
            "zones[0].capacity",
        ),
        (
            json!([{"name": "G", "price": {"amount": 1, "currency": "THB"}, "admission": "general", "capacity": 10_000_001}]),
            "zones[0].capacity",
        ),
        (
            json!([{"name": "G", "price": {"amount": 1, "currency": "THB"}, "admission": "general", "rows": []}]),
            "zones[0].rows",
        ),
        (
            json!([
                seated(json!([{"name": "A", "seats": 1}])),
                seated(json!([{"name": "A", "seats": 1}]))
            ]),
            "zones[1].name",
        ),
    ] {
        let reply = create(
            &world,
            &json!({"starts_at": "2030-01-01T20:00:00Z", "zones": zones}),
        )
        .send()
        .await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{details}");
    }
    let good = zone(|_| {});
    for (body, field) in [
        (json!({"zones": good}), "starts_at"),
        (
            json!({"zones": good, "starts_at": "2030-01-01T20:00:00Z", "hold_seconds": 0}),
            "hold_seconds",
        ),
        (
            json!({"zones": good, "starts_at": "2030-01-01T20:00:00Z", "hold_seconds": 86_401}),
            "hold_seconds",
        ),
        (
            json!({"zones": good, "starts_at": "2030-01-01T20:00:00Z",
                "sale_opens_at": "2030-01-01T19:00:00Z"}),
            "sale_closes_at",
        ),
    ] {
        let reply = create(&world, &body).send().await;
        assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], field);
    }
    assert!(world.log.seen().is_empty());
}

#[tokio::test]
async fn rows_are_named_in_every_script() {
    let world = World::new().await;
    for name in ["แถวที่1", "क्षेत्र", "A\u{30a}", "Αα 2"] {
        let rows = json!([{"name": name, "seats": ["ก่", "2"]}]);
        create(
            &world,
            &json!({"starts_at": "9999-12-31T23:00:00Z", "zones": [seated(rows)]}),
        )
        .send()
        .await
        .data(201);
    }
}

trait Wrap {
    fn wrap(self) -> Value;
}

impl Wrap for Value {
    fn wrap(self) -> Value {
        Value::Array(vec![self])
    }
}

#[tokio::test]
async fn a_chart_is_immutable_and_cached_by_its_tag() {
    let world = World::new().await;
    let path = format!("/api/v1/shows/{SHOW}/seats");
    let reply = world.get(&path).send().await;
    let chart = reply.data(200);
    assert_eq!(chart["zones"][0]["zone_id"], json!(STALLS));
    assert_eq!(chart["zones"][1]["rows"], json!([]));
    assert_eq!(
        chart["zones"][2]["rows"][0]["seats"][0]["seat_id"],
        "seat:23"
    );
    assert!(reply.header("cache-control").contains("immutable"));
    let tag = reply.header("etag").to_owned();
    for known in [tag.clone(), format!("\"x\", {tag}"), "*".to_owned()] {
        let reply = world
            .get(&path)
            .header("if-none-match", &known)
            .send()
            .await;
        assert_eq!(reply.status, 304, "{known}");
        assert!(reply.bytes.is_empty());
        assert_eq!(reply.header("etag"), tag);
    }
    let reply = world
        .get(&path)
        .header("if-none-match", "\"x\"")
        .send()
        .await;
    reply.data(200);
    for id in [EVENT.to_string(), "x".to_owned()] {
        let reply = world.get(&format!("/api/v1/shows/{id}/seats")).send().await;
        reply.error(404, "NOT_FOUND");
    }
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
async fn interrupted_openings_are_taken_up_at_start() {
    let world = World::new().await;
    assert_eq!(world.ingress.resume_openings().await, 1);
    let Command::OpenShowV2(OpenShowV2 { show: open, .. }) = world.log.last().command else {
        panic!("not an opening")
    };
    assert_eq!(open.show, SHOW);
    assert_eq!(open.zones.len(), 3);
}

/// Another one beside that of these tests.
fn other_show() -> ShowRow {
    let mut other = ShowRow {
        show_id: ShowId::from_bytes([0x51; 16]),
        ..show()
    };
    for (zone, id) in other.zones.iter_mut().zip(100..) {
        zone.zone_id = uuid::Uuid::from_u128(id);
    }
    other
}

#[tokio::test]
async fn an_opening_that_the_log_refuses_does_not_hold_up_the_others() {
    let world = World::new().await;
    world.store.add_show(&other_show()).await.unwrap();
    world.log.next(Script::Refuse(SubmitError::QueueFull));
    assert_eq!(world.ingress.resume_openings().await, 1);
    world.log.next(Script::Fail(SubmitError::DiskFull));
    assert_eq!(world.ingress.resume_openings().await, 1);
    assert_eq!(world.ingress.resume_openings().await, 2);
}

#[tokio::test]
async fn interrupted_openings_that_the_log_refuses_wait_for_the_catalog_together() {
    let world = World::new().await;
    world.store.add_show(&other_show()).await.unwrap();
    for _ in 0..2 {
        world.log.next(Script::reject(Rejection::ShowCancelled));
    }
    assert_eq!(world.ingress.resume_openings().await, 2);
    assert_eq!(world.operations.waits.load(Ordering::SeqCst), 1);
    assert_eq!(world.store.show_ids().await.unwrap().len(), 0);
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

/// The end and the opening that an amendment asks the log for.
fn window(world: &World) -> (Option<u64>, Option<u64>) {
    let Command::AmendShow(amend) = world.log.last().command else {
        panic!("not an amendment")
    };
    (amend.sale_opens_at_ms, amend.sale_closes_at_ms)
}

#[tokio::test]
async fn an_end_that_was_not_given_follows_the_beginning() {
    const HOUR_MS: u64 = 3_600_000;
    let world = World::new().await;
    let show = create(
        &world,
        &json!({
            "starts_at": "2023-12-14T22:13:20Z",
            "zones": [seated(json!([{"name": "A", "seats": 1}]))],
        }),
    )
    .send()
    .await
    .data(201);
    let show = show["show_id"].as_str().unwrap().to_owned();
    let amend = |body: Value| {
        world
            .call(Method::PATCH, &format!("/api/v1/shows/{show}"))
            .by_role("organizer")
            .json(&body)
    };
    // Postponed by 60 days, and begun an hour ago: the sale is over then, whenever it opened.
    let later = NOW_MS + 90 * 24 * HOUR_MS;
    amend(json!({"starts_at": Instant(later)}))
        .send()
        .await
        .data(200);
    assert_eq!(window(&world), (None, Some(later - HOUR_MS)));
    let past = NOW_MS - HOUR_MS;
    amend(json!({"starts_at": Instant(past)}))
        .send()
        .await
        .data(200);
    let closes = past - HOUR_MS;
    assert_eq!(window(&world), (Some(closes - 1), Some(closes)));
    amend(json!({"name": "x"})).send().await.data(200);
    assert_eq!(window(&world), (None, None));
}

#[tokio::test]
async fn a_wrong_date_loses_no_opening_and_makes_no_sale_that_is_over() {
    const HOUR_MS: u64 = 3_600_000;
    let world = World::new().await;
    let zones = json!([seated(json!([{"name": "A", "seats": 1}]))]);
    let create = |body: Value| create(&world, &body);
    let opens = Instant(NOW_MS + 240 * HOUR_MS);
    let starts = Instant(NOW_MS + 720 * HOUR_MS);
    let show = create(json!({"starts_at": starts, "sale_opens_at": opens, "zones": zones}))
        .send()
        .await
        .data(201);
    let path = format!("/api/v1/shows/{}", show["show_id"].as_str().unwrap());
    for wrong in [Instant(NOW_MS - HOUR_MS), Instant(NOW_MS + 120 * HOUR_MS)] {
        let refused = world
            .call(Method::PATCH, &path)
            .by_role("organizer")
            .json(&json!({"starts_at": wrong}))
            .send()
            .await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "sale_opens_at", "{wrong}");
    }
    let same = world.get(&path).send().await.data(200);
    assert_eq!(same["sale_opens_at"], show["sale_opens_at"]);

    let soon = Instant(NOW_MS + HOUR_MS / 2);
    let refused = create(json!({"starts_at": soon, "zones": zones}))
        .send()
        .await;
    assert_eq!(refused.error(400, "VALIDATION_ERROR")["field"], "starts_at");
    create(json!({"starts_at": soon, "sale_closes_at": soon, "zones": zones}))
        .send()
        .await
        .data(201);
}

#[tokio::test]
async fn an_end_that_was_given_lies_after_the_beginning_only_where_asked_for() {
    // It ends 82,800 s from now, by its own word.
    let world = World::new().await;
    let amend = |body: Value| {
        world
            .call(Method::PATCH, &format!("/api/v1/shows/{SHOW}"))
            .by_role("organizer")
            .json(&body)
    };
    let early = Instant(NOW_MS + 3_600_000);
    let refused = amend(json!({"starts_at": early})).send().await;
    let details = refused.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], "sale_closes_at");
    assert!(world.log.seen().is_empty());
    let end = NOW_MS + 82_800_000;
    amend(json!({"starts_at": early, "sale_closes_at": Instant(end)}))
        .send()
        .await
        .data(200);
    assert_eq!(window(&world), (None, Some(end)));
    amend(json!({"starts_at": Instant(end + 1)}))
        .send()
        .await
        .data(200);
    assert_eq!(window(&world), (None, None));
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

#[tokio::test]
async fn a_show_that_the_log_refuses_leaves_the_catalog() {
    let world = World::new().await;
    let make = || create(&world, &small_show());
    let before = world.store.show_ids().await.unwrap();
    world.log.next(Script::reject(Rejection::ShowCancelled));
    make().send().await.error(409, "SHOW_CANCELLED");
    assert_eq!(world.store.show_ids().await.unwrap(), before);
    // Not before the catalog is as far as the refusal: it may have been opened.
    world.operations.projected.store(0, Ordering::SeqCst);
    world.log.next(Script::reject(Rejection::ShowCancelled));
    make().send().await.error(409, "SHOW_CANCELLED");
    assert_eq!(
        world.store.show_ids().await.unwrap().len(),
        before.len() + 1
    );
}

#[tokio::test]
async fn a_show_for_which_there_is_no_room_waits_for_another_attempt() {
    let world = World::new().await;
    let full = || {
        Script::reject(Rejection::Full {
            table: FullTable::Idempotency,
        })
    };
    let make = || {
        world
            .post(&format!("/api/v1/events/{EVENT}/shows"))
            .by_role("organizer")
            .header("idempotency-key", "twice")
            .json(&json!({
                "starts_at": "2030-01-01T20:00:00Z",
                "zones": [seated(json!([{"name": "A", "seats": 1}]))],
            }))
    };
    let before = world.store.show_ids().await.unwrap();
    world.log.next(full());
    make().send().await.error(503, "OVERLOADED");
    // Another attempt may have opened it meanwhile.
    let kept = world.store.show_ids().await.unwrap();
    assert_eq!(kept.len(), before.len() + 1);
    for _ in &kept {
        world.log.next(full());
    }
    assert_eq!(world.ingress.resume_openings().await, 0);
    assert_eq!(world.store.show_ids().await.unwrap(), kept);
    make().send().await.data(201);
    assert_eq!(world.store.show_ids().await.unwrap(), kept);
}
