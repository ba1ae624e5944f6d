//! Live availability: JSON and server-sent events.

use axum::body::{Body, BodyDataStream};
use futures::StreamExt;
use onsale_schemas::outcome::{EndedBooking, Reserved};
use onsale_schemas::{Outcome, OutcomeRecord, SeatList, SeatStatus};
use serde_json::{Value, json};

use crate::support::{BUYER, EVENT, FLOOR, NOW_MS, SHOW, STALLS, ScriptedLog, World, seats};

fn reserved(offset: u64, seat: u32) -> OutcomeRecord {
    ScriptedLog::record(
        offset,
        Outcome::Reserved(Reserved {
            booking: offset,
            show: SHOW,
            event: EVENT,
            user: BUYER,
            zone: 0,
            seats: SeatList::from_iter([seat]),
            quantity: 1,
            unit_price: 1,
            currency: "THB".parse().unwrap(),
            expires_at_ms: NOW_MS,
        }),
    )
}

fn path() -> String {
    format!("/api/v1/shows/{SHOW}/availability")
}

/// Events of a stream, read one by one.
struct Events {
    body: BodyDataStream,
    buffer: String,
}

impl Events {
    async fn open(world: &World, last: Option<u64>) -> Self {
        let mut call = world.get(&format!("{}/stream", path()));
        if let Some(last) = last {
            call = call.header("last-event-id", &last.to_string());
        }
        let response = call.open().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        Self::of(response.into_body())
    }

    fn of(body: Body) -> Self {
        Self {
            body: body.into_data_stream(),
            buffer: String::new(),
        }
    }

    /// The next event's id, name and data; `None` at the end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            while let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let event = event.to_owned();
                self.buffer = rest.to_owned();
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .to_owned()
                };
                let name = field("event: ");
                if !name.is_empty() {
                    let data = serde_json::from_str(&field("data: ")).unwrap();
                    return Some((field("id: "), name, data));
                }
            }
            let bytes = self.body.next().await?.unwrap();
            self.buffer.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

