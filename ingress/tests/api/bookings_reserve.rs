//! `POST /bookings/reserve`

use onsale_log::SubmitError;
use onsale_schemas::command::Pick;
use onsale_schemas::rejection::FullTable;
use onsale_schemas::{BookingId, Command, PartitionId, Rejection, SeatList};
use serde_json::{Value, json};

use crate::support::{BALCONY, BUYER, EVENT, FLOOR, NOW_MS, SHOW, STALLS, Script, World};

#[tokio::test]
async fn named_seats_are_held_and_the_answer_is_whole() {
    let world = World::new().await;
    let reply = world
        .reserve(
            json!({"show_id": SHOW, "zone_id": STALLS, "seats": ["A-3", "A-4"],
            "unit_price": {"amount": 250_000, "currency": "THB"}, "event_id": EVENT}),
        )
        .send()
        .await;
    let booking = BookingId::new(PartitionId(0), 100);
    assert_eq!(
        reply.data(201),
        json!({
            "booking_id": booking, "status": "reserved", "event_id": EVENT, "show_id": SHOW,
            "zone_id": STALLS, "seats": ["A-3", "A-4"], "quantity": 2,
            "unit_price": {"amount": 250_000, "currency": "THB"},
            "total_price": {"amount": 500_000, "currency": "THB"},
            "expires_at": "2023-11-14T22:23:20.000Z", "expires_in_seconds": 600,
            "server_time": "2023-11-14T22:13:20.000Z",
            "position": {"partition": 0, "offset": 100},
            // The same for ever, or links that were given out would stop to work.
            "receipt_url": format!(
                "/api/v1/bookings/{booking}/receipt?token=9acdd0fa04782e641e4e0c9309efd5b9"
            ),
        })
    );
    let envelope = world.log.last();
    assert_eq!(envelope.idempotency, None);
    assert_eq!(envelope.trace, None);
    let Command::Reserve(reserve) = envelope.command else {
        panic!("not a reserve")
    };
    assert_eq!(reserve.user, BUYER);
    assert_eq!(reserve.pick, Pick::Seats(SeatList::from_iter([2, 3])));
    assert_eq!(reserve.expected_unit_price, Some(250_000));
}

