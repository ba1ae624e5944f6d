//! Codes of a database that is older than the log.

use std::sync::atomic::Ordering;

use http::Method;
use onsale_schemas::code::Discount;
use onsale_schemas::{Command, Outcome, RequestId};
use serde_json::json;
use uuid::Uuid;

use super::{call, created, group_of, project, world};
use crate::support::{FLOOR, SHOW, ScriptedLog};

#[tokio::test]
async fn terms_that_are_not_known_are_told_and_taken_over_by_nobody() {
    let world = world().await;
    let body = json!({"code": "EARLY", "kind": "discount", "percent": 10, "uses_max": 5});
    let group = group_of(&created(&world, 0, &body).await);
    let Command::CreateCodes(first) = world.log.last().command else {
        panic!("no codes are created")
    };
    let amended = Outcome::CodesAmended {
        show: SHOW,
        group: first.group,
    };
    // Nobody wrote down here what this changed.
    let mut record = ScriptedLog::record(1, amended.clone());
    record.request_id = Some(RequestId(Uuid::new_v4()));
    record.previous = Some(0);
    world.project(1, vec![record]).await;

    let amend = |body: &serde_json::Value| call(&world, Method::PATCH, &group).json(body);
    let quote = || {
        let basket = json!({"zone_id": FLOOR, "quantity": 1, "code": "EARLY"});
        let path = format!("/api/v1/shows/{SHOW}/quote");
        world.post(&path).by_role("buyer").json(&basket)
    };
    let refused = amend(&json!({"places_max": 3, "percent": 20})).send().await;
    assert_eq!(
        refused.error(409, "TERMS_UNKNOWN")["missing"],
        json!([
            "uses_max",
            "uses_per_user_max",
            "from",
            "until",
            "zones",
            "ticket_types",
            "presale",
            "opens"
        ])
    );
    let refused = amend(&json!({"name": "Birds"})).send().await;
    assert_eq!(refused.error(409, "TERMS_UNKNOWN")["missing"][0], "percent");
    let last = world.log.last().command;
    assert!(matches!(last, Command::CreateCodes(_)), "{last:?}");
    quote().send().await.error(409, "TERMS_UNKNOWN");

    let whole = json!({
        "percent": 25, "uses_max": 9, "uses_per_user_max": 0, "places_max": 0,
        "from": "1970-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z",
        "zones": [], "ticket_types": [], "presale": false, "opens": false,
    });
    amend(&whole).send().await.data(200);
    let Command::AmendCodes(command) = world.log.last().command else {
        panic!("not an amendment")
    };
    assert_eq!(command.terms.discount, Some(Discount::OffBp(2_500)));
    project(&world, 2, amended).await;
    amend(&json!({"places_max": 3})).send().await.data(200);
    let Command::AmendCodes(command) = world.log.last().command else {
        panic!("not an amendment")
    };
    assert_eq!((command.terms.uses_max, command.terms.places_max), (9, 3));
}

/// It may be on sale: the log knows.
#[tokio::test]
async fn a_group_that_the_database_never_had_is_not_said_to_be_none() {
    let world = world().await;
    let amend = || {
        let body = json!({"places_max": 3});
        call(&world, Method::PATCH, "/77").json(&body)
    };
    amend().send().await.error(404, "NOT_FOUND");
    let mut record = ScriptedLog::record(
        0,
        Outcome::CodesCreated {
            show: SHOW,
            group: 77,
            created: 1,
            known: 0,
        },
    );
    record.request_id = Some(RequestId(Uuid::new_v4()));
    world.project(0, vec![record]).await;
    amend().send().await.error(409, "TERMS_UNKNOWN");
}

/// The database was restored while the server stood still, and does not know yet what it lacks.
#[tokio::test]
async fn terms_are_taken_from_a_database_that_has_what_was_before_the_start() {
    let world = world().await;
    let body = json!({"code": "EARLY", "kind": "discount", "percent": 10});
    let group = group_of(&created(&world, 0, &body).await);
    let amend = || {
        let body = json!({"places_max": 3});
        call(&world, Method::PATCH, &group).json(&body)
    };
    world.operations.projected.store(99, Ordering::SeqCst);
    world.log.began_at.store(100, Ordering::SeqCst);
    let behind = amend().send().await;
    behind.error(503, "OVERLOADED");
    assert_eq!(behind.header("retry-after"), "1");
    let last = world.log.last().command;
    assert!(matches!(last, Command::CreateCodes(_)), "{last:?}");
    world.operations.projected.store(100, Ordering::SeqCst);
    amend().send().await.data(200);
}
