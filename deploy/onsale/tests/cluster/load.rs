//! Buyers who reserve, order, confirm, cancel, give places back and read, and remember the answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::api;
use crate::client::Client;
use crate::cluster::{Cluster, PARTITIONS, PATIENCE};
use crate::gaps::Gaps;
use crate::orders;
use crate::report::{Report, Sent};
use crate::tokens::token;

/// Requests per second that a client should send: the clients keep up with the rate as long as an
/// answer takes less than a quarter of a second.
const RATE_PER_CLIENT: u64 = 4;
const CLIENTS_MIN: u64 = 64;
const CLIENTS_MAX: u64 = 2_048;
/// Most tickets of a user and event.
pub(crate) const TICKETS_PER_USER_MAX: u64 = 6;
pub(crate) const ROWS: u64 = 40;
pub(crate) const SEATS_PER_ROW: u64 = 25;
/// Sells out during a run.
const FLOOR: u32 = 2_000;
/// Does not.
const FIELD: u32 = 1_000_000;
/// Events made until every partition has one.
const EVENTS_MAX: usize = 64;
/// Answers of each partition that count as progress.
const PROGRESS: u64 = 100;

/// A show of its own partition.
pub(crate) struct Show {
    pub(crate) id: String,
    pub(crate) zones: Vec<String>,
    /// Number of the group of its code.
    pub(crate) group: u64,
}

/// What a client learned about one booking.
#[derive(Clone, Debug)]
pub(crate) struct Booking {
    pub(crate) show: usize,
    /// Places by zone.
    pub(crate) parts: BTreeMap<String, u64>,
    pub(crate) seats: Vec<String>,
    pub(crate) quantity: u64,
    pub(crate) status: &'static str,
    pub(crate) offset: u64,
    /// Of an order; none where it was not asked for as one.
    pub(crate) lines: Vec<Value>,
    pub(crate) has_code: bool,
    /// What all of it cost, and what is left of that.
    pub(crate) price: u64,
    pub(crate) total: u64,
    pub(crate) refunded: u64,
}

/// A user with every answer that it got.
pub(crate) struct User {
    pub(crate) token: String,
    pub(crate) bookings: BTreeMap<String, Booking>,
}

/// The answers that all clients got.
pub(crate) struct Histories {
    pub(crate) users: Vec<User>,
    sent: Sent,
    state: Arc<LoadState>,
}

impl Histories {
    /// The shows, in order of partition.
    pub(crate) fn shows(&self) -> &[Show] {
        &self.state.shows
    }

    /// The token of who sells.
    pub(crate) fn organizer(&self) -> &str {
        &self.state.organizer
    }

    /// Says what was measured.
    pub(crate) fn tell(&self, fault: &str) {
        self.state.report.tell(fault, &self.sent);
    }
}

/// What all clients have in common.
pub(crate) struct LoadState {
    pub(crate) ingresses: [String; 2],
    pub(crate) http: reqwest::Client,
    /// The token of who sells.
    pub(crate) organizer: String,
    pub(crate) shows: Arc<Vec<Show>>,
    rate: u64,
    start: Instant,
    pub(crate) due: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) preferred: AtomicUsize,
    pub(crate) unexpected: Mutex<Vec<String>>,
    pub(crate) gaps: Gaps,
    report: Report,
    pub(crate) stop: AtomicBool,
}

impl LoadState {
    /// Waits until request `number` of all clients is to be sent.
    pub(crate) async fn until_due(&self, number: u64) {
        let due = Duration::from_micros(number * 1_000_000 / self.rate);
        if let Some(wait) = due.checked_sub(self.start.elapsed()) {
            tokio::time::sleep(wait).await;
        }
    }
}

pub(crate) struct Load {
    state: Arc<LoadState>,
    clients: Vec<JoinHandle<Vec<User>>>,
}

impl Load {
    /// Opens a show on each partition and starts `rate` requests a second on them.
    pub(crate) async fn start(cluster: &Cluster, rate: u64) -> Self {
        let http = crate::http_client::builder(None)
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let organizer = token("organizer", Uuid::from_u128(2));
        let shows = open_shows(&http, &cluster.ingresses()[0], &organizer).await;
        let state = Arc::new(LoadState {
            ingresses: cluster.ingresses(),
            http,
            organizer,
            shows: Arc::new(shows),
            rate,
            start: Instant::now(),
            due: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            preferred: AtomicUsize::new(0),
            unexpected: Mutex::new(Vec::new()),
            gaps: Gaps::new(PARTITIONS),
            report: Report::default(),
            stop: AtomicBool::new(false),
        });
        let seed: u64 = Uuid::new_v4().as_u64_pair().0;
        let clients = (rate / RATE_PER_CLIENT).clamp(CLIENTS_MIN, CLIENTS_MAX);
        let clients = (0..clients)
            .map(|name| {
                let client = Client::new(&state, seed ^ name.wrapping_mul(0x9e37_79b9));
                tokio::spawn(client.run())
            })
            .collect();
        Self { state, clients }
    }

