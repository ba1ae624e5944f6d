//! What pages about events are made of: names in addresses, Markdown, zones, versions, calendars; and what organizers
//! read of what was sold.

mod categories;
mod deletions;
mod ended;
mod orders;
mod pages;
mod venues;
mod versions;

use std::sync::atomic::Ordering;

use http::Method;
use onsale_store::audit::Unaudited;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Call, EVENT, Reply, World};
use crate::venues::venue_row;

/// Creates an event of the organizer; what was answered.
async fn created(world: &World, body: Value) -> Value {
    let call = world.post("/api/v1/events").by_role("organizer");
    call.json(&body).send().await.data(201)
}

fn path_of(event: &Value) -> String {
    format!("/api/v1/events/{}", event["event_id"].as_str().unwrap())
}

/// The pages of a list, each with the cursor that the one before it gave; fails where there are more than `most`.
async fn walked<'a>(page: impl Fn(&str) -> Call<'a>, most: usize) -> Vec<Reply> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = page(&cursor).send().await;
        reply.data(200);
        let answer = reply.json();
        let next = answer["meta"]["next_cursor"].as_str();
        let next = next.map(|next| format!("&cursor={next}"));
        pages.push(reply);
        assert!(pages.len() <= most, "it goes on");
        match next {
            Some(next) => cursor = next,
            None => return pages,
        }
    }
}

#[tokio::test]
async fn an_event_says_what_its_page_says() {
    let world = World::new().await;
    let venue = venue_row(Uuid::from_u128(0x4d), Uuid::from_u128(7), "Haus");
    let by = Unaudited::Unattended;
    world.store.add_venue(&venue, by).await.unwrap();
    let event = created(
        &world,
        json!({
            "name": "Café Nacht", "starts_at": "2030-07-15T19:30:00", "time_zone": "europe/berlin",
            "description": "**Loud** <script>x</script> [more](https://a.example)",
            "performers": ["Ada", "Bo"], "venue_id": "00000000-0000-0000-0000-00000000004d",
        }),
    )
    .await;
    assert_eq!(event["slug"], "cafe-nacht");
    assert_eq!(event["starts_at"], "2030-07-15T17:30:00.000Z");
    assert_eq!(event["time_zone"], "Europe/Berlin");
    assert_eq!(event["starts_at_local"], "2030-07-15T19:30:00+02:00");
    assert_eq!(event["performers"], json!(["Ada", "Bo"]));
    assert_eq!(event["venue_id"], "00000000-0000-0000-0000-00000000004d");
    assert_eq!(
        event["description_html"],
        "<p><strong>Loud</strong> &lt;script&gt;x&lt;/script&gt; \
         <a href=\"https://a.example\" rel=\"nofollow noopener\">more</a></p>\n"
    );
    assert_eq!(world.get(&path_of(&event)).send().await.data(200), event);
    // Lists leave the HTML out.
    let listed = world
        .get("/api/v1/events?search=ada")
        .send()
        .await
        .data(200);
    assert_eq!(listed[0]["event_id"], event["event_id"]);
    assert!(listed[0].get("description_html").is_none());
    // What a client of before sends takes nothing of it away.
    let put = json!({"name": "Café Nacht", "starts_at": "2030-07-15T19:30:00"});
    let put = world
        .call(Method::PUT, &path_of(&event))
        .by_role("organizer")
        .json(&put);
    let put = put.send().await.data(200);
    for field in ["slug", "performers", "venue_id", "time_zone", "starts_at"] {
        assert_eq!(put[field], event[field], "{field}");
    }
    assert_eq!(put["description"], Value::Null);
}

