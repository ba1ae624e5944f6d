//! `POST /bookings/{id}/return`

use onsale_schemas::order::ReturnPlaces;
use onsale_store::audit::AuditFilter;

use super::*;
use crate::support::STALLS;

/// A paid order of in the pit, and two places on the floor.
async fn paid(world: &World) -> BookingId {
    let items = json!([
        {"zone_id": PIT, "seats": ["A-1", "A-2"]},
        {"zone_id": STANDING, "quantity": 2},
    ]);
    let held = order(world, items, no_more()).await.data(201);
    let booking = booking_of(&held);
    pay(world, booking);
    world.catch_up().await;
    booking
}

async fn give_back(world: &World, booking: BookingId, body: Value) -> Reply {
    let path = format!("/api/v1/bookings/{booking}/return");
    let call = world.post(&path).by_role("organizer").json(&body);
    call.send().await
}

#[tokio::test]
async fn some_places_go_back_and_the_rest_stays_at_its_price() {
    let world = world().await;
    let booking = paid(&world).await;
    let body = json!({"seats": ["A-2"], "quantity": 1, "reason": "two of four are ill"});
    let data = give_back(&world, booking, body).await.data(200);
    assert_eq!(data["status"], "confirmed");
    assert_eq!(data["returned"], json!({"seats": ["A-2"], "quantity": 2}));
    assert_eq!(data["seats"], json!(["A-1"]));
    assert_eq!(data["quantity"], 2);
    assert_eq!(
        data["refund"],
        json!({"price": money(140_000), "fees": money(4_000), "total": money(144_000)})
    );
    // Of 287,500: 280,000 for the places, four fees of 2,000 and one of 1,500 are 289,500.
    assert_eq!(data["total_price"], money(289_500 - 144_000));
    assert_eq!(data["fees"], money(5_500));
    world.catch_up().await;
    let path = format!("/api/v1/bookings/{booking}");
    let read = world.get(&path).by_role("buyer").send().await.data(200);
    for name in ["seats", "quantity", "lines", "fees", "tax", "total_price"] {
        assert_eq!(read[name], data[name], "{name}");
    }
    // Why stands in the audit trail.
    let filter = AuditFilter {
        subject_kind: Some("booking".to_owned()),
        subject_id: Some(booking.to_string()),
        limit: 100,
        ..AuditFilter::default()
    };
    let trail = format!("{:?}", world.store.audit(&filter).await.unwrap());
    assert!(trail.contains("booking.give_reason"), "{trail}");
    assert!(trail.contains("two of four are ill"), "{trail}");
}

#[tokio::test]
async fn with_the_last_place_the_booking_ends_and_the_fee_for_the_order_goes_back() {
    let world = world().await;
    let booking = paid(&world).await;
    let body = json!({"seats": ["A-1", "seat:1"], "quantity": 2, "line": 1});
    let data = give_back(&world, booking, body).await.data(200);
    assert_eq!(data["status"], "cancelled");
    assert_eq!(data["quantity"], 0);
    assert_eq!(data["total_price"], money(0));
    assert_eq!(data["refund"]["total"], money(289_500));
    assert_eq!(data["refund"]["fees"], money(9_500));
    let again = give_back(&world, booking, json!({"quantity": 1})).await;
    again.error(409, "ALREADY_CANCELLED");
}

#[tokio::test]
async fn what_is_held_or_of_another_booking_is_refused() {
    let world = world().await;
    let booking = paid(&world).await;
    for (body, seats, line) in [
        (
            json!({"seats": ["A-1", "B-7"]}),
            json!(["B-7"]),
            json!(null),
        ),
        (json!({"quantity": 3}), json!([]), json!(1)),
        (json!({"quantity": 1, "line": 7}), json!([]), json!(7)),
        (json!({"quantity": 1, "line": 0}), json!([]), json!(0)),
    ] {
        let refused = give_back(&world, booking, body.clone()).await;
        let details = refused.error(409, "PLACES_NOT_OF_BOOKING");
        assert_eq!(details["seats"], seats, "{body}");
        assert_eq!(details["line"], line, "{body}");
    }
    let held = order(
        &world,
        json!([{"zone_id": STANDING, "quantity": 1}]),
        no_more(),
    )
    .await;
    let held = booking_of(&held.data(201));
    world.catch_up().await;
    let refused = give_back(&world, held, json!({"quantity": 1})).await;
    refused.error(409, "NOT_CONFIRMED");
}

