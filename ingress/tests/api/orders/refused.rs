//! Every refusal that orders brought, once, in the words of the buyer.

use super::*;

/// Items, what else is asked, code, and a part of the sentence.
type Case = (Value, Value, &'static str, &'static str, Value);

fn cases() -> Vec<Case> {
    let pit = |more: Value| {
        let mut item = json!({"zone_id": PIT});
        for (name, value) in more.as_object().unwrap() {
            item[name] = value.clone();
        }
        json!([item])
    };
    vec![
        (
            json!([{"zone_id": CIRCLE, "seats": ["A-1"], "ticket_type": "Child"}]),
            no_more(),
            "TYPE_NOT_OFFERED",
            "Child tickets are not sold in Circle",
            json!({"zone_id": CIRCLE, "ticket_type": "Child"}),
        ),
        (
            pit(json!({"seats": ["A-1"]})),
            json!({"code": "guessed"}),
            "CODE_REFUSED",
            "no such code",
            json!({"reason": "unknown"}),
        ),
        (
            pit(json!({"seats": ["A-1"], "ticket_type": "Member"})),
            no_more(),
            "ACCESS_CODE_REQUIRED",
            "Member tickets in Pit",
            json!({"zone_id": PIT, "ticket_type": "Member"}),
        ),
        (
            pit(json!({"seats": ["A-1"], "ticket_type": "Late"})),
            no_more(),
            "TYPE_NOT_ON_SALE",
            "Late tickets are on sale from 2023-11-14T23:13:20.000Z",
            json!({"ticket_type": "Late", "opens_at": "2023-11-14T23:13:20.000Z"}),
        ),
        (
            pit(json!({"quantity": 4, "ticket_type": "Child"})),
            no_more(),
            "TYPE_QUANTITY",
            "An order has at most 3 Child tickets; this one has 4",
            json!({"ticket_type": "Child", "asked": 4, "min": 0, "max": 3}),
        ),
        (
            pit(json!({"seats": ["A-1", "B-1"], "ticket_type": "Wheelchair"})),
            no_more(),
            "WRONG_SEAT_KIND",
            "Wheelchair tickets are not for seats like A-1",
            json!({"ticket_type": "Wheelchair", "seats": ["A-1"]}),
        ),
        (
            pit(json!({"seats": ["B-2"]})),
            no_more(),
            "COMPANION_ALONE",
            "would have 1 and may have 0",
            json!({"companions": 1, "allowed": 0}),
        ),
        (
            pit(json!({"seats": ["A-1"]})),
            json!({"expected_total": 100_000}),
            "PRICE_CHANGED",
            "price has changed",
            json!({"total_price": money(103_500)}),
        ),
        (
            json!([{"zone_id": CIRCLE, "seats": ["A-2", "A-3"]}]),
            no_more(),
            "LEAVES_SINGLE_SEAT",
            "single seats would be left over: A-1",
            json!({"seats": ["A-1"], "own_bookings": []}),
        ),
        (
            json!([
                {"zone_id": STANDING, "quantity": 6},
                {"zone_id": STANDING, "quantity": 6, "ticket_type": "Standard"},
            ]),
            no_more(),
            "INSUFFICIENT_STOCK",
            "Not enough places",
            json!({
                "available": 4, "not_together": false, "item": 1, "zone_id": STANDING,
            }),
        ),
    ]
}

#[tokio::test]
async fn each_refusal_says_which_seats_which_type_until_when() {
    let world = world().await;
    for (items, more, code, sentence, details) in cases() {
        let reply = order(&world, items, more).await;
        let mut found = reply.error(409, code);
        let said = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(said.contains(sentence), "{code}: {said}");
        let found = found.as_object_mut().unwrap();
        // Where it was decided, and what to ask about it.
        assert!(found.remove("position").unwrap()["offset"].is_u64());
        assert!(found.remove("request_id").unwrap().is_string());
        assert_eq!(json!(found), details, "{code}");
    }
}

#[tokio::test]
async fn a_buyers_own_hold_in_the_way_is_named() {
    let world = world().await;
    let ask = async |seats: Value| {
        order(
            &world,
            json!([{"zone_id": CIRCLE, "seats": seats}]),
            no_more(),
        )
        .await
    };
    let own = booking_of(&ask(json!(["A-1", "A-2"])).await.data(201)).to_string();
    let taken = ask(json!(["A-2", "A-3"])).await;
    let details = taken.error(409, "SEAT_UNAVAILABLE");
    assert_eq!(details["seats"], json!(["A-2"]));
    assert_eq!(details["own_bookings"], json!([own]));
    let said = taken.json()["detail"].as_str().unwrap().to_owned();
    assert!(said.contains(&own), "{said}");
    // One seat is left between the hold and what is asked for.
    let alone = ask(json!(["A-4", "A-5"])).await;
    let details = alone.error(409, "LEAVES_SINGLE_SEAT");
    assert_eq!(details["seats"], json!(["A-3"]));
    assert_eq!(details["own_bookings"], json!([own]));
    // To others nothing is said of whose it is.
    let body = json!({"show_id": OFFERED, "items": [{"zone_id": CIRCLE, "seats": ["A-2", "A-3"]}]});
    let stranger = world
        .post("/api/v1/bookings/reserve")
        .by_user(onsale_schemas::UserId::from_bytes([0x77; 16]), "buyer")
        .json(&body);
    let details = stranger.send().await.error(409, "SEAT_UNAVAILABLE");
    assert_eq!(details.get("own_bookings"), None);
}

#[tokio::test]
async fn a_log_at_an_earlier_version_says_that_it_does_not_know_orders() {
    let world = World::new().await;
    world
        .log
        .next(crate::support::Script::Answer(Outcome::Nothing));
    let body = json!({"show_id": SHOW, "items": [{"seats": ["B-L"]}]});
    let reply = world.reserve(body).send().await;
    reply.error(503, "OVERLOADED");
    let said = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(said.contains("upgraded"), "{said}");
}
