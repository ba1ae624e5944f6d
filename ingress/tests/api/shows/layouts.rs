//! Layouts and charts.

use onsale_schemas::Command;
use onsale_schemas::seating::{RowPlan, SeatKind, Special};
use serde_json::{Value, json};

use super::{create, seated};
use crate::support::{EVENT, SHOW, STALLS, World};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn layouts_outside_the_limits_are_refused_by_path() {
    let world = World::new().await;
    let zone = |change: fn(&mut Value)| {
        let mut zone = seated(json!([{"name": "A", "seats": 1}]));
        change(&mut zone);
        json!([zone])
    };
    let rows: Vec<Value> = (0..300)
        .map(|n| json!({"name": format!("R{n}"), "seats": 1_024}))
        .collect();
    for (zones, field) in [
        (json!([]), "zones"),
        (json!("x"), "zones"),
        (zone(|z| z["name"] = json!("")), "zones[0].name"),
        (
            zone(|z| z["price"]["amount"] = json!(-1)),
            "zones[0].price.amount",
        ),
        (
            zone(|z| z["price"]["currency"] = json!("thb")),
            "zones[0].price.currency",
        ),
        (
            zone(|z| z["price"]["currency"] = json!("ABC")),
            "zones[0].price.currency",
        ),
        (zone(|z| z["price"] = json!(5)), "zones[0].price"),
        (
            zone(|z| z["admission"] = json!("standing")),
            "zones[0].admission",
        ),
        (zone(|z| z["capacity"] = json!(5)), "zones[0].capacity"),
        (zone(|z| z["rows"] = json!([])), "zones[0].rows"),
        (zone(|z| z["rows"] = Value::Null), "zones[0].rows"),
        (
            zone(|z| z["rows"][0]["seats"] = json!(0)),
            "zones[0].rows[0].seats",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!(-1)),
            "zones[0].rows[0].seats",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!(1_025)),
            "zones[0].rows[0].seats",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!("many")),
            "zones[0].rows[0].seats",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!(["1", "1"])),
            "zones[0].rows[0].seats[1]",
        ),
        (
            zone(|z| z["rows"][0]["seats"] = json!(["1-2"])),
            "zones[0].rows[0].seats[0]",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!("A-1")),
            "zones[0].rows[0].name",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!("seat:1")),
            "zones[0].rows[0].name",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!(" A")),
            "zones[0].rows[0].name",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!("\u{30a}A")),
            "zones[0].rows[0].name",
        ),
        (zone(|z| z["name"] = json!("a\u{202e}b")), "zones[0].name"),
        (
            seated(json!([{"name": "Å", "seats": 1}, {"name": "A\u{30a}", "seats": 1}])).wrap(),
            "zones[0].rows[1].name",
        ),
        (
            seated(json!([{"name": "A", "seats": ["é", "e\u{301}"]}])).wrap(),
            "zones[0].rows[0].seats[1]",
        ),
        (
            zone(|z| z["rows"][0]["name"] = json!("ABCDEFGHIJKLMNOPQ")),
            "zones[0].rows[0].name",
        ),
        (
            zone(|z| z["rows"][0]["size"] = json!(1)),
            "zones[0].rows[0].size",
        ),
        (
            zone(|z| z["rows"][0]["gaps"] = json!([1])),
            "zones[0].rows[0].gaps[0]",
        ),
        (
            zone(|z| z["rows"][0]["focus"] = json!(3)),
            "zones[0].rows[0].focus",
        ),
        (
            zone(|z| {
                z["rows"][0]["special"] = json!([{"first": 1, "count": 1, "kind": "accessible"}]);
            }),
            "zones[0].rows[0].special[0]",
        ),
        (
            seated(json!([{"name": "A", "seats": 1}, {"name": "A", "seats": 1}])).wrap(),
            "zones[0].rows[1].name",
        ),
        (seated(json!(rows)).wrap(), "zones[0].rows[244].seats"),
        (
            json!([{"name": "G", "price": {"amount": 1, "currency": "THB"}, "admission": "general"}]),
            "zones[0].capacity",
        ),
        (
            json!([{"name": "G", "price": {"amount": 1, "currency": "THB"}, "admission": "general", "capacity": 10_000_001}]),
            "zones[0].capacity",
        ),
        (
            json!([{"name": "G", "price": {"amount": 1, "currency": "THB"}, "admission": "general", "rows": []}]),
            "zones[0].rows",
        ),
        (
            json!([
                seated(json!([{"name": "A", "seats": 1}])),
                seated(json!([{"name": "A", "seats": 1}]))
            ]),
            "zones[1].name",
        ),
    ] {
        let reply = create(
            &world,
            &json!({"starts_at": "2030-01-01T20:00:00Z", "zones": zones}),
        )
        .send()
        .await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{details}");
    }
    let good = zone(|_| {});
    for (body, field) in [
        (json!({"zones": good}), "starts_at"),
        (
            json!({"zones": good, "starts_at": "2030-01-01T20:00:00Z", "hold_seconds": 0}),
            "hold_seconds",
        ),
        (
            json!({"zones": good, "starts_at": "2030-01-01T20:00:00Z", "hold_seconds": 86_401}),
            "hold_seconds",
        ),
        (
            json!({"zones": good, "starts_at": "2030-01-01T20:00:00Z",
                "sale_opens_at": "2030-01-01T19:00:00Z"}),
            "sale_closes_at",
        ),
    ] {
        let reply = create(&world, &body).send().await;
        assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], field);
    }
    assert!(world.log.seen().is_empty());
}

