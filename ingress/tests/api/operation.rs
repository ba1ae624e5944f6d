//! For operators and probes.

use std::sync::atomic::Ordering;

use onsale_schemas::UserId;
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn partitions_are_for_admins_and_snapshots_for_operators() {
    let world = World::new().await;
    world
        .get("/api/v1/partitions")
        .by_role("service")
        .send()
        .await
        .error(403, "FORBIDDEN");
    let partitions = world
        .get("/api/v1/partitions")
        .by_role("admin")
        .send()
        .await
        .data(200);
    assert_eq!(
        partitions[0],
        json!({
            "partition": 0, "owner": "a", "epoch": 1, "standby": null, "next_offset": 7, "lag": 0,
            "digest": "00ff", "projected_offset": 7,
            "last_snapshot": {"next_offset": 5, "created_at": "1970-01-01T00:00:00.000Z"},
        })
    );
    let post = |body| {
        world
            .post("/api/v1/admin/snapshots")
            .by_role("operator")
            .json(&body)
    };
    assert_eq!(post(json!({})).send().await.data(201)[0]["size_bytes"], 100);
    post(json!({"partition": 9}))
        .send()
        .await
        .error(404, "NOT_FOUND");
    let list = world
        .get("/api/v1/admin/snapshots")
        .by_role("operator")
        .send()
        .await;
    assert_eq!(list.data(200)[0]["next_offset"], 7);
    let reply = world
        .post("/api/v1/admin/failover")
        .by_role("operator")
        .json(&json!({"to": "b"}))
        .send()
        .await;
    reply.error(501, "NOT_SUPPORTED");
}

#[tokio::test]
async fn a_clock_that_looks_right_is_reset_by_force_only() {
    let world = World::new().await;
    let clocks = world.get("/api/v1/admin/clock").by_role("operator");
    let clocks = clocks.send().await.data(200);
    assert_eq!(
        clocks,
        json!([{
            "node": "a", "clock": "machine", "partition": null, "held_to": "1970-01-01T00:00:00.000Z",
            "ahead_ms": -1, "is_right": true, "problem": null,
        }])
    );
    let reset = |body| {
        world
            .post("/api/v1/admin/clock/reset")
            .by_role("operator")
            .json(&body)
    };
    let refused = reset(json!({})).send().await;
    let details = refused.error(400, "VALIDATION_ERROR");
    assert_eq!(
        details,
        json!({"field": "force", "value": false, "expected": "true"})
    );
    let unknown = reset(json!({"partition": 9, "force": true})).send().await;
    unknown.error(404, "NOT_FOUND");
    let moved = reset(json!({"force": true})).send().await.data(200);
    assert_eq!(
        moved,
        json!([{
            "partition": 0,
            "from": "1970-01-01T00:00:02.000Z",
            "to": "1970-01-01T00:00:01.000Z",
        }])
    );
    let by = world.operations.clock_reset_by.lock().take().unwrap();
    let operator = UserId::from_bytes([0xad; 16]);
    assert_eq!(
        (by.user, by.tenant),
        (operator, None),
        "the record says who"
    );
}

#[tokio::test]
async fn a_reconciliation_is_reported_and_then_applied() {
    let world = World::new().await;
    let post = |path: &str, role: &str, body| {
        world
            .post(&format!("/api/v1/admin/reconcile{path}"))
            .by_role(role)
            .json(&body)
    };
    let report = post("", "operator", json!({})).send().await.data(200);
    let applied = post("/apply", "operator", report).send().await.data(200);
    assert_eq!(applied, json!({"repaired": 0}));
    let refused = post("/apply", "operator", json!({"x": 1})).send().await;
    let details = refused.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], "differences");
    for path in ["", "/apply"] {
        let reply = post(path, "organizer", json!({})).send().await;
        reply.error(403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn readiness_says_what_is_in_the_way() {
    let world = World::new().await;
    assert_eq!(world.get("/health/ready").send().await.status, 200);
    world.operations.ready.store(false, Ordering::SeqCst);
    let reply = world.get("/health/ready").send().await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.json(),
        json!({"ready": false, "problems": ["not yet"]})
    );
    assert_eq!(world.get("/health/live").send().await.status, 200);
}

#[tokio::test]
async fn a_panic_is_an_answer_that_tells_nothing() {
    let world = World::new().await;
    world.operations.panics.store(true, Ordering::SeqCst);
    let reply = world.get("/health/ready").send().await;
    reply.error(500, "INTERNAL_ERROR");
    // The word, not the number: a random request id may hold any two digits.
    assert!(!String::from_utf8_lossy(&reply.bytes).contains("secret"));
    world.operations.panics.store(false, Ordering::SeqCst);
    assert_eq!(world.get("/health/ready").send().await.status, 200);
    let metrics = world.metrics().await;
    assert!(metrics.contains("http_panics_total 1"), "{metrics}");
    assert!(metrics.contains("http_requests_in_flight 1"), "{metrics}");
}
