//! `Idempotency-Key` at what the database decides: accounts and tenants.

mod attacks;
mod created;
mod document;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Method;
use onsale_accounts::{AccountsConfig, Asked, Asker, Vault};
use onsale_ingress::{Ingress, IngressConfig};
use onsale_private::KeyRing;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_settings::Secret;
use onsale_store::account_answer::{Begun, RUNNING_MS};
use onsale_store::store::{Resealed, SealedColumn};
use onsale_store::{Store, sealed_columns};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{PASSWORD, config, post};
use crate::support::{NOW_MS, Reply, SECRET, World};
use crate::tenants::{login, person, world};

pub(crate) const BUYER: &str = "buyer@example.test";
pub(crate) const OTHER: &str = "other@example.test";
const REPLAYED: &str = "idempotent-replayed";

/// Calls a path below `/api/v1` with a key, signed in or not.
pub(crate) async fn keyed(
    world: &World,
    signed_in: &Value,
    (method, path): (Method, &str),
    key: &str,
    body: Value,
) -> Reply {
    let mut call = world.call(method, &format!("/api/v1/{path}"));
    if let Some(token) = signed_in["access_token"].as_str() {
        call = call.token(token);
    }
    let call = call.header("idempotency-key", key);
    match body {
        Value::Null => call.send().await,
        body => call.json(&body).send().await,
    }
}

/// Names the person, under a key.
async fn rename(world: &World, signed_in: &Value, key: &str, name: &str) -> Reply {
    let body = json!({ "name": name });
    keyed(world, signed_in, (Method::PUT, "auth/me"), key, body).await
}

#[track_caller]
pub(crate) fn replayed(reply: &Reply, status: u16) -> Value {
    let data = reply.data(status);
    assert_eq!(reply.header(REPLAYED), "true", "{data}");
    data
}

#[track_caller]
pub(crate) fn first(reply: &Reply, status: u16) -> Value {
    let data = reply.data(status);
    assert_eq!(reply.header(REPLAYED), "", "{data}");
    data
}

/// What a process leaves that dies before it has remembered what it has done.
pub(crate) async fn forget(world: &World) {
    let forgotten = world.store.forget_account_answers(NOW_MS * 2).await;
    assert!(forgotten.unwrap() > 0);
}

#[tokio::test]
async fn the_same_request_has_one_effect_and_one_answer() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let answer = first(&rename(&world, &buyer, "k", "One").await, 200);
    assert_eq!(answer["name"], "One");
    // Something else was done since, and the answer is what it was.
    first(&rename(&world, &buyer, "l", "Two").await, 200);
    assert_eq!(
        replayed(&rename(&world, &buyer, "k", "One").await, 200),
        answer
    );
    let me = world.get("/api/v1/auth/me");
    let me = me.token(buyer["access_token"].as_str().unwrap());
    assert_eq!(me.send().await.data(200)["name"], "Two");
    // The other header is the same key.
    let again = world.call(Method::PUT, "/api/v1/auth/me");
    let again = again.token(buyer["access_token"].as_str().unwrap());
    let again = again.header("x-idempotency-key", "k");
    let again = again.json(&json!({ "name": "One" })).send().await;
    assert_eq!(replayed(&again, 200), answer);
}

#[tokio::test]
async fn a_key_is_of_one_request() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    first(&rename(&world, &buyer, "k", "One").await, 200);
    let other_body = rename(&world, &buyer, "k", "Two").await;
    other_body.error(422, "IDEMPOTENCY_KEY_REUSED");
    let elsewhere = (Method::POST, "auth/logout-all");
    let other_call = keyed(&world, &buyer, elsewhere, "k", Value::Null).await;
    other_call.error(422, "IDEMPOTENCY_KEY_REUSED");
    let bad = keyed(&world, &buyer, (Method::PUT, "auth/me"), "a b", json!({})).await;
    assert_eq!(
        bad.error(400, "VALIDATION_ERROR")["field"],
        "Idempotency-Key"
    );
}

#[tokio::test]
async fn a_key_is_its_owners() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let other = person(&world, OTHER).await;
    first(&rename(&world, &buyer, "k", "One").await, 200);
    let answer = first(&rename(&world, &other, "k", "One").await, 200);
    assert_eq!(answer["email"], OTHER);
    let another = rename(&world, &other, "k", "Two").await;
    another.error(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn what_was_refused_is_tried_again() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let change = |current: &'static str| json!({ "current_password": current, "new_password": "vintage otter lantern" });
    let call = (Method::POST, "auth/change-password");
    let refused = keyed(&world, &buyer, call.clone(), "k", change("wrong password")).await;
    refused.error(401, "INVALID_CREDENTIALS");
    assert_eq!(refused.header(REPLAYED), "");
    let changed = keyed(&world, &buyer, call.clone(), "k", change(PASSWORD)).await;
    first(&changed, 200);
    // The password is another one by now, and it is not compared again.
    let again = keyed(&world, &buyer, call, "k", change(PASSWORD)).await;
    replayed(&again, 200);
}

