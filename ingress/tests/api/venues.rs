//! `/venues`, the maps of their halls, and the shows that are made from them.

mod maps;
mod shows;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use http::Method;
use onsale_halls::Address;
use onsale_halls::generate::{Club, Shape, generate};
use onsale_store::venue::{Deflated, StoredChart, StoredHall, Venue, VenueRow};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Call, Claims, NOW_MS, ORGANIZER, World};

/// A venue as it lies in the database.
pub(crate) fn venue_row(venue_id: Uuid, tenant_id: Uuid, name: &str) -> VenueRow {
    VenueRow {
        venue_id,
        tenant_id,
        venue: Venue {
            name: name.to_owned(),
            address: None,
            city: None,
            country: None,
            position: None,
            time_zone: "Asia/Bangkok".to_owned(),
            website: None,
        },
        version: 1,
        created_at_ms: NOW_MS,
        updated_at_ms: NOW_MS,
    }
}

fn deflated(json: &[u8]) -> Deflated {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json).unwrap();
    Deflated {
        deflated: encoder.finish().unwrap(),
        bytes: u64::try_from(json.len()).unwrap(),
    }
}

/// A hall as it lies in the database.
pub(crate) fn stored_hall(name: &str) -> StoredHall {
    let hall = generate(name, &Shape::Club(Club::default())).unwrap();
    let json = hall.canonical();
    let Deflated { deflated, bytes } = deflated(&json);
    StoredHall {
        name: name.to_owned(),
        places: 704,
        address: Address::of(&json).0,
        deflated,
        bytes,
    }
}

/// A chart as it lies in the database.
pub(crate) fn stored_chart() -> StoredChart {
    let json = br#"{"format":"onsale-chart/1"}"#;
    StoredChart {
        address: Address::of(json).0,
        json: deflated(json),
    }
}

/// What the organizer asks.
fn ask<'a>(world: &'a World, method: Method, path: &str) -> Call<'a> {
    let path = format!("/api/v1/venues{path}");
    world.call(method, &path).by_role("organizer")
}

fn lyric() -> Value {
    json!({
        "name": "Lyric Theatre", "address": "12 Charoen Krung Road", "city": "Bangkok", "country": "TH",
        "position": { "latitude": 13.7308, "longitude": 100.5137 }, "time_zone": "Asia/Bangkok",
        "website": "https://lyric.example",
    })
}

/// A new venue of the organizer's tenant: its id.
async fn venue(world: &World) -> String {
    let made = ask(world, Method::POST, "").json(&lyric()).send().await;
    made.data(201)["venue_id"].as_str().unwrap().to_owned()
}

/// The organizer of another tenant.
fn stranger() -> String {
    let mut claims = Claims::new(ORGANIZER, "organizer");
    claims.tenant = Uuid::from_u128(8);
    claims.token()
}

