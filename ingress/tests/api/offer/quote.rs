//! `POST /shows/{id}/quote`

use std::sync::atomic::Ordering;

use onsale_store::audit::Unaudited;
use onsale_store::catalog::ShowStatus;
use serde_json::{Value, json};

use super::{accept, put, thb, ticket};
use crate::support::{BALCONY, Call, EVENT, FLOOR, NOW_MS, SHOW, STALLS, World};

fn quote<'a>(world: &'a World, basket: &Value) -> Call<'a> {
    world
        .post(&format!("/api/v1/shows/{SHOW}/quote"))
        .json(basket)
}

/// A world whose show sells by this offer.
async fn selling(offer: &Value) -> World {
    let world = World::new().await;
    put(&world, offer).send().await.data(200);
    accept(&world, 0, 100).await;
    world
}

#[tokio::test]
async fn anybody_learns_what_a_basket_would_cost_and_nothing_is_held() {
    let world = World::new().await;
    let handed_in = world.log.seen().len();
    let quoted = quote(&world, &json!({ "zone_id": FLOOR, "quantity": 3 }));
    let quoted = quoted.send().await.data(200);
    assert_eq!(quoted["total_price"], thb(750_000));
    assert_eq!(quoted["lines"].as_array().unwrap().len(), 1);
    for free in ["discount", "fees", "tax"] {
        assert_eq!(quoted[free], thb(0), "{free}");
    }
    assert_eq!(quoted["server_time"], "2023-11-14T22:13:20.000Z");
    assert_eq!(quoted["valid_until"], "2023-11-14T22:14:20.000Z");
    // Named seats, and best available ones.
    for (basket, seats) in [
        (json!({ "seats": ["B-L", "B-M"] }), json!(["B-L", "B-M"])),
        (json!({ "zone_id": STALLS, "quantity": 2 }), json!([])),
    ] {
        let quoted = quote(&world, &basket).send().await.data(200);
        assert_eq!(quoted["total_price"], thb(500_000), "{basket}");
        assert_eq!(quoted["lines"][0]["seats"], seats, "{basket}");
    }
    assert_eq!(world.log.seen().len(), handed_in);
}

/// Example E5 of the rules, without its code.
#[tokio::test]
async fn lines_fees_and_tax_are_those_of_the_offer() {
    let offer = json!({
        "ticket_types": [
            ticket("Adult", &[("Stalls", 120_000)]),
            ticket("Child", &[("Stalls", 60_000)]),
        ],
        "bundles": [{ "name": "Three", "places": 3, "percent_off": "10" }],
        "fees": {
            "per_place": thb(2_000), "per_place_percent": 3, "per_order": thb(1_500), "tax_percent": 7,
        },
        "tax_percent": "7",
    });
    let world = selling(&offer).await;
    let basket = json!({ "items": [
        { "zone_id": STALLS, "seats": ["A-1", "A-2"], "ticket_type": "Adult" },
        { "zone_id": STALLS, "quantity": 1, "ticket_type": "Child" },
    ] });
    let quoted = quote(&world, &basket).send().await.data(200);
    let line = |at: usize, field: &str| quoted["lines"][at][field].clone();
    assert_eq!(line(0, "ticket_type"), "Adult");
    assert_eq!(line(0, "unit_price"), thb(108_000));
    assert_eq!(line(0, "list_price"), thb(120_000));
    assert_eq!(line(0, "quantity"), 2);
    assert_eq!(line(1, "unit_price"), thb(54_000));
    assert_eq!(quoted["discount"], thb(30_000));
    // 2 × (2,000 + 3,240) + (2,000 + 1,620) + 1,500
    assert_eq!(quoted["fees"], thb(15_600));
    assert_eq!(
        [&quoted["tax_percent"], &quoted["fee_tax_percent"]],
        ["7", "7"]
    );
    assert_eq!(
        [&line(1, "tax_percent"), &line(1, "fee_tax_percent")],
        ["7", "7"]
    );
    assert_eq!(quoted["total_price"], thb(285_600));
    // Without a type there is none: the show lists others.
    let plain = quote(&world, &json!({ "seats": ["A-1"], "zone_id": STALLS }));
    plain.send().await.error(409, "TYPE_NOT_OFFERED");
    let unknown = json!({ "items": [{ "zone_id": STALLS, "quantity": 1, "ticket_type": "Dog" }] });
    let reply = quote(&world, &unknown).send().await;
    let refused = reply.error(400, "VALIDATION_ERROR");
    assert_eq!(refused["field"], "items[0].ticket_type");
    let expected = refused["expected"].as_str().unwrap();
    assert!(expected.ends_with("(Adult, Child)"), "{expected}");
}

