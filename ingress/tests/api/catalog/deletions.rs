//! What is taken out of the catalog, and what is not.

use http::Method;
use onsale_schemas::outcome::Confirmed;
use onsale_schemas::{Outcome, SeatList};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::ShowStatus;
use serde_json::json;

use super::{created, path_of};
use crate::support::{BUYER, EVENT, NOW_MS, SHOW, ScriptedLog, World};

fn delete<'a>(world: &'a World, path: &str) -> crate::support::Call<'a> {
    world.call(Method::DELETE, path).by_role("organizer")
}

#[tokio::test]
async fn an_event_of_which_nothing_is_on_sale_is_deleted() {
    let world = World::new().await;
    let event = created(
        &world,
        json!({"name": "Opera", "starts_at": "2030-01-01T00:00:00Z"}),
    )
    .await;
    let path = path_of(&event);
    let deleted = delete(&world, &path).send().await.data(200);
    assert_eq!(deleted["event_id"], event["event_id"]);
    for part in [
        "",
        "/shows",
        "/calendar.ics",
        "/schema.json",
        "?include=shows",
    ] {
        let read = world.get(&format!("{path}{part}")).by_role("organizer");
        read.send().await.error(404, "NOT_FOUND");
    }
    world
        .get("/api/v1/events/by-slug/opera")
        .by_role("organizer")
        .send()
        .await
        .error(404, "NOT_FOUND");
    let mine = world.get("/api/v1/events?mine=true").by_role("organizer");
    let mine = mine.send().await.data(200);
    assert!(
        mine.as_array()
            .unwrap()
            .iter()
            .all(|listed| listed["event_id"] != event["event_id"])
    );
    delete(&world, &path).send().await.error(404, "NOT_FOUND");
    let patch = world
        .call(Method::PATCH, &path)
        .by_role("organizer")
        .json(&json!({}));
    patch.send().await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_on_sale_is_cancelled_first() {
    let world = World::new().await;
    let event = format!("/api/v1/events/{EVENT}");
    let show = format!("/api/v1/shows/{SHOW}");
    for path in [&event, &show] {
        delete(&world, path)
            .send()
            .await
            .error(409, "STILL_ON_SALE");
    }
    let cancelled = world
        .store
        .set_show_status(SHOW, ShowStatus::Cancelled, Unaudited::Unattended);
    assert!(cancelled.await.unwrap());
    let tag = world.get(&show).send().await.header("etag").to_owned();
    let late = delete(&world, &show).header("if-match", "\"x\", \"999\"");
    let late = late.send().await.error(412, "PRECONDITION_FAILED");
    // The tag of what is read says more than the version.
    let version = late["etag"].as_str().unwrap().trim_matches('"');
    assert!(tag.starts_with(&format!("\"{version}.")), "{tag} {version}");
    for _ in 0..2 {
        let as_read = delete(&world, &show).header("if-match", &format!("\"x\", W/{tag}"));
        let deleted = as_read.send().await.data(200);
        assert_eq!(deleted["show_id"], SHOW.to_string());
    }
    let listed = world.get(&format!("{event}/shows")).send().await.data(200);
    assert_eq!(listed, json!([]));
    // To those who held places of it.
    assert_eq!(
        world.get(&show).send().await.data(200)["status"],
        "cancelled"
    );
    delete(&world, &event).send().await.data(200);
    let nobody = format!("/api/v1/shows/{}", uuid::Uuid::from_u128(9));
    delete(&world, &nobody).send().await.error(404, "NOT_FOUND");
}

/// What was sold has to be found; the refusal advises what can still be done, and nothing that would empty the event.
#[tokio::test]
async fn what_was_sold_stays_and_is_cancelled_once() {
    let world = World::new().await;
    let event = format!("/api/v1/events/{EVENT}");
    world.booked(0).await;
    let sold = Outcome::Confirmed(Confirmed {
        booking: 0,
        show: SHOW,
        user: BUYER,
        zone: 0,
        seats: SeatList::from_iter([0]),
        quantity: 1,
        payment_reference: "pay-1".to_owned(),
        confirmed_at_ms: NOW_MS,
        first: true,
        revived: false,
    });
    world.project(1, vec![ScriptedLog::record(1, sold)]).await;
    let advice = async |code: &str| {
        let refused = delete(&world, &event).send().await;
        refused.error(409, code);
        refused.json()["detail"].as_str().unwrap().to_owned()
    };
    let said = advice("STILL_ON_SALE").await;
    assert!(said.contains("`PATCH /events/{id}`"), "{said}");
    // The show alone is cancelled: the event can be, too.
    let cancelled = world
        .store
        .set_show_status(SHOW, ShowStatus::Cancelled, Unaudited::Unattended);
    assert!(cancelled.await.unwrap());
    let said = advice("HAS_SALES").await;
    assert!(
        said.contains("Cancel it with `PATCH /events/{id}`"),
        "{said}"
    );
    let cancelled = Outcome::EventCancelled { event: EVENT };
    world
        .project(2, vec![ScriptedLog::record(2, cancelled)])
        .await;
    let said = advice("HAS_SALES").await;
    assert!(said.contains("It stays as cancelled"), "{said}");
}