#[tokio::test]
async fn what_a_page_cannot_say_is_refused_by_field() {
    let world = World::new().await;
    let long = format!(
        "[a]: https://a.example/{}\n\n{}",
        "&".repeat(4_900),
        "[a]".repeat(1_600)
    );
    for (change, field) in [
        (json!({"slug": "Not A Slug"}), "slug"),
        (json!({"slug": ""}), "slug"),
        (json!({"slug": "a".repeat(81)}), "slug"),
        (json!({"performers": [""]}), "performers[0]"),
        (json!({"performers": vec!["x"; 51]}), "performers"),
        (json!({"time_zone": "Mars/Base"}), "time_zone"),
        (json!({"time_zone": "+07:00"}), "time_zone"),
        (json!({"venue_id": "x"}), "venue_id"),
        // The night in which clocks are put forward, and that in which they are put back.
        (
            json!({"time_zone": "Europe/Berlin", "starts_at": "2030-03-31T02:30:00"}),
            "starts_at",
        ),
        (
            json!({"time_zone": "Europe/Berlin", "starts_at": "2030-10-27T02:30:00"}),
            "starts_at",
        ),
        // It says nothing without a zone.
        (json!({"starts_at": "2030-10-27T02:30:00"}), "starts_at"),
        (json!({"description": long}), "description"),
    ] {
        let mut body = json!({"name": "n", "starts_at": "2030-01-01T00:00:00Z"});
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let call = world
            .post("/api/v1/events")
            .by_role("organizer")
            .json(&body);
        let refused = call.send().await.error(400, "VALIDATION_ERROR");
        assert_eq!(refused["field"], field, "{change}");
    }
}

#[tokio::test]
async fn names_in_addresses_lead_to_events_also_when_they_have_others() {
    let world = World::new().await;
    let night = json!({"name": "Opera", "starts_at": "2030-01-01T00:00:00Z"});
    let first = created(&world, night.clone()).await;
    let second = created(&world, night.clone()).await;
    assert_eq!(first["slug"], "opera");
    let other = second["slug"].as_str().unwrap();
    assert!(other.starts_with("opera-") && other != "opera-", "{other}");
    // Asked for by name it is refused.
    let mut named = night.clone();
    named["slug"] = json!("opera");
    let call = world
        .post("/api/v1/events")
        .by_role("organizer")
        .json(&named);
    call.send().await.error(409, "SLUG_TAKEN");
    let changed = world
        .call(Method::PATCH, &path_of(&first))
        .by_role("organizer")
        .json(&json!({"slug": "โอเปร่า"}))
        .send()
        .await
        .data(200);
    assert_eq!(changed["slug"], "โอเปร่า");
    assert_eq!(changed["name"], "Opera");
    for slug in [
        "opera",
        "%E0%B9%82%E0%B8%AD%E0%B9%80%E0%B8%9B%E0%B8%A3%E0%B9%88%E0%B8%B2",
    ] {
        let found = world.get(&format!("/api/v1/events/by-slug/{slug}"));
        let found = found.send().await.data(200);
        assert_eq!(found["event_id"], first["event_id"], "{slug}");
        assert_eq!(found["slug"], "โอเปร่า");
    }
    for slug in ["nothing", "UPPER", "a--b"] {
        let path = format!("/api/v1/events/by-slug/{slug}");
        world.get(&path).send().await.error(404, "NOT_FOUND");
    }
    // A draft is found by its organizer alone.
    let mut draft = night;
    draft["status"] = json!("draft");
    draft["slug"] = json!("secret");
    created(&world, draft).await;
    let path = "/api/v1/events/by-slug/secret";
    world.get(path).send().await.error(404, "NOT_FOUND");
    world.get(path).by_role("organizer").send().await.data(200);
}

