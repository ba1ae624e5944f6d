//! `ETag` and `If-Match`.

use http::Method;
use serde_json::json;

use super::{created, path_of};
use crate::support::{SHOW, World};

#[tokio::test]
async fn a_change_is_of_the_version_that_was_read() {
    let world = World::new().await;
    let event = created(
        &world,
        json!({"name": "Opera", "starts_at": "2030-01-01T00:00:00Z"}),
    )
    .await;
    let path = path_of(&event);
    let read = world.get(&path).send().await;
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    assert!(read.header("cache-control").starts_with("public"));
    let again = world.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!(again.status, 304);
    assert_eq!(again.header("etag"), tag);
    let patch = async |tag: &str, name: &str| {
        let call = world.call(Method::PATCH, &path).by_role("organizer");
        let call = call.header("if-match", tag).json(&json!({"name": name}));
        call.send().await
    };
    let changed = patch(&tag, "Opera II").await;
    assert_eq!(changed.data(200)["name"], "Opera II");
    let newer = changed.header("etag").to_owned();
    assert_ne!(newer, tag);
    assert_eq!(world.get(&path).send().await.header("etag"), newer);
    // Of the version before.
    let refused = patch(&tag, "Opera III")
        .await
        .error(412, "PRECONDITION_FAILED");
    assert_eq!(refused["etag"], newer.as_str());
    assert_eq!(world.get(&path).send().await.data(200)["name"], "Opera II");
    for other in ["\"x\"", "", "\"0\""] {
        patch(other, "Opera III")
            .await
            .error(412, "PRECONDITION_FAILED");
    }
    // A PUT, a change that the log decides and a deletion as well.
    let put = json!({"name": "Opera III", "starts_at": "2030-01-01T00:00:00Z"});
    let limited = json!({"max_tickets_per_user": 2});
    let cancelled = json!({"status": "cancelled"});
    for (method, body) in [
        (Method::PUT, Some(put)),
        (Method::PATCH, Some(limited)),
        (Method::PATCH, Some(cancelled)),
        (Method::DELETE, None),
    ] {
        let seen = world.log.seen().len();
        let mut call = world
            .call(method.clone(), &path)
            .by_role("organizer")
            .header("if-match", &tag);
        if let Some(body) = &body {
            call = call.json(body);
        }
        call.send().await.error(412, "PRECONDITION_FAILED");
        assert_eq!(world.log.seen().len(), seen, "{method} {body:?}");
    }
    // A proxy that compresses makes a tag weak.
    assert_eq!(patch(&format!("W/{newer}"), "Opera IV").await.status, 200);
    assert_eq!(patch("*", "Opera V").await.status, 200);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_takes_away() {
    let world = World::new().await;
    let event = created(
        &world,
        json!({
            "name": "Opera", "starts_at": "2030-01-01T00:00:00Z", "city": "Oslo", "venue": "House",
            "minimum_age": 16, "time_zone": "Europe/Oslo", "performers": ["Ada"],
        }),
    )
    .await;
    let path = path_of(&event);
    let patch = async |body: serde_json::Value| {
        let call = world
            .call(Method::PATCH, &path)
            .by_role("organizer")
            .json(&body);
        call.send().await
    };
    let nothing = patch(json!({})).await.data(200);
    assert_eq!(nothing, event);
    let changed =
        patch(json!({"city": null, "minimum_age": null, "time_zone": null, "performers": []}));
    let changed = changed.await.data(200);
    for field in ["city", "minimum_age", "time_zone"] {
        assert!(changed[field].is_null(), "{field}");
    }
    assert_eq!(changed["performers"], json!([]));
    assert_eq!(changed["venue"], "House");
    assert_eq!(changed["starts_at"], event["starts_at"]);
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"minimum_age": 121}), "minimum_age"),
        (json!({"status": "ended"}), "status"),
        (json!({"name": null, "x": 1}), "x"),
    ] {
        let refused = patch(body.clone()).await.error(400, "VALIDATION_ERROR");
        assert_eq!(refused["field"], field, "{body}");
    }
}

#[tokio::test]
async fn of_several_who_read_the_same_one_changes_it() {
    let world = World::new().await;
    let event = created(
        &world,
        json!({"name": "Opera", "starts_at": "2030-01-01T00:00:00Z"}),
    )
    .await;
    let of_event = path_of(&event);
    let of_show = format!("/api/v1/shows/{SHOW}");
    let of_offer = format!("{of_show}/offer");
    for (method, path, bodies) in [
        (
            Method::PATCH,
            &of_event,
            [json!({"name": "Opera I"}), json!({"name": "Opera II"})],
        ),
        // The log decides these, and where nothing else is changed as well.
        (
            Method::PATCH,
            &of_event,
            [
                json!({"max_tickets_per_user": 5}),
                json!({"max_tickets_per_user": 6, "name": "Opera III"}),
            ],
        ),
        (
            Method::PUT,
            &of_offer,
            [json!({"tax_percent": "7"}), json!({"tax_percent": "19"})],
        ),
        (
            Method::PATCH,
            &of_show,
            [json!({"name": "Early"}), json!({"name": "Late"})],
        ),
    ] {
        let read = world.get(path).by_role("organizer").send().await;
        let tag = read.header("etag").to_owned();
        let asked = (0..8).map(|number| {
            let call = world.call(method.clone(), path).by_role("organizer");
            let call = call.header("if-match", &tag).json(&bodies[number % 2]);
            call.send()
        });
        let replies = futures::future::join_all(asked).await;
        let mut changed = 0;
        for reply in &replies {
            if reply.status == 412 {
                reply.error(412, "PRECONDITION_FAILED");
            } else {
                reply.data(200);
                changed += 1;
            }
        }
        assert_eq!(changed, 1, "{method} {path}");
    }
}

#[tokio::test]
async fn who_names_no_version_is_never_in_the_way_of_others() {
    let world = World::new().await;
    let event = created(
        &world,
        json!({"name": "Opera", "starts_at": "2030-01-01T00:00:00Z"}),
    )
    .await;
    let path = path_of(&event);
    let bodies: Vec<_> = (0..8)
        .map(|number| json!({"name": format!("Opera {number}")}))
        .collect();
    let asked = bodies.iter().map(|body| {
        let call = world.call(Method::PATCH, &path).by_role("organizer");
        call.json(body).send()
    });
    for reply in futures::future::join_all(asked).await {
        reply.data(200);
    }
}

#[tokio::test]
async fn a_show_has_versions_too() {
    let world = World::new().await;
    let path = format!("/api/v1/shows/{SHOW}");
    let read = world.get(&path).send().await;
    let tag = read.header("etag").to_owned();
    assert!(!tag.is_empty());
    let amend = async |tag: &str| {
        let call = world.call(Method::PATCH, &path).by_role("organizer");
        let call = call.header("if-match", tag).json(&json!({"name": "Late"}));
        call.send().await
    };
    amend("\"0\"").await.error(412, "PRECONDITION_FAILED");
    assert!(world.log.seen().is_empty());
    amend(&tag).await.data(200);
}
