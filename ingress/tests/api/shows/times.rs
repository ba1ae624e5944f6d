//! When a sale begins and ends.

use http::Method;
use onsale_ingress::Instant;
use onsale_schemas::{Command, Outcome, OutcomeRecord, ShowId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{create, seated};
use crate::support::{NOW_MS, SHOW, ScriptedLog, World};

/// The end and the opening that an amendment asks the log for.
fn window(world: &World) -> (Option<u64>, Option<u64>) {
    let Command::AmendShow(amend) = world.log.last().command else {
        panic!("not an amendment")
    };
    (amend.sale_opens_at_ms, amend.sale_closes_at_ms)
}

#[tokio::test]
async fn an_end_that_was_not_given_follows_the_beginning() {
    const HOUR_MS: u64 = 3_600_000;
    let world = World::new().await;
    let show = create(
        &world,
        &json!({
            "starts_at": "2023-12-14T22:13:20Z",
            "zones": [seated(json!([{"name": "A", "seats": 1}]))],
        }),
    )
    .send()
    .await
    .data(201);
    let show = show["show_id"].as_str().unwrap().to_owned();
    let amend = |body: Value| {
        world
            .call(Method::PATCH, &format!("/api/v1/shows/{show}"))
            .by_role("organizer")
            .json(&body)
    };
    // Postponed by 60 days, and begun an hour ago: the sale is over then, whenever it opened.
    let later = NOW_MS + 90 * 24 * HOUR_MS;
    amend(json!({"starts_at": Instant(later)}))
        .send()
        .await
        .data(200);
    assert_eq!(window(&world), (None, Some(later - HOUR_MS)));
    let past = NOW_MS - HOUR_MS;
    amend(json!({"starts_at": Instant(past)}))
        .send()
        .await
        .data(200);
    let closes = past - HOUR_MS;
    assert_eq!(window(&world), (Some(closes - 1), Some(closes)));
    amend(json!({"name": "x"})).send().await.data(200);
    assert_eq!(window(&world), (None, None));
}

#[tokio::test]
async fn an_end_that_was_given_lies_after_the_beginning_only_where_asked_for() {
    // It ends 82,800 s from now, by its own word.
    let world = World::new().await;
    let amend = |body: Value| {
        world
            .call(Method::PATCH, &format!("/api/v1/shows/{SHOW}"))
            .by_role("organizer")
            .json(&body)
    };
    let early = Instant(NOW_MS + 3_600_000);
    let refused = amend(json!({"starts_at": early})).send().await;
    let details = refused.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], "sale_closes_at");
    assert!(world.log.seen().is_empty());
    let end = NOW_MS + 82_800_000;
    amend(json!({"starts_at": early, "sale_closes_at": Instant(end)}))
        .send()
        .await
        .data(200);
    assert_eq!(window(&world), (None, Some(end)));
    amend(json!({"starts_at": Instant(end + 1)}))
        .send()
        .await
        .data(200);
    assert_eq!(window(&world), (None, None));
}

/// Which of two changes at once the log takes first is not known when they are handed in.
#[tokio::test]
async fn an_end_that_is_named_and_one_that_follows_wait_for_each_other() {
    const HOUR_MS: u64 = 3_600_000;
    let starts_at = NOW_MS + 90 * 24 * HOUR_MS;
    let moved = json!({"starts_at": Instant(starts_at)});
    let named = json!({"sale_closes_at": Instant(starts_at - 5 * HOUR_MS)});
    for (first, second, closes_at) in [
        (&named, &moved, starts_at - 5 * HOUR_MS),
        (&moved, &named, starts_at - 5 * HOUR_MS),
        (&moved, &moved, starts_at - HOUR_MS),
    ] {
        let world = World::new().await;
        let body = json!({
            "starts_at": "2023-12-14T22:13:20Z",
            "zones": [seated(json!([{"name": "A", "seats": 1}]))],
        });
        let made = create(&world, &body).send().await.data(201);
        let id = made["show_id"].as_str().unwrap().to_owned();
        let show = ShowId(Uuid::parse_str(&id).unwrap());
        let amend = |change: &Value| {
            world
                .call(Method::PATCH, &format!("/api/v1/shows/{id}"))
                .by_role("organizer")
                .json(change)
        };
        let project = async |from: u64, offset: u64| {
            let record = OutcomeRecord {
                previous: from.checked_sub(1),
                request_id: world.log.last().request_id,
                ..ScriptedLog::record(offset, Outcome::ShowAmended { show })
            };
            world.project(from, vec![record]).await;
        };
        amend(first).send().await.data(200);
        let handed_in = world.log.seen().len();
        if first != second {
            let waits = amend(second).send().await;
            waits.error(503, "OVERLOADED");
            assert_eq!(world.log.seen().len(), handed_in, "{first} {second}");
        }
        project(0, 1_000).await;
        amend(second).send().await.data(200);
        project(1_001, 1_001).await;
        let row = world.store.show(show).await.unwrap().unwrap();
        assert_eq!(row.starts_at_ms, starts_at, "{first} {second}");
        assert_eq!(row.sale_closes_at_ms, closes_at, "{first} {second}");
    }
}
