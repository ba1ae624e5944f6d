//! What is granted, and what it costs.

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::order::PickV2;
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Command, SeatList};

use super::*;

#[tokio::test]
async fn an_order_of_several_zones_and_types_has_a_line_for_each_price() {
    let world = world().await;
    let items = json!([
        {"zone_id": PIT, "seats": ["A-1", "A-2"], "ticket_types": {"Child": 1, "Standard": 1}},
        {"zone_id": STANDING, "quantity": 4},
    ]);
    let data = order(&world, items, no_more()).await.data(201);
    assert_eq!(data["zone_id"], json!(PIT));
    assert_eq!(data["seats"], json!(["A-1", "A-2"]));
    assert_eq!(data["quantity"], 6);
    assert_eq!(data["unit_price"], money(100_000));
    let lines: Vec<Value> = data["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            json!([
                line["label"],
                line["seats"],
                line["quantity"],
                line["unit_price"]["amount"],
                line["rule"],
                line["amount"]["amount"],
            ])
        })
        .collect();
    // Types in the order of the show, seats in the order asked for; a phase is split where it is full.
    assert_eq!(
        json!(lines),
        json!([
            ["Standard, Pit", ["A-1"], 1, 100_000, null, 100_000],
            ["Child, Pit", ["A-2"], 1, 60_000, null, 60_000],
            ["Standard, Standing", [], 3, 40_000, "Early bird", 120_000],
            ["Standard, Standing", [], 1, 50_000, null, 50_000],
        ])
    );
    assert_eq!(data["discount"], money(0));
    assert_eq!(data["fees"], money(13_500));
    assert_eq!(data["tax"], money(22_473));
    assert_eq!([&data["tax_percent"], &data["fee_tax_percent"]], ["7", "7"]);
    assert_eq!(data["lines"][0]["tax_percent"], "7");
    assert_eq!(data["total_price"], money(343_500));
}

#[tokio::test]
async fn a_bundle_and_a_code_take_off_their_parts_and_the_line_says_so() {
    let world = world().await;
    let fifteen_percent = CodeTerms {
        discount: Some(Discount::OffBp(1_500)),
        uses_max: 1,
        ..terms()
    };
    create_code(&world, "spring-24", 1, fifteen_percent).await;
    let items = json!([{"zone_id": PIT, "quantity": 3, "ticket_type": "Child"}]);
    let code = json!({"code": "Spring 24"});
    let data = order(&world, items.clone(), code.clone()).await.data(201);
    let line = &data["lines"][0];
    assert_eq!(line["rule"], "Family, code");
    assert_eq!(line["bundle"], "Family");
    assert_eq!(line["list_price"], money(60_000));
    // 60,000 less a tenth, and of what is left fifteen in a hundred.
    assert_eq!(line["unit_price"], money(45_900));
    assert_eq!(data["discount"], money(3 * 14_100));
    assert_eq!(data["fees"], money(7_500));
    assert_eq!(data["total_price"], money(3 * 45_900 + 7_500));
    // It was good for one order.
    let refused = order(&world, items, code).await.error(409, "CODE_REFUSED");
    assert_eq!(refused["reason"], "used_up");
}

#[tokio::test]
async fn a_code_opens_a_type_that_is_sold_with_one_only() {
    let world = world().await;
    let opens = CodeTerms {
        opens: true,
        ..terms()
    };
    create_code(&world, "INSIDER", 2, opens).await;
    let items = json!([{"zone_id": PIT, "seats": ["A-4"], "ticket_type": "Member"}]);
    let reply = order(&world, items, json!({"code": "insider"})).await;
    assert_eq!(reply.data(201)["lines"][0]["unit_price"], money(70_000));
}

#[tokio::test]
async fn a_type_is_sold_from_its_time_on() {
    let world = world().await;
    let items = json!([{"zone_id": PIT, "seats": ["A-5"], "ticket_type": "Late"}]);
    let early = order(&world, items.clone(), no_more()).await;
    early.error(409, "TYPE_NOT_ON_SALE");
    world.log.machine(|machine| machine.advance(HOUR_MS));
    let data = order(&world, items, no_more()).await.data(201);
    assert_eq!(data["lines"][0]["ticket_type"], "Late");
}

#[tokio::test]
async fn accessible_seats_are_chosen_for_who_asks_and_companions_beside_them() {
    let world = world().await;
    let items = json!([
        {"zone_id": PIT, "quantity": 1, "kind": "accessible", "ticket_type": "Wheelchair"},
        {"zone_id": PIT, "quantity": 1, "kind": "companion"},
    ]);
    let data = order(&world, items, no_more()).await.data(201);
    assert_eq!(data["seats"], json!(["B-1", "B-2"]));
    let Command::ReserveV2(asked) = world.log.last().command else {
        panic!("not an order")
    };
    assert_eq!(
        asked.items[0].pick,
        PickV2::BestAvailable {
            quantity: 1,
            together: true,
            kind: SeatKind::Accessible,
        }
    );
    assert_eq!(asked.items[0].types, [(WHEELCHAIR, 1)]);
}

