//! Shows that were taken out of every list, and those of deleted events.

use std::time::{Duration, Instant};

use http::Method;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{Deletion, ShowStatus};
use serde_json::json;

use crate::support::{EVENT, NOW_MS, SHOW, STALLS, World};

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// What can be read of a show.
const READS: [&str; 6] = ["", "/seats", "/zones", "/availability", "/offer", "/stream"];

fn path(rest: &str) -> String {
    format!("/api/v1/shows/{SHOW}{rest}")
}

/// A world whose show is known to be public, and cancelled.
async fn cancelled() -> World {
    let world = World::new().await;
    world.get(&path("/seats")).send().await.data(200);
    let store = &world.store;
    let status = ShowStatus::Cancelled;
    let is_set = store.set_show_status(SHOW, status, Unaudited::Unattended);
    assert!(is_set.await.unwrap());
    world
}

/// Waits until nobody finds it, whichever address is asked.
async fn until_gone(world: &World) {
    for rest in READS {
        for role in [None, Some("buyer"), Some("organizer")] {
            let begun = Instant::now();
            loop {
                let call = world.get(&path(rest));
                let call = match role {
                    Some(role) => call.by_role(role),
                    None => call,
                };
                let status = call.open().await.status();
                if status == 404 {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "{rest} {role:?}: {status}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    let rows = json!({"rows": [{"name": "C", "seats": 1}]});
    let block = json!({"zone_id": STALLS, "seats": ["A-1"]});
    for (method, rest, body) in [
        (Method::PATCH, String::new(), json!({"name": "Again"})),
        (Method::POST, "/block".to_owned(), block),
        (Method::POST, "/close".to_owned(), json!({})),
        (Method::POST, format!("/zones/{STALLS}/seats"), rows),
        (Method::PUT, "/offer".to_owned(), json!({})),
    ] {
        let call = world.call(method, &path(&rest)).by_role("organizer");
        call.json(&body).send().await.error(404, "NOT_FOUND");
    }
    let codes = world.get(&path("/codes")).by_role("organizer");
    codes.send().await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn nobody_finds_a_show_that_was_taken_out_of_every_list() {
    let world = cancelled().await;
    let delete = world.call(Method::DELETE, &path("")).by_role("organizer");
    delete.send().await.data(200);
    until_gone(&world).await;
    // Once more is the same as once.
    let delete = world.call(Method::DELETE, &path("")).by_role("organizer");
    delete.send().await.data(200);
}

#[tokio::test]
async fn nobody_finds_a_show_of_a_deleted_event() {
    let world = cancelled().await;
    let deleted = world
        .store
        .delete_event(EVENT, NOW_MS, None, Unaudited::Unattended);
    assert_eq!(deleted.await.unwrap(), Deletion::Done);
    until_gone(&world).await;
}
