//! Shows that get and lose places: `/shows/{id}/zones/{zone_id}/seats` and `POST /shows/{id}/zones`.

mod charts;
mod refusals;

use http::Method;
use onsale_schemas::command::{Admission, BlockPlaces};
use onsale_schemas::outcome::{BlockChange, Reserved};
use onsale_schemas::seating::{Addition, RowPlan, SeatKind, Special};
use onsale_schemas::{Command, Outcome, OutcomeRecord, Rejection, SeatList, SeatStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    BALCONY, BUYER, Call, EVENT, FLOOR, NOW_MS, SHOW, STALLS, Script, ScriptedLog, World,
};

/// `/shows/{id}/zones/{zone_id}/seats`
fn seats_of(zone: Uuid) -> String {
    format!("/api/v1/shows/{SHOW}/zones/{zone}/seats")
}

fn add<'a>(world: &'a World, zone: Uuid, body: &Value) -> Call<'a> {
    world.post(&seats_of(zone)).by_role("organizer").json(body)
}

fn take<'a>(world: &'a World, zone: Uuid, body: &Value) -> Call<'a> {
    world
        .call(Method::DELETE, &seats_of(zone))
        .by_role("organizer")
        .json(body)
}

fn add_zone<'a>(world: &'a World, body: &Value) -> Call<'a> {
    world
        .post(&format!("/api/v1/shows/{SHOW}/zones"))
        .by_role("organizer")
        .json(body)
}

fn gallery() -> Value {
    json!({
        "name": "Gallery", "price": {"amount": 90_000, "currency": "THB"},
        "admission": "seated", "rows": [{"name": "A", "seats": 2}],
    })
}

/// What is projected of the log, in order.
#[derive(Default)]
struct Projected {
    next: u64,
    last: Option<u64>,
}

impl Projected {
    /// Projects an outcome as the answer to the last request of a client, and gives it to the feed.
    async fn outcome(&mut self, world: &World, outcome: Outcome) -> OutcomeRecord {
        let mut record = ScriptedLog::record(self.next + 60, outcome);
        record.request_id = world.log.last().request_id;
        record.previous = self.last;
        world.project(self.next, vec![record.clone()]).await;
        self.next = record.offset + 1;
        self.last = Some(record.offset);
        world.log.publish(vec![record.clone()]);
        record
    }

    /// What the log makes of the last addition.
    async fn added(&mut self, world: &World) -> OutcomeRecord {
        let outcome = match world.log.last().command {
            Command::AddSeats(add) => match add.addition {
                Addition::Rows { zone, rows, .. } => added(zone, add.expected, &rows),
                Addition::Capacity { zone, places } => Outcome::SeatsAdded {
                    show: SHOW,
                    zone,
                    first_seat: 0,
                    places,
                },
                Addition::Zone { layout, .. } => {
                    let Admission::Seated { rows } = layout.admission else {
                        panic!("a seated zone is added");
                    };
                    added(3, 28, &rows)
                }
            },
            other => panic!("not an addition: {other:?}"),
        };
        self.outcome(world, outcome).await
    }
}

fn added(zone: u16, first_seat: u32, rows: &[u16]) -> Outcome {
    Outcome::SeatsAdded {
        show: SHOW,
        zone,
        first_seat,
        places: rows.iter().map(|seats| u32::from(*seats)).sum(),
    }
}

fn taken(zone: u16, seats: &[u32], quantity: u32) -> Outcome {
    Outcome::SeatsTaken(BlockChange {
        show: SHOW,
        zone,
        seats: seats.into(),
        quantity,
    })
}

