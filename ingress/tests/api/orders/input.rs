//! What is wrong with an order, by the name of its field; none of it reaches the log.

use super::*;

/// Items, what else is sent, and the field that is named.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn cases() -> Vec<(Value, Value, &'static str)> {
    let many: Vec<Value> = (0..17)
        .map(|_| json!({"zone_id": STANDING, "quantity": 1}))
        .collect();
    let one = || json!([{"zone_id": STANDING, "quantity": 1}]);
    vec![
        (json!([]), no_more(), "items"),
        (json!(many), no_more(), "items"),
        (json!({}), no_more(), "items"),
        (json!([7]), no_more(), "items[0]"),
        (json!([{}]), no_more(), "items[0].seats"),
        (json!([{"quantity": 1}]), no_more(), "items[0].zone_id"),
        (
            json!([{"zone_id": SHOW, "quantity": 1}]),
            no_more(),
            "items[0].zone_id",
        ),
        (
            json!([{"zone_id": PIT, "seats": ["A-1"]}, {"zone_id": PIT, "seats": ["Z-1"]}]),
            no_more(),
            "items[1].seats[0]",
        ),
        (
            json!([{"zone_id": PIT, "seats": ["A-1"]}, {"zone_id": PIT, "seats": ["A-2", "A-1"]}]),
            no_more(),
            "items[1].seats[1]",
        ),
        (
            json!([{"zone_id": PIT, "seats": ["A-1"], "quantity": 1}]),
            no_more(),
            "items[0].quantity",
        ),
        (
            json!([{"zone_id": STANDING, "quantity": 101}]),
            no_more(),
            "items[0].quantity",
        ),
        (
            json!([{"zone_id": STANDING, "quantity": -1}]),
            no_more(),
            "items[0].quantity",
        ),
        (
            json!([{"zone_id": STANDING, "quantity": 60}, {"zone_id": STANDING, "quantity": 60}]),
            no_more(),
            "items",
        ),
        (
            json!([{"zone_id": PIT, "seats": ["A-1"], "together": true}]),
            no_more(),
            "items[0].together",
        ),
        (
            json!([{"zone_id": PIT, "seats": ["A-1"], "kind": "accessible"}]),
            no_more(),
            "items[0].kind",
        ),
        (
            json!([{"zone_id": STANDING, "quantity": 1, "kind": "companion"}]),
            no_more(),
            "items[0].kind",
        ),
        (
            json!([{"zone_id": PIT, "quantity": 1, "kind": "royal"}]),
            no_more(),
            "items[0].kind",
        ),
        (
            json!([{"zone_id": PIT, "quantity": 1, "ticket_type": "Dog"}]),
            no_more(),
            "items[0].ticket_type",
        ),
        (
            json!([{"zone_id": PIT, "quantity": 1, "ticket_types": {"Dog": 1}}]),
            no_more(),
            "items[0].ticket_types.Dog",
        ),
        (
            json!([{"zone_id": PIT, "quantity": 1, "ticket_types": {}}]),
            no_more(),
            "items[0].ticket_types",
        ),
        (
            json!([{"zone_id": PIT, "quantity": 3, "ticket_types": {"Child": 1, "Standard": 1}}]),
            no_more(),
            "items[0].ticket_types",
        ),
        (
            json!([{"zone_id": PIT, "ticket_types": {"Child": 100, "Standard": 100}}]),
            no_more(),
            "items[0].ticket_types",
        ),
        (
            json!([{"zone_id": PIT, "ticket_types": {"Child": 0}}]),
            no_more(),
            "items[0].ticket_types.Child",
        ),
        (
            json!([{
                "zone_id": PIT, "quantity": 1, "ticket_type": "Child", "ticket_types": {"Child": 1},
            }]),
            no_more(),
            "items[0].ticket_types",
        ),
        (
            json!([{"zone_id": PIT, "quantity": 1, "price": 1}]),
            no_more(),
            "items[0].price",
        ),
        (one(), json!({"quantity": 1}), "quantity"),
        (one(), json!({"seats": ["A-1"]}), "seats"),
        (one(), json!({"zone_id": PIT}), "zone_id"),
        (one(), json!({"ticket_type": "Child"}), "ticket_type"),
        (one(), json!({"unit_price": 1}), "unit_price"),
        (one(), json!({"expected_total": "1"}), "expected_total"),
        (
            one(),
            json!({"expected_total": {"amount": 1, "currency": "USD"}}),
            "expected_total.currency",
        ),
        (one(), json!({"code": "x"}), "code"),
        (one(), json!({"code": 7}), "code"),
    ]
}

#[tokio::test]
async fn bad_input_is_named_and_never_reaches_the_log() {
    let world = world().await;
    for (items, more, field) in cases() {
        let what = format!("{items} {more}");
        let reply = order(&world, items, more).await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{what} -> {details}");
        assert!(details["expected"].is_string(), "{what}");
        assert!(details.get("value").is_some(), "{what}");
    }
    assert!(world.log.seen().is_empty());
}

/// Types may say how many places there are, and a zone may be left out where nothing else can be meant.
#[tokio::test]
async fn what_goes_without_saying_need_not_be_said() {
    let world = world().await;
    let items = json!([
        {"zone_id": PIT, "ticket_types": {"Child": 2}},
        {"seats": ["B-8"]},
    ]);
    let data = order(&world, items, no_more()).await.data(201);
    assert_eq!(data["quantity"], 3);
    assert_eq!(data["lines"][1]["seats"], json!(["B-8"]));
    // Beside the form of one zone.
    let body = json!({
        "show_id": OFFERED, "zone_id": STANDING, "quantity": 2, "ticket_type": "Child",
    });
    let data = world.reserve(body).send().await.data(201);
    assert_eq!(data["lines"][0]["label"], "Child, Standing");
}
