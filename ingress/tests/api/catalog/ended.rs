//! What an event is called whose last show is over.

use std::time::Duration;

use onsale_schemas::EventId;
use onsale_store::catalog::{EventDetails, EventRow};
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::{NOW_MS, Reply, World, event};

/// What is shown a moment after it was changed is waited for no longer than this.
const PATIENCE: Duration = Duration::from_secs(30);
const ENDING: EventId = EventId(Uuid::from_u128(0xe2d));

/// The status of the event in an answer that has it alone or in a list.
fn status(reply: &Reply) -> Option<String> {
    let data = reply.json()["data"].clone();
    let id = ENDING.to_string();
    let listed = data.as_array().map(Vec::as_slice);
    let mut events = listed.unwrap_or(std::slice::from_ref(&data)).iter();
    let found = events.find(|event| event["event_id"] == id.as_str())?;
    found["status"].as_str().map(str::to_owned)
}

async fn ask(world: &World, path: &str) -> Reply {
    let call = world.get(path);
    if path.contains("mine=true") {
        return call.by_role("organizer").send().await;
    }
    call.send().await
}

/// Asks until the event has this status.
async fn until(world: &World, path: &str, expected: &str) -> Reply {
    let end = Instant::now() + PATIENCE;
    loop {
        let reply = ask(world, path).await;
        if status(&reply).as_deref() == Some(expected) {
            return reply;
        }
        assert!(Instant::now() < end, "{path}: {}", reply.json());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_event_is_ended_wherever_it_is_shown() {
    let world = World::new().await;
    let row = EventRow {
        event_id: ENDING,
        name: "Matinee".to_owned(),
        details: EventDetails {
            slug: Some("matinee".to_owned()),
            ..EventDetails::default()
        },
        ..event()
    };
    world.store.add_event(&row).await.unwrap();
    let alone = [
        format!("/api/v1/events/{ENDING}"),
        format!("/api/v1/events/{ENDING}?include=shows"),
        "/api/v1/events/by-slug/matinee".to_owned(),
    ];
    let listed = ["", "?search=matinee", "?mine=true"];
    let listed = listed.map(|query| format!("/api/v1/events{query}"));
    let mut tags = Vec::new();
    for path in alone.iter().chain(&listed) {
        let reply = ask(&world, path).await;
        assert_eq!(status(&reply).as_deref(), Some("published"), "{path}");
        if alone.contains(path) {
            tags.push(reply.header("etag").to_owned());
        }
    }
    // As long as it may last it is not over.
    let is_noted = world.store.note_ended_events(NOW_MS, row.starts_at_ms);
    assert_eq!(is_noted.await.unwrap(), 0);
    for path in &alone {
        let reply = ask(&world, path).await;
        assert_eq!(status(&reply).as_deref(), Some("published"), "{path}");
    }
    // And then it is, with the event of every world.
    let is_noted = world.store.note_ended_events(NOW_MS, row.starts_at_ms + 1);
    assert_eq!(is_noted.await.unwrap(), 2);
    for path in alone.iter().chain(&listed) {
        until(&world, path, "ended").await;
    }
    // It is another answer than who asks again has.
    for (path, before) in alone.iter().zip(&tags) {
        let again = world.get(path).header("if-none-match", before).send();
        let again = again.await;
        assert_eq!(again.status, 200, "{path}");
        let tag = again.header("etag").to_owned();
        assert_ne!(tag, *before, "{path}");
        let known = world.get(path).header("if-none-match", &tag).send().await;
        assert_eq!(known.status, 304, "{path}");
    }
}