/// The labels of a zone's seats, as the chart has them.
async fn labels(world: &World, zone: usize) -> Vec<String> {
    let chart = world.get(&format!("/api/v1/shows/{SHOW}/seats")).send();
    let chart = chart.await.data(200);
    let rows = chart["zones"][zone]["rows"].as_array().unwrap().clone();
    let seats = rows
        .iter()
        .flat_map(|row| row["seats"].as_array().unwrap().clone());
    seats
        .map(|seat| seat["label"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn rows_go_into_the_log_without_their_names() {
    let world = World::new().await;
    let body = json!({"rows": [
        {"name": "C", "seats": 4, "rank": 2, "focus": 3, "gaps": [2],
         "special": [{"first": 0, "count": 1, "kind": "accessible"},
                     {"first": 1, "count": 1, "kind": "companion"}]},
        {"name": "A", "seats": ["21", "22"]},
    ]});
    let reply = add(&world, STALLS, &body).send().await.data(200);
    assert_eq!(
        reply,
        json!({
            "show_id": SHOW.to_string(), "zone_id": STALLS, "added": 6, "total_seats": 29, "is_drawn": null,
        })
    );
    let Command::AddSeats(command) = world.log.last().command else {
        panic!("not an addition");
    };
    assert_eq!((command.show, command.expected), (SHOW, 28));
    let special = |first, kind| Special {
        first,
        count: 1,
        kind,
    };
    let plan = RowPlan {
        rank: 2,
        focus: 3,
        gaps: vec![2],
        special: vec![
            special(0, SeatKind::Accessible),
            special(1, SeatKind::Companion),
        ],
    };
    assert_eq!(
        command.addition,
        Addition::Rows {
            zone: 0,
            rows: vec![4, 2],
            plans: vec![plan, RowPlan::default()],
        }
    );
    let plain = json!({"rows": [{"name": "D", "seats": 1}], "expected": 27});
    add(&world, BALCONY, &plain).send().await.data(200);
    let Command::AddSeats(command) = world.log.last().command else {
        panic!("not an addition");
    };
    assert_eq!(command.expected, 27);
    assert_eq!(
        command.addition,
        Addition::Rows {
            zone: 2,
            rows: vec![1],
            plans: Vec::new(),
        }
    );
}

#[tokio::test]
async fn general_admission_and_zones_grow_by_the_log() {
    let world = World::new().await;
    let reply = add(&world, FLOOR, &json!({"capacity": 20}));
    assert_eq!(reply.send().await.data(200)["total_seats"], 120);
    let Command::AddSeats(command) = world.log.last().command else {
        panic!("not an addition");
    };
    assert_eq!(command.expected, 100);
    let capacity = Addition::Capacity {
        zone: 1,
        places: 20,
    };
    assert_eq!(command.addition, capacity);
    let reply = add_zone(&world, &gallery()).send().await.data(201);
    assert_eq!(
        (&reply["added"], &reply["total_seats"]),
        (&json!(2), &json!(2))
    );
    let Command::AddSeats(command) = world.log.last().command else {
        panic!("not an addition");
    };
    assert_eq!(command.expected, 3);
    let Addition::Zone { layout, plan } = command.addition else {
        panic!("not a zone");
    };
    assert_eq!((layout.unit_price, plan), (90_000, Vec::new()));
    assert_eq!(layout.admission, Admission::Seated { rows: vec![2] });
}

#[tokio::test]
async fn places_are_taken_away_by_the_log() {
    let world = World::new().await;
    let reply = take(&world, STALLS, &json!({"seats": ["B-M", "seat:0"]}));
    assert_eq!(
        reply.send().await.data(200),
        json!({
            "show_id": SHOW.to_string(), "zone_id": STALLS, "seats": ["B-M", "A-1"], "quantity": 2,
        })
    );
    let Command::TakeSeats(block) = world.log.last().command else {
        panic!("nothing is taken");
    };
    assert_eq!(
        block.places,
        BlockPlaces::Seats(SeatList::from_iter([21, 0]))
    );
    let reply = take(&world, FLOOR, &json!({"quantity": 5})).send().await;
    assert_eq!(reply.data(200)["quantity"], 5);
}

#[tokio::test]
async fn the_same_rows_again_add_nothing() {
    let world = World::new().await;
    let mut projected = Projected::default();
    let body = json!({"rows": [{"name": "C", "seats": 2}]});
    let key = "the-same-rows";
    let first = add(&world, STALLS, &body).header("idempotency-key", key);
    assert_eq!(first.send().await.data(200)["added"], 2);
    let record = projected.added(&world).await;
    // Without its key it is an addition of seats that the zone has, whatever its sender expects.
    let seen = world.log.seen().len();
    for expected in [None, Some(28), Some(30)] {
        let mut again = body.clone();
        again["expected"] = json!(expected);
        let again = add(&world, STALLS, &again).send().await;
        let error = again.error(400, "VALIDATION_ERROR");
        assert_eq!(error["field"], "rows[0].seats");
    }
    assert_eq!(world.log.seen().len(), seen, "nothing reached the log");
    // With it, it is the answer of the first one.
    world.log.next(Script::Replay(record.outcome));
    let again = add(&world, STALLS, &body).header("idempotency-key", key);
    let again = again.send().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.data(200)["total_seats"], 25);
    // A key that the log has forgotten, or another one, makes no second addition of it.
    for expected in [None, Some(30)] {
        world
            .log
            .next(Script::reject(Rejection::LayoutChanged { now: 30 }));
        let mut again = body.clone();
        again["expected"] = json!(expected);
        let again = add(&world, STALLS, &again).header("idempotency-key", "another-key");
        again.send().await.error(400, "VALIDATION_ERROR");
        let Command::AddSeats(command) = world.log.last().command else {
            panic!("not an addition");
        };
        assert_eq!(command.expected, u32::MAX, "nothing has as many seats");
    }
}

/// What the catalog does not have cannot be compared with the new names.
#[tokio::test]
async fn rows_are_not_added_beside_seats_that_the_catalog_does_not_have_yet() {
    let world = World::new().await;
    for (now, status, code) in [(30, 503, "OVERLOADED"), (29, 409, "LAYOUT_CHANGED")] {
        world
            .log
            .next(Script::reject(Rejection::LayoutChanged { now }));
        let body = json!({"rows": [{"name": "C", "seats": 2}], "expected": 30});
        let refused = add(&world, STALLS, &body).send().await;
        refused.error(status, code);
        if status == 409 {
            let said = refused.json()["detail"].as_str().unwrap().to_owned();
            assert!(
                said.contains("the show has had, ") && said.contains(": 29."),
                "{said}"
            );
        }
        let Command::AddSeats(command) = world.log.last().command else {
            panic!("not an addition");
        };
        assert_eq!(command.expected, u32::MAX);
    }
}

#[tokio::test]
async fn places_up_to_the_limit_are_added_once_under_their_key() {
    let world = World::new().await;
    let mut projected = Projected::default();
    let more = onsale_schemas::limits::GENERAL_CAPACITY_MAX - 100;
    let body = json!({"capacity": more});
    let key = "all-that-fits";
    let first = add(&world, FLOOR, &body).header("idempotency-key", key);
    assert_eq!(first.send().await.data(200)["added"], more);
    let record = projected.added(&world).await;
    world.log.next(Script::Replay(record.outcome));
    let again = add(&world, FLOOR, &body).header("idempotency-key", key);
    assert_eq!(again.send().await.data(200)["added"], more);
    let refused = add(&world, FLOOR, &body).send().await;
    refused.error(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_zone_of_the_same_key_is_the_same_zone() {
    let world = World::new().await;
    let mut projected = Projected::default();
    let key = "the-same-zone";
    let first = add_zone(&world, &gallery()).header("idempotency-key", key);
    let first = first.send().await.data(201);
    let record = projected.added(&world).await;
    world.log.next(Script::Replay(record.outcome));
    let again = add_zone(&world, &gallery()).header("idempotency-key", key);
    let again = again.send().await.data(201);
    assert_eq!(again["zone_id"], first["zone_id"]);
    let other = add_zone(&world, &gallery()).send().await;
    let error = other.error(400, "VALIDATION_ERROR");
    assert_eq!(error["field"], "name");
}

#[tokio::test]
async fn what_a_repetition_took_is_found_by_its_label_once_more() {
    let world = World::new().await;
    let mut projected = Projected::default();
    let body = json!({"seats": ["A-1"]});
    let key = "the-same-seat";
    let first = take(&world, STALLS, &body).header("idempotency-key", key);
    first.send().await.data(200);
    let record = projected.outcome(&world, taken(0, &[0], 1)).await;
    world.log.next(Script::Replay(record.outcome));
    let again = take(&world, STALLS, &body).header("idempotency-key", key);
    assert_eq!(again.send().await.data(200)["seats"], json!(["A-1"]));
    let without = take(&world, STALLS, &body).send().await;
    without.error(400, "VALIDATION_ERROR");
}
