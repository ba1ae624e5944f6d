//! `/events`

use std::sync::atomic::Ordering;

use http::Method;
use onsale_schemas::{Command, Outcome, OutcomeRecord, ShowId, UserId};
use onsale_store::audit::{AuditFilter, Unaudited};
use onsale_store::catalog::{EventRow, EventStatus, ShowStatus};
use serde_json::json;
use uuid::Uuid;

use crate::support::{EVENT, ORGANIZER, SHOW, ScriptedLog, World, event, show};

#[tokio::test]
async fn an_event_is_made_read_and_changed() {
    let world = World::new().await;
    let made = world
        .post("/api/v1/events")
        .by_role("organizer")
        .json(&json!({"name": "Opera", "starts_at": "2030-01-01T02:00:00+07:00", "city": "Oslo"}))
        .send()
        .await
        .data(201);
    assert_eq!(made["starts_at"], "2029-12-31T19:00:00.000Z");
    assert_eq!(made["max_tickets_per_user"], 4);
    assert_eq!(made["status"], "published");
    let path = format!("/api/v1/events/{}", made["event_id"].as_str().unwrap());
    assert_eq!(world.get(&path).send().await.data(200), made);
    let changed = world
        .call(http::Method::PUT, &path)
        .by_role("organizer")
        .json(&json!({"name": "Opera!", "starts_at": "2030-01-01T00:00:00Z", "status": "draft"}))
        .send()
        .await
        .data(200);
    assert_eq!(changed["name"], "Opera!");
    // A draft is seen by its organizer only.
    world.get(&path).send().await.error(404, "NOT_FOUND");
    world
        .get(&path)
        .by_role("buyer")
        .send()
        .await
        .error(404, "NOT_FOUND");
    world.get(&path).by_role("organizer").send().await.data(200);
    // Who did that is written down.
    let filter = AuditFilter {
        subject_kind: Some("event".to_owned()),
        subject_id: Some(made["event_id"].as_str().unwrap().to_owned()),
        limit: 9,
        ..AuditFilter::default()
    };
    // What the log decides about is written down too, as proposed.
    world
        .call(http::Method::PUT, &path)
        .by_role("organizer")
        .json(&json!({
            "name": "Opera?", "starts_at": "2030-01-01T00:00:00Z", "max_tickets_per_user": 3,
        }))
        .send()
        .await
        .data(200);
    let trail = world.store.audit(&filter).await.unwrap();
    let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "event.propose",
            "event.change",
            "event.unpublish",
            "event.create"
        ]
    );
    for entry in &trail {
        assert_eq!(entry.actor.role, "organizer");
        assert!(entry.actor.id.is_some() && entry.actor.request_id.is_some());
        assert_eq!(entry.tenant_id, entry.actor.tenant_id);
    }
}