#[tokio::test]
async fn a_venue_is_described_changed_and_deleted() {
    let world = World::new().await;
    let made = ask(&world, Method::POST, "").json(&lyric()).send().await;
    let id = made.data(201)["venue_id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("etag"), "\"1\"");
    let path = format!("/{id}");
    let read = ask(&world, Method::GET, &path).send().await;
    assert_eq!(read.header("etag"), "\"1\"");
    let body = read.data(200);
    for (field, value) in lyric().as_object().unwrap() {
        assert_eq!(&body[field], value, "{field}");
    }
    let listed = ask(&world, Method::GET, "").send().await;
    assert_eq!(listed.json()["meta"]["total"], 1);
    assert_eq!(listed.data(200)[0], body);

    // The same again changes nothing; another name does, where nobody else was faster.
    let put = |name: &str, tag: &str| {
        let mut said = lyric();
        said["name"] = json!(name);
        ask(&world, Method::PUT, &path)
            .header("if-match", tag)
            .json(&said)
    };
    let same = put("Lyric Theatre", "\"1\"").send().await;
    assert_eq!((same.status.as_u16(), same.header("etag")), (200, "\"1\""));
    let renamed = put("Lyric", "\"1\"").send().await;
    assert_eq!(renamed.header("etag"), "\"2\"");
    assert_eq!(renamed.data(200)["name"], "Lyric");
    let late = put("Late", "\"1\"").send().await;
    assert_eq!(late.error(412, "PRECONDITION_FAILED")["etag"], "\"2\"");
    // A list, and a tag that a proxy made weak, are read as everywhere.
    for tags in ["\"1\", \"2\"", "W/\"2\"", "*"] {
        let same = put("Lyric", tags).send().await;
        assert_eq!((same.status.as_u16(), same.header("etag")), (200, "\"2\""));
    }
    let late = put("Late", "\"1\", W/\"3\"").send().await;
    late.error(412, "PRECONDITION_FAILED");

    let delete = |tag: &str| ask(&world, Method::DELETE, &path).header("if-match", tag);
    delete("\"1\"")
        .send()
        .await
        .error(412, "PRECONDITION_FAILED");
    delete("\"2\"").send().await.data(200);
    for method in [Method::GET, Method::DELETE] {
        let gone = ask(&world, method, &path).send().await;
        gone.error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_venue_that_is_made_again_under_its_key_is_one() {
    let world = World::new().await;
    let make = |name: &str| {
        let mut said = lyric();
        said["name"] = json!(name);
        ask(&world, Method::POST, "")
            .header("idempotency-key", "k")
            .json(&said)
    };
    let first = make("Lyric").send().await.data(201);
    let again = make("Lyric").send().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.data(201), first);
    make("Other")
        .send()
        .await
        .error(422, "IDEMPOTENCY_KEY_REUSED");
    let listed = ask(&world, Method::GET, "").send().await;
    assert_eq!(listed.json()["meta"]["total"], 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_venue_is_named() {
    let world = World::new().await;
    for (field, value, named) in [
        ("name", json!(""), "name"),
        ("name", json!("a\u{202e}b"), "name"),
        ("address", json!("x".repeat(501)), "address"),
        ("city", json!(" "), "city"),
        ("country", json!("th"), "country"),
        ("country", json!("THA"), "country"),
        ("time_zone", json!("Bangkok"), "time_zone"),
        ("time_zone", json!("+07:00"), "time_zone"),
        ("time_zone", json!(null), "time_zone"),
        ("website", json!("lyric.example"), "website"),
        ("website", json!("https://"), "website"),
        ("website", json!("https://a b"), "website"),
        (
            "position",
            json!({"latitude": 91, "longitude": 0}),
            "position.latitude",
        ),
        (
            "position",
            json!({"latitude": 0, "longitude": -180.5}),
            "position.longitude",
        ),
        ("position", json!({"latitude": 0}), "position.longitude"),
        ("capacity", json!(5), "capacity"),
    ] {
        let mut said = lyric();
        said[field] = value.clone();
        let refused = ask(&world, Method::POST, "").json(&said).send().await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], named, "{field} {value}");
    }
}

#[tokio::test]
async fn nobody_else_finds_a_venue() {
    let world = World::new().await;
    let id = venue(&world).await;
    let maps = format!("/{id}/maps");
    let generate = format!("{maps}/generate");
    let club = json!({"shape": "club"});
    let made = ask(&world, Method::POST, &generate)
        .json(&club)
        .send()
        .await;
    let map = made.data(201)["map_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/venues/{id}");
    for (method, path, body) in [
        (Method::GET, path.clone(), None),
        (Method::PUT, path.clone(), Some(lyric())),
        (Method::DELETE, path.clone(), None),
        (Method::GET, format!("{path}/maps"), None),
        (Method::POST, format!("{path}/maps"), Some(json!({}))),
        (Method::GET, format!("{path}/maps/{map}"), None),
        (Method::PUT, format!("{path}/maps/{map}"), Some(json!({}))),
        (Method::POST, format!("{path}/maps/import"), Some(json!({}))),
        (
            Method::POST,
            format!("{path}/maps/generate"),
            Some(club.clone()),
        ),
    ] {
        let mut call = world.call(method.clone(), &path).token(&stranger());
        if let Some(body) = &body {
            call = call.json(body);
        }
        let reply = call.send().await;
        assert_eq!(reply.status.as_u16(), 404, "{method} {path}");
        reply.error(404, "NOT_FOUND");
        let mut call = world.call(method.clone(), &path).by_role("buyer");
        if let Some(body) = &body {
            call = call.json(body);
        }
        let status = call.send().await.status.as_u16();
        let expected = if method == Method::GET { 404 } else { 403 };
        assert_eq!(status, expected, "{method} {path}");
    }
    let listed = world.get("/api/v1/venues").token(&stranger()).send().await;
    assert_eq!(listed.data(200), json!([]));
}