#[tokio::test]
async fn an_order_is_held_as_a_whole_or_not_at_all() {
    let world = world().await;
    let seat = json!({"zone_id": PIT, "seats": ["A-3"]});
    let items = json!([seat, {"zone_id": STANDING, "quantity": 11}]);
    let refused = order(&world, items, no_more()).await;
    let refused = refused.error(409, "INSUFFICIENT_STOCK");
    assert_eq!(refused["item"], 1);
    assert_eq!(refused["available"], 10);
    assert_eq!(refused["zone_id"], json!(STANDING));
    order(&world, json!([seat]), no_more()).await.data(201);
}

#[tokio::test]
async fn the_total_that_the_buyer_saw_is_compared() {
    let world = world().await;
    let items = json!([{"zone_id": STANDING, "quantity": 1}]);
    let saw = |total: Value| json!({"expected_total": total});
    let refused = order(&world, items.clone(), saw(json!(40_000))).await;
    let refused = refused.error(409, "PRICE_CHANGED");
    assert_eq!(refused["total_price"], money(43_500));
    let reply = order(&world, items, saw(money(43_500))).await;
    assert_eq!(reply.data(201)["total_price"], money(43_500));
    // Of a plain form, too.
    let body = json!({"show_id": SHOW, "seats": ["B-L"], "expected_total": 1});
    let refused = world.reserve(body).send().await;
    let refused = refused.error(409, "PRICE_CHANGED");
    assert_eq!(refused["total_price"], money(250_000));
}

/// Who asks as clients always did gets the answer that they always got; who asks for items gets lines.
#[tokio::test]
async fn a_plain_booking_has_lines_where_it_was_asked_for_as_an_order() {
    let world = world().await;
    let plain = json!({"show_id": SHOW, "seats": ["B-L"]});
    let data = world.reserve(plain).send().await.data(201);
    for name in ["lines", "discount", "fees", "tax"] {
        assert_eq!(data.get(name), None, "{name}");
    }
    assert!(matches!(world.log.last().command, Command::Reserve(_)));
    let items = json!({"show_id": SHOW, "items": [{"seats": ["B-M"]}]});
    let data = world.reserve(items).send().await.data(201);
    assert_eq!(data["total_price"], money(250_000));
    assert_eq!(data["fees"], money(0));
    assert_eq!(
        data["lines"],
        json!([{
            "line": 0, "label": "Stalls", "zone_id": data["zone_id"], "ticket_type": "Standard",
            "seats": ["B-M"], "quantity": 1, "unit_price": money(250_000),
            "list_price": money(250_000), "discount": money(0), "fee": money(0),
            "tax": money(0), "tax_percent": "0", "amount": money(250_000),
        }])
    );
    let Command::ReserveV2(asked) = world.log.last().command else {
        panic!("not an order")
    };
    assert_eq!(
        asked.items[0].pick,
        PickV2::Seats(SeatList::from_iter([21]))
    );
    assert!(asked.items[0].types.is_empty());
}

/// What is held can be read with its lines as soon as it is projected.
#[tokio::test]
async fn a_booking_is_read_with_its_lines() {
    let world = world().await;
    let items = json!([
        {"zone_id": PIT, "seats": ["A-1"], "ticket_type": "Child"},
        {"zone_id": STANDING, "quantity": 2},
    ]);
    let held = order(&world, items, no_more()).await.data(201);
    world.catch_up().await;
    let path = format!("/api/v1/bookings/{}", booking_of(&held));
    let read = world.get(&path).by_role("buyer").send().await.data(200);
    for name in [
        "booking_id",
        "zone_id",
        "seats",
        "quantity",
        "unit_price",
        "total_price",
        "lines",
        "discount",
        "fees",
        "tax",
        "tax_percent",
        "fee_tax_percent",
    ] {
        assert_eq!(read[name], held[name], "{name}");
    }
}

/// A key gives the answer of its first request, whatever became of code and price since.
#[tokio::test]
async fn an_order_is_remembered_under_its_key() {
    let world = world().await;
    let once = CodeTerms {
        discount: Some(Discount::OffBp(1_000)),
        uses_max: 1,
        ..terms()
    };
    create_code(&world, "ONCE", 1, once).await;
    let body = json!({
        "show_id": OFFERED, "code": "once",
        "items": [{"zone_id": STANDING, "quantity": 1}],
    });
    let ask = || {
        world
            .reserve(body.clone())
            .header("idempotency-key", "k")
            .send()
    };
    let first = ask().await.data(201);
    let again = ask().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.data(201), first);
    let without_key = world.reserve(body.clone()).send().await;
    assert_eq!(without_key.error(409, "CODE_REFUSED")["reason"], "used_up");
}