/// What a page reserves with it can ask the price with.
#[tokio::test]
async fn the_body_is_that_of_a_reservation() {
    let world = World::new().await;
    let body = |more: Value| {
        let mut body =
            json!({ "show_id": SHOW, "event_id": EVENT, "zone_id": FLOOR, "quantity": 2 });
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        body
    };
    let seen = [
        json!({}),
        json!({ "unit_price": 250_000, "age_confirmed": true }),
        json!({ "unit_price": thb(250_000) }),
        json!({ "expected_total": thb(500_000) }),
        json!({ "expected_total": 500_000, "ticket_type": "Standard" }),
    ];
    for seen in seen {
        let quoted = quote(&world, &body(seen.clone())).send().await;
        assert_eq!(quoted.data(200)["total_price"], thb(500_000), "{seen}");
    }
    let elsewhere = "01890000-0000-7000-8000-000000000077";
    let wrong = [
        (json!({ "show_id": elsewhere }), "show_id"),
        (json!({ "event_id": elsewhere }), "event_id"),
        (
            json!({ "unit_price": { "amount": 1, "currency": "CHF" } }),
            "unit_price.currency",
        ),
        (
            json!({ "unit_price": 250_000, "ticket_type": "Standard" }),
            "unit_price",
        ),
        (json!({ "expected_total": "many" }), "expected_total"),
        (json!({ "age_confirmed": "yes" }), "age_confirmed"),
        (json!({ "colour": "red" }), "colour"),
    ];
    for (more, field) in wrong {
        let reply = quote(&world, &body(more)).send().await;
        assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], field);
    }
    let other = quote(&world, &body(json!({ "unit_price": 240_000 })));
    let changed = other.send().await.error(409, "PRICE_CHANGED");
    assert_eq!(changed["unit_price"], thb(250_000));
    let other = quote(&world, &body(json!({ "expected_total": 499_999 })));
    let changed = other.send().await.error(409, "PRICE_CHANGED");
    assert_eq!(changed["total_price"], thb(500_000));
}

#[tokio::test]
async fn refusals_are_those_of_the_log() {
    let mut late = ticket("Late", &[("Stalls", 1)]);
    late["on_sale_from"] = json!("2023-11-14T22:13:21.000Z");
    let mut pair = ticket("Pair", &[("Stalls", 1)]);
    pair["min"] = json!(2);
    let mut members = ticket("Members", &[("Stalls", 1)]);
    members["code_only"] = json!(true);
    let offer = json!({ "ticket_types": [late, pair, members, ticket("Adult", &[("Stalls", 1)])] });
    let world = selling(&offer).await;
    let of = |name: &str| {
        json!({ "items": [
        { "zone_id": STALLS, "quantity": 1, "ticket_type": name },
    ] })
    };
    for (name, code) in [
        ("Late", "TYPE_NOT_ON_SALE"),
        ("Pair", "TYPE_QUANTITY"),
        ("Members", "ACCESS_CODE_REQUIRED"),
    ] {
        quote(&world, &of(name)).send().await.error(409, code);
    }
    let adult = quote(&world, &of("Adult")).send().await.data(200);
    // The next window opens in a second.
    assert_eq!(adult["valid_until"], "2023-11-14T22:13:21.000Z");
    world.clock.0.store(NOW_MS + 1_000, Ordering::SeqCst);
    quote(&world, &of("Late")).send().await.data(200);
    let elsewhere =
        json!({ "items": [{ "zone_id": BALCONY, "quantity": 1, "ticket_type": "Adult" }] });
    quote(&world, &elsewhere)
        .send()
        .await
        .error(409, "TYPE_NOT_OFFERED");
    let mut coded = of("Adult");
    coded["code"] = json!("NO-SUCH-CODE");
    let refused = quote(&world, &coded)
        .send()
        .await
        .error(409, "CODE_REFUSED");
    assert_eq!(refused["reason"], "unknown");
}

#[tokio::test]
async fn nothing_is_quoted_before_the_sale_after_it_and_of_a_cancelled_show() {
    let basket = json!({ "zone_id": FLOOR, "quantity": 1 });
    for (shift_ms, code) in [(-2_000_i64, "SALE_NOT_OPEN"), (82_800_000, "SALE_CLOSED")] {
        let world = World::new().await;
        let now_ms = NOW_MS.checked_add_signed(shift_ms).unwrap();
        world.clock.0.store(now_ms, Ordering::SeqCst);
        quote(&world, &basket).send().await.error(409, code);
    }
    let world = World::new().await;
    let cancelled = ShowStatus::Cancelled;
    let set = world
        .store
        .set_show_status(SHOW, cancelled, Unaudited::Unattended);
    assert!(set.await.unwrap());
    quote(&world, &basket)
        .send()
        .await
        .error(409, "SHOW_CANCELLED");
    let nowhere = world.post(&format!("/api/v1/shows/{FLOOR}/quote"));
    nowhere.json(&basket).send().await.error(404, "NOT_FOUND");
    let wrong = quote(&world, &json!({ "zone_id": FLOOR, "quantity": 0 }));
    let details = wrong.send().await.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], "quantity");
}