#[tokio::test]
async fn a_list_is_paged_and_filtered() {
    let world = World::new().await;
    for n in 0..3 {
        world
            .post("/api/v1/events")
            .by_role("organizer")
            .json(&json!({
                "name": format!("Match {n}"), "category": "sport",
                "starts_at": format!("203{n}-01-01T00:00:00Z"),
            }))
            .send()
            .await
            .data(201);
    }
    let list = |query: &'static str| {
        let world = &world;
        async move {
            let reply = world.get(&format!("/api/v1/events{query}")).send().await;
            let names: Vec<String> = reply
                .data(200)
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["name"].as_str().unwrap().to_owned())
                .collect();
            (names, reply.json()["meta"]["total"].as_u64().unwrap())
        }
    };
    assert_eq!(
        list("?category=sport&per_page=2&page=2").await,
        (vec!["Match 2".into()], 3)
    );
    assert_eq!(list("?search=night").await, (vec!["A night out".into()], 1));
    assert_eq!(
        list("?from=2031-01-01T00:00:00Z&until=2032-01-01T00:00:00Z").await,
        (vec!["Match 1".into()], 1)
    );
    for query in ["page=0", "per_page=101", "page=x", "from=soon", "sort=up"] {
        let reply = world.get(&format!("/api/v1/events?{query}")).send().await;
        reply.error(400, "VALIDATION_ERROR");
    }
    for field in ["search", "city", "category"] {
        for text in ["%00", "a%0Ab", "%E2%80%AEa", "%ff", "a%c3%28", "100%"] {
            let path = format!("/api/v1/events?{field}={text}");
            let details = world.get(&path).send().await.error(400, "VALIDATION_ERROR");
            assert_eq!(details["field"], field, "{text}");
        }
    }
    let all = list("?search=%20&city=").await;
    assert_eq!(all.1, 4, "an empty filter filters nothing");
    let reply = world.get("/api/v1/events?mine=true").send().await;
    reply.error(401, "UNAUTHORIZED");
    let reply = world
        .get("/api/v1/events?mine=true")
        .by_role("organizer")
        .send()
        .await;
    assert_eq!(reply.data(200).as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn bad_events_are_refused_by_field() {
    let world = World::new().await;
    let starts_at = "2030-01-01T00:00:00Z";
    for (body, field) in [
        (json!({"starts_at": starts_at}), "name"),
        (json!({"name": "", "starts_at": starts_at}), "name"),
        (json!({"name": " ", "starts_at": starts_at}), "name"),
        (json!({"name": "a\u{0}b", "starts_at": starts_at}), "name"),
        (
            json!({"name": "x".repeat(201), "starts_at": starts_at}),
            "name",
        ),
        (json!({"name": "n"}), "starts_at"),
        (json!({"name": "n", "starts_at": "tomorrow"}), "starts_at"),
        (json!({"name": "n", "starts_at": 5}), "starts_at"),
        (
            json!({"name": "n", "starts_at": starts_at, "max_tickets_per_user": 70_000}),
            "max_tickets_per_user",
        ),
        (
            json!({"name": "n", "starts_at": starts_at, "minimum_age": 121}),
            "minimum_age",
        ),
        (
            json!({"name": "n", "starts_at": starts_at, "status": "lost"}),
            "status",
        ),
        (json!({"name": "n", "starts_at": starts_at, "id": 1}), "id"),
    ] {
        let reply = world
            .post("/api/v1/events")
            .by_role("organizer")
            .json(&body)
            .send()
            .await;
        assert_eq!(
            reply.error(400, "VALIDATION_ERROR")["field"],
            field,
            "{body}"
        );
    }
}

#[tokio::test]
async fn shows_of_an_event_are_listed_with_their_zones() {
    let world = World::new().await;
    let shows = world
        .get(&format!("/api/v1/events/{EVENT}/shows"))
        .send()
        .await
        .data(200);
    assert_eq!(shows[0]["show_id"], json!(SHOW));
    assert_eq!(shows[0]["zones"][0]["total_seats"], 23);
    assert_eq!(shows[0]["zones"][1]["admission"], "general");
    world
        .get(&format!("/api/v1/events/{SHOW}/shows"))
        .send()
        .await
        .error(404, "NOT_FOUND");
}

#[tokio::test]
async fn shows_of_a_draft_are_its_organizers_and_not_for_sale() {
    let world = World::new().await;
    let draft = EventRow {
        status: EventStatus::Draft,
        ..event()
    };
    world
        .store
        .update_event(&draft, Unaudited::Unattended)
        .await
        .unwrap();
    let stranger = UserId::from_bytes([0x0b; 16]);
    let show = format!("/api/v1/shows/{SHOW}");
    let parts = [
        "",
        "/zones",
        "/seats",
        "/availability",
        "/availability/stream",
    ];
    for path in parts.map(|part| format!("{show}{part}")) {
        world.get(&path).send().await.error(404, "NOT_FOUND");
        for role in ["buyer", "service"] {
            let reply = world.get(&path).by_role(role).send().await;
            reply.error(404, "NOT_FOUND");
        }
        let reply = world.get(&path).by_user(stranger, "organizer").send().await;
        reply.error(404, "NOT_FOUND");
        for role in ["organizer", "admin"] {
            let reply = world.get(&path).by_role(role).open().await;
            assert_eq!(reply.status(), 200, "{role} {path}");
        }
    }
    let chart = world.get(&format!("{show}/seats")).by_role("organizer");
    let chart = chart.open().await;
    assert_eq!(chart.headers()["cache-control"], "private, no-cache");
    // A 403 would say that there is something.
    let another = json!({"starts_at": "2030-01-01T00:00:00Z", "zones": []});
    for (call, body) in [
        (world.call(Method::PATCH, &show), json!({"name": "x"})),
        (world.post(&format!("{show}/close")), json!({})),
        (
            world.post(&format!("/api/v1/events/{EVENT}/shows")),
            another,
        ),
    ] {
        let reply = call.by_user(stranger, "organizer").json(&body).send().await;
        reply.error(404, "NOT_FOUND");
    }
    let booking = || world.reserve(json!({"show_id": SHOW, "seats": ["B-L"]}));
    booking().send().await.error(404, "NOT_FOUND");
    // Not even to its organizer, who may have an account to buy with.
    let by_organizer = booking().by_user(draft.organizer_id, "buyer");
    by_organizer.send().await.error(404, "NOT_FOUND");
    assert!(world.log.seen().is_empty());

    let change = |status: &str| {
        let body = json!({
            "name": "A night out", "starts_at": "2030-01-01T00:00:00Z", "status": status,
        });
        world
            .call(Method::PUT, &format!("/api/v1/events/{EVENT}"))
            .by_role("organizer")
            .json(&body)
    };
    change("published").send().await.data(200);
    world.get(&show).send().await.data(200);
    let chart = world.get(&format!("{show}/seats")).open().await;
    assert!(
        chart.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("public")
    );
    booking().send().await.data(201);
    assert!(matches!(world.log.last().command, Command::Reserve(_)));
    // There may be bookings now.
    let reply = change("draft").send().await;
    assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], "status");
}

