//! `/categories`

use http::Method;
use serde_json::json;

use super::created;
use crate::support::World;

/// An installation that is in use gets none by itself.
#[tokio::test]
async fn the_first_categories_are_for_a_new_installation() {
    let world = World::new().await;
    world.ingress.add_first_categories().await;
    let listed = world.get("/api/v1/categories").send().await.data(200);
    assert_eq!(listed, json!([]), "there is an event");
}

#[tokio::test]
async fn what_is_written_for_a_category_becomes_its_name() {
    let world = World::new().await;
    let create = async |body: serde_json::Value| {
        let call = world
            .post("/api/v1/categories")
            .by_role("operator")
            .json(&body);
        call.send().await
    };
    let made = create(json!({"name": "Concert", "aliases": ["คอนเสิร์ต", "gig"], "place": 2}));
    let made = made.await.data(201);
    assert_eq!(made["slug"], "concert");
    let listed = world.get("/api/v1/categories").send().await.data(200);
    assert_eq!(listed[0]["category_id"], made["category_id"]);
    let event = json!({"name": "n", "starts_at": "2030-01-01T00:00:00Z", "category": "GIG"});
    assert_eq!(created(&world, event).await["category"], "Concert");
    let free = json!({"name": "n", "starts_at": "2030-01-01T00:00:00Z", "category": "puppets"});
    assert_eq!(created(&world, free).await["category"], "puppets");
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "n", "slug": "A B"}), "slug"),
        (json!({"name": "🎤"}), "slug"),
        (json!({"name": "n", "aliases": [""]}), "aliases[0]"),
        (json!({"name": "n", "aliases": vec!["a"; 51]}), "aliases"),
        (json!({"name": "n", "place": 70_000}), "place"),
    ] {
        let refused = create(body.clone()).await.error(400, "VALIDATION_ERROR");
        assert_eq!(refused["field"], field, "{body}");
    }
    create(json!({"name": "Gig"}))
        .await
        .error(409, "SLUG_TAKEN");
    let path = format!(
        "/api/v1/categories/{}",
        made["category_id"].as_str().unwrap()
    );
    let change = world
        .call(Method::PATCH, &path)
        .by_role("operator")
        .json(&json!({"name": "Music"}));
    let as_read = listed[0]["etag"].as_str().unwrap();
    let changed = change.header("if-match", as_read).send().await;
    let newer = changed.header("etag").to_owned();
    let changed = changed.data(200);
    assert_eq!(changed["name"], "Music");
    // Who has not seen that changes nothing.
    for method in [Method::PATCH, Method::DELETE] {
        let late = world.call(method.clone(), &path).by_role("operator");
        let late = if method == Method::PATCH {
            late.json(&json!({"name": "Late"}))
        } else {
            late
        };
        let refused = late.header("if-match", as_read).send().await;
        assert_eq!(
            refused.error(412, "PRECONDITION_FAILED")["etag"],
            newer.as_str(),
            "{method}"
        );
    }
    assert_eq!(changed["slug"], "concert");
    let music = world
        .get("/api/v1/events?category=music")
        .send()
        .await
        .data(200);
    assert!(!music.as_array().unwrap().is_empty());
    // Saved links find the same by its slug, its alias and the name that it had.
    for text in ["concert", "GIG", "gig", "Concert", "Music"] {
        let path = format!("/api/v1/events?category={text}");
        assert_eq!(world.get(&path).send().await.data(200), music, "{text}");
    }
    let puppets = world.get("/api/v1/events?category=puppets&mine=true");
    let puppets = puppets.by_role("organizer").send().await.data(200);
    assert_eq!(puppets[0]["category"], "puppets", "a text of its own");
    let gigs = world.get("/api/v1/events?category=gig&mine=true");
    let gigs = gigs.by_role("organizer").send().await.data(200);
    assert_eq!(gigs[0]["category"], "Music");
    let removed = world.call(Method::DELETE, &path).by_role("operator");
    let removed = removed.header("if-match", &format!("\"x\", {newer}"));
    removed.send().await.data(200);
    let again = world.call(Method::DELETE, &path).by_role("operator");
    again.send().await.error(404, "NOT_FOUND");
    // Its events keep its name, and nothing else is taken for it.
    let gigs = world.get("/api/v1/events?category=gig&mine=true");
    let gigs = gigs.by_role("organizer").send().await.data(200);
    assert_eq!(gigs, json!([]));
    assert_eq!(
        world.get("/api/v1/categories").send().await.data(200),
        json!([])
    );
}
