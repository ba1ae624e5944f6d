//! What the log decides of an event.

use std::sync::atomic::Ordering;

use http::Method;
use onsale_schemas::{Command, Outcome, OutcomeRecord};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{EventStatus, ShowStatus};
use serde_json::json;
use uuid::Uuid;

use crate::support::{EVENT, ORGANIZER, SHOW, ScriptedLog, World};

fn update(world: &World, change: serde_json::Value) -> crate::support::Call<'_> {
    let mut body = json!({"name": "Another night", "starts_at": "2030-01-01T00:00:00Z"});
    for (key, value) in change.as_object().unwrap() {
        body[key] = value.clone();
    }
    world
        .call(Method::PUT, &format!("/api/v1/events/{EVENT}"))
        .by_role("organizer")
        .json(&body)
}

/// The record that the projector makes of the last command.
fn accepted(world: &World, offset: u64, outcome: Outcome) -> Vec<OutcomeRecord> {
    let mut record = ScriptedLog::record(offset, outcome);
    record.request_id = world.log.last().request_id;
    vec![record]
}

#[tokio::test]
async fn an_event_is_cancelled_through_the_log_and_for_ever() {
    let world = World::new().await;
    world.operations.projected.store(0, Ordering::SeqCst);
    let event = update(&world, json!({"status": "cancelled"}));
    let event = event.send().await.data(200);
    assert_eq!(event["status"], "cancelled");
    let envelope = world.log.last();
    assert_eq!(envelope.command, Command::CancelEvent { event: EVENT });
    let by = envelope.by.expect("the log says who");
    assert_eq!(by.user, ORGANIZER);
    assert_eq!(by.tenant.unwrap().0, Uuid::from_u128(7));
    // The database follows the log, not the request.
    let row = world.store.event(EVENT).await.unwrap().unwrap();
    assert_eq!(row.status, EventStatus::Published);
    let opened = world
        .store
        .set_show_status(SHOW, ShowStatus::Open, Unaudited::Unattended)
        .await;
    assert!(opened.unwrap());
    let outcome = Outcome::EventCancelled { event: EVENT };
    world.project(0, accepted(&world, 100, outcome)).await;
    let row = world.store.event(EVENT).await.unwrap().unwrap();
    assert_eq!(row.status, EventStatus::Cancelled);
    assert_eq!(row.name, "Another night");
    let show = world.store.show(SHOW).await.unwrap().unwrap();
    assert_eq!(show.status, ShowStatus::Cancelled);

    for status in ["published", "draft"] {
        let reply = update(&world, json!({ "status": status })).send().await;
        reply.error(409, "SHOW_CANCELLED");
    }
    // What people read can still be changed: it may say why.
    let text = update(&world, json!({"name": "Cancelled: a night out"}));
    assert_eq!(text.send().await.data(200)["status"], "cancelled");
    assert_eq!(world.log.seen().len(), 1);
}

#[tokio::test]
async fn a_limit_goes_to_all_shows_by_one_record() {
    let world = World::new().await;
    world.operations.projected.store(0, Ordering::SeqCst);
    let event = update(&world, json!({"max_tickets_per_user": 1}));
    assert_eq!(event.send().await.data(200)["max_tickets_per_user"], 1);
    let Command::AmendEvent(amend) = world.log.last().command else {
        panic!("not an amendment")
    };
    assert_eq!((amend.event, amend.max_tickets_per_user), (EVENT, 1));
    let outcome = Outcome::EventAmended {
        event: EVENT,
        max_tickets_per_user: 1,
    };
    world.project(0, accepted(&world, 100, outcome)).await;
    let row = world.store.event(EVENT).await.unwrap().unwrap();
    assert_eq!(
        (row.max_tickets_per_user, row.name.as_str()),
        (1, "Another night")
    );
    // Without a limit nothing is the log's business.
    update(&world, json!({})).send().await.data(200);
    assert_eq!(world.log.seen().len(), 1);
}

#[tokio::test]
async fn a_new_event_is_not_cancelled() {
    let world = World::new().await;
    let body = json!({"name": "n", "starts_at": "2030-01-01T00:00:00Z", "status": "cancelled"});
    let reply = world
        .post("/api/v1/events")
        .by_role("organizer")
        .json(&body)
        .send()
        .await;
    assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], "status");
}
