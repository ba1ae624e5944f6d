//! Idempotency keys of guests.

use std::sync::atomic::Ordering;

use onsale_schemas::envelope::idempotent_request_id;
use onsale_schemas::outcome::Reserved;
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{BookingId, Outcome, PartitionId, Rejection, SeatList, ShowId};
use serde_json::{Value, json};

use super::{
    EMAIL, guest, id, projected, register, reserve, said, set_verified_only, token, world,
};
use crate::support::{BUYER, Claims, EVENT, NOW_MS, SHOW, Script, ScriptedLog, World};

/// Uses a key up on another partition than that of the show: to give back what is nobody's.
async fn use_elsewhere(world: &World, of: &Value, key: &str) {
    world.log.partitions.store(2, Ordering::SeqCst);
    world.log.next(Script::reject(Rejection::UnknownBooking));
    let booking = BookingId::new(PartitionId(1), 7);
    let cancel = world.post(&format!("/api/v1/bookings/{booking}/cancel"));
    let cancel = cancel.token(token(of)).header("idempotency-key", key);
    cancel.send().await.error(404, "NOT_FOUND");
    world.log.partitions.store(1, Ordering::SeqCst);
}

#[tokio::test]
async fn a_key_that_was_used_on_another_partition_opens_nothing() {
    let world = world().await;
    let (guest, account) = (guest(&world, EMAIL).await, register(&world, EMAIL).await);
    reserve(&world, &guest, "A-1").send().await.data(201);
    projected(&world, 100, id(&guest)).await;
    use_elsewhere(&world, &guest, "k").await;
    let again = reserve(&world, &guest, "A-2").header("idempotency-key", "k");
    again.send().await.error(409, "GUEST_PURCHASE_MADE");

    set_verified_only(&world, json!(true)).await;
    use_elsewhere(&world, &account, "k").await;
    let handed_in = world.log.seen().len();
    for someone in [&guest, &account] {
        let refused = reserve(&world, someone, "A-3").header("idempotency-key", "k");
        refused.send().await.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    }
    assert_eq!(world.log.seen().len(), handed_in);
}

#[tokio::test]
async fn a_key_is_known_for_the_request_that_it_was_used_with() {
    let world = world().await;
    let buyer = said(&Value::Null);
    // Refused, and remembered as such; or not remembered at all.
    for (key, refusal) in [
        ("closed", Rejection::SaleClosed),
        (
            "full",
            Rejection::Full {
                table: FullTable::Idempotency,
            },
        ),
    ] {
        world.log.next(Script::reject(refusal));
        let first = reserve(&world, &buyer, "A-1").header("idempotency-key", key);
        assert_ne!(first.send().await.status, 201);
    }
    set_verified_only(&world, json!(true)).await;
    let repeated = |key: &'static str, seat: &'static str| {
        let call = reserve(&world, &buyer, seat).header("idempotency-key", key);
        call.send()
    };
    let replay = Script::Replay(Outcome::Rejected(Rejection::SaleClosed));
    world.log.next(replay);
    repeated("closed", "A-1").await.error(409, "SALE_CLOSED");
    let other = repeated("closed", "A-2").await;
    other.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    let forgotten = repeated("full", "A-1").await;
    forgotten.error(403, "VERIFIED_ACCOUNT_REQUIRED");
    // A day later the log remembers it no more, though this node does.
    world.clock.0.fetch_add(25 * 3_600_000, Ordering::SeqCst);
    let mut claims = Claims::new(BUYER, "buyer");
    claims.exp = claims.exp.map(|exp| exp + 25 * 3_600);
    let buyer = json!({ "access_token": claims.token() });
    let late = reserve(&world, &buyer, "A-1").header("idempotency-key", "closed");
    let late = late.send().await;
    late.error(403, "VERIFIED_ACCOUNT_REQUIRED");
}

/// What another node granted is found by its booking.
#[tokio::test]
async fn a_booking_shows_that_its_key_is_known_for_a_day() {
    let world = world().await;
    let buyer = said(&Value::Null);
    set_verified_only(&world, json!(true)).await;
    let hour_ms = 3_600_000;
    for (number, (key, age_ms, show, is_known)) in [
        ("recent", hour_ms, SHOW, true),
        ("old", 25 * hour_ms, SHOW, false),
        ("elsewhere", hour_ms, ShowId::from_bytes([0x51; 16]), false),
    ]
    .into_iter()
    .enumerate()
    {
        let offset = u64::try_from(number).unwrap();
        let mut record = ScriptedLog::record(
            offset,
            Outcome::Reserved(Reserved {
                booking: offset,
                show,
                event: EVENT,
                user: BUYER,
                zone: 0,
                seats: SeatList::from_iter([u32::try_from(number).unwrap()]),
                quantity: 1,
                unit_price: 250_000,
                currency: "THB".parse().unwrap(),
                expires_at_ms: NOW_MS + 600_000,
            }),
        );
        record.previous = offset.checked_sub(1);
        record.request_id = Some(idempotent_request_id(BUYER, key));
        record.log_time_ms = NOW_MS - age_ms;
        world.project(offset, vec![record]).await;
        let call = reserve(&world, &buyer, "A-1").header("idempotency-key", key);
        let reply = call.send().await;
        if is_known {
            reply.data(201);
        } else {
            reply.error(403, "VERIFIED_ACCOUNT_REQUIRED");
        }
    }
}