#[tokio::test]
async fn companions_are_not_left_alone() {
    let world = world().await;
    let items = json!([
        {"zone_id": PIT, "seats": ["B-1"], "ticket_type": "Wheelchair"},
        {"zone_id": PIT, "seats": ["B-2"]},
    ]);
    let booking = booking_of(&order(&world, items, no_more()).await.data(201));
    pay(&world, booking);
    world.catch_up().await;
    let refused = give_back(&world, booking, json!({"seats": ["B-1"]})).await;
    let details = refused.error(409, "COMPANION_ALONE");
    assert_eq!(details["companions"], 1);
    let both = json!({"seats": ["B-1", "B-2"]});
    let data = give_back(&world, booking, both).await.data(200);
    assert_eq!(data["status"], "cancelled");
}

#[tokio::test]
async fn bad_input_is_named_and_never_reaches_the_log() {
    let world = world().await;
    let booking = paid(&world).await;
    let handed_in = world.log.seen().len();
    for (body, field) in [
        (json!({}), "seats"),
        (json!({"seats": []}), "seats"),
        (json!({"seats": ["Z-1"]}), "seats[0]"),
        (json!({"seats": ["A-1", "A-1"]}), "seats[1]"),
        (json!({"seats": ["seat:x"]}), "seats[0]"),
        (json!({"seats": ["A-1"], "line": 0}), "line"),
        (json!({"quantity": 0}), "quantity"),
        (json!({"quantity": 101}), "quantity"),
        (json!({"quantity": 1, "line": 100}), "line"),
        (json!({"quantity": 1, "line": 300}), "line"),
        (json!({"quantity": 1, "reason": ""}), "reason"),
        (json!({"quantity": 1, "reason": "a\nb"}), "reason"),
        (json!({"quantity": 1, "why": "x"}), "why"),
    ] {
        let reply = give_back(&world, booking, body.clone()).await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{body}");
    }
    assert_eq!(world.log.seen().len(), handed_in);
}

/// A plain booking has one line, and seats of it go back as well.
#[tokio::test]
async fn a_plain_booking_gives_places_back_and_stays_plain() {
    let world = world().await;
    let body = json!({"show_id": SHOW, "zone_id": STALLS, "seats": ["A-1", "A-2", "A-3"]});
    let booking = booking_of(&world.reserve(body).send().await.data(201));
    pay(&world, booking);
    world.catch_up().await;
    let data = give_back(&world, booking, json!({"seats": ["A-2"]})).await;
    let data = data.data(200);
    assert_eq!(data["refund"]["total"], money(250_000));
    assert_eq!(data["seats"], json!(["A-1", "A-3"]));
    assert_eq!(
        world.log.last().command,
        Command::ReturnPlaces(ReturnPlaces {
            booking: booking.offset(),
            seats: onsale_schemas::SeatList::from_iter([1]),
            places: Vec::new(),
        })
    );
    // All its places have names.
    let refused = give_back(&world, booking, json!({"quantity": 1})).await;
    assert_eq!(refused.error(400, "VALIDATION_ERROR")["field"], "quantity");
}

/// Buyers ask for a refund; what they hold they cancel as a whole.
#[tokio::test]
async fn only_the_staff_takes_places_back() {
    let world = world().await;
    let booking = paid(&world).await;
    let path = format!("/api/v1/bookings/{booking}/return");
    let call = |role| {
        world
            .post(&path)
            .by_role(role)
            .json(&json!({"seats": ["A-1"]}))
    };
    call("buyer").send().await.error(403, "FORBIDDEN");
    call("admin").send().await.data(200);
    let stranger = onsale_schemas::UserId::from_bytes([0x77; 16]);
    let other = world
        .post(&path)
        .by_user(stranger, "organizer")
        .json(&json!({"seats": ["A-2"]}));
    other.send().await.error(404, "NOT_FOUND");
}
