//! `POST /bookings/{id}/confirm` and `/extend`

use onsale_schemas::outcome::{EndedBooking, Reserved};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{BookingId, Outcome, PartitionId, Rejection, SeatList};
use serde_json::json;
use uuid::Uuid;

use crate::support::{BUYER, EVENT, NOW_MS, SHOW, Script, ScriptedLog, World};

fn confirm(booking: impl std::fmt::Display) -> String {
    format!("/api/v1/bookings/{booking}/confirm")
}

#[tokio::test]
async fn a_confirmation_has_its_code() {
    let world = World::new().await;
    let booking = BookingId::new(PartitionId(0), 5);
    let reply = world
        .post(&confirm(booking))
        .by_role("service")
        .json(&json!({"payment_reference": "pay-1"}))
        .send()
        .await;
    assert_eq!(
        reply.data(200),
        json!({
            "booking_id": booking, "status": "confirmed",
            "confirmed_at": "2023-11-14T22:13:20.000Z",
            "confirmation_code": booking.confirmation_code(),
        })
    );
}

#[tokio::test]
async fn an_id_that_we_never_made_is_not_found() {
    let world = World::new().await;
    for id in [
        Uuid::from_u128(9).to_string(),
        "x".to_owned(),
        // Of a partition that the log does not have.
        BookingId::new(PartitionId(1), 5).to_string(),
    ] {
        let reply = world
            .post(&confirm(id))
            .by_role("service")
            .json(&json!({"payment_reference": "p"}))
            .send()
            .await;
        reply.error(404, "NOT_FOUND");
    }
    assert!(world.log.seen().is_empty());
}

#[tokio::test]
async fn a_payment_reference_has_its_bounds() {
    let world = World::new().await;
    let booking = BookingId::new(PartitionId(0), 5);
    for reference in [String::new(), "x".repeat(129)] {
        let reply = world
            .post(&confirm(booking))
            .by_role("service")
            .json(&json!({"payment_reference": reference}))
            .send()
            .await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "payment_reference");
    }
}

/// What the engine has forgotten the database still knows.
#[tokio::test]
async fn a_forgotten_booking_gets_a_precise_answer() {
    let world = World::new().await;
    let ended = EndedBooking {
        booking: 5,
        show: SHOW,
        user: BUYER,
        zone: 0,
        seats: SeatList::from_iter([0]),
        quantity: 1,
    };
    let reserved = Reserved {
        booking: 5,
        show: SHOW,
        event: EVENT,
        user: BUYER,
        zone: 0,
        seats: SeatList::from_iter([0]),
        quantity: 1,
        unit_price: 1,
        currency: "THB".parse().unwrap(),
        expires_at_ms: NOW_MS + 1,
    };
    let mut expiry = ScriptedLog::record(6, Outcome::Nothing);
    expiry.previous = Some(5);
    expiry.expired = vec![ended];
    world
        .project(
            0,
            vec![ScriptedLog::record(5, Outcome::Reserved(reserved)), expiry],
        )
        .await;
    let expired = BookingId::new(PartitionId(0), 5);
    let unknown = BookingId::new(PartitionId(0), 4);
    for (booking, status, code) in [
        (expired, 410, "RESERVATION_EXPIRED"),
        (unknown, 404, "NOT_FOUND"),
    ] {
        for (path, body) in [
            ("confirm", json!({"payment_reference": "p"})),
            ("extend", json!({"seconds": 5})),
            ("cancel", json!({})),
        ] {
            world.log.next(Script::reject(Rejection::UnknownBooking));
            let reply = world
                .post(&format!("/api/v1/bookings/{booking}/{path}"))
                .by_role("service")
                .json(&body)
                .send()
                .await;
            reply.error(status, code);
        }
    }
}

#[tokio::test]
async fn refusals_of_a_confirmation_have_their_statuses() {
    let world = World::new().await;
    let booking = BookingId::new(PartitionId(0), 5);
    for (rejection, status, code) in [
        (Rejection::AlreadyConfirmed, 409, "ALREADY_CONFIRMED"),
        (Rejection::AlreadyCancelled, 409, "ALREADY_CANCELLED"),
        (Rejection::ShowCancelled, 409, "SHOW_CANCELLED"),
        (Rejection::ReservationExpired, 410, "RESERVATION_EXPIRED"),
    ] {
        world.log.next(Script::reject(rejection));
        let reply = world
            .post(&confirm(booking))
            .by_role("service")
            .json(&json!({"payment_reference": "p"}))
            .send()
            .await;
        reply.error(status, code);
    }
}

#[tokio::test]
async fn an_extension_is_bounded_and_tells_the_new_end() {
    let world = World::new().await;
    let path = format!(
        "/api/v1/bookings/{}/extend",
        BookingId::new(PartitionId(0), 5)
    );
    for seconds in [
        json!(0),
        json!(86_401),
        json!(4_294_967_295_u64),
        json!(-1),
        json!("5"),
    ] {
        let reply = world
            .post(&path)
            .by_role("service")
            .json(&json!({"seconds": seconds}))
            .send()
            .await;
        assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], "seconds");
    }
    let reply = world
        .post(&path)
        .by_role("service")
        .json(&json!({"seconds": 60}))
        .send()
        .await;
    let data = reply.data(200);
    assert_eq!(data["expires_at"], "2023-11-14T22:14:20.000Z");
    assert_eq!(data["expires_in_seconds"], 60);
}

#[tokio::test]
async fn a_hold_that_would_last_too_long_blames_the_seconds() {
    let world = World::new().await;
    let booking = BookingId::new(PartitionId(0), 100);
    let extend = |seconds: u64| {
        world
            .post(&format!("/api/v1/bookings/{booking}/extend"))
            .by_role("service")
            .json(&json!({"seconds": seconds}))
            .send()
    };
    world.log.next(Script::reject(Rejection::Invalid {
        reason: InvalidReason::OutOfRange,
    }));
    for seconds in [86_400, 86_401, u64::MAX] {
        let details = extend(seconds).await.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "seconds", "{details}");
    }
}
