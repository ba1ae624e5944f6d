//! `/events`

mod lists;
mod through_the_log;

use http::Method;
use onsale_schemas::{Command, UserId};
use onsale_store::audit::{AuditFilter, Unaudited};
use onsale_store::catalog::{EventRow, EventStatus};
use serde_json::json;

use crate::support::{EVENT, SHOW, World, event};

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

/// Who does as the refusal says loses nothing of what the event says.
#[tokio::test]
async fn a_draft_gets_shows_once_it_is_published_as_the_refusal_says() {
    let world = World::new().await;
    let draft = json!({
        "name": "Ball", "description": "**Ball**", "starts_at": "2030-01-01T20:00:00Z", "status": "draft",
    });
    let made = world.post("/api/v1/events").by_role("organizer");
    let made = made.json(&draft).send().await.data(201);
    let event = format!("/api/v1/events/{}", made["event_id"].as_str().unwrap());
    let show = json!({
        "starts_at": "2030-01-01T20:00:00Z",
        "zones": [{
            "name": "Floor", "admission": "general", "capacity": 5,
            "price": {"amount": 1, "currency": "THB"},
        }],
    });
    let open = || world.post(&format!("{event}/shows")).by_role("organizer");
    let refused = open().json(&show).send().await;
    assert_eq!(refused.error(400, "VALIDATION_ERROR")["field"], "status");
    let said = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(said.contains("`PATCH /events/{id}`"), "{said}");
    let publish = world.call(Method::PATCH, &event).by_role("organizer");
    let published = publish.json(&json!({"status": "published"})).send().await;
    assert_eq!(published.data(200)["description"], "**Ball**");
    open().json(&show).send().await.data(201);
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