#[tokio::test]
async fn places_are_understood_in_every_form() {
    let world = World::new().await;
    for (body, zone, pick) in [
        (
            json!({"seats": ["B-M"]}),
            0,
            Pick::Seats(SeatList::from_iter([21])),
        ),
        (
            json!({"seats": ["seat:23"]}),
            2,
            Pick::Seats(SeatList::from_iter([23])),
        ),
        (
            json!({"seats": ["A-5", "seat:23"], "zone_id": BALCONY}),
            2,
            Pick::Seats(SeatList::from_iter([27, 23])),
        ),
        (
            json!({"zone_id": STALLS, "quantity": 3}),
            0,
            Pick::BestAvailable {
                quantity: 3,
                together: true,
            },
        ),
        (
            json!({"zone_id": STALLS, "quantity": 3, "together": false}),
            0,
            Pick::BestAvailable {
                quantity: 3,
                together: false,
            },
        ),
        (
            json!({"zone_id": FLOOR, "quantity": 100}),
            1,
            Pick::General { quantity: 100 },
        ),
    ] {
        let mut whole = body.clone();
        whole["show_id"] = json!(SHOW);
        world.reserve(whole).send().await.data(201);
        let Command::Reserve(reserve) = world.log.last().command else {
            panic!("not a reserve")
        };
        assert_eq!((reserve.zone, reserve.pick), (zone, pick), "{body}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn bad_input_is_named_and_never_reaches_the_log() {
    let world = World::new().await;
    let many: Vec<String> = (1..=101).map(|n| format!("A-{n}")).collect();
    for (body, field) in [
        (json!({}), "show_id"),
        (json!({"show_id": "x", "seats": ["A-1"]}), "show_id"),
        (json!({"show_id": 7, "seats": ["A-1"]}), "show_id"),
        (json!({"show_id": SHOW}), "seats"),
        (json!({"show_id": SHOW, "seats": []}), "seats"),
        (json!({"show_id": SHOW, "seats": "A-1"}), "seats"),
        (json!({"show_id": SHOW, "seats": [1]}), "seats[0]"),
        (json!({"show_id": SHOW, "seats": many}), "seats"),
        (json!({"show_id": SHOW, "seats": ["A-1"]}), "zone_id"),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "seats": ["A-1", "Z-1"]}),
            "seats[1]",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "seats": ["A-1", "A-1"]}),
            "seats[1]",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "seats": ["A-1", "seat:0"]}),
            "seats[1]",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "seats": ["seat:23"]}),
            "seats[0]",
        ),
        (
            json!({"show_id": SHOW, "seats": ["B-L", "seat:23"]}),
            "seats[1]",
        ),
        (json!({"show_id": SHOW, "seats": ["seat:28"]}), "seats[0]"),
        (json!({"show_id": SHOW, "seats": ["seat:007"]}), "seats[0]"),
        (
            json!({"show_id": SHOW, "zone_id": FLOOR, "seats": ["A-1"]}),
            "seats",
        ),
        (
            json!({"show_id": SHOW, "zone_id": SHOW, "seats": ["A-1"]}),
            "zone_id",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "quantity": 0}),
            "quantity",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "quantity": -1}),
            "quantity",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "quantity": 1.5}),
            "quantity",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "quantity": "2"}),
            "quantity",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "quantity": 101}),
            "quantity",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "quantity": 1_000_000_000}),
            "quantity",
        ),
        (
            json!({"show_id": SHOW, "zone_id": STALLS, "quantity": 10_000_000_000_u64}),
            "quantity",
        ),
        (json!({"show_id": SHOW, "quantity": 2}), "zone_id"),
        (
            json!({"show_id": SHOW, "seats": ["B-L"], "quantity": 1}),
            "quantity",
        ),
        (
            json!({"show_id": SHOW, "seats": ["B-L"], "together": true}),
            "together",
        ),
        (
            json!({"show_id": SHOW, "seats": ["B-L"], "event_id": SHOW}),
            "event_id",
        ),
        (
            json!({"show_id": SHOW, "seats": ["B-L"], "unit_price": "1"}),
            "unit_price",
        ),
        (
            json!({"show_id": SHOW, "seats": ["B-L"], "unit_price": {"amount": 1, "currency": "USD"}}),
            "unit_price.currency",
        ),
        (
            json!({"show_id": SHOW, "seats": ["B-L"], "unit_price": {"amount": 1}}),
            "unit_price.currency",
        ),
        (
            json!({"show_id": SHOW, "seats": ["B-L"], "user_id": BUYER}),
            "user_id",
        ),
    ] {
        let reply = world.reserve(body.clone()).send().await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{body} -> {details}");
        assert!(details["expected"].is_string(), "{body}");
        assert!(details.get("value").is_some(), "{body}");
    }
    assert!(world.log.seen().is_empty());
}