#[tokio::test]
async fn names_are_one_line_with_something_to_see() {
    let world = World::new().await;
    let event = |field: &str, text: &str| {
        let mut body = json!({"name": "A night", "starts_at": "2030-01-01T20:00:00Z"});
        body[field] = json!(text);
        world
            .post("/api/v1/events")
            .by_role("organizer")
            .json(&body)
    };
    for field in ["name", "venue", "city", "category"] {
        for bad in [
            "\u{200b}\u{feff}",
            "a\nb",
            "a\u{202e}b",
            "a\u{2028}b",
            "\u{3164}",
        ] {
            let details = event(field, bad)
                .send()
                .await
                .error(400, "VALIDATION_ERROR");
            assert_eq!(details["field"], field);
        }
        event(field, "ดนตรี 👩\u{200d}🎤").send().await.data(201);
    }
    event("description", "two\nlines").send().await.data(201);
    for bad in ["\u{200b}", "a\u{202e}b"] {
        event("description", bad)
            .send()
            .await
            .error(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_said_in_plain_words() {
    let world = World::new().await;
    for (query, field, expected) in [
        ("page=x", "page", "a whole number, not negative"),
        ("page=0", "page", "1 to 10000"),
        ("mine=perhaps", "mine", "true or false"),
    ] {
        let reply = world.get(&format!("/api/v1/events?{query}")).send().await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(
            (&details["field"], &details["expected"]),
            (&json!(field), &json!(expected))
        );
    }
    for (query, said) in [
        ("wher=here", "wher: unknown parameter"),
        ("page=1&page=2", "page: is given more than once"),
    ] {
        let reply = world.get(&format!("/api/v1/events?{query}")).send().await;
        reply.error(400, "VALIDATION_ERROR");
        assert_eq!(reply.json()["detail"], said);
    }
}

#[tokio::test]
async fn shows_are_listed_page_by_page_without_their_layouts() {
    let world = World::new().await;
    for n in 0..25_u128 {
        let mut row = show();
        row.show_id = ShowId(uuid::Uuid::from_u128(0x1000 + n));
        row.starts_at_ms += 1_000 + u64::try_from(n).unwrap();
        for (zone, offset) in row.zones.iter_mut().zip(0..) {
            zone.zone_id = uuid::Uuid::from_u128(0x2000 + n * 8 + offset);
        }
        world.store.add_show(&row).await.unwrap();
    }
    let get = |query: &str| {
        world
            .get(&format!("/api/v1/events/{EVENT}/shows{query}"))
            .send()
    };
    let first = get("").await;
    assert_eq!(first.data(200).as_array().unwrap().len(), 20);
    let meta = &first.json()["meta"];
    assert_eq!(
        (&meta["page"], &meta["per_page"], &meta["total"]),
        (&json!(1), &json!(20), &json!(26))
    );
    let second = get("?page=2").await.data(200);
    assert_eq!(second.as_array().unwrap().len(), 6);
    let mut listed: Vec<_> = first.data(200).as_array().unwrap().clone();
    listed.extend(second.as_array().unwrap().clone());
    let mut by_start = listed.clone();
    by_start.sort_by_key(|show| show["starts_at"].as_str().unwrap().to_owned());
    assert_eq!(listed, by_start);
    for show in &listed {
        let one = world.get(&format!(
            "/api/v1/shows/{}",
            show["show_id"].as_str().unwrap()
        ));
        assert_eq!(&one.send().await.data(200), show);
    }
    assert_eq!(get("?page=3").await.data(200), json!([]));
    for query in ["?page=0", "?per_page=0", "?per_page=101", "?limit=5"] {
        get(query).await.error(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn an_organizer_has_quotas_and_the_refusal_names_the_full_one() {
    let world = World::with(|config| {
        config.quota.events_per_organizer_max = 2;
        config.quota.shows_per_event_max = 3;
        // The show of these tests has 28.
        config.quota.seats_per_organizer_max = 38;
        config.quota.layout_bytes_per_organizer_max = 450;
    })
    .await;
    let event = json!({"name": "n", "starts_at": "2030-01-01T00:00:00Z"});
    let create = || {
        world
            .post("/api/v1/events")
            .by_role("organizer")
            .json(&event)
            .send()
    };
    create().await.data(201);
    let full = create().await.error(409, "QUOTA_EXCEEDED");
    assert_eq!(
        full,
        json!({"quota": "events_per_organizer_max", "limit": 2, "used": 2, "requested": 1})
    );
    // Another organizer has their own.
    world
        .post("/api/v1/events")
        .by_user(UserId::from_bytes([9; 16]), "organizer")
        .json(&event)
        .send()
        .await
        .data(201);
    let show = |rows: serde_json::Value| {
        let price = json!({"amount": 5, "currency": "THB"});
        let zone = json!({"name": "Z", "price": price, "admission": "seated", "rows": rows});
        let body = json!({"starts_at": "2030-01-01T00:00:00Z", "zones": [zone]});
        let path = format!("/api/v1/events/{EVENT}/shows");
        world.post(&path).by_role("organizer").json(&body).send()
    };
    let quota = |details: serde_json::Value| details["quota"].as_str().unwrap().to_owned();
    let refused = show(json!([{"name": "A", "seats": 11}])).await;
    assert_eq!(
        quota(refused.error(409, "QUOTA_EXCEEDED")),
        "seats_per_organizer_max"
    );
    let label = |n: usize| format!("{n}{}", "\u{e01}".repeat(7));
    let labels: Vec<String> = (0..9).map(label).collect();
    let refused = show(json!([{"name": "\u{e01}".repeat(16), "seats": labels}])).await;
    assert_eq!(
        quota(refused.error(409, "QUOTA_EXCEEDED")),
        "layout_bytes_per_organizer_max"
    );
    show(json!([{"name": "A", "seats": 5}])).await.data(201);
    show(json!([{"name": "A", "seats": 5}])).await.data(201);
    let refused = show(json!([{"name": "A", "seats": 1}])).await;
    assert_eq!(
        quota(refused.error(409, "QUOTA_EXCEEDED")),
        "shows_per_event_max"
    );
    let total = world
        .get(&format!("/api/v1/events/{EVENT}/shows"))
        .send()
        .await;
    assert_eq!(
        total.json()["meta"]["total"],
        3,
        "what was refused is not there"
    );
}

fn update(world: &World, change: serde_json::Value) -> crate::support::Call<'_> {
    let mut body = json!({"name": "Another night", "starts_at": "2030-01-01T00:00:00Z"});
    for (key, value) in change.as_object().unwrap() {
        body[key] = value.clone();
    }
    world
        .call(Method::PUT, &format!("/api/v1/events/{EVENT}"))
        .by_role("organizer")
        .json(&body)
}

/// The record that the projector makes of the last command.
fn accepted(world: &World, offset: u64, outcome: Outcome) -> Vec<OutcomeRecord> {
    let mut record = ScriptedLog::record(offset, outcome);
    record.request_id = world.log.last().request_id;
    vec![record]
}

#[tokio::test]
async fn an_event_is_cancelled_through_the_log_and_for_ever() {
    let world = World::new().await;
    world.operations.projected.store(0, Ordering::SeqCst);
    let event = update(&world, json!({"status": "cancelled"}));
    let event = event.send().await.data(200);
    assert_eq!(event["status"], "cancelled");
    let envelope = world.log.last();
    assert_eq!(envelope.command, Command::CancelEvent { event: EVENT });
    let by = envelope.by.expect("the log says who");
    assert_eq!(by.user, ORGANIZER);
    assert_eq!(by.tenant.unwrap().0, Uuid::from_u128(7));
    // The database follows the log, not the request.
    let row = world.store.event(EVENT).await.unwrap().unwrap();
    assert_eq!(row.status, EventStatus::Published);
    let opened = world
        .store
        .set_show_status(SHOW, ShowStatus::Open, Unaudited::Unattended)
        .await;
    assert!(opened.unwrap());
    let outcome = Outcome::EventCancelled { event: EVENT };
    world.project(0, accepted(&world, 100, outcome)).await;
    let row = world.store.event(EVENT).await.unwrap().unwrap();
    assert_eq!(row.status, EventStatus::Cancelled);
    assert_eq!(row.name, "Another night");
    let show = world.store.show(SHOW).await.unwrap().unwrap();
    assert_eq!(show.status, ShowStatus::Cancelled);

    for status in ["published", "draft"] {
        let reply = update(&world, json!({ "status": status })).send().await;
        reply.error(409, "SHOW_CANCELLED");
    }
    // What people read can still be changed: it may say why.
    let text = update(&world, json!({"name": "Cancelled: a night out"}));
    assert_eq!(text.send().await.data(200)["status"], "cancelled");
    assert_eq!(world.log.seen().len(), 1);
}

#[tokio::test]
async fn a_limit_goes_to_all_shows_by_one_record() {
    let world = World::new().await;
    world.operations.projected.store(0, Ordering::SeqCst);
    let event = update(&world, json!({"max_tickets_per_user": 1}));
    assert_eq!(event.send().await.data(200)["max_tickets_per_user"], 1);
    let Command::AmendEvent(amend) = world.log.last().command else {
        panic!("not an amendment")
    };
    assert_eq!((amend.event, amend.max_tickets_per_user), (EVENT, 1));
    let outcome = Outcome::EventAmended {
        event: EVENT,
        max_tickets_per_user: 1,
    };
    world.project(0, accepted(&world, 100, outcome)).await;
    let row = world.store.event(EVENT).await.unwrap().unwrap();
    assert_eq!(
        (row.max_tickets_per_user, row.name.as_str()),
        (1, "Another night")
    );
    // Without a limit nothing is the log's business.
    update(&world, json!({})).send().await.data(200);
    assert_eq!(world.log.seen().len(), 1);
}

#[tokio::test]
async fn a_new_event_is_not_cancelled() {
    let world = World::new().await;
    let body = json!({"name": "n", "starts_at": "2030-01-01T00:00:00Z", "status": "cancelled"});
    let reply = world
        .post("/api/v1/events")
        .by_role("organizer")
        .json(&body)
        .send()
        .await;
    assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], "status");
}
