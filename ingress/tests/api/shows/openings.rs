//! Openings that were interrupted or refused.

use std::sync::atomic::Ordering;

use http::Method;
use onsale_ingress::Instant;
use onsale_log::SubmitError;
use onsale_schemas::command::OpenShowV2;
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{Command, Rejection, ShowId};
use onsale_store::catalog::ShowRow;
use serde_json::{Value, json};

use super::{create, seated, small_show};
use crate::support::{EVENT, NOW_MS, SHOW, Script, World, show};

#[tokio::test]
async fn interrupted_openings_are_taken_up_at_start() {
    let world = World::new().await;
    assert_eq!(world.ingress.resume_openings().await, 1);
    let Command::OpenShowV2(OpenShowV2 { show: open, .. }) = world.log.last().command else {
        panic!("not an opening")
    };
    assert_eq!(open.show, SHOW);
    assert_eq!(open.zones.len(), 3);
}

/// Another one beside that of these tests.
fn other_show() -> ShowRow {
    let mut other = ShowRow {
        show_id: ShowId::from_bytes([0x51; 16]),
        ..show()
    };
    for (zone, id) in other.zones.iter_mut().zip(100..) {
        zone.zone_id = uuid::Uuid::from_u128(id);
    }
    other
}

#[tokio::test]
async fn an_opening_that_the_log_refuses_does_not_hold_up_the_others() {
    let world = World::new().await;
    world.store.add_show(&other_show()).await.unwrap();
    world.log.next(Script::Refuse(SubmitError::QueueFull));
    assert_eq!(world.ingress.resume_openings().await, 1);
    world.log.next(Script::Fail(SubmitError::DiskFull));
    assert_eq!(world.ingress.resume_openings().await, 1);
    assert_eq!(world.ingress.resume_openings().await, 2);
}

#[tokio::test]
async fn interrupted_openings_that_the_log_refuses_wait_for_the_catalog_together() {
    let world = World::new().await;
    world.store.add_show(&other_show()).await.unwrap();
    for _ in 0..2 {
        world.log.next(Script::reject(Rejection::ShowCancelled));
    }
    assert_eq!(world.ingress.resume_openings().await, 2);
    assert_eq!(world.operations.waits.load(Ordering::SeqCst), 1);
    assert_eq!(world.store.show_ids().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_wrong_date_loses_no_opening_and_makes_no_sale_that_is_over() {
    const HOUR_MS: u64 = 3_600_000;
    let world = World::new().await;
    let zones = json!([seated(json!([{"name": "A", "seats": 1}]))]);
    let create = |body: Value| create(&world, &body);
    let opens = Instant(NOW_MS + 240 * HOUR_MS);
    let starts = Instant(NOW_MS + 720 * HOUR_MS);
    let show = create(json!({"starts_at": starts, "sale_opens_at": opens, "zones": zones}))
        .send()
        .await
        .data(201);
    let path = format!("/api/v1/shows/{}", show["show_id"].as_str().unwrap());
    for wrong in [Instant(NOW_MS - HOUR_MS), Instant(NOW_MS + 120 * HOUR_MS)] {
        let refused = world
            .call(Method::PATCH, &path)
            .by_role("organizer")
            .json(&json!({"starts_at": wrong}))
            .send()
            .await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "sale_opens_at", "{wrong}");
    }
    let same = world.get(&path).send().await.data(200);
    assert_eq!(same["sale_opens_at"], show["sale_opens_at"]);

    let soon = Instant(NOW_MS + HOUR_MS / 2);
    let refused = create(json!({"starts_at": soon, "zones": zones}))
        .send()
        .await;
    assert_eq!(refused.error(400, "VALIDATION_ERROR")["field"], "starts_at");
    create(json!({"starts_at": soon, "sale_closes_at": soon, "zones": zones}))
        .send()
        .await
        .data(201);
}

#[tokio::test]
async fn a_show_that_the_log_refuses_leaves_the_catalog() {
    let world = World::new().await;
    let make = || create(&world, &small_show());
    let before = world.store.show_ids().await.unwrap();
    world.log.next(Script::reject(Rejection::ShowCancelled));
    make().send().await.error(409, "SHOW_CANCELLED");
    assert_eq!(world.store.show_ids().await.unwrap(), before);
    // Not before the catalog is as far as the refusal: it may have been opened.
    world.operations.projected.store(0, Ordering::SeqCst);
    world.log.next(Script::reject(Rejection::ShowCancelled));
    make().send().await.error(409, "SHOW_CANCELLED");
    assert_eq!(
        world.store.show_ids().await.unwrap().len(),
        before.len() + 1
    );
}

#[tokio::test]
async fn a_show_for_which_there_is_no_room_waits_for_another_attempt() {
    let world = World::new().await;
    let full = || {
        Script::reject(Rejection::Full {
            table: FullTable::Idempotency,
        })
    };
    let make = || {
        world
            .post(&format!("/api/v1/events/{EVENT}/shows"))
            .by_role("organizer")
            .header("idempotency-key", "twice")
            .json(&json!({
                "starts_at": "2030-01-01T20:00:00Z",
                "zones": [seated(json!([{"name": "A", "seats": 1}]))],
            }))
    };
    let before = world.store.show_ids().await.unwrap();
    world.log.next(full());
    make().send().await.error(503, "OVERLOADED");
    // Another attempt may have opened it meanwhile.
    let kept = world.store.show_ids().await.unwrap();
    assert_eq!(kept.len(), before.len() + 1);
    for _ in &kept {
        world.log.next(full());
    }
    assert_eq!(world.ingress.resume_openings().await, 0);
    assert_eq!(world.store.show_ids().await.unwrap(), kept);
    make().send().await.data(201);
    assert_eq!(world.store.show_ids().await.unwrap(), kept);
}
