//! Keys of programs.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{call, owner_of, world};
use crate::support::NOW_MS;

#[tokio::test]
async fn a_program_does_what_its_key_says_until_it_is_revoked() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let keys = format!("tenants/{}/api-keys", tenant["tenant_id"].as_str().unwrap());
    for (scopes, field) in [
        (json!([]), "scopes"),
        (json!(["manage_members"]), "scopes"),
        (json!(["payments", "read_sales"]), "scopes"),
    ] {
        let body = json!({ "name": "import", "scopes": scopes });
        let refused = call(&world, &owner, Method::POST, &keys, body).await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{scopes}");
    }
    let body = json!({
        "name": "import", "scopes": ["manage_events"], "expires_at": "2020-01-01T00:00:00Z",
    });
    let past = call(&world, &owner, Method::POST, &keys, body).await;
    assert_eq!(past.error(400, "VALIDATION_ERROR")["field"], "expires_at");
    let body = json!({ "name": "import", "scopes": ["manage_events"] });
    let created = call(&world, &owner, Method::POST, &keys, body)
        .await
        .data(201);
    let key = created["key"].as_str().unwrap();
    assert!(key.starts_with("osk_live_"), "{key}");

    let program = json!({ "access_token": key });
    let event = json!({ "name": "Opening", "starts_at": "2030-01-01T00:00:00Z" });
    call(&world, &program, Method::POST, "events", event.clone())
        .await
        .data(201);
    let refused = call(
        &world,
        &program,
        Method::GET,
        "events?mine=true",
        Value::Null,
    )
    .await;
    refused.error(403, "FORBIDDEN");
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("read_sales"), "{detail}");
    // It makes no other keys, and is nobody's session.
    call(&world, &program, Method::GET, &keys, Value::Null)
        .await
        .error(403, "FORBIDDEN");
    call(&world, &program, Method::GET, "auth/me", Value::Null)
        .await
        .error(404, "NOT_FOUND");
    let listed = call(&world, &owner, Method::GET, &keys, Value::Null).await;
    let listed = listed.data(200);
    assert_eq!(listed[0]["name"], "import");
    assert!(listed[0]["last_used_at"].is_string(), "{listed}");
    assert!(!listed.to_string().contains("osk_live_"), "{listed}");

    let one = format!("{keys}/{}", created["key_id"].as_str().unwrap());
    call(&world, &owner, Method::DELETE, &one, Value::Null)
        .await
        .data(200);
    call(&world, &owner, Method::DELETE, &one, Value::Null)
        .await
        .error(404, "NOT_FOUND");
    call(&world, &program, Method::POST, "events", event)
        .await
        .error(401, "UNAUTHORIZED");
    let guess = json!({ "access_token": "osk_live_guessed" });
    call(&world, &guess, Method::GET, "bookings", Value::Null)
        .await
        .error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_key_expires_and_one_of_a_payment_service_confirms_nothing_elsewhere() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let keys = format!("tenants/{}/api-keys", tenant["tenant_id"].as_str().unwrap());
    let end = instant(NOW_MS + 60_000);
    let body = json!({ "name": "payments", "scopes": ["payments"], "expires_at": end });
    let created = call(&world, &owner, Method::POST, &keys, body)
        .await
        .data(201);
    let program = json!({ "access_token": created["key"] });
    // A booking of another tenant is not there.
    let confirm = format!("bookings/{}/confirm", Uuid::nil());
    let body = json!({ "payment_reference": "p" });
    call(&world, &program, Method::POST, &confirm, body.clone())
        .await
        .error(404, "NOT_FOUND");
    call(
        &world,
        &program,
        Method::GET,
        "events?mine=true",
        Value::Null,
    )
    .await
    .error(403, "FORBIDDEN");
    world
        .clock
        .0
        .fetch_add(60_000, std::sync::atomic::Ordering::SeqCst);
    call(&world, &program, Method::POST, &confirm, body)
        .await
        .error(401, "UNAUTHORIZED");
}

/// RFC 3339.
fn instant(ms: u64) -> String {
    onsale_ingress::Instant(ms).to_string()
}