#[tokio::test]
async fn rows_are_named_in_every_script() {
    let world = World::new().await;
    for name in ["แถวที่1", "क्षेत्र", "A\u{30a}", "Αα 2"] {
        let rows = json!([{"name": name, "seats": ["ก่", "2"]}]);
        create(
            &world,
            &json!({"starts_at": "9999-12-31T23:00:00Z", "zones": [seated(rows)]}),
        )
        .send()
        .await
        .data(201);
    }
}

trait Wrap {
    fn wrap(self) -> Value;
}

impl Wrap for Value {
    fn wrap(self) -> Value {
        Value::Array(vec![self])
    }
}

#[tokio::test]
async fn a_chart_is_cached_for_moments_and_by_its_tag() {
    let world = World::new().await;
    let path = format!("/api/v1/shows/{SHOW}/seats");
    let reply = world.get(&path).send().await;
    let chart = reply.data(200);
    assert_eq!(chart["zones"][0]["zone_id"], json!(STALLS));
    assert_eq!(chart["zones"][1]["rows"], json!([]));
    assert_eq!(
        chart["zones"][2]["rows"][0]["seats"][0]["seat_id"],
        "seat:23"
    );
    assert_eq!(
        reply.header("cache-control"),
        "public, max-age=10, must-revalidate"
    );
    let tag = reply.header("etag").to_owned();
    for known in [tag.clone(), format!("\"x\", {tag}"), "*".to_owned()] {
        let reply = world
            .get(&path)
            .header("if-none-match", &known)
            .send()
            .await;
        assert_eq!(reply.status, 304, "{known}");
        assert!(reply.bytes.is_empty());
        assert_eq!(reply.header("etag"), tag);
    }
    let reply = world
        .get(&path)
        .header("if-none-match", "\"x\"")
        .send()
        .await;
    reply.data(200);
    for id in [EVENT.to_string(), "x".to_owned()] {
        let reply = world.get(&format!("/api/v1/shows/{id}/seats")).send().await;
        reply.error(404, "NOT_FOUND");
    }
}

/// What a row of a map may have, one of a list may have as well.
#[tokio::test]
async fn rows_have_ranks_gaps_and_seats_that_are_not_ordinary() {
    let world = World::new().await;
    let row = json!({
        "name": "A", "seats": 6, "rank": 3, "focus": 4, "gaps": [2, 4],
        "special": [
            {"first": 0, "count": 1, "kind": "accessible"}, {"first": 1, "count": 1, "kind": "companion"},
        ],
    });
    let zones = json!([seated(json!([row, {"name": "B", "seats": 2}]))]);
    let show = json!({
        "starts_at": "2030-01-01T20:00:00Z", "zones": zones, "companions_per_accessible": 1,
    });
    let made = world
        .post(&format!("/api/v1/events/{EVENT}/shows"))
        .by_role("organizer")
        .json(&show);
    made.send().await.data(201);
    let Command::OpenShowV3(open) = world.log.last().command else {
        panic!("no opening with plans")
    };
    let plan = &open.plans[0];
    let special = |first, kind| Special {
        first,
        count: 1,
        kind,
    };
    assert_eq!(
        plan.rows,
        [
            RowPlan {
                rank: 3,
                focus: 4,
                gaps: vec![2, 4],
                special: vec![
                    special(0, SeatKind::Accessible),
                    special(1, SeatKind::Companion),
                ],
            },
            RowPlan::default(),
        ]
    );
}
