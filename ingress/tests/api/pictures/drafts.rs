//! Who sees and sends the picture of which event.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{event_path, looks, path_of, png, put, sent, world};
use crate::support::{Claims, ORGANIZER, World};

async fn draft(world: &World) -> String {
    let body = json!({"name": "Antares", "starts_at": "2030-01-01T00:00:00Z", "status": "draft"});
    let call = world.post("/api/v1/events").by_role("organizer");
    let event = call.json(&body).send().await.data(201);
    format!("/api/v1/events/{}", event["event_id"].as_str().unwrap())
}

/// Somebody who manages events, of another tenant.
fn elsewhere() -> String {
    let mut claims = Claims::new(ORGANIZER, "organizer");
    claims.tenant = Uuid::from_u128(8);
    claims.token()
}

#[tokio::test]
async fn the_picture_of_a_draft_is_for_those_who_see_the_draft() {
    let (world, _folder) = world(|_| {}).await;
    let draft = draft(&world).await;
    let event = sent(&world, &draft, "", png(400, 300)).await;
    let path = path_of(&event, 320);
    for hidden in [
        world.get(&path),
        world.get(&path).by_role("buyer"),
        world.get(&path).token(&elsewhere()),
    ] {
        hidden.send().await.error(404, "NOT_FOUND");
    }
    for who in ["organizer", "admin", "operator"] {
        let shown = world.get(&path).by_role(who).send().await;
        assert_eq!(shown.status.as_u16(), 200, "{who}");
        assert_eq!(shown.header("cache-control"), "private, no-cache");
        let mut varies = shown.headers.get_all("vary").iter();
        assert!(varies.any(|by| by == "authorization"), "{who}");
    }
    // Nobody else finds it because somebody has.
    world.get(&path).send().await.error(404, "NOT_FOUND");

    let publish = world.call(Method::PATCH, &draft).by_role("organizer");
    let published = publish.json(&json!({"status": "published"})).send().await;
    assert_eq!(published.data(200)["picture"], event["picture"]);
    let public = world.get(&path).send().await;
    assert_eq!(public.status.as_u16(), 200);
    assert_eq!(
        public.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
}

#[tokio::test]
async fn only_those_who_manage_an_event_change_its_picture() {
    let (world, _folder) = world(|_| {}).await;
    let draft = draft(&world).await;
    sent(&world, &event_path(), "", png(20, 20)).await;
    let before = looks(&world).await;
    let remove = |event: &str| world.call(Method::DELETE, &format!("{event}/picture"));
    for (event, status, code) in [
        (event_path(), 403, "FORBIDDEN"),
        (draft.clone(), 404, "NOT_FOUND"),
    ] {
        let by_others = put(&world, &event, "", png(9, 9)).token(&elsewhere());
        by_others.send().await.error(status, code);
        let by_others = remove(&event).token(&elsewhere());
        by_others.send().await.error(status, code);
    }
    for event in [&event_path(), &draft] {
        let by_nobody = put(&world, event, "", png(9, 9)).send().await;
        by_nobody.error(401, "UNAUTHORIZED");
        let by_buyer = put(&world, event, "", png(9, 9)).by_role("buyer");
        by_buyer.send().await.error(403, "FORBIDDEN");
        let by_buyer = remove(event).by_role("buyer");
        by_buyer.send().await.error(403, "FORBIDDEN");
    }
    assert_eq!(looks(&world).await, before);
    let read = world.get(&event_path()).send().await.data(200);
    assert_eq!(read["picture"]["widths"], json!([20]));
}

#[tokio::test]
async fn a_copy_has_no_picture_and_what_is_deleted_shows_none() {
    let (world, _folder) = world(|_| {}).await;
    let draft = draft(&world).await;
    let event = sent(&world, &draft, "", png(20, 20)).await;
    let copy = world.post(&format!("{draft}/copy")).by_role("organizer");
    let copy = copy.json(&json!({})).send().await.data(201);
    assert_eq!(copy["picture"], Value::Null);
    // What changes of the event leaves its picture.
    let renamed = world.call(Method::PATCH, &draft).by_role("organizer");
    let renamed = renamed.json(&json!({"name": "Vega"})).send().await;
    assert_eq!(renamed.data(200)["picture"], event["picture"]);

    let deleted = world.call(Method::DELETE, &draft).by_role("organizer");
    deleted.send().await.data(200);
    let path = path_of(&event, 20);
    let shown = world.get(&path).by_role("organizer").send().await;
    shown.error(404, "NOT_FOUND");
    let id = event["picture"]["id"].as_str().unwrap();
    let expected = [format!("{id} announced"), format!("{id} replaced")];
    assert_eq!(looks(&world).await, expected);
    let late = put(&world, &draft, "", png(9, 9)).by_role("organizer");
    late.send().await.error(404, "NOT_FOUND");
}