/// Reads until the view has reached a version; the feed is another task.
async fn at_version(world: &World, version: u64) -> Value {
    loop {
        let data = world.get(&path()).send().await.data(200);
        if data["version"] == version {
            return data;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_view_starts_from_the_log_and_follows_the_outcomes() {
    let world = World::new().await;
    let mut start = seats(50);
    start.zones[0].available = 22;
    start.zones[0].sold = 1;
    start.unavailable = vec![(3, SeatStatus::Sold)];
    world.log.set_seats(start);
    let data = world.get(&path()).send().await.data(200);
    assert_eq!(data["version"], 50);
    assert_eq!(
        data["unavailable"],
        json!([{"seat_id": "seat:3", "status": "sold"}])
    );
    assert_eq!(data["zones"][0]["available_seats"], 22);
    assert_eq!(data["zones"][1]["zone_id"], json!(FLOOR));
    // Older than the start: known already.
    world.log.publish(vec![reserved(49, 0)]);
    let mut expiry = reserved(51, 8);
    expiry.expired = vec![EndedBooking {
        booking: 50,
        show: SHOW,
        user: BUYER,
        zone: 0,
        seats: SeatList::from_iter([7]),
        quantity: 1,
    }];
    world.log.publish(vec![reserved(50, 7), expiry]);
    let data = at_version(&world, 52).await;
    assert_eq!(
        data["unavailable"],
        json!([
            {"seat_id": "seat:3", "status": "sold"},
            {"seat_id": "seat:8", "status": "held"},
        ])
    );
    let zones = world
        .get(&format!("/api/v1/shows/{SHOW}/zones"))
        .send()
        .await
        .data(200);
    assert_eq!(
        zones[0],
        json!({
            "zone_id": STALLS, "name": "Stalls", "admission": "seated",
            "price": {"amount": 250_000, "currency": "THB"}, "total_seats": 23,
            "available_seats": 21, "held_seats": 1, "sold_seats": 1, "blocked_seats": 0,
        })
    );
}

#[tokio::test]
async fn a_show_that_the_log_does_not_know_is_not_found() {
    let world = World::new().await;
    world
        .get("/api/v1/shows/x/availability")
        .send()
        .await
        .error(404, "NOT_FOUND");
    let path = format!("/api/v1/shows/{EVENT}/availability/stream");
    world.get(&path).send().await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_stream_begins_with_the_state_and_goes_on_with_changes() {
    let world = World::new().await;
    let mut events = Events::open(&world, None).await;
    let (id, name, data) = events.next().await.unwrap();
    assert_eq!((id.as_str(), name.as_str()), ("50", "state"));
    assert_eq!(data["version"], 50);
    // Both in one event: changes of a tick are sent together.
    world.log.publish(vec![reserved(50, 1), reserved(51, 2)]);
    let (id, name, data) = events.next().await.unwrap();
    assert_eq!((id.as_str(), name.as_str()), ("52", "delta"));
    assert_eq!(
        data["changes"],
        json!([
            {"seat_id": "seat:1", "status": "held"},
            {"seat_id": "seat:2", "status": "held"},
        ])
    );
    assert_eq!(data["zones"][0]["held_seats"], 2);
}

#[tokio::test]
async fn a_reader_that_comes_back_gets_what_it_missed_and_no_more() {
    let world = World::new().await;
    let mut events = Events::open(&world, None).await;
    events.next().await.unwrap();
    for (offset, seat) in [(50, 1), (51, 2)] {
        world.log.publish(vec![reserved(offset, seat)]);
        events.next().await.unwrap();
    }
    let mut again = Events::open(&world, Some(51)).await;
    let (id, name, data) = again.next().await.unwrap();
    assert_eq!((id.as_str(), name.as_str()), ("52", "delta"));
    assert_eq!(
        data["changes"],
        json!([{"seat_id": "seat:2", "status": "held"}])
    );
    // Nothing was missed: the next thing to come is new.
    let mut current = Events::open(&world, Some(52)).await;
    world.log.publish(vec![reserved(52, 3)]);
    assert_eq!(current.next().await.unwrap().0, "53");
    // From a time before the history, or from a future that never was: the whole state.
    for last in [10, 9_999] {
        let mut whole = Events::open(&world, Some(last)).await;
        assert_eq!(whole.next().await.unwrap().1, "state");
    }
}

#[tokio::test]
async fn a_feed_that_lost_batches_starts_the_view_again() {
    let world = World::new().await;
    let mut events = Events::open(&world, None).await;
    events.next().await.unwrap();
    let mut later = seats(500);
    later.zones[0].available = 20;
    later.zones[0].blocked = 3;
    world.log.set_seats(later);
    // More than the channel holds, without letting the follower run in between.
    for offset in 50..90 {
        world.log.publish(vec![reserved(offset, 1)]);
    }
    loop {
        let (id, name, data) = events.next().await.unwrap();
        if name == "state" {
            assert_eq!(id, "500");
            assert_eq!(data["zones"][0]["blocked_seats"], 3);
            break;
        }
    }
}

#[tokio::test]
async fn a_cancelled_show_is_read_again_from_the_log() {
    let world = World::new().await;
    let mut events = Events::open(&world, None).await;
    events.next().await.unwrap();
    let mut cancelled = seats(51);
    cancelled.cancelled = true;
    world.log.set_seats(cancelled);
    world.log.publish(vec![ScriptedLog::record(
        50,
        Outcome::ShowCancelled { show: SHOW },
    )]);
    let (_, name, data) = events.next().await.unwrap();
    assert_eq!(name, "state");
    assert_eq!(data["cancelled"], true);
}

#[tokio::test]
async fn readers_are_limited_and_leave_room_when_they_go() {
    let world = World::with(|config| config.http.stream_readers_max = 1).await;
    let stream = format!("{}/stream", path());
    let first = world.get(&stream).open().await;
    assert_eq!(first.status(), 200);
    world.get(&stream).send().await.error(503, "OVERLOADED");
    drop(first);
    assert_eq!(world.get(&stream).open().await.status(), 200);
}

/// A reader that does not read is dropped with a last event; the others continue.
#[tokio::test]
async fn a_slow_reader_is_dropped() {
    let world = World::new().await;
    let mut quick = Events::open(&world, None).await;
    quick.next().await.unwrap();
    let mut slow = Events::open(&world, None).await;
    let frames = 70;
    for offset in 50..50 + frames {
        world.log.publish(vec![reserved(offset, 1)]);
        assert_eq!(quick.next().await.unwrap().0, (offset + 1).to_string());
    }
    assert_eq!(slow.next().await.unwrap().1, "state");
    let (_, name, data) = slow.next().await.unwrap();
    assert_eq!(name, "dropped");
    assert_eq!(data["resume_from"], 50);
    assert!(slow.next().await.is_none());
}

#[tokio::test]
async fn streams_end_when_the_process_stops() {
    let world = World::new().await;
    let mut events = Events::open(&world, None).await;
    events.next().await.unwrap();
    world.ingress.close();
    assert_eq!(events.next().await.unwrap().1, "closed");
    assert!(events.next().await.is_none());
    let ready = world.get("/health/ready").send().await;
    assert_eq!(ready.status, 503);
}

#[tokio::test]
async fn of_a_cancelled_show_nothing_is_available() {
    let world = World::new().await;
    let mut cancelled = seats(50);
    cancelled.cancelled = true;
    world.log.set_seats(cancelled);
    let zones = world.get(&format!("/api/v1/shows/{SHOW}/zones"));
    let data = world.get(&path()).send().await.data(200);
    for zones in [&zones.send().await.data(200), &data["zones"]] {
        for zone in zones.as_array().unwrap() {
            assert_eq!(zone["available_seats"], 0, "{zone}");
        }
    }
}

#[tokio::test]
async fn a_compact_state_has_a_bit_for_every_seat() {
    let world = World::new().await;
    let mut taken = seats(50);
    taken.unavailable = vec![
        (0, SeatStatus::Held),
        (9, SeatStatus::Held),
        (8, SeatStatus::Sold),
        (27, SeatStatus::Blocked),
    ];
    world.log.set_seats(taken);
    let compact = world.get(&format!("{}?format=compact", path()));
    let data = compact.send().await.data(200);
    assert_eq!(data["version"], 50);
    assert_eq!(
        data["unavailable"],
        json!({"held": "AQI=", "sold": "AAE=", "blocked": "AAAACA=="})
    );
    let full = world.get(&path()).send().await.data(200);
    assert_eq!(full["unavailable"].as_array().unwrap().len(), 4);
    assert_eq!(data["zones"], full["zones"]);
    let response = world
        .get(&format!("{}/stream?format=compact", path()))
        .open()
        .await;
    let mut events = Events::of(response.into_body());
    let (_, name, state) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &state), ("state", &data));
    let bad = world.get(&format!("{}?format=tiny", path())).send().await;
    assert_eq!(bad.error(400, "VALIDATION_ERROR")["field"], "format");
}

#[tokio::test]
async fn a_large_answer_is_compressed_where_that_is_taken() {
    let world = World::new().await;
    let mut taken = seats(50);
    taken.unavailable = (0..28).map(|seat| (seat, SeatStatus::Held)).collect();
    world.log.set_seats(taken);
    for path in [
        format!("/api/v1/shows/{SHOW}/seats"),
        path(),
        "/api/v1/openapi.json".to_owned(),
    ] {
        let plain = world.get(&path).send().await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        let packed = world
            .get(&path)
            .header("accept-encoding", "br, gzip")
            .send()
            .await;
        assert_eq!(packed.status, 200);
        if plain.bytes.len() < 4_096 {
            continue;
        }
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert!(packed.bytes.len() < plain.bytes.len());
        let mut text = String::new();
        let mut reader = flate2::read::GzDecoder::new(&packed.bytes[..]);
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        let unpacked: Value = serde_json::from_str(&text).unwrap();
        let plain = plain.json();
        assert_eq!(unpacked["data"], plain["data"], "{path}");
        assert_eq!(unpacked["paths"], plain["paths"]);
    }
}

#[tokio::test]
async fn the_end_of_an_event_reaches_the_views_of_its_shows() {
    let world = World::new().await;
    let mut seed = seats(50);
    seed.unavailable = vec![(0, SeatStatus::Held)];
    world.log.set_seats(seed);
    let before = world.get(&path()).send().await.data(200);
    assert_eq!(before["unavailable"][0]["seat_id"], "seat:0");
    let mut seed = seats(61);
    seed.cancelled = true;
    world.log.set_seats(seed);
    let mut stream = Events::open(&world, None).await;
    stream.next().await.expect("the present state");
    let outcome = Outcome::EventCancelled { event: EVENT };
    world.log.publish(vec![ScriptedLog::record(60, outcome)]);
    let (version, ..) = stream.next().await.expect("the state after the end");
    assert_eq!(version, "61");
}
