//! Early refusals under pressure.

use futures::future::join_all;
use onsale_schemas::outcome::{EndedBooking, Reserved};
use onsale_schemas::{BookingId, Outcome, PartitionId, Rejection, SeatList, SeatStatus, UserId};
use serde_json::json;

use crate::support::{
    BALCONY, BUYER, EVENT, NOW_MS, SHOW, STALLS, Script, ScriptedLog, World, seats,
};

/// The balcony is sold out as last seen, and reservations are in flight.
async fn sold_out(in_flight: usize) -> World {
    let world = World::with(|config| {
        config.precheck.enabled = true;
        config.http.reply_deadline_ms = 60_000;
    })
    .await;
    let mut state = seats(50);
    state.zones[2].available = 0;
    state.zones[2].sold = 5;
    state.unavailable = (23..28).map(|seat| (seat, SeatStatus::Sold)).collect();
    world.log.set_seats(state);
    // The view is there before the rush.
    world
        .get(&format!("/api/v1/shows/{SHOW}/availability"))
        .send()
        .await
        .data(200);
    for _ in 0..in_flight {
        world.log.next(Script::Hold);
    }
    world
}

#[tokio::test]
async fn without_pressure_the_log_decides() {
    let world = sold_out(0).await;
    let reply = world
        .reserve(json!({"show_id": SHOW, "zone_id": BALCONY, "quantity": 1}))
        .send()
        .await;
    // The script grants: what was seen is never held against the log.
    reply.data(201);
}

#[tokio::test]
async fn under_pressure_what_is_gone_is_refused_early_with_its_position() {
    let world = sold_out(8).await;
    let held = join_all((0..8).map(|_| {
        world
            .reserve(json!({"show_id": SHOW, "zone_id": BALCONY, "quantity": 1}))
            .send()
    }));
    let refused = async {
        while world.log.seen().len() < 8 {
            tokio::task::yield_now().await;
        }
        let count = world
            .reserve(json!({"show_id": SHOW, "zone_id": BALCONY, "quantity": 1}))
            .send()
            .await;
        let details = count.error(409, "INSUFFICIENT_STOCK");
        assert_eq!(details["available"], 0);
        assert_eq!(details["as_of"], json!({"partition": 0, "offset": 50}));
        let named = world
            .reserve(json!({"show_id": SHOW, "zone_id": BALCONY, "seats": ["A-1", "A-2"]}))
            .send()
            .await;
        let details = named.error(409, "SEAT_UNAVAILABLE");
        assert_eq!(details["seats"], json!(["A-1", "A-2"]));
        // Another zone has nothing to do with it.
        world
            .reserve(json!({"show_id": SHOW, "zone_id": STALLS, "seats": ["A-1"]}))
            .send()
            .await
            .data(201);
        // A repeated request may have been granted long ago.
        world
            .reserve(json!({"show_id": SHOW, "zone_id": BALCONY, "quantity": 1}))
            .header("idempotency-key", "k")
            .send()
            .await
            .data(201);
        world.log.release();
    };
    let (replies, ()) = tokio::join!(held, refused);
    assert!(replies.iter().all(|reply| reply.status == 201));
    // The pressure is gone, and with it the early refusal.
    world
        .reserve(json!({"show_id": SHOW, "zone_id": BALCONY, "quantity": 1}))
        .send()
        .await
        .data(201);
    let metrics = world.metrics().await;
    assert!(
        metrics.contains("booking_precheck_refusals_total{code=\"SEAT_UNAVAILABLE\"} 1"),
        "{metrics}"
    );
}

/// An order is in flight in each of its zones, and refused for the first item that cannot be had.
#[tokio::test]
async fn under_pressure_an_order_over_several_zones_is_refused_for_the_one_that_is_gone() {
    let world = sold_out(8).await;
    let order = |items: serde_json::Value| world.reserve(json!({"show_id": SHOW, "items": items}));
    let one = json!({"zone_id": STALLS, "quantity": 1});
    let held =
        join_all((0..8).map(|_| order(json!([one, {"zone_id": BALCONY, "quantity": 1}])).send()));
    let refused = async {
        while world.log.seen().len() < 8 {
            tokio::task::yield_now().await;
        }
        let gone = order(json!([one, {"zone_id": BALCONY, "quantity": 1}])).send();
        let details = gone.await.error(409, "INSUFFICIENT_STOCK");
        assert_eq!(details["item"], 1);
        assert_eq!(details["zone_id"], json!(BALCONY));
        assert_eq!(details["as_of"], json!({"partition": 0, "offset": 50}));
        let named = order(json!([one, {"zone_id": BALCONY, "seats": ["A-2"]}])).send();
        let details = named.await.error(409, "SEAT_UNAVAILABLE");
        assert_eq!(details["seats"], json!(["A-2"]));
        // More than there is in all items of a zone together.
        let many = json!({"zone_id": STALLS, "quantity": 20});
        let details = order(json!([many, many])).send().await;
        let details = details.error(409, "INSUFFICIENT_STOCK");
        assert_eq!(
            (&details["item"], &details["available"]),
            (&json!(1), &json!(3))
        );
        world.log.release();
    };
    let (replies, ()) = tokio::join!(held, refused);
    assert!(replies.iter().all(|reply| reply.status == 201));
}

