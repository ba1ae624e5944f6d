//! Rate limits and their headers.

use std::sync::atomic::Ordering;

use onsale_ingress::{AddressBlocksMode, Rate};
use onsale_schemas::{BookingId, Outcome, PartitionId, Rejection, UserId};
use serde_json::json;

use crate::support::{Call, EVENT, FLOOR, SHOW, Script, World};

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
    // Another user and another class are not affected.
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

/// 1,250 accounts of one network do not get the house.
#[tokio::test]
async fn the_buyers_of_one_network_hold_so_many_places_together() {
    let world = World::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.address_blocks.mode = AddressBlocksMode::On;
        config.http.trusted_proxies = 1;
    })
    .await;
    let reserve = |n: u32, address: &str| {
        let mut user = [0x77; 16];
        user[..4].copy_from_slice(&n.to_be_bytes());
        world
            .post("/api/v1/bookings/reserve")
            .by_user(UserId::from_bytes(user), "buyer")
            .header("x-forwarded-for", address)
            .json(&json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": 4}))
    };
    let mut granted = 0;
    for n in 0..1_250 {
        let address = format!("198.51.100.{}", n % 250);
        if reserve(n, &address).send().await.status == 201 {
            granted += 4;
        }
    }
    assert_eq!(granted, 400);
    let refused = reserve(1, "198.51.100.9").send().await;
    let details = refused.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "address_blocks.held_places_max");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    reserve(1, "198.51.101.9").send().await.data(201);
}

#[tokio::test]
async fn idempotency_keys_of_a_user_are_bounded() {
    let world = World::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.idempotency_keys_per_day = 2;
    })
    .await;
    let reserve = |key: &str| {
        world
            .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
            .header("idempotency-key", key)
    };
    reserve("1").send().await.data(201);
    world
        .log
        .next(Script::Replay(Outcome::Rejected(Rejection::SaleClosed)));
    reserve("1").send().await.error(409, "SALE_CLOSED");
    reserve("2").send().await.data(201);
    let refused = reserve("3").send().await;
    let details = refused.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "idempotency_keys_per_day");
    // Without a key nothing has to be remembered.
    let plain = world.reserve(json!({"show_id": SHOW, "seats": ["B-L"]}));
    plain.send().await.data(201);
}

/// Sends a reservation and hangs up once the log has it.
async fn hang_up(world: &World, call: Call<'_>) {
    let before = world.log.seen().len();
    world.log.next(Script::Hold);
    let handed_in = async {
        while world.log.seen().len() == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        reply = call.send() => panic!("answered {} before the log did", reply.status),
        () = handed_in => {}
    }
}

/// A network in which eight places may be held.
async fn of_eight_places() -> World {
    World::with(|config| {
        config.rate_limit.enabled = true;
        config.rate_limit.idempotency_keys_per_day = 2;
        config.rate_limit.address_blocks.mode = AddressBlocksMode::On;
        config.rate_limit.address_blocks.held_places_max = 8;
    })
    .await
}

#[tokio::test]
async fn a_client_that_disconnects_has_still_reserved() {
    let world = of_eight_places().await;
    let reserve = |key: &str| {
        world
            .reserve(json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": 4}))
            .header("idempotency-key", key)
    };
    hang_up(&world, reserve("1")).await;
    hang_up(&world, reserve("2")).await;
    let plain = world.reserve(json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": 1}));
    let refused = plain.send().await;
    let details = refused.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "address_blocks.held_places_max");
    // Without a place of its own, so that only the keys count.
    let booking = BookingId::new(PartitionId(0), 100);
    let cancel = world
        .post(&format!("/api/v1/bookings/{booking}/cancel"))
        .by_role("buyer")
        .header("idempotency-key", "3");
    let refused = cancel.send().await;
    let details = refused.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "idempotency_keys_per_day");
}

#[tokio::test]
async fn a_request_that_comes_again_has_its_answer_whatever_is_used_up() {
    let world = of_eight_places().await;
    let reserve = |key: &str| {
        world
            .reserve(json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": 4}))
            .header("idempotency-key", key)
    };
    reserve("1").send().await.data(201);
    reserve("2").send().await.data(201);
    let refused = reserve("3").send().await;
    let details = refused.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "address_blocks.held_places_max");
    for _ in 0..3 {
        world
            .log
            .next(Script::Replay(Outcome::Rejected(Rejection::SaleClosed)));
        reserve("1").send().await.error(409, "SALE_CLOSED");
    }
}

/// The log of another partition knows nothing of a key, so what it is used for there is new.
#[tokio::test]
async fn a_key_that_was_used_on_another_partition_passes_no_limit() {
    let world = of_eight_places().await;
    world.log.partitions.store(2, Ordering::SeqCst);
    let cancel = |partition: u16, key: &str| {
        let booking = BookingId::new(PartitionId(partition), 7);
        world
            .post(&format!("/api/v1/bookings/{booking}/cancel"))
            .by_role("buyer")
            .header("idempotency-key", key)
    };
    let places = |quantity: u32| {
        world.reserve(json!({"show_id": SHOW, "zone_id": FLOOR, "quantity": quantity}))
    };
    world.log.next(Script::reject(Rejection::UnknownBooking));
    cancel(1, "1").send().await.error(404, "NOT_FOUND");
    for _ in 0..2 {
        places(4).send().await.data(201);
    }
    let refused = places(4).header("idempotency-key", "1").send().await;
    let details = refused.error(429, "RATE_LIMITED");
    assert_eq!(details["limit"], "address_blocks.held_places_max");
    // The second and last key of the day.
    world.log.next(Script::reject(Rejection::UnknownBooking));
    cancel(1, "2").send().await.error(404, "NOT_FOUND");
    let handed_in = world.log.seen().len();
    for (partition, key) in [(1, "3"), (0, "1"), (0, "2")] {
        let refused = cancel(partition, key).send().await;
        let details = refused.error(429, "RATE_LIMITED");
        assert_eq!(details["limit"], "idempotency_keys_per_day");
    }
    assert_eq!(world.log.seen().len(), handed_in);
}

#[tokio::test]
async fn keys_of_a_payment_service_are_not_counted() {
    let world = of_eight_places().await;
    let booking = world.booked(5).await;
    for key in 0..5 {
        world
            .post(&format!("/api/v1/bookings/{booking}/confirm"))
            .by_role("service")
            .header("idempotency-key", &key.to_string())
            .json(&json!({"payment_reference": "pay-1"}))
            .send()
            .await
            .data(200);
    }
}
