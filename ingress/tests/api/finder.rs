//! `GET /events` with a text and `/events/suggest`: the search of the public catalog, as it follows the store.
//! How well it finds what people mean is tested beside the index.

mod found;
mod in_step;
mod refused;

use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;
use onsale_ingress::Ingress;
use onsale_schemas::{EventId, ShowId, ShowSeats, ZoneCounts};
use onsale_store::catalog::{EventRow, ShowRow, ShowStatus, ZoneAdmission};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::support::{NOW_MS, Reply, World, event, show};

/// What is to be found a moment after it was changed is waited for no longer than this.
const PATIENCE: Duration = Duration::from_secs(30);
const DAY_MS: u64 = 86_400_000;

/// A world whose search has an index, with the events of `rows` beside that of every world.
async fn searched(rows: &[EventRow]) -> World {
    let world = World::new().await;
    for row in rows {
        world.store.add_event(row).await.unwrap();
    }
    tokio::spawn(world.ingress.clone().follow_catalog());
    // Only an index orders events by their price.
    until(&world.ingress, "?sort=price&limit=1", |reply| {
        reply.status == 200
    })
    .await;
    world
}

/// An event by number, as far away in days.
fn named(number: u8, name: &str) -> EventRow {
    EventRow {
        event_id: EventId(Uuid::from_u128(0xf000 + u128::from(number))),
        name: name.to_owned(),
        venue: None,
        city: None,
        category: None,
        starts_at_ms: NOW_MS + u64::from(number) * DAY_MS,
        ..event()
    }
}

/// A show of an event that is open, with one zone of ten places for this price.
fn open_show(row: &EventRow, price: i64, currency: &str) -> ShowRow {
    let mut open = show();
    open.event_id = row.event_id;
    open.show_id = ShowId(row.event_id.0);
    open.starts_at_ms = row.starts_at_ms;
    open.sale_closes_at_ms = row.starts_at_ms;
    open.status = ShowStatus::Open;
    open.zones.truncate(1);
    open.zones[0].zone_id = row.event_id.0;
    open.zones[0].admission = ZoneAdmission::General { capacity: 10 };
    open.zones[0].unit_price = price;
    open.zones[0].currency = currency.to_owned();
    open
}

/// How many of the ten places of such a show are left.
fn left(row: &EventRow, available: u32) -> ShowSeats {
    ShowSeats {
        show: ShowId(row.event_id.0),
        next_offset: 50,
        cancelled: false,
        zones: vec![ZoneCounts {
            available,
            sold: 10 - available,
            ..ZoneCounts::default()
        }],
        unavailable: Vec::new(),
    }
}

/// A text as it stands in a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// `GET /events` with this query, from one of several processes.
async fn list(ingress: &Ingress, query: &str) -> Reply {
    let path = format!("/api/v1/events{query}");
    let request = Request::get(path).body(Body::empty()).unwrap();
    Reply::read(ingress.router().oneshot(request).await.unwrap()).await
}

/// The names of the events that an answer lists.
fn names(reply: &Reply) -> Vec<String> {
    let listed = reply.data(200);
    let events = listed.as_array().unwrap().iter();
    let name = |event: &Value| event["name"].as_str().unwrap().to_owned();
    events.map(name).collect()
}

/// Asks until the answer is as it should be.
async fn until(ingress: &Ingress, query: &str, is_right: impl Fn(&Reply) -> bool) -> Reply {
    let end = Instant::now() + PATIENCE;
    loop {
        let reply = list(ingress, query).await;
        if is_right(&reply) {
            return reply;
        }
        assert!(Instant::now() < end, "{query}: {}", reply.json());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks until these events are found and no others, in this order.
async fn until_found(ingress: &Ingress, query: &str, expected: &[&str]) -> Reply {
    until(ingress, query, |reply| {
        reply.status == 200 && names(reply) == expected
    })
    .await
}
