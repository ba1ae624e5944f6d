//! A zone that is added with ranks, gaps and special seats: the machine chooses by them, as in a zone of the beginning.

use std::time::{Duration, Instant};

use onsale_schemas::{ShowId, UserId};
use onsale_store::catalog::{ChartRow, RowSeats, ZoneAdmission};

use super::*;

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Row B is better than A, and best at its end. Its first seats are special, and there is a gap among the others.
fn rows() -> Value {
    json!([
        { "name": "A", "seats": 8, "rank": 2 },
        {
            "name": "B", "seats": 6, "rank": 1, "focus": 12, "gaps": [4],
            "special": [
                { "first": 0, "count": 1, "kind": "accessible" },
                { "first": 1, "count": 1, "kind": "companion" },
            ],
        },
    ])
}

fn plans() -> Vec<RowPlan> {
    let special = |first, kind| Special {
        first,
        count: 1,
        kind,
    };
    vec![
        RowPlan {
            rank: 2,
            ..RowPlan::default()
        },
        RowPlan {
            rank: 1,
            focus: 12,
            gaps: vec![4],
            special: vec![
                special(0, SeatKind::Accessible),
                special(1, SeatKind::Companion),
            ],
        },
    ]
}

#[tokio::test]
async fn an_added_zone_has_the_ranks_gaps_and_special_seats_of_its_rows() {
    let world = World::deciding().await;
    let thb = |amount: i64| json!({ "amount": amount, "currency": "THB" });
    let show = json!({
        "starts_at": "2030-01-01T20:00:00Z", "companions_per_accessible": 1,
        "zones": [{ "name": "Floor", "price": thb(500), "admission": "general", "capacity": 10 }],
    });
    let show = world
        .post(&format!("/api/v1/events/{EVENT}/shows"))
        .by_role("organizer")
        .json(&show);
    let show = show.send().await.data(201)["show_id"].clone();
    let show = show.as_str().unwrap().to_owned();
    world.catch_up().await;
    let gallery = json!({
        "name": "Gallery", "price": thb(900), "admission": "seated", "rows": rows(),
    });
    let added = world
        .post(&format!("/api/v1/shows/{show}/zones"))
        .by_role("organizer")
        .json(&gallery);
    let added = added.send().await.data(201);
    assert_eq!(added["total_seats"], 14);
    let Command::AddSeats(command) = world.log.last().command else {
        panic!("not an addition");
    };
    let Addition::Zone { plan, .. } = command.addition else {
        panic!("not a zone");
    };
    assert_eq!(plan, plans());
    world.catch_up().await;
    let id = ShowId(show.parse().unwrap());
    let row = world.store.show(id).await.unwrap().unwrap();
    let ZoneAdmission::Seated { rows } = &row.zones[1].admission else {
        panic!("not seated");
    };
    let known: Vec<ChartRow> = [("A", 8), ("B", 6)]
        .into_iter()
        .zip(plans())
        .map(|((name, seats), plan)| ChartRow {
            name: name.to_owned(),
            seats: RowSeats::Count(seats),
            plan,
        })
        .collect();
    assert_eq!(*rows, known);

    let begun = Instant::now();
    let seats = format!("/api/v1/shows/{show}/seats");
    loop {
        let chart = world.get(&seats).send().await.data(200);
        if chart["zones"][1]["zone_id"] == added["zone_id"] {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{chart}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let zone = &added["zone_id"];
    let reserve = async |buyer: u8, items: Value| {
        let call = world.post("/api/v1/bookings/reserve");
        let call = call.by_user(UserId::from_bytes([buyer; 16]), "buyer");
        let body = json!({ "show_id": show, "items": items });
        call.json(&body).send().await.data(201)["seats"].clone()
    };
    // In the better row four are parted by the gap.
    let four = json!([{ "zone_id": zone, "quantity": 4 }]);
    let four = reserve(1, four).await;
    assert_eq!(four, json!(["A-3", "A-4", "A-5", "A-6"]));
    // Two are not, and the end of the row is the best of it.
    let two = json!([{ "zone_id": zone, "quantity": 2 }]);
    assert_eq!(reserve(2, two).await, json!(["B-5", "B-6"]));
    let special = json!([
        { "zone_id": zone, "quantity": 1, "kind": "accessible" },
        { "zone_id": zone, "quantity": 1, "kind": "companion" },
    ]);
    assert_eq!(reserve(3, special).await, json!(["B-1", "B-2"]));
}
