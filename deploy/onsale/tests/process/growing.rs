//! A show that grows and shrinks while it is sold, on the real binary, and what a restart and
//! reconciliation say of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, answer};

const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
const BUYER: &str = "00000000-0000-4000-8000-00000000bbbb";
/// Far more than a projection takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct House {
    server: Server,
    organizer: String,
    buyer: String,
    show: String,
    folder: tempfile::TempDir,
}

impl House {
    /// Stalls with row A of ten seats, and a floor of fifty places.
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder.path().join("data")).await;
        let organizer = server.token("organizer", ORGANIZER);
        let price = |amount: u64| json!({ "amount": amount, "currency": "THB" });
        let zones = json!([
            { "name": "Stalls", "price": price(250_000), "admission": "seated",
              "rows": [{ "name": "A", "seats": 10 }] },
            { "name": "Floor", "price": price(100_000), "admission": "general", "capacity": 50 },
        ]);
        let show = server.open_show(&organizer, 0, 3_600, zones).await;
        let buyer = server.token("buyer", BUYER);
        Self {
            server,
            organizer,
            buyer,
            show,
            folder,
        }
    }

    async fn zone(&self, zone: usize) -> Value {
        let path = format!("/shows/{}/zones", self.show);
        let (status, body) = self.server.get("", &path).await;
        assert_eq!(status, 200, "{body}");
        body["data"][zone].clone()
    }

    async fn seats_of(&self, zone: usize) -> String {
        let zone = self.zone(zone).await;
        let id = zone["zone_id"].as_str().unwrap();
        format!("/shows/{}/zones/{id}/seats", self.show)
    }

    async fn add(&self, zone: usize, body: Value) -> (u16, Value) {
        let path = self.seats_of(zone).await;
        self.server.post(&self.organizer, &path, &body).await
    }

    async fn take(&self, zone: usize, body: Value) -> (u16, Value) {
        let url = self.server.url(&self.seats_of(zone).await);
        let http = &self.server.http;
        let request = http.delete(url).bearer_auth(&self.organizer).json(&body);
        answer(request.send().await.unwrap()).await
    }

    async fn reserve(&self, what: Value) -> (u16, Value) {
        let mut body = json!({ "show_id": self.show });
        let what = what.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(what);
        self.server
            .post(&self.buyer, "/bookings/reserve", &body)
            .await
    }

    /// Waits until a zone has these places: all, available, held, sold.
    async fn until_counted(&self, zone: usize, expected: [u64; 4]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.zone(zone).await;
            let counts = ["total_seats", "available_seats", "held_seats", "sold_seats"];
            let counts = counts.map(|key| seen[key].as_u64().unwrap_or(u64::MAX));
            if counts == expected {
                return;
            }
            assert!(Instant::now() < deadline, "zone {zone}: {counts:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn labels(&self, zone: usize) -> Vec<String> {
        let path = format!("/shows/{}/seats", self.show);
        let (status, body) = self.server.get("", &path).await;
        assert_eq!(status, 200, "{body}");
        let rows = body["data"]["zones"][zone]["rows"].as_array().unwrap();
        let seats = rows.iter().flat_map(|row| row["seats"].as_array().unwrap());
        seats
            .map(|seat| seat["label"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn as_it_should_be(&self) {
        self.until_counted(0, [11, 8, 2, 1]).await;
        self.until_counted(1, [55, 55, 0, 0]).await;
        self.until_counted(2, [2, 1, 1, 0]).await;
        let stalls: Vec<String> = (2..=10).map(|seat| format!("A-{seat}")).collect();
        let labels = self.labels(0).await;
        assert_eq!(labels[..9], stalls);
        assert_eq!(labels[9..], ["B-1", "A-11"]);
        assert_eq!(self.labels(2).await, ["A-1", "A-2"]);
        let (status, listed) = self.server.get(&self.buyer, "/bookings").await;
        assert_eq!(status, 200, "{listed}");
        let mut seats: Vec<String> = listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|booking| booking["seats"].to_string())
            .collect();
        seats.sort_unstable();
        assert_eq!(seats, [r#"["A-1"]"#, r#"["A-3"]"#, r#"["B-1","A-11"]"#]);
    }

    fn finds_no_difference(&self) {
        let report = self.folder.path().join("report.json");
        for args in [
            &["reconcile", "--report", report.to_str().unwrap()][..],
            &["verify"],
            &["doctor"],
        ] {
            let (code, out, err) = self.server.verb(args);
            assert_eq!(code, Some(0), "{args:?}: {out}{err}");
        }
    }
}

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or("")
}

#[tokio::test]
async fn a_show_grows_and_shrinks_while_it_is_sold() {
    let mut house = House::open().await;
    let (status, sold) = house.reserve(json!({ "seats": ["A-3"] })).await;
    assert_eq!(status, 201, "{sold}");
    let booking = sold["data"]["booking_id"].as_str().unwrap();
    let pay = json!({ "payment_reference": "pay-1" });
    let confirm = format!("/bookings/{booking}/confirm");
    let (status, body) = house.server.post(&house.buyer, &confirm, &pay).await;
    assert_eq!(status, 200, "{body}");

    // Rows, once.
    let rows = json!({ "rows": [{ "name": "B", "seats": 1 }, { "name": "A", "seats": ["11"] }] });
    let (status, body) = house.add(0, rows.clone()).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["data"]["added"], 2, "{body}");
    house.until_counted(0, [12, 11, 0, 1]).await;
    // Nor with what the show has by now: their names are taken.
    for expected in [None, Some(12)] {
        let mut again = rows.clone();
        again["expected"] = json!(expected);
        let (status, body) = house.add(0, again).await;
        assert_eq!((status, code(&body)), (400, "VALIDATION_ERROR"), "{body}");
    }
    let other = json!({ "rows": [{ "name": "C", "seats": 1 }], "expected": 10 });
    let (status, body) = house.add(0, other).await;
    assert_eq!((status, code(&body)), (409, "LAYOUT_CHANGED"), "{body}");
    assert_eq!(body["error"]["details"]["now"], 12, "{body}");
    let (status, body) = house.reserve(json!({ "seats": ["B-1", "A-11"] })).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["data"]["seats"], json!(["B-1", "A-11"]));

    // Places, and a zone.
    let (status, body) = house
        .add(1, json!({ "capacity": 10, "expected": 50 }))
        .await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = house
        .add(1, json!({ "capacity": 10, "expected": 50 }))
        .await;
    assert_eq!((status, code(&body)), (409, "LAYOUT_CHANGED"), "{body}");
    assert_eq!(body["error"]["details"]["now"], 60, "{body}");
    let zone = json!({
        "name": "Gallery", "price": { "amount": 50_000, "currency": "THB" },
        "admission": "seated", "rows": [{ "name": "A", "seats": 2 }],
    });
    let zones = format!("/shows/{}/zones", house.show);
    let (status, body) = house.server.post(&house.organizer, &zones, &zone).await;
    assert_eq!(status, 201, "{body}");
    let gallery = body["data"]["zone_id"].clone();
    house.until_counted(2, [2, 2, 0, 0]).await;
    let (status, body) = house
        .reserve(json!({ "zone_id": gallery, "seats": ["A-1"] }))
        .await;
    assert_eq!(status, 201, "{body}");

    // What is free may go, what is held or sold may not.
    let (status, body) = house
        .take(0, json!({ "seats": ["A-3", "B-1", "A-4"] }))
        .await;
    assert_eq!((status, code(&body)), (409, "SEAT_UNAVAILABLE"), "{body}");
    let named = &body["error"]["details"]["seats"];
    assert_eq!(named, &json!(["A-3", "B-1"]), "{body}");
    let (status, body) = house.take(0, json!({ "seats": ["A-1"] })).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = house.take(1, json!({ "quantity": 61 })).await;
    assert_eq!((status, code(&body)), (409, "INSUFFICIENT_STOCK"), "{body}");
    let (status, body) = house.take(1, json!({ "quantity": 5 })).await;
    assert_eq!(status, 200, "{body}");
    let stalls = house.zone(0).await["zone_id"].clone();
    let gone = json!({ "zone_id": stalls, "seats": ["A-1"] });
    let (status, body) = house.reserve(gone).await;
    assert_eq!((status, code(&body)), (400, "VALIDATION_ERROR"), "{body}");

    house.as_it_should_be().await;
    house.finds_no_difference();
    house.server.kill_and_restart().await;
    house.as_it_should_be().await;
    house.finds_no_difference();
}
