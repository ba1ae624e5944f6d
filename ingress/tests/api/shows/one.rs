//! `GET /shows/{id}`: a show in one answer.

use http::Method;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventRow, EventStatus};
use serde_json::{Value, json};

use crate::support::{EVENT, SHOW, World, event};

#[tokio::test]
async fn a_show_is_one_answer_that_is_encoded_once_for_each_change() {
    let world = World::new().await;
    let patched = world
        .call(Method::PATCH, &format!("/api/v1/events/{EVENT}"))
        .by_role("organizer")
        .json(&json!({"time_zone": "Asia/Bangkok"}));
    patched.send().await.data(200);
    let path = format!("/api/v1/shows/{SHOW}");
    let read = world.get(&path).send().await;
    let page = read.data(200);
    assert_eq!(page["show_id"], SHOW.to_string());
    assert_eq!(page["zones"].as_array().unwrap().len(), 3);
    assert_eq!(page["offer"]["ticket_types"], json!([]));
    assert_eq!(page["offer"]["tax_percent"], "0");
    assert_eq!(page["chart"], Value::Null);
    assert_eq!(page["companions_per_accessible"], 0);
    assert_eq!(page["time_zone"], "Asia/Bangkok");
    for name in ["starts_at", "sale_opens_at", "sale_closes_at"] {
        let local = page[format!("{name}_local")].as_str().unwrap();
        assert!(local.ends_with("+07:00"), "{name}: {local}");
    }
    assert!(read.header("cache-control").starts_with("public"));
    let tag = read.header("etag").to_owned();
    let known = world.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
    assert_eq!(known.header("etag"), tag);
    // Its tag is good for a change of the show; one of its event makes it another one at once.
    let moved = world
        .call(Method::PATCH, &format!("/api/v1/events/{EVENT}"))
        .by_role("organizer")
        .json(&json!({"time_zone": "Europe/Zurich"}));
    moved.send().await.data(200);
    let after = world.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!(after.data(200)["time_zone"], "Europe/Zurich");
    assert_ne!(after.header("etag"), tag);
    let amended = world
        .call(Method::PATCH, &path)
        .by_role("organizer")
        .header("if-match", &tag)
        .json(&json!({"name": "Late"}));
    amended.send().await.data(200);
}

#[tokio::test]
async fn the_show_of_a_draft_is_kept_by_nobody_else() {
    let world = World::new().await;
    let draft = EventRow {
        status: EventStatus::Draft,
        ..event()
    };
    let written = world.store.update_event(&draft, Unaudited::Unattended);
    written.await.unwrap();
    let path = format!("/api/v1/shows/{SHOW}");
    let read = world.get(&path).by_role("organizer").send().await;
    assert_eq!(read.data(200)["show_id"], SHOW.to_string());
    assert_eq!(read.header("cache-control"), "private, no-cache");
    let tag = read.header("etag").to_owned();
    let known = world.get(&path).by_role("organizer");
    let known = known.header("if-none-match", &tag).send().await;
    assert_eq!(known.status.as_u16(), 304);
    world.get(&path).send().await.error(404, "NOT_FOUND");
}