#[tokio::test]
async fn a_repeat_that_comes_too_early_is_told_to_wait() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let user: Uuid = buyer["user"]["user_id"].as_str().unwrap().parse().unwrap();
    // Another node has begun.
    let ring = Arc::new(config().ring().unwrap().unwrap());
    let vault = Vault::open(&world.store, ring, NOW_MS).await.unwrap();
    let body = json!({ "name": "One" }).to_string();
    let asked = Asked {
        key: "k",
        operation: "PUT /api/v1/auth/me",
        target: "/api/v1/auth/me",
        caller: Some(user),
        body: body.as_bytes(),
    };
    let asker = Asker::Caller {
        user,
        standing: "buyer",
    };
    let key = vault.answer_key(asker, asked);
    let begun = world.store.begin_account_answer(key, 10, NOW_MS).await;
    assert!(matches!(begun.unwrap(), Begun::Yours(_)));
    let early = rename(&world, &buyer, "k", "One").await;
    early.error(409, "REQUEST_IN_PROGRESS");
    let seconds: u64 = early.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    let other = rename(&world, &buyer, "k", "Two").await;
    other.error(422, "IDEMPOTENCY_KEY_REUSED");
    // It has died.
    let over =
        format!("UPDATE account_answers SET running_until_ms = running_until_ms - {RUNNING_MS}");
    world.store.by_hand(&over).await.unwrap();
    first(&rename(&world, &buyer, "k", "One").await, 200);
    replayed(&rename(&world, &buyer, "k", "One").await, 200);
}

#[tokio::test]
async fn a_key_is_remembered_for_a_day() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    first(&rename(&world, &buyer, "k", "One").await, 200);
    let clock = &world.clock.0;
    clock.fetch_add(IDEMPOTENCY_WINDOW_MS - 1, Ordering::SeqCst);
    let buyer = login(&world, BUYER, &Value::Null).await;
    replayed(&rename(&world, &buyer, "k", "One").await, 200);
    clock.fetch_add(1, Ordering::SeqCst);
    first(&rename(&world, &buyer, "k", "Two").await, 200);
}

#[tokio::test]
async fn keys_are_bounded() {
    let world = World::with(|all| {
        all.accounts = config();
        all.rate_limit.enabled = true;
        all.rate_limit.idempotency_keys_per_day = 2;
    })
    .await;
    let body = json!({ "email": BUYER, "password": PASSWORD });
    let buyer = post(&world, "register", body).await.data(201);
    for key in ["k", "l"] {
        first(&rename(&world, &buyer, key, "One").await, 200);
    }
    let refused = rename(&world, &buyer, "m", "One").await;
    let details = refused.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "idempotency_keys_per_day");
    assert_eq!(refused.header("retry-after"), "86400");
    replayed(&rename(&world, &buyer, "k", "One").await, 200);
}

#[tokio::test]
async fn an_answer_opens_after_the_key_of_personal_data_was_changed() {
    let mut world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let answer = first(&rename(&world, &buyer, "k", "One").await, 200);
    let (old, new) = (config().key.unwrap(), Secret::new("n".repeat(32)));
    let ring = KeyRing::new(&new, [&old]).unwrap();
    assert_eq!(
        reseal(&world.store, &ring, SealedColumn::AccountAnswer).await,
        1
    );
    for column in SealedColumn::ALL {
        reseal(&world.store, &ring, column).await;
    }
    let sealed = world.store.lookup_key().await.unwrap().unwrap();
    let anew = ring.rotated(sealed_columns::LOOKUP_KEY, &sealed);
    let anew = anew.unwrap().unwrap();
    let is_resealed = world.store.reseal_lookup_key(&sealed, &anew).await;
    assert!(is_resealed.unwrap());
    start_with(&mut world, new);
    assert_eq!(
        replayed(&rename(&world, &buyer, "k", "One").await, 200),
        answer
    );
}

/// Seals again what older keys have sealed; how much that was.
async fn reseal(store: &Store, ring: &KeyRing, column: SealedColumn) -> u64 {
    let old = store.sealed_by_others(column, ring.current(), Uuid::nil(), 100);
    let anew = old.await.unwrap().into_iter().map(|value| Resealed {
        row: value.row,
        to: ring
            .rotated(column.place(value.row), &value.sealed)
            .unwrap()
            .unwrap(),
        from: value.sealed,
    });
    store.reseal(column, anew.collect()).await.unwrap()
}

/// Starts the server again, with this key for personal data.
fn start_with(world: &mut World, key: Secret) {
    let mut all = IngressConfig::default();
    all.auth.hs256_secret = Some(Secret::new(SECRET));
    all.rate_limit.enabled = false;
    all.precheck.enabled = false;
    all.accounts = AccountsConfig {
        key: Some(key),
        ..config()
    };
    let ingress = Ingress::new(
        all,
        world.log.clone(),
        world.store.clone(),
        world.operations.clone(),
        world.clock.clone(),
        prometheus::Registry::new(),
    );
    world.ingress = ingress.unwrap();
    world.router = world.ingress.router();
}
