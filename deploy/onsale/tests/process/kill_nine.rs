//! `kill -9` under load, ten times at random moments: every acknowledged booking is there, none is
//! double, no seat has two owners, and a request without an answer gets one when it is repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use onsale_load::Random;
use serde_json::{Value, json};

use crate::support::{Server, answer};

const KILLS: u32 = 10;
const CLIENTS: u64 = 24;
const ROWS: u32 = 40;
const SEATS_PER_ROW: u32 = 25;
const STANDING: u32 = 50_000;

/// What a client learned about one booking.
#[derive(Debug, Clone)]
struct Acknowledged {
    seats: Vec<String>,
    quantity: u64,
    status: &'static str,
    position: (u64, u64),
}

/// One client: its bookings as far as they were acknowledged.
struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    show: String,
    zones: Vec<String>,
    random: Random,
    keys: u64,
    name: u64,
    bookings: BTreeMap<String, Acknowledged>,
    repeated: Arc<AtomicU64>,
}

impl Client {
    /// Posts until there is an answer: the server may die in between, so the same key is sent again.
    async fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        self.keys += 1;
        let key = format!("client-{}-{}", self.name, self.keys);
        loop {
            let sent = self
                .http
                .post(format!("{}{path}", self.base))
                .bearer_auth(&self.token)
                .header("Idempotency-Key", &key)
                .json(body)
                .send()
                .await;
            if let Ok(response) = sent {
                let (status, body) = answer(response).await;
                // 202 and 503 are no final answers: ask again with the same key.
                if !matches!(status, 202 | 503) {
                    return (status, body);
                }
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn step(&mut self) {
        match self.random.below(10) {
            0..=5 => self.reserve().await,
            6..=7 => self.finish("confirm").await,
            _ => self.finish("cancel").await,
        }
    }

    async fn reserve(&mut self) {
        let body = match self.random.below(3) {
            0 => {
                let row = self.random.below(u64::from(ROWS));
                let seat = 1 + self.random.below(u64::from(SEATS_PER_ROW) - 1);
                json!({ "show_id": self.show, "seats": [format!("R{row}-{seat}"), format!("R{row}-{}", seat + 1)] })
            }
            1 => json!({ "show_id": self.show, "zone_id": self.zones[0], "quantity": 2 }),
            _ => json!({ "show_id": self.show, "zone_id": self.zones[1], "quantity": 3 }),
        };
        let (status, body) = self.post("/bookings/reserve", &body).await;
        if status == 201 {
            let data = &body["data"];
            let booking = data["booking_id"].as_str().unwrap().to_owned();
            let seats = data["seats"].as_array().unwrap().iter();
            let acknowledged = Acknowledged {
                seats: seats
                    .map(|seat| seat.as_str().unwrap().to_owned())
                    .collect(),
                quantity: data["quantity"].as_u64().unwrap(),
                status: "reserved",
                position: (
                    data["position"]["partition"].as_u64().unwrap(),
                    data["position"]["offset"].as_u64().unwrap(),
                ),
            };
            let twice = self.bookings.insert(booking.clone(), acknowledged);
            assert!(
                twice.is_none(),
                "booking {booking} was acknowledged for two requests"
            );
        } else {
            let code = body["error"]["code"].as_str().unwrap_or("?");
            assert!(
                matches!(code, "SEAT_UNAVAILABLE" | "INSUFFICIENT_STOCK"),
                "{status} {body}"
            );
        }
    }

    async fn finish(&mut self, how: &str) {
        let held: Vec<&String> = self
            .bookings
            .iter()
            .filter(|(_, known)| known.status == "reserved")
            .map(|(id, _)| id)
            .collect();
        if held.is_empty() {
            return;
        }
        let pick = usize::try_from(self.random.below(held.len() as u64)).unwrap();
        let id = held[pick].clone();
        let body = match how {
            "confirm" => json!({ "payment_reference": format!("pay-{id}") }),
            _ => json!({}),
        };
        let (status, answer) = self.post(&format!("/bookings/{id}/{how}"), &body).await;
        assert_eq!(status, 200, "{how} {id}: {answer}");
        let known = self.bookings.get_mut(&id).unwrap();
        known.status = if how == "confirm" {
            "confirmed"
        } else {
            "cancelled"
        };
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_sold_twice() {
    let seed: u64 =
        std::env::var("ONSALE_TEST_SEED").map_or(20_261_121, |text| text.parse().unwrap());
    println!("ONSALE_TEST_SEED={seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await;
    let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
    let rows: Vec<Value> = (0..ROWS)
        .map(|row| json!({ "name": format!("R{row}"), "seats": SEATS_PER_ROW }))
        .collect();
    let price = json!({ "amount": 100_000, "currency": "THB" });
    let zones = json!([
        { "name": "Seats", "price": price, "admission": "seated", "rows": rows },
        { "name": "Floor", "price": price, "admission": "general", "capacity": STANDING },
    ]);
    let show = server.open_show(&organizer, 0, 3_600, zones).await;
    let (_, body) = server
        .get(&organizer, &format!("/shows/{show}/zones"))
        .await;
    let zones: Vec<String> = body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|zone| zone["zone_id"].as_str().unwrap().to_owned())
        .collect();

    let stop = Arc::new(AtomicBool::new(false));
    let repeated = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|name| {
            let user = format!("00000000-0000-4000-8000-{name:012x}");
            let mut client = Client {
                http: server.http.clone(),
                base: server.url(""),
                token: server.token("buyer", &user),
                show: show.clone(),
                zones: zones.clone(),
                random: Random::new(seed.wrapping_add(name)),
                keys: 0,
                name,
                bookings: BTreeMap::new(),
                repeated: repeated.clone(),
            };
            let stop = stop.clone();
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    client.step().await;
                }
                client
            })
        })
        .collect();