#[tokio::test]
async fn a_quantity_has_one_bound_whatever_was_sent() {
    let world = World::new().await;
    for quantity in [json!(0), json!(101), json!(-1), json!("two"), json!(1.5)] {
        let body = json!({"show_id": SHOW, "zone_id": STALLS, "quantity": quantity});
        let reply = world.reserve(body).send().await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["expected"], "1 to 100", "{quantity}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused_with_their_own_status() {
    let world = World::new().await;
    let post = || world.post("/api/v1/bookings/reserve").by_role("buyer");
    for body in ["", "{", "nonsense", "\u{0}"] {
        let details = post().raw(body).send().await.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "body", "{body:?}");
    }
    let array = format!("[\"{SHOW}\", null, null, [\"B-L\"], null, null, null]");
    for body in ["[]", "7", "null", "\"x\"", &array] {
        let reply = post().raw(body.to_owned()).send().await;
        reply.error(400, "VALIDATION_ERROR");
    }
    post()
        .bare("{}")
        .send()
        .await
        .error(415, "UNSUPPORTED_MEDIA_TYPE");
    post()
        .bare("{}")
        .header("content-type", "text/plain")
        .send()
        .await
        .error(415, "UNSUPPORTED_MEDIA_TYPE");
    let details = post()
        .raw(vec![b' '; 70_000])
        .send()
        .await
        .error(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(details["limit_bytes"], 65_536);
    let reply = post()
        .bare(json!({"show_id": SHOW, "seats": ["B-L"]}).to_string())
        .header("content-type", "Application/JSON; charset=utf-8")
        .send()
        .await;
    reply.data(201);
    assert!(world.log.seen().len() == 1);
}

#[tokio::test]
async fn a_deep_body_is_refused_and_does_no_harm() {
    let world = World::new().await;
    let deep = format!("{{\"show_id\":{}", "[".repeat(30_000));
    world
        .post("/api/v1/bookings/reserve")
        .by_role("buyer")
        .raw(deep)
        .send()
        .await
        .error(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn an_unknown_show_is_not_found() {
    let world = World::new().await;
    world
        .reserve(json!({"show_id": EVENT, "seats": ["A-1"]}))
        .send()
        .await
        .error(404, "NOT_FOUND");
}

#[tokio::test]
async fn every_refusal_of_the_log_has_its_status_code_and_details() {
    let world = World::new().await;
    let expected: Vec<(Rejection, u16, &str, Value)> = vec![
        (Rejection::UnknownShow, 404, "NOT_FOUND", json!({})),
        (
            Rejection::SeatUnavailable {
                seats: SeatList::from_iter([21, 20]),
            },
            409,
            "SEAT_UNAVAILABLE",
            json!({"seats": ["B-M", "B-L"]}),
        ),
        (
            Rejection::InsufficientStock {
                available: 1,
                not_together: true,
            },
            409,
            "INSUFFICIENT_STOCK",
            json!({"available": 1, "not_together": true}),
        ),
        (
            Rejection::MaxPerUserExceeded {
                limit: 4,
                current: 3,
            },
            409,
            "MAX_PER_USER_EXCEEDED",
            json!({"limit": 4, "current": 3}),
        ),
        (
            Rejection::SaleNotOpen {
                opens_at_ms: 1_700_000_000_123,
            },
            409,
            "SALE_NOT_OPEN",
            json!({"opens_at": "2023-11-14T22:13:20.123Z"}),
        ),
        (Rejection::SaleClosed, 409, "SALE_CLOSED", json!({})),
        (
            Rejection::PriceChanged { unit_price: 3 },
            409,
            "PRICE_CHANGED",
            json!({"unit_price": {"amount": 3, "currency": "THB"}}),
        ),
        (Rejection::ShowCancelled, 409, "SHOW_CANCELLED", json!({})),
        (
            Rejection::IdempotencyKeyReused,
            422,
            "IDEMPOTENCY_KEY_REUSED",
            json!({}),
        ),
        (
            Rejection::Full {
                table: FullTable::Bookings,
            },
            503,
            "OVERLOADED",
            json!({}),
        ),
    ];
    for (rejection, status, code, details) in expected {
        world.log.next(Script::reject(rejection));
        let reply = world
            .reserve(json!({"show_id": SHOW, "seats": ["B-L", "B-M"]}))
            .send()
            .await;
        let mut found = reply.error(status, code);
        let found = found.as_object_mut().unwrap();
        // Where it was decided, and what to ask about it.
        assert!(found.remove("position").unwrap()["offset"].is_u64());
        assert!(found.remove("request_id").unwrap().is_string());
        assert_eq!(json!(found), details, "{code}");
        assert_eq!(
            reply.header("retry-after").is_empty(),
            status != 503,
            "{code}"
        );
    }
    let metrics = world.metrics().await;
    assert!(
        metrics.contains("booking_reservation_failures{code=\"SALE_CLOSED\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_log_that_takes_nothing_has_its_own_error_with_a_time_to_retry() {
    let world = World::new().await;
    for (error, code) in [
        (SubmitError::QueueFull, "OVERLOADED"),
        (SubmitError::DiskFull, "OVERLOADED"),
        (SubmitError::NoDescriptors, "OVERLOADED"),
        (SubmitError::Unavailable, "PARTITION_UNAVAILABLE"),
    ] {
        for script in [Script::Refuse(error), Script::Fail(error)] {
            world.log.next(script);
            let reply = world
                .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
                .send()
                .await;
            reply.error(503, code);
            assert_eq!(reply.header("retry-after"), "1");
        }
    }
}

#[tokio::test]
async fn only_a_sampled_trace_goes_into_the_log() {
    let world = World::new().await;
    for (flags, traced) in [("00", false), ("01", true)] {
        world
            .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
            .header(
                "traceparent",
                &format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}"),
            )
            .send()
            .await
            .data(201);
        assert_eq!(world.log.last().trace.is_some(), traced);
    }
}

#[tokio::test]
async fn the_refusal_of_a_buyer_who_cools_down_says_until_when() {
    let world = World::new().await;
    world.log.next(Script::reject(Rejection::CoolingDown {
        until_ms: NOW_MS + 60_500,
    }));
    let reply = world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
        .send()
        .await;
    let details = reply.error(409, "COOLING_DOWN");
    assert_eq!(details["until"], "2023-11-14T22:14:20.500Z");
    assert_eq!(reply.header("retry-after"), "61");
}
