//! What others try keeps nobody out and fills no mailbox.

use futures::future::join_all;
use http::Method;
use onsale_accounts::AccountsConfig;
use onsale_ingress::Rate;
use serde_json::json;

use super::{
    EMAIL, OTHER_PASSWORD, PASSWORD, answer_resets, call, config, mailed, post, register, world,
};
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
        answer_resets(&world).await;
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

/// With the limits that a server has by default. What a body says is looked at behind them.
#[tokio::test]
async fn an_address_signs_in_registers_and_asks_for_links_as_often_as_the_defaults_say() {
    let world = World::with(|all| {
        all.accounts = config();
        all.http.trusted_proxies = 1;
        all.rate_limit.enabled = true;
    })
    .await;
    let attempt = async |path: &str, address: &str| {
        let call = world.post(&format!("/api/v1/auth/{path}"));
        let call = call.header("x-forwarded-for", address);
        let call = call.header("sec-fetch-site", "same-origin");
        call.json(&json!({})).send().await
    };
    // 5 a minute and 3 at once; 3 a minute and 2 at once.
    for (class, path, also, burst, refill_seconds) in [
        ("login", "login", "cookie/login", 3, 36),
        ("register", "register", "cookie/register", 2, 40),
        ("reset", "forgot-password", "forgot-password", 2, 40),
    ] {
        let policy = format!("\"{class}\";q={burst};w={refill_seconds}");
        for left in (0..burst).rev() {
            let reply = attempt(path, "10.0.0.1").await;
            reply.error(400, "VALIDATION_ERROR");
            assert_eq!(reply.header("ratelimit-policy"), policy);
            let begins = format!("\"{class}\";r={left};");
            let said = reply.header("ratelimit");
            assert!(said.starts_with(&begins), "{path}: {said}");
        }
        for path in [path, also] {
            let held = attempt(path, "10.0.0.1").await;
            held.error(429, "RATE_LIMITED");
            let wait: u64 = held.header("retry-after").parse().unwrap();
            let longest = refill_seconds / burst;
            assert!((1..=longest).contains(&wait), "{path}: {wait} s");
        }
        // Others get on.
        let other = attempt(path, "10.0.0.2").await;
        other.error(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn who_comes_while_the_queue_of_passwords_is_full_is_asked_to_come_back() {
    /// Far more than a queue of one takes while one password is computed.
    const CROWD: usize = 32;
    let world = World::with(|all| {
        all.accounts = AccountsConfig {
            bcrypt_cost: 12,
            cheapest_hashes: false,
            password_queue_max: 1,
            ..config()
        };
    })
    .await;
    // Where there is no account it takes as long.
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let crowd = (0..CROWD).map(|_| post(&world, "login", body.clone()));
    let replies = join_all(crowd).await;
    let (busy, answered): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 503);
    assert!(!busy.is_empty() && !answered.is_empty(), "{}", busy.len());
    for reply in busy {
        reply.error(503, "OVERLOADED");
        let wait: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait} s");
    }
    for reply in answered {
        reply.error(401, "INVALID_CREDENTIALS");
    }
    // It is empty again.
    let later = post(&world, "login", body).await;
    later.error(401, "INVALID_CREDENTIALS");
}
