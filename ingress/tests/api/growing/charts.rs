//! What clients see of a show that has got or lost places.

use std::time::{Duration, Instant};

use onsale_schemas::outcome::Replayed;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{ChartRow, Growth, RowSeats};
use onsale_store::document::{Document, Versioned};

use super::*;

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the availability of a zone is this.
async fn until_available(world: &World, zone: usize, expected: (u32, u32)) {
    let begun = Instant::now();
    loop {
        let path = format!("/api/v1/shows/{SHOW}/availability");
        let body = world.get(&path).send().await.data(200);
        let counts = &body["zones"][zone];
        let number = |name: &str| counts[name].as_u64().unwrap_or_default();
        let seen = (number("total_seats"), number("available_seats"));
        if seen == (expected.0.into(), expected.1.into()) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "zone {zone}: {counts}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the chart has this many seats in a zone.
async fn until_charted(world: &World, zone: usize, seats: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let found = labels(world, zone).await;
        if found.len() == seats {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "zone {zone}: {found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_added_row_is_seen_everywhere() {
    let world = World::new().await;
    let mut projected = Projected::default();
    until_available(&world, 0, (23, 23)).await;
    let path = format!("/api/v1/shows/{SHOW}/seats");
    let tag = world.get(&path).send().await.header("etag").to_owned();
    let body = json!({"rows": [{"name": "C", "seats": 2}, {"name": "A", "seats": ["21"]}]});
    add(&world, STALLS, &body).send().await.data(200);
    projected.added(&world).await;
    until_available(&world, 0, (26, 26)).await;
    let found = until_charted(&world, 0, 26).await;
    assert_eq!(found[23..], ["C-1", "C-2", "A-21"]);
    let reply = world.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!(reply.data(200)["zones"][0]["total_seats"], 26);
    assert_ne!(reply.header("etag"), tag);
    let show = world.get(&format!("/api/v1/shows/{SHOW}")).send().await;
    assert_eq!(show.data(200)["zones"][0]["total_seats"], 26);

    // A seat of it is sold, and known by its label.
    for seat in ["A-21", "seat:30"] {
        let reserved = world.reserve(json!({"show_id": SHOW.to_string(), "seats": [seat]}));
        let reserved = reserved.send().await.data(201);
        assert_eq!(reserved["seats"], json!(["A-21"]), "{seat}");
        assert_eq!(reserved["zone_id"], json!(STALLS), "{seat}");
    }
}

#[tokio::test]
async fn an_added_zone_and_taken_seats_are_seen_everywhere() {
    let world = World::new().await;
    let mut projected = Projected::default();
    until_available(&world, 0, (23, 23)).await;
    let zone = add_zone(&world, &gallery()).send().await.data(201);
    projected.added(&world).await;
    until_available(&world, 3, (2, 2)).await;
    let zones = world.get(&format!("/api/v1/shows/{SHOW}/zones")).send();
    let zones = zones.await.data(200);
    assert_eq!(zones[3]["name"], "Gallery");
    assert_eq!(zones[3]["zone_id"], zone["zone_id"]);

    take(&world, STALLS, &json!({"seats": ["A-2"]}))
        .send()
        .await
        .data(200);
    projected.outcome(&world, taken(0, &[1], 1)).await;
    until_available(&world, 0, (22, 22)).await;
    let found = until_charted(&world, 0, 22).await;
    assert_eq!(found[..2], ["A-1", "A-3"]);
    let gone = world.reserve(json!({
        "show_id": SHOW.to_string(), "zone_id": STALLS, "seats": ["A-2"],
    }));
    gone.send().await.error(400, "VALIDATION_ERROR");

    take(&world, FLOOR, &json!({"quantity": 40}))
        .send()
        .await
        .data(200);
    projected.outcome(&world, taken(1, &[], 40)).await;
    until_available(&world, 1, (60, 60)).await;
}

/// The feed is ahead of the database: what was sold already has its label a moment later.
#[tokio::test]
async fn names_that_come_later_than_the_sale_are_waited_for() {
    let world = World::new().await;
    let body = json!({"rows": [{"name": "C", "seats": 2}]});
    add(&world, STALLS, &body).send().await.data(200);
    let request = world.log.last().request_id;
    let mut record = ScriptedLog::record(60, added(0, 28, &[2]));
    record.request_id = request;
    world.log.publish(vec![record.clone()]);
    let sold = Outcome::Reserved(Reserved {
        booking: 61,
        show: SHOW,
        event: EVENT,
        user: BUYER,
        zone: 0,
        seats: SeatList::from_iter([29]),
        quantity: 1,
        unit_price: 250_000,
        currency: "THB".parse().unwrap(),
        expires_at_ms: NOW_MS + 600_000,
    });
    world.log.next(Script::Answer(sold));
    let best = json!({"show_id": SHOW.to_string(), "zone_id": STALLS, "quantity": 1});
    let reserving = world.reserve(best).send();
    let projecting = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.project(0, vec![record]).await;
    };
    let (reply, ()) = tokio::join!(reserving, projecting);
    assert_eq!(reply.data(201)["seats"], json!(["C-2"]));
}

/// A view that begins while the chart is older than the log has the seats all the same.
#[tokio::test]
async fn a_view_that_is_ahead_of_the_chart_loses_no_seat() {
    let world = World::new().await;
    let mut seats = crate::support::seats(70);
    seats.zones[0].available = 24;
    seats.zones[0].held = 1;
    seats.unavailable.push((29, SeatStatus::Held));
    world.log.set_seats(seats);
    until_available(&world, 0, (25, 24)).await;
    let body = json!({"rows": [{"name": "C", "seats": 2}]});
    add(&world, STALLS, &body).send().await.data(200);
    // The log had it before the view began.
    Projected::default().added(&world).await;
    until_charted(&world, 0, 25).await;
    let path = format!("/api/v1/shows/{SHOW}/availability");
    let body = world.get(&path).send().await.data(200);
    assert_eq!(
        body["unavailable"],
        json!([{"seat_id": "seat:29", "status": "held"}])
    );
    assert_eq!(body["zones"][0]["total_seats"], 25);
}

/// A database that was lost has a row without its names, of whose zone a seat was taken after that.
#[tokio::test]
async fn names_that_a_document_brings_later_are_seen() {
    let world = World::new().await;
    let mut projected = Projected::default();
    until_charted(&world, 0, 23).await;
    let body = json!({"seats": ["A-1"]});
    take(&world, STALLS, &body).send().await.data(200);
    projected.outcome(&world, added(0, 28, &[2])).await;
    projected.outcome(&world, taken(0, &[0], 1)).await;
    until_charted(&world, 0, 22).await;
    let path = format!("/api/v1/shows/{SHOW}/seats");
    let tag = world.get(&path).send().await.header("etag").to_owned();

    let mut row = world.store.show(SHOW).await.unwrap().unwrap();
    assert!(row.is_lacking());
    // The missing row may have any name: none is added beside it.
    let rows = json!({"rows": [{"name": "C", "seats": 2}]});
    world
        .log
        .next(Script::reject(Rejection::LayoutChanged { now: 30 }));
    let refused = add(&world, STALLS, &rows).send().await;
    refused.error(503, "OVERLOADED");
    // As it was before the seat was taken.
    row.zones[0].growth = Growth::default();
    let names = ChartRow {
        name: "C".to_owned(),
        seats: RowSeats::Count(2),
        plan: RowPlan::default(),
    };
    assert!(row.zones[0].add_rows(&[names], 28, 60));
    let document = Document {
        event: Versioned {
            version: 1,
            row: crate::support::event(),
        },
        show: Some(Versioned { version: 2, row }),
        as_of: None,
    };
    let brought = world
        .store
        .restore_document(&document, Unaudited::Unattended);
    assert!(brought.await.unwrap());
    let found = until_charted(&world, 0, 24).await;
    assert_eq!(
        (found[0].as_str(), found[22..].join(" ")),
        ("A-2", "C-1 C-2".to_owned())
    );
    let reply = world.get(&path).header("if-none-match", &tag).send().await;
    assert_ne!(reply.header("etag"), tag);
}

/// The database was lost before the log had the names: whoever has the request still has them.
#[tokio::test]
async fn names_that_are_lost_come_with_the_same_request_again() {
    let world = World::new().await;
    let mut projected = Projected::default();
    until_charted(&world, 0, 23).await;
    let body = json!({"seats": ["A-1"]});
    take(&world, STALLS, &body).send().await.data(200);
    let first = projected.outcome(&world, added(0, 28, &[2])).await;
    let row = world.store.show(SHOW).await.unwrap().unwrap();
    assert!(row.is_lacking());

    world.log.next(Script::Replay(added(0, 28, &[2])));
    let rows = json!({"rows": [{"name": "C", "seats": 2}]});
    let again = add(&world, STALLS, &rows).header("idempotency-key", "rows-of-may");
    assert_eq!(again.send().await.data(200)["added"], 2);
    let mut record = ScriptedLog::record(first.offset + 1, added(0, 28, &[2]));
    record.request_id = world.log.last().request_id;
    record.previous = projected.last;
    record.replay_of = Some(Replayed {
        offset: first.offset,
        log_time_ms: first.log_time_ms,
    });
    world.project(projected.next, vec![record]).await;
    let row = world.store.show(SHOW).await.unwrap().unwrap();
    assert!(!row.is_lacking());
    let found = until_charted(&world, 0, 25).await;
    assert_eq!(found[23..], ["C-1", "C-2"]);
}