#[tokio::test]
async fn an_event_is_copied_as_a_draft_of_its_own() {
    let world = World::new().await;
    let event = created(
        &world,
        json!({
            "name": "Opera", "starts_at": "2030-07-15T19:30:00", "time_zone": "Europe/Berlin",
            "performers": ["Ada"], "minimum_age": 16, "description": "*Late*",
        }),
    )
    .await;
    let path = format!("{}/copy", path_of(&event));
    let copy = async |body: Value| {
        let call = world.post(&path).by_role("organizer").json(&body);
        call.header("idempotency-key", "copy-1").send().await
    };
    let body = json!({"starts_at": "2031-01-15T19:30:00"});
    let copied = copy(body.clone()).await.data(201);
    assert_eq!(copied["status"], "draft");
    assert_eq!(copied["starts_at"], "2031-01-15T18:30:00.000Z");
    assert_ne!(copied["slug"], event["slug"]);
    for field in [
        "name",
        "performers",
        "minimum_age",
        "description",
        "time_zone",
    ] {
        assert_eq!(copied[field], event[field], "{field}");
    }
    assert_eq!(copy(body).await.data(201), copied, "once");
    copy(json!({})).await.error(422, "IDEMPOTENCY_KEY_REUSED");
    // With a name in addresses, and published, where that is said.
    let copy = async |body: Value| {
        let call = world.post(&path).by_role("organizer").json(&body);
        call.send().await
    };
    let told = json!({"name": "Opera again", "slug": "opera-again", "status": "published"});
    let published = copy(told).await.data(201);
    assert_eq!(published["status"], "published");
    assert_eq!(published["slug"], "opera-again");
    assert_eq!(published["name"], "Opera again");
    copy(json!({"slug": "opera-again"}))
        .await
        .error(409, "SLUG_TAKEN");
    for (body, field) in [
        (json!({"slug": "Opera Again"}), "slug"),
        (json!({"status": "cancelled"}), "status"),
        (json!({"name": ""}), "name"),
    ] {
        let refused = copy(body.clone()).await.error(400, "VALIDATION_ERROR");
        assert_eq!(refused["field"], field, "{body}");
    }
    let nothing = format!("/api/v1/events/{}/copy", uuid::Uuid::from_u128(99));
    let call = world.post(&nothing).by_role("organizer").json(&json!({}));
    call.send().await.error(404, "NOT_FOUND");
    let other = world
        .post(&format!("/api/v1/events/{EVENT}/copy"))
        .by_role("organizer");
    let plain = other.send().await.data(201);
    assert_eq!(plain["name"], "A night out");
}

#[tokio::test]
async fn shows_are_told_in_the_zone_of_their_event() {
    let world = World::new().await;
    let event = created(
        &world,
        json!({"name": "Opera", "starts_at": "2030-07-15T19:30:00", "time_zone": "Europe/Berlin"}),
    )
    .await;
    let show = |starts_at: &str| {
        json!({"starts_at": starts_at, "sale_closes_at": "2030-01-14T12:00:00", "zones": [{
            "name": "Floor", "admission": "general", "capacity": 5,
            "price": {"amount": 1, "currency": "THB"},
        }]})
    };
    let path = format!("{}/shows", path_of(&event));
    let create = async |starts_at: &str| {
        let call = world
            .post(&path)
            .by_role("organizer")
            .json(&show(starts_at));
        call.send().await
    };
    let made = create("2030-01-15T19:30:00").await.data(201);
    assert_eq!(made["starts_at"], "2030-01-15T18:30:00.000Z");
    assert_eq!(made["sale_closes_at"], "2030-01-14T11:00:00.000Z");
    let refused = create("2030-03-31T02:30:00")
        .await
        .error(400, "VALIDATION_ERROR");
    assert_eq!(refused["field"], "starts_at");
    let path = format!("/api/v1/shows/{}", made["show_id"].as_str().unwrap());
    let amend = async |body: Value| {
        let call = world.call(Method::PATCH, &path).by_role("organizer");
        call.json(&body).send().await
    };
    let twice = amend(json!({"sale_closes_at": "2030-10-27T02:30:00"})).await;
    assert_eq!(
        twice.error(400, "VALIDATION_ERROR")["field"],
        "sale_closes_at"
    );
    // The catalog is behind the log, so the answer is made of the change.
    world.operations.projected.store(0, Ordering::SeqCst);
    let moved = amend(json!({"starts_at": "2030-07-15T19:30:00"}))
        .await
        .data(200);
    assert_eq!(moved["starts_at"], "2030-07-15T17:30:00.000Z");
    // The world's own event has no zone.
    let plain = format!("/api/v1/events/{EVENT}/shows");
    let call = world
        .post(&plain)
        .by_role("organizer")
        .json(&show("2030-01-15T19:30:00"));
    let refused = call.send().await.error(400, "VALIDATION_ERROR");
    assert_eq!(refused["field"], "starts_at");
}
