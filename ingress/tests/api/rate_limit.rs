//! Rate limits and their headers.

use onsale_ingress::Rate;
use onsale_schemas::UserId;
use serde_json::json;

use crate::support::{EVENT, SHOW, World};

/// One token a minute, so that no bucket gains one while the test runs.
async fn limited() -> World {
    World::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.reserve = Rate {
            per_minute: 1,
            burst: 3,
        };
        config.rate_limit.other = Rate {
            per_minute: 1,
            burst: 2,
        };
        config.http.trusted_proxies = 1;
    })
    .await
}

#[tokio::test]
async fn reservations_are_counted_by_user() {
    let world = limited().await;
    let reserve = |user: u8| {
        world
            .post("/api/v1/bookings/reserve")
            .by_user(UserId::from_bytes([user; 16]), "buyer")
            .json(&json!({"show_id": SHOW, "seats": ["B-L"]}))
    };
    for left in ["2", "1", "0"] {
        let reply = reserve(1).send().await;
        reply.data(201);
        assert_eq!(reply.header("ratelimit-policy"), "\"reserve\";q=3;w=180");
        assert!(
            reply
                .header("ratelimit")
                .starts_with(&format!("\"reserve\";r={left};"))
        );
    }
    let reply = reserve(1).send().await;
    reply.error(429, "RATE_LIMITED");
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        reply.header("ratelimit"),
        format!("\"reserve\";r=0;t={wait}")
    );
    assert_eq!(world.log.seen().len(), 3);
    // Somebody else, and another class, are not concerned.
    reserve(2).send().await.data(201);
    world
        .get("/api/v1/bookings")
        .by_user(UserId::from_bytes([1; 16]), "buyer")
        .send()
        .await
        .data(200);
}

#[tokio::test]
async fn without_a_token_the_address_counts() {
    let world = limited().await;
    let path = format!("/api/v1/events/{EVENT}");
    let get = |from: &str| world.get(&path).header("x-forwarded-for", from);
    get("10.0.0.1").send().await.data(200);
    // What the client itself writes in front is not believed.
    get("1.2.3.4, 10.0.0.1").send().await.data(200);
    get("10.0.0.1").send().await.error(429, "RATE_LIMITED");
    get("10.0.0.2").send().await.data(200);
    // Probes are never refused, and guessing tokens is counted like any other call.
    for _ in 0..5 {
        assert_eq!(world.get("/health/live").send().await.status, 200);
    }
    get("10.0.0.2")
        .token("x.y.z")
        .send()
        .await
        .error(401, "UNAUTHORIZED");
    get("10.0.0.2")
        .token("x.y.z")
        .send()
        .await
        .error(429, "RATE_LIMITED");
}