    let mut moments = Random::new(seed ^ 0x6b69_6c6c);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(100 + moments.below(700))).await;
        server.kill_and_restart().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);

    let mut bookings: BTreeMap<String, (Acknowledged, String)> = BTreeMap::new();
    for client in clients {
        let client = client.await.unwrap();
        for (id, known) in client.bookings {
            let twice = bookings.insert(id.clone(), (known, client.token.clone()));
            assert!(
                twice.is_none(),
                "booking {id} was acknowledged to two users"
            );
        }
    }
    println!(
        "{} bookings acknowledged, {} requests repeated after a kill",
        bookings.len(),
        repeated.load(Ordering::Relaxed)
    );
    assert!(
        bookings.len() > 100,
        "too little load to mean anything: {}",
        bookings.len()
    );
    assert!(
        repeated.load(Ordering::Relaxed) > 0,
        "no kill ever hit a request"
    );
    check(&server, &show, &bookings).await;

    // And once more after a restart with nothing going on: the same answer from the log alone.
    server.kill_and_restart().await;
    check(&server, &show, &bookings).await;
    let (code, out, err) = server.verb(&["verify"]);
    assert_eq!(code, Some(0), "verify: {out}{err}");
}

/// Compares the answers that clients got with what the server says now.
async fn check(server: &Server, show: &str, bookings: &BTreeMap<String, (Acknowledged, String)>) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut positions = BTreeSet::new();
    let mut standing = BTreeMap::from([("reserved", 0), ("confirmed", 0)]);
    for (id, (known, token)) in bookings {
        assert!(
            positions.insert(known.position),
            "two bookings at {:?}",
            known.position
        );
        let (status, body) = server.get(token, &format!("/bookings/{id}")).await;
        assert_eq!(status, 200, "acknowledged booking {id} is lost: {body}");
        assert_eq!(body["data"]["status"], known.status, "{id}: {body}");
        if known.status == "cancelled" {
            continue;
        }
        if known.seats.is_empty() {
            *standing.get_mut(known.status).unwrap() += known.quantity;
        }
        for seat in &known.seats {
            let other = owners.insert(seat, id);
            assert!(
                other.is_none(),
                "seat {seat} was sold to {other:?} and {id}"
            );
        }
    }
    // Every request got its answer in the end, so what was acknowledged is all there is.
    let (_, body) = server.get("", &format!("/shows/{show}/availability")).await;
    let unavailable = body["data"]["unavailable"].as_array().unwrap();
    assert_eq!(
        unavailable.len(),
        owners.len(),
        "seats taken that no client knows of"
    );
    let (_, body) = server.get("", &format!("/shows/{show}/zones")).await;
    let floor = &body["data"][1];
    assert_eq!(floor["held_seats"], standing["reserved"]);
    assert_eq!(floor["sold_seats"], standing["confirmed"]);
    let sum: u64 = [
        "available_seats",
        "held_seats",
        "sold_seats",
        "blocked_seats",
    ]
    .iter()
    .map(|key| floor[*key].as_u64().unwrap())
    .sum();
    assert_eq!(sum, u64::from(STANDING));
}
