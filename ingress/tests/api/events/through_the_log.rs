//! What the log decides of an event.

use std::sync::atomic::Ordering;

use http::Method;
use onsale_log::SubmitError;
use onsale_schemas::{Command, Outcome, OutcomeRecord, Rejection};
use onsale_store::audit::{AuditFilter, Unaudited};
use onsale_store::catalog::{EventStatus, ShowStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{EVENT, ORGANIZER, SHOW, Script, ScriptedLog, World};

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

/// `PATCH` of the event.
fn patch<'a>(world: &'a World, change: &Value) -> crate::support::Call<'a> {
    world
        .call(Method::PATCH, &format!("/api/v1/events/{EVENT}"))
        .by_role("organizer")
        .json(change)
}

async fn tag(world: &World) -> String {
    let read = world
        .get(&format!("/api/v1/events/{EVENT}"))
        .by_role("organizer");
    read.send().await.header("etag").to_owned()
}

/// Whatever the log decides, what others change until its outcome is projected stays.
#[tokio::test]
async fn a_late_projection_undoes_nothing_that_was_changed_meanwhile() {
    let put = json!({
        "name": "A first name", "starts_at": "2030-01-01T00:00:00Z", "city": "Oslo",
        "max_tickets_per_user": 33,
    });
    for (method, change) in [
        (Method::PATCH, json!({"max_tickets_per_user": 33})),
        (
            Method::PATCH,
            json!({"max_tickets_per_user": 33, "name": "A first name", "city": "Oslo"}),
        ),
        (Method::PUT, put),
        (
            Method::PATCH,
            json!({"status": "cancelled", "name": "A first name"}),
        ),
    ] {
        let world = World::new().await;
        let opened = world
            .store
            .set_show_status(SHOW, ShowStatus::Open, Unaudited::Unattended);
        assert!(opened.await.unwrap());
        world.operations.projected.store(0, Ordering::SeqCst);
        let path = format!("/api/v1/events/{EVENT}");
        let read = tag(&world).await;
        let first = world.call(method.clone(), &path).by_role("organizer");
        let first = first.header("if-match", &read).json(&change).send().await;
        let first = first.data(200);
        for (field, value) in change.as_object().unwrap() {
            if field != "starts_at" {
                assert_eq!(&first[field], value, "{method} {change}");
            }
        }
        // Another one reads what there is, and changes it.
        let read = tag(&world).await;
        let later = json!({
            "name": "New name", "city": "Bern", "minimum_age": 18, "starts_at": "2031-06-06T20:00:00.000Z",
        });
        let reply = patch(&world, &later).header("if-match", &read).send().await;
        reply.data(200);
        let handed_in = world.log.seen();
        assert_eq!(handed_in.len(), 1, "{method} {change}");
        let outcome = match &handed_in[0].command {
            Command::CancelEvent { event } => Outcome::EventCancelled { event: *event },
            Command::AmendEvent(amend) => Outcome::EventAmended {
                event: amend.event,
                max_tickets_per_user: amend.max_tickets_per_user,
            },
            other => panic!("{other:?}"),
        };
        world.project(0, accepted(&world, 100, outcome)).await;
        let now = world.get(&path).by_role("organizer").send().await.data(200);
        for (field, value) in later.as_object().unwrap() {
            assert_eq!(&now[field], value, "{method} {change}");
        }
        for field in ["max_tickets_per_user", "status"] {
            if let Some(value) = change.get(field) {
                assert_eq!(&now[field], value, "{method} {change}");
            }
        }
    }
}

/// Who repeats a request that the log has not decided does the rest of it, and undoes nothing.
#[tokio::test]
async fn what_people_read_is_changed_once_however_often_a_request_comes() {
    let path = format!("/api/v1/events/{EVENT}");
    let put = json!({"name": "A", "starts_at": "2030-01-01T00:00:00Z", "max_tickets_per_user": 3});
    for (method, change) in [
        (
            Method::PATCH,
            json!({"name": "A", "max_tickets_per_user": 3}),
        ),
        (Method::PUT, put),
    ] {
        let world = World::new().await;
        let read = tag(&world).await;
        let keyed = |change: &Value| {
            world
                .call(method.clone(), &path)
                .by_role("organizer")
                .header("idempotency-key", "k")
                .header("if-match", &read)
                .json(change)
        };
        let name = || async { world.store.event(EVENT).await.unwrap().unwrap().name };
        world.log.next(Script::Fail(SubmitError::Unavailable));
        let failed = keyed(&change).send().await;
        failed.error(503, "PARTITION_UNAVAILABLE");
        assert_eq!(name().await, "A");
        patch(&world, &json!({"name": "B"})).send().await.data(200);
        let mut other = change.clone();
        other["name"] = json!("C");
        let refused = keyed(&other).send().await;
        refused.error(422, "IDEMPOTENCY_KEY_REUSED");
        assert_eq!(name().await, "B");
        assert_eq!(keyed(&change).send().await.data(200)["name"], "B");
        assert!(matches!(world.log.last().command, Command::AmendEvent(_)));
        let again = keyed(&change).send().await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(world.log.seen().len(), 2);
        let filter = AuditFilter {
            limit: 99,
            ..AuditFilter::default()
        };
        let mut entries = world.store.audit(&filter).await.unwrap();
        entries.retain(|entry| entry.action == "event.propose");
        assert_eq!(entries.len(), 1, "a repetition leaves no further entry");
        let changes = &entries[0].detail["changes"];
        assert_eq!(changes["max_tickets_per_user"]["after"], 3);
        assert!(changes.get("name").is_none(), "{changes}");
    }
}

#[tokio::test]
async fn a_refused_limit_keeps_nobody_from_saying_why() {
    let world = World::new().await;
    let limit = world.store.event(EVENT).await.unwrap().unwrap();
    let limit = limit.max_tickets_per_user;
    world.log.next(Script::reject(Rejection::ShowCancelled));
    let change = json!({"name": "Cancelled: a night out", "max_tickets_per_user": 33});
    let refused = patch(&world, &change).send().await;
    refused.error(409, "SHOW_CANCELLED");
    let row = world.store.event(EVENT).await.unwrap().unwrap();
    assert_eq!(row.name, "Cancelled: a night out");
    assert_eq!(row.max_tickets_per_user, limit);
}

#[tokio::test]
async fn a_key_of_another_command_changes_nothing() {
    let world = World::new().await;
    let before = world.store.event(EVENT).await.unwrap();
    let show = world
        .call(Method::PATCH, &format!("/api/v1/shows/{SHOW}"))
        .by_role("organizer")
        .header("idempotency-key", "k");
    show.json(&json!({"name": "Late"})).send().await.data(200);
    let change = json!({"name": "New name", "max_tickets_per_user": 3});
    let refused = patch(&world, &change).header("idempotency-key", "k");
    let refused = refused.send().await;
    refused.error(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(world.store.event(EVENT).await.unwrap(), before);
    assert_eq!(world.log.seen().len(), 1);
}
