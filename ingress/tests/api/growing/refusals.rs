//! What is refused, and what is said then.

use super::*;

/// The field that an answer names.
async fn wrong(call: Call<'_>) -> String {
    let error = call.send().await.error(400, "VALIDATION_ERROR");
    error["field"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_wrong_with_an_addition_is_named() {
    let world = World::new().await;
    let row = |name: &str, seats: Value| json!({"rows": [{"name": name, "seats": seats}]});
    let plan = |field: &str, value: Value| {
        let mut row = json!({"name": "C", "seats": 4});
        row[field] = value;
        json!({"rows": [row]})
    };
    for (zone, body, field) in [
        (STALLS, json!({}), "rows"),
        (STALLS, json!({"rows": []}), "rows"),
        (STALLS, json!({"capacity": 5}), "capacity"),
        (FLOOR, json!({}), "capacity"),
        (FLOOR, json!({"capacity": 0}), "capacity"),
        (FLOOR, json!({"capacity": u32::MAX}), "capacity"),
        (FLOOR, row("C", json!(2)), "rows"),
        (STALLS, row("", json!(2)), "rows[0].name"),
        (STALLS, row("C", json!(0)), "rows[0].seats"),
        (STALLS, row("C", json!([])), "rows[0].seats"),
        // The zone has these seats already.
        (STALLS, row("A", json!(1)), "rows[0].seats"),
        (STALLS, row("B", json!(["X", "N"])), "rows[0].seats"),
        (STALLS, plan("focus", json!(9)), "rows[0].focus"),
        (STALLS, plan("gaps", json!([4])), "rows[0].gaps[0]"),
        (
            STALLS,
            plan(
                "special",
                json!([{"first": 3, "count": 2, "kind": "companion"}]),
            ),
            "rows[0].special[0]",
        ),
    ] {
        assert_eq!(wrong(add(&world, zone, &body)).await, field, "{body}");
    }
    assert!(world.log.seen().is_empty(), "nothing reached the log");
}

#[tokio::test]
async fn what_is_wrong_with_a_zone_is_named() {
    let world = World::new().await;
    let with = |field: &str, value: Value| {
        let mut zone = gallery();
        zone[field] = value;
        zone
    };
    for (body, field) in [
        (with("name", json!("Stalls")), "name"),
        (with("name", json!(" ")), "name"),
        (with("rows", json!([])), "rows"),
        (
            with("rows", json!([{"name": "A", "seats": 0}])),
            "rows[0].seats",
        ),
        (with("capacity", json!(5)), "capacity"),
        (
            with("price", json!({"amount": -1, "currency": "THB"})),
            "price.amount",
        ),
        (
            with("price", json!({"amount": 1, "currency": "ZZZ"})),
            "price.currency",
        ),
    ] {
        assert_eq!(wrong(add_zone(&world, &body)).await, field, "{body}");
    }
    assert!(world.log.seen().is_empty(), "nothing reached the log");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    let rows = json!({"rows": [{"name": "C", "seats": 1}]});
    let seats = json!({"seats": ["A-1"]});
    let unknown = Uuid::from_u128(99);
    add(&world, unknown, &rows)
        .send()
        .await
        .error(404, "NOT_FOUND");
    take(&world, unknown, &seats)
        .send()
        .await
        .error(404, "NOT_FOUND");
    for (method, path, body) in [
        (Method::POST, "zones", gallery()),
        (Method::POST, "zones/{zone}/seats", rows),
        (Method::DELETE, "zones/{zone}/seats", seats),
    ] {
        let path = path.replace("{zone}", &STALLS.to_string());
        let path = format!("/api/v1/shows/{EVENT}/{path}");
        let call = world.call(method, &path).by_role("organizer").json(&body);
        call.send().await.error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn taken_places_are_refused_by_name() {
    let world = World::new().await;
    let seats = SeatList::from_iter([1, 20]);
    world
        .log
        .next(Script::reject(Rejection::SeatUnavailable { seats }));
    let body = json!({"seats": ["A-1", "A-2", "B-L"]});
    let error = take(&world, STALLS, &body).send().await;
    let error = error.error(409, "SEAT_UNAVAILABLE");
    assert_eq!(error["seats"], json!(["A-2", "B-L"]));
    world.log.next(Script::reject(Rejection::InsufficientStock {
        available: 7,
        not_together: false,
    }));
    let error = take(&world, FLOOR, &json!({"quantity": 8})).send().await;
    let error = error.error(409, "INSUFFICIENT_STOCK");
    assert_eq!(error["available"], 7);
    for (zone, body, field) in [
        (STALLS, json!({}), "seats"),
        (STALLS, json!({"quantity": 1}), "quantity"),
        (STALLS, json!({"seats": ["Z-1"]}), "seats[0]"),
        (FLOOR, json!({"seats": ["A-1"]}), "seats"),
        (FLOOR, json!({"quantity": 0}), "quantity"),
    ] {
        assert_eq!(wrong(take(&world, zone, &body)).await, field, "{body}");
    }
}

#[tokio::test]
async fn what_only_the_log_counts_is_named() {
    let world = World::new().await;
    world.log.next(Script::reject(Rejection::Invalid {
        reason: onsale_schemas::rejection::InvalidReason::Layout,
    }));
    let rows = json!({"rows": [{"name": "C", "seats": 1}]});
    let refused = add(&world, STALLS, &rows).send().await;
    let details = refused.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], "rows");
    let expected = details["expected"].as_str().unwrap();
    assert!(expected.contains("16 additions"), "{expected}");
}

#[tokio::test]
async fn a_quota_holds_for_what_is_added() {
    let world = World::with(|config| config.quota.seats_per_organizer_max = 30).await;
    let rows = |seats: u16| json!({"rows": [{"name": "C", "seats": seats}]});
    let refused = add(&world, STALLS, &rows(3)).send().await;
    refused.error(409, "QUOTA_EXCEEDED");
    add(&world, STALLS, &rows(2)).send().await.data(200);
    let refused = add_zone(
        &world,
        &json!({
            "name": "Gallery", "price": {"amount": 1, "currency": "THB"},
            "admission": "seated", "rows": [{"name": "A", "seats": 3}],
        }),
    );
    refused.send().await.error(409, "QUOTA_EXCEEDED");
}
