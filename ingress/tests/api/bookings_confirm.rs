//! `POST /bookings/{id}/confirm` and `/extend`

use onsale_auth::AuthConfig;
use onsale_ingress::BookingKeys;
use onsale_schemas::envelope::reference_hash;
use onsale_schemas::outcome::{Confirmed, EndedBooking, Reserved};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{BookingId, Command, Outcome, PartitionId, Rejection, SeatList, TenantId};
use onsale_settings::Secret;
use serde_json::json;
use uuid::Uuid;

use crate::support::{BUYER, EVENT, NOW_MS, SECRET, SHOW, Script, ScriptedLog, World};

fn confirm(booking: impl std::fmt::Display) -> String {
    format!("/api/v1/bookings/{booking}/confirm")
}

/// What the installation of these tests gives.
fn keyed_code(booking: &BookingId) -> String {
    let config = AuthConfig {
        hs256_secret: Some(Secret::new(SECRET)),
        ..AuthConfig::default()
    };
    BookingKeys::new(&config)
        .unwrap()
        .confirmation_code(booking)
}

#[tokio::test]
async fn a_confirmation_has_its_code() {
    let world = World::new().await;
    let booking = world.booked(5).await;
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
            "confirmation_code": keyed_code(&booking),
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
    let booking = world.booked(5).await;
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
    let path = format!("/api/v1/bookings/{}/extend", world.booked(5).await);
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
    let booking = world.booked(100).await;
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

#[tokio::test]
async fn a_reference_is_claimed_before_the_confirmation() {
    let world = World::new().await;
    let booking = world.booked(5).await;
    let call = || {
        world
            .post(&confirm(booking))
            .by_role("service")
            .header("idempotency-key", "k")
            .json(&json!({
                "payment_reference": "pay-1",
                "amount": {"amount": 250_000, "currency": "THB"},
            }))
    };
    call().send().await.data(200);
    call().send().await.data(200);
    let seen = world.log.seen();
    let Command::ClaimReference(claim) = &seen[0].command else {
        panic!("not a claim: {:?}", seen[0])
    };
    let tenant = TenantId(Uuid::from_u128(7));
    assert_eq!(claim.reference, reference_hash(tenant, "pay-1"));
    assert_eq!((claim.partition, claim.booking), (PartitionId(0), 5));
    let Command::ConfirmV2(confirmed) = &seen[1].command else {
        panic!("not a confirmation: {:?}", seen[1])
    };
    assert_eq!(confirmed.paid, Some((250_000, "THB".parse().unwrap())));
    assert_eq!(confirmed.confirm.payment_reference, "pay-1");
    let by = seen[1].by.expect("the log says who confirmed");
    assert_eq!(by.tenant, Some(tenant));
    assert_eq!(seen[0].request_id, seen[2].request_id, "a repeated claim");
    assert_ne!(seen[0].request_id, seen[1].request_id);
}

#[tokio::test]
async fn what_was_paid_has_to_be_the_total_and_for_this_booking() {
    let world = World::new().await;
    let booking = world.booked(5).await;
    let call = |amount: serde_json::Value| {
        world
            .post(&confirm(booking))
            .by_role("service")
            .json(&json!({"payment_reference": "p", "amount": amount}))
    };
    world
        .log
        .next_claim(Script::reject(Rejection::PaymentReferenceUsed));
    let used = call(serde_json::Value::Null).send().await;
    used.error(409, "PAYMENT_REFERENCE_USED");
    assert_eq!(world.log.seen().len(), 1, "it is not confirmed then");
    world.log.next(Script::reject(Rejection::AmountDiffers {
        total: 250_000,
        currency: "THB".parse().unwrap(),
    }));
    let differs = call(json!({"amount": 1, "currency": "THB"})).send().await;
    let details = differs.error(409, "AMOUNT_MISMATCH");
    assert_eq!(
        details["total_price"],
        json!({"amount": 250_000, "currency": "THB"})
    );
    let reply = call(json!({"amount": 1, "currency": "baht"})).send().await;
    assert_eq!(
        reply.error(400, "VALIDATION_ERROR")["field"],
        "amount.currency"
    );
}

#[tokio::test]
async fn a_claim_that_nobody_answers_confirms_nothing() {
    let world = World::with(|config| config.http.reply_deadline_ms = 10).await;
    let booking = world.booked(5).await;
    world.log.next_claim(Script::Drop);
    let reply = world
        .post(&confirm(booking))
        .by_role("service")
        .json(&json!({"payment_reference": "p"}))
        .send()
        .await;
    reply.error(503, "OVERLOADED");
    assert_eq!(world.log.seen().len(), 1);
}

/// An id is not enough to compute a code, and what is printed on old bookings stays true.
#[tokio::test]
async fn a_code_needs_the_key_unless_it_is_from_before_version_2() {
    let world = World::new().await;
    let confirmed = |booking: u64| {
        Outcome::Confirmed(Confirmed {
            booking,
            show: SHOW,
            user: BUYER,
            zone: 0,
            seats: SeatList::from_iter([u32::try_from(booking).unwrap()]),
            quantity: 1,
            payment_reference: "p".to_owned(),
            confirmed_at_ms: NOW_MS + booking * 10,
            first: true,
            revived: false,
        })
    };
    let reserved = |booking: u64| {
        Outcome::Reserved(Reserved {
            booking,
            show: SHOW,
            event: EVENT,
            user: BUYER,
            zone: 0,
            seats: SeatList::from_iter([u32::try_from(booking).unwrap()]),
            quantity: 1,
            unit_price: 1,
            currency: "THB".parse().unwrap(),
            expires_at_ms: NOW_MS + 1,
        })
    };
    let mut records: Vec<_> = [
        reserved(0),
        confirmed(0),
        Outcome::BarrierPassed { machine_version: 2 },
        reserved(3),
        confirmed(3),
    ]
    .into_iter()
    .zip(0..)
    .map(|(outcome, offset)| ScriptedLog::record(offset, outcome))
    .collect();
    for (at, record) in records.iter_mut().enumerate().skip(1) {
        record.previous = Some(u64::try_from(at).unwrap() - 1);
        record.log_time_ms = NOW_MS + 20;
    }
    world.project(0, records).await;
    let code = async |offset: u64| {
        let id = BookingId::new(PartitionId(0), offset);
        let booking = world
            .get(&format!("/api/v1/bookings/{id}"))
            .by_role("buyer");
        booking.send().await.data(200)["confirmation_code"].clone()
    };
    let keyed = |offset| json!(keyed_code(&BookingId::new(PartitionId(0), offset)));
    assert_eq!(code(3).await, keyed(3));
    let before = code(0).await;
    assert_ne!(before, keyed(0));
    assert_eq!(before.as_str().unwrap().len(), 8);
}
