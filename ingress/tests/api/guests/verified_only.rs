//! Events that are sold to verified accounts alone.

use onsale_schemas::Command;
use serde_json::{Value, json};

use super::{EMAIL, guest, register, reserve, said, set_verified_only, verify, world};
use crate::accounts::post;
use crate::support::{EVENT, World};

#[tokio::test]
async fn an_event_may_be_sold_to_verified_accounts_alone() {
    let world = world().await;
    let guest = guest(&world, EMAIL).await;
    let account = register(&world, EMAIL).await;
    let before = world.get(&format!("/api/v1/events/{EVENT}")).send().await;
    assert_eq!(before.data(200)["requires_verified_account"], false);
    assert_eq!(set_verified_only(&world, json!(true)).await, true);

    let nobodys = said(&Value::Null);
    for someone in [
        &guest,
        &account,
        &nobodys,
        &said(&json!(false)),
        &said(&json!("true")),
        &said(&json!(1)),
    ] {
        let refused = reserve(&world, someone, "A-1").send().await;
        refused.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    }
    let reached = |world: &World| {
        let seen = world.log.seen();
        let reserves = seen
            .iter()
            .filter(|envelope| matches!(envelope.command, Command::Reserve(_)));
        reserves.count()
    };
    assert_eq!(reached(&world), 0);
    let issuers = said(&json!(true));
    reserve(&world, &issuers, "A-1").send().await.data(201);
    // The token is older than the proof.
    verify(&world).await;
    reserve(&world, &account, "A-2").send().await.data(201);
    let body = json!({ "refresh_token": account["refresh_token"] });
    let next = post(&world, "refresh", body).await.data(200);
    reserve(&world, &next, "A-3").send().await.data(201);
    assert_eq!(reached(&world), 3);

    // What a PUT leaves out stays.
    assert_eq!(set_verified_only(&world, Value::Null).await, true);
    let refused = reserve(&world, &nobodys, "A-4").send().await;
    refused.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    assert_eq!(set_verified_only(&world, json!(false)).await, false);
    reserve(&world, &nobodys, "A-4").send().await.data(201);
    reserve(&world, &guest, "A-5").send().await.data(201);
}

/// What was granted before the organizer asked for more is answered again.
#[tokio::test]
async fn a_repeated_request_is_the_logs_to_answer() {
    let world = world().await;
    let buyer = said(&Value::Null);
    let first = reserve(&world, &buyer, "A-1").header("idempotency-key", "one");
    first.send().await.data(201);
    set_verified_only(&world, json!(true)).await;
    let again = reserve(&world, &buyer, "A-1").header("idempotency-key", "one");
    again.send().await.data(201);
    let other = reserve(&world, &buyer, "A-2").header("idempotency-key", "two");
    let refused = other.send().await;
    refused.error(403, "VERIFIED_ACCOUNT_REQUIRED");
}

#[tokio::test]
async fn a_new_event_is_sold_as_its_organizer_says() {
    let world = world().await;
    for (setting, expected) in [(Value::Null, false), (json!(true), true)] {
        let mut body = json!({ "name": "n", "starts_at": "2030-01-01T00:00:00Z" });
        if !setting.is_null() {
            body["requires_verified_account"] = setting;
        }
        let call = world.post("/api/v1/events").by_role("organizer");
        let event = call.json(&body).send().await.data(201);
        assert_eq!(event["requires_verified_account"], expected);
    }
}
