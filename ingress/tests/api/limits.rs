//! What no client can make this process read, keep or send.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use http::Method;
use onsale_schemas::{BookingId, PartitionId, Rejection, SeatList, UserId};
use serde_json::json;

use crate::support::{EVENT, ORGANIZER, SHOW, STALLS, Script, World};

/// Largest body of an error, as `PROBLEM_MAX_BYTES` of the crate.
const PROBLEM_MAX_BYTES: usize = 8_192;

/// A body that never ends.
fn endless() -> Body {
    endless_of(1)
}

/// As [`endless`], after this many pieces of 1,024 bytes.
fn endless_of(pieces: usize) -> Body {
    let piece = Ok::<_, Infallible>(Bytes::from(vec![b' '; 1_024]));
    let pieces = stream::iter(vec![piece; pieces]);
    Body::from_stream(pieces.chain(stream::pending()))
}

#[tokio::test]
async fn unauthorised_callers_are_refused_before_anything_is_read() {
    let world = World::new().await;
    let booking = BookingId::new(PartitionId(0), 100);
    for (method, path, role) in [
        (Method::POST, "/bookings/reserve".to_owned(), "organizer"),
        (
            Method::POST,
            format!("/bookings/{booking}/confirm"),
            "buyer",
        ),
        (Method::POST, format!("/bookings/{booking}/extend"), "buyer"),
        (Method::POST, "/events".to_owned(), "buyer"),
        (Method::PUT, format!("/events/{EVENT}"), "buyer"),
        (Method::POST, format!("/events/{EVENT}/shows"), "buyer"),
        (Method::POST, format!("/events/{EVENT}/shows"), "service"),
        (Method::PATCH, format!("/shows/{SHOW}"), "buyer"),
        (Method::POST, format!("/shows/{SHOW}/block"), "buyer"),
        (Method::POST, format!("/shows/{SHOW}/unblock"), "buyer"),
        (Method::POST, format!("/shows/{SHOW}/close"), "buyer"),
        (Method::POST, format!("/shows/{SHOW}/cancel"), "buyer"),
        (Method::POST, "/admin/snapshots".to_owned(), "organizer"),
        (Method::POST, "/admin/failover".to_owned(), "organizer"),
        (
            Method::POST,
            "/admin/reconcile/apply".to_owned(),
            "organizer",
        ),
    ] {
        let path = format!("/api/v1{path}");
        let call = || world.call(method.clone(), &path).raw(endless());
        call().by_role(role).send().await.error(403, "FORBIDDEN");
        call().send().await.error(401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn large_bodies_wait_for_one_another() {
    let world = World::with(|config| {
        config.http.large_bodies_max_bytes = config.http.layout_body_max_bytes;
        config.http.body_timeout_ms = 200;
    })
    .await;
    let path = format!("/api/v1/events/{EVENT}/shows");
    let create = |user: UserId, body: Body| {
        let call = world.post(&path).by_user(user, "organizer");
        call.raw(body).send()
    };
    let other = UserId::from_bytes([0x0b; 16]);
    // The first takes all the room there is and sends no more.
    let (first, same, second) = tokio::join!(
        create(ORGANIZER, endless_of(100)),
        create(ORGANIZER, endless_of(100)),
        create(other, endless_of(100)),
    );
    first.error(408, "REQUEST_TIMEOUT");
    same.error(429, "RATE_LIMITED");
    assert!(second.status == 408 || second.status == 503);
    // A small one never waits, and one that has sent little blocks no other.
    let (_, small, large) = tokio::join!(
        create(ORGANIZER, endless()),
        create(ORGANIZER, Body::from("{}")),
        create(ORGANIZER, Body::from(" ".repeat(100_000))),
    );
    small.error(400, "VALIDATION_ERROR");
    large.error(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn no_error_repeats_more_than_a_little() {
    let world = World::new().await;
    let show = format!("/api/v1/events/{EVENT}/shows");
    let long = "k".repeat(100_000);
    let mut bodies = vec![
        format!("{{\"{long}\":1}}"),
        format!("{{\"name\":\"{long}\"}}"),
        format!("{{\"starts_at\":\"{long}\"}}"),
        format!("{{\"starts_at\":\"2030-01-01T00:00:00Z\",\"zones\":[{{\"{long}\":1}}]}}"),
        format!("{{\"zones\":\"{long}\"}}"),
        format!("[\"{long}\"]"),
    ];
    bodies.push("[".repeat(100_000));
    for body in bodies {
        let reply = world
            .post(&show)
            .by_role("organizer")
            .raw(body)
            .send()
            .await;
        reply.error(400, "VALIDATION_ERROR");
        assert!(reply.bytes.len() <= PROBLEM_MAX_BYTES);
    }
    for query in [
        format!("{}=1", "q".repeat(8_000)),
        format!("page={}", "1".repeat(8_000)),
        format!("city={}", "c".repeat(8_000)),
    ] {
        let reply = world.get(&format!("/api/v1/events?{query}")).send().await;
        reply.error(400, "VALIDATION_ERROR");
        assert!(reply.bytes.len() <= PROBLEM_MAX_BYTES);
    }
    let path = format!("/api/v1/{}", "p".repeat(20_000));
    let reply = world.get(&path).send().await;
    reply.error(404, "NOT_FOUND");
    assert!(reply.bytes.len() <= PROBLEM_MAX_BYTES);
}

#[tokio::test]
async fn a_refusal_of_many_seats_names_the_first_and_counts_the_rest() {
    let world = World::new().await;
    let seats = SeatList::from_iter(0..10_000);
    world
        .log
        .next(Script::reject(Rejection::SeatUnavailable { seats }));
    let reply = world
        .post(&format!("/api/v1/shows/{SHOW}/block"))
        .by_role("organizer")
        .json(&json!({"zone_id": STALLS, "seats": ["B-L"]}))
        .send()
        .await;
    let details = reply.error(409, "SEAT_UNAVAILABLE");
    assert_eq!(details["seats"].as_array().unwrap().len(), 100);
    assert_eq!(details["seats_total"], 10_000);
    assert!(reply.bytes.len() <= PROBLEM_MAX_BYTES);
}

#[tokio::test]
async fn a_body_that_is_said_to_be_compressed_is_not_read_as_it_is() {
    let world = World::new().await;
    let reserve = |coding: &str| {
        world
            .reserve(serde_json::json!({"show_id": crate::support::SHOW, "seats": ["B-L"]}))
            .header("content-encoding", coding)
    };
    for coding in ["gzip", "br", "identity, gzip"] {
        let reply = reserve(coding).send().await;
        reply.error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    reserve("identity").send().await.data(201);
}
