//! `POST /bookings/{id}/cancel`

use onsale_schemas::outcome::Reserved;
use onsale_schemas::{Actor, BookingId, Command, Outcome, PartitionId, SeatList, UserId};
use serde_json::json;

use crate::support::{BUYER, EVENT, NOW_MS, SHOW, ScriptedLog, World};

#[tokio::test]
async fn a_buyer_releases_and_staff_take_back() {
    let world = World::new().await;
    let booking = BookingId::new(PartitionId(0), 5);
    let path = format!("/api/v1/bookings/{booking}/cancel");
    // Without any body.
    let reply = world.post(&path).by_role("buyer").send().await;
    assert_eq!(
        reply.data(200),
        json!({"booking_id": booking, "status": "cancelled", "was_confirmed": false})
    );
    assert_eq!(
        world.log.last().command,
        Command::Release {
            booking: 5,
            by: Actor::Buyer(BUYER)
        }
    );
    world.booked(5).await;
    for role in ["admin", "service", "operator", "platform"] {
        world
            .post(&path)
            .by_role(role)
            .json(&json!({}))
            .send()
            .await
            .data(200);
        assert_eq!(world.log.last().command, Command::Return { booking: 5 });
    }
    let reply = world
        .post(&path)
        .by_role("buyer")
        .json(&json!({"why": 1}))
        .send()
        .await;
    assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], "why");
}

#[tokio::test]
async fn an_organizer_takes_back_bookings_of_their_own_events_only() {
    let world = World::new().await;
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
    world
        .project(0, vec![ScriptedLog::record(5, Outcome::Reserved(reserved))])
        .await;
    let path = format!(
        "/api/v1/bookings/{}/cancel",
        BookingId::new(PartitionId(0), 5)
    );
    world
        .post(&path)
        .by_user(UserId::from_bytes([0x77; 16]), "organizer")
        .send()
        .await
        .error(404, "NOT_FOUND");
    assert!(world.log.seen().is_empty());
    world
        .post(&path)
        .by_role("organizer")
        .send()
        .await
        .data(200);
    assert_eq!(world.log.last().command, Command::Return { booking: 5 });
}