    /// Forgets the times without an answer so far.
    pub(crate) fn forget_gaps(&self) {
        self.state.gaps.reset();
    }

    /// Notes the longest time without an answer since then, of those partitions.
    pub(crate) fn note_gap(&self, what: &str, of: impl Fn(usize) -> bool) {
        let gaps = self.state.gaps.longest().into_iter().enumerate();
        let longest = gaps
            .filter(|(partition, _)| of(*partition))
            .map(|(_, gap)| gap);
        self.state
            .report
            .gap(what, longest.max().unwrap_or_default());
    }

    /// Another figure of this fault.
    pub(crate) fn figure(&self, name: &str, value: f64) {
        self.state.report.figure(name, value);
    }

    /// Waits until every partition has answered some more requests.
    pub(crate) async fn progress(&self) {
        let before = self.state.gaps.answers();
        let began = Instant::now();
        loop {
            let now = self.state.gaps.answers();
            if before
                .iter()
                .zip(&now)
                .all(|(before, now)| now - before >= PROGRESS)
            {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "no progress: {before:?} answers before, {now:?} now; {:?}",
                self.state.unexpected.lock()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until every request has its answer; returns the answers.
    pub(crate) async fn stop(self) -> Histories {
        let took = self.state.start.elapsed();
        let requests = self.state.requests.load(Ordering::Relaxed);
        self.state.stop.store(true, Ordering::Relaxed);
        let mut users = Vec::new();
        for client in self.clients {
            users.extend(client.await.unwrap());
        }
        let unexpected = self.state.unexpected.lock();
        assert!(
            unexpected.is_empty(),
            "unexpected answers:\n{}",
            unexpected.join("\n")
        );
        Histories {
            sent: Sent {
                rate_offered: self.state.rate,
                requests,
                repeated: self.state.repeated.load(Ordering::Relaxed),
                took,
                bookings: users.iter().map(|user| user.bookings.len()).sum(),
            },
            users,
            state: Arc::clone(&self.state),
        }
    }
}

/// One show on each partition, in order of partition.
async fn open_shows(http: &reqwest::Client, ingress: &str, organizer: &str) -> Vec<Show> {
    let scout = token("buyer", Uuid::new_v4());
    let post = async |token: &str, path: &str, body: &Value| {
        api::post(http, ingress, token, path, body).await
    };
    let rows: Vec<Value> = (0..ROWS)
        .map(|row| json!({ "name": format!("R{row}"), "seats": SEATS_PER_ROW }))
        .collect();
    let price = json!({ "amount": 100_000, "currency": "THB" });
    let mut shows: Vec<Option<Show>> = (0..PARTITIONS).map(|_| None).collect();
    for _ in 0..EVENTS_MAX {
        let event = json!({
            "name": "Test", "starts_at": "2099-01-01T20:00:00Z",
            "max_tickets_per_user": TICKETS_PER_USER_MAX,
        });
        let event = post(organizer, "/events", &event).await;
        let show = json!({
            "starts_at": "2099-01-01T20:00:00Z", "hold_seconds": 7_200,
            "zones": [
                { "name": "Seats", "price": price, "admission": "seated", "rows": rows },
                { "name": "Floor", "price": price, "admission": "general", "capacity": FLOOR },
                { "name": "Field", "price": price, "admission": "general", "capacity": FIELD },
            ],
            "offer": orders::offer(),
        });
        let path = format!("/events/{}/shows", event["event_id"].as_str().unwrap());
        let show = post(organizer, &path, &show).await;
        let zones: Vec<String> = show["zones"]
            .as_array()
            .unwrap()
            .iter()
            .map(|zone| zone["zone_id"].as_str().unwrap().to_owned())
            .collect();
        let id = show["show_id"].as_str().unwrap().to_owned();
        // A booking tells on which partition the show is.
        let asked = json!({ "show_id": id, "zone_id": zones[2], "quantity": 1 });
        let booking = post(&scout, "/bookings/reserve", &asked).await;
        let cancel = format!(
            "/bookings/{}/cancel",
            booking["booking_id"].as_str().unwrap()
        );
        post(&scout, &cancel, &json!({})).await;
        let code = json!({
            "code": orders::CODE, "kind": "discount", "percent": 15, "uses_max": orders::CODE_USES,
        });
        let codes = post(organizer, &format!("/shows/{id}/codes"), &code).await;
        let group = codes["group"]["group_id"].as_u64().unwrap();
        let partition = booking["position"]["partition"].as_u64().unwrap();
        shows[usize::try_from(partition).unwrap()] = Some(Show { id, zones, group });
        if shows.iter().all(Option::is_some) {
            break;
        }
    }
    shows
        .into_iter()
        .map(|show| show.expect("every partition has a show"))
        .collect()
}
