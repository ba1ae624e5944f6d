//! What others try keeps nobody out and fills no mailbox.

use http::Method;
use onsale_ingress::Rate;
use serde_json::json;

use super::{EMAIL, OTHER_PASSWORD, PASSWORD, call, config, mailed, post, register, world};
use crate::support::World;

#[tokio::test]
async fn nobody_is_locked_out_by_what_others_try() {
    let world = World::with(|all| {
        all.accounts = config();
        all.http.trusted_proxies = 1;
        all.rate_limit.enabled = true;
        // Nothing is gained within this test.
        let rate = Rate {
            per_minute: 1,
            burst: 3,
        };
        all.rate_limit.login = rate;
        all.rate_limit.login_by_account = rate;
    })
    .await;
    let attempt = async |address: &str, password: &str| {
        let body = json!({ "email": EMAIL, "password": password });
        let call = world.post("/api/v1/auth/login").json(&body);
        call.header("x-forwarded-for", address).send().await
    };
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let call = world.post("/api/v1/auth/register").json(&body);
    let own = call.header("x-forwarded-for", "10.0.0.1").send().await;
    own.data(201);
    // From an address each.
    for number in 1..=3 {
        let address = format!("10.1.0.{number}");
        let reply = attempt(&address, OTHER_PASSWORD).await;
        reply.error(401, "INVALID_CREDENTIALS");
    }
    let held = attempt("10.1.0.9", PASSWORD).await;
    held.error(429, "RATE_LIMITED");
    assert!(!held.header("retry-after").is_empty());
    attempt("10.0.0.1", PASSWORD).await.data(200);
    // Its own address has a limit of its own.
    for _ in 0..2 {
        attempt("10.0.0.1", OTHER_PASSWORD).await;
    }
    attempt("10.0.0.1", PASSWORD)
        .await
        .error(429, "RATE_LIMITED");
}

/// With a limit by address of which nothing is gained within a test.
async fn limited_world() -> World {
    World::with(|all| {
        all.accounts = config();
        all.http.trusted_proxies = 1;
        all.rate_limit.enabled = true;
        all.rate_limit.login = Rate {
            per_minute: 1,
            burst: 3,
        };
    })
    .await
}

#[tokio::test]
async fn one_address_keeps_nobody_out() {
    let world = limited_world().await;
    let attempt = async |address: &str, password: &str| {
        let body = json!({ "email": EMAIL, "password": password });
        let call = world.post("/api/v1/auth/login").json(&body);
        call.header("x-forwarded-for", address).send().await
    };
    register(&world).await;
    for number in 0..6 {
        let reply = attempt("10.1.0.1", OTHER_PASSWORD).await;
        if number < 3 {
            reply.error(401, "INVALID_CREDENTIALS");
        } else {
            reply.error(429, "RATE_LIMITED");
        }
    }
    attempt("10.2.0.1", PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_stolen_token_is_no_way_to_try_passwords_from_many_addresses() {
    let world = limited_world().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let own = world.post("/api/v1/auth/register").json(&body);
    let own = own.header("x-forwarded-for", "10.0.0.1").send().await;
    let own = own.data(201);
    let token = own["access_token"].as_str().unwrap();
    let body =
        json!({ "current_password": OTHER_PASSWORD, "new_password": "quiet morning harbour" });
    let attempt = async |address: &str| {
        let call = world.post("/api/v1/auth/change-password").token(token);
        let call = call.header("x-forwarded-for", address);
        call.json(&body).send().await
    };
    for number in 1..=3 {
        let reply = attempt(&format!("10.1.0.{number}")).await;
        reply.error(401, "INVALID_CREDENTIALS");
    }
    attempt("10.1.0.9").await.error(429, "RATE_LIMITED");
    let body = json!({ "password": OTHER_PASSWORD });
    let erase = world.call(Method::DELETE, "/api/v1/auth/me").token(token);
    let erase = erase.header("x-forwarded-for", "10.1.0.10").json(&body);
    erase.send().await.error(429, "RATE_LIMITED");
    // From where the person has signed in, only that address's own limit counts.
    attempt("10.0.0.1").await.error(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn whoever_asks_for_links_spoils_none_and_fills_no_mailbox() {
    let world = world().await;
    register(&world).await;
    mailed(&world).await;
    let forgot = async || {
        let reply = post(&world, "forgot-password", json!({ "email": EMAIL })).await;
        reply.data(202);
        world.ingress.settled().await;
    };
    forgot().await;
    let first = mailed(&world).await;
    for _ in 0..3 {
        forgot().await;
    }
    let kind = onsale_store::mail::KIND;
    let waiting = world.store.claim_jobs(kind, "test", 60_000, 100).await;
    assert!(waiting.unwrap().is_empty(), "a mail was sent just now");
    let ordering = std::sync::atomic::Ordering::SeqCst;
    world.clock.0.fetch_add(5 * 60_000, ordering);
    forgot().await;
    let second = mailed(&world).await;
    assert_ne!(first, second);
    let reset = async |token: &str| {
        let body = json!({ "token": token, "password": OTHER_PASSWORD });
        post(&world, "reset-password", body).await
    };
    reset(&first).await.data(200);
    reset(&second).await.error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn an_address_gets_few_mails_however_often_it_registers() {
    let world = world().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    for _ in 0..5 {
        let signed_in = register(&world).await;
        let password = json!({ "password": PASSWORD });
        call(&world, &signed_in, Method::DELETE, "me", password)
            .await
            .data(200);
    }
    let held = post(&world, "register", body).await;
    held.error(429, "RATE_LIMITED");
    assert_eq!(held.header("retry-after"), "8640");
    let ordering = std::sync::atomic::Ordering::SeqCst;
    world.clock.0.fetch_add(8_640_000, ordering);
    register(&world).await;
}