#[tokio::test]
async fn more_buyers_than_twice_the_places_and_a_hundred_have_to_wait() {
    let bound = 23 * 2 + 100;
    let world = sold_out(bound).await;
    let held = join_all((0..bound).map(|_| {
        world
            .reserve(json!({"show_id": SHOW, "zone_id": STALLS, "quantity": 1}))
            .send()
    }));
    let refused = async {
        while world.log.seen().len() < bound {
            tokio::task::yield_now().await;
        }
        let reply = world
            .reserve(json!({"show_id": SHOW, "zone_id": STALLS, "quantity": 1}))
            .send()
            .await;
        let details = reply.error(503, "OVERLOADED");
        assert_eq!(details["as_of"]["offset"], 50);
        assert_eq!(reply.header("retry-after"), "1");
        world.log.release();
    };
    let (replies, ()) = tokio::join!(held, refused);
    assert!(replies.iter().all(|reply| reply.status == 201));
}

#[tokio::test]
async fn under_pressure_a_buyer_over_the_limit_is_refused_early() {
    let world = sold_out(0).await;
    let stalls = || json!({"show_id": SHOW, "zone_id": STALLS, "quantity": 1});
    // The log reveals the limit by a refusal, and that this buyer holds two tickets.
    world
        .log
        .next(Script::reject(Rejection::MaxPerUserExceeded {
            limit: 2,
            current: 2,
        }));
    let refused = world.reserve(stalls()).send().await;
    refused.error(409, "MAX_PER_USER_EXCEEDED");
    let tickets = Outcome::Reserved(Reserved {
        booking: 101,
        show: SHOW,
        event: EVENT,
        user: BUYER,
        zone: 0,
        seats: SeatList::from(&[0, 1][..]),
        quantity: 2,
        unit_price: 250_000,
        currency: "THB".parse().unwrap(),
        expires_at_ms: NOW_MS + 600_000,
    });
    world.log.publish(vec![ScriptedLog::record(101, tickets)]);
    let availability = format!("/api/v1/shows/{SHOW}/availability");
    while world.get(&availability).send().await.data(200)["version"] != 102 {
        tokio::task::yield_now().await;
    }
    for _ in 0..8 {
        world.log.next(Script::Hold);
    }
    let held = join_all((0..8).map(|_| world.reserve(stalls()).send()));
    let refused = async {
        while world.log.seen().len() < 9 {
            tokio::task::yield_now().await;
        }
        let details = world
            .reserve(stalls())
            .send()
            .await
            .error(409, "MAX_PER_USER_EXCEEDED");
        assert_eq!(details["limit"], 2);
        assert_eq!(details["current"], 2);
        assert_eq!(details["as_of"], json!({"partition": 0, "offset": 102}));
        assert_eq!(world.log.seen().len(), 9, "the log was not asked");
        // Another buyer has nothing to do with it.
        world
            .post("/api/v1/bookings/reserve")
            .by_user(UserId::from_bytes([0xb1; 16]), "buyer")
            .json(&stalls())
            .send()
            .await
            .data(201);
        // Once the buyer was answered by a release, the log decides until the feed has delivered
        // it.
        let booking = BookingId::new(PartitionId(0), 101);
        world.log.next(Script::Answer(Outcome::Released {
            booking: EndedBooking {
                booking: 101,
                show: SHOW,
                user: BUYER,
                zone: 0,
                seats: SeatList::from(&[0, 1][..]),
                quantity: 2,
            },
            was_confirmed: false,
        }));
        let cancelled = world
            .post(&format!("/api/v1/bookings/{booking}/cancel"))
            .by_role("buyer")
            .send()
            .await;
        cancelled.data(200);
        world.reserve(stalls()).send().await.data(201);
        world.log.release();
    };
    let (replies, ()) = tokio::join!(held, refused);
    assert!(replies.iter().all(|reply| reply.status == 201));
}
