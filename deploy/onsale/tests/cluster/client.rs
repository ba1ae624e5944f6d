//! One buyer with several accounts: posts until it is answered and remembers the answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use onsale_load::Random;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cluster::{PARTITIONS, PATIENCE};
use crate::load::{Booking, LoadState, ROWS, SEATS_PER_ROW, User};
use crate::orders::{self, Pending};
use crate::tokens::token;

/// Accounts that each client uses in turn.
const USERS_PER_CLIENT: u64 = 12;
/// One in this many refusals for the limit of tickets replaces the account with a new one, so that
/// a long run keeps selling and still reaches the limit.
const NEW_USER_ONE_IN: u64 = 4;
/// Before a request is sent again.
const PAUSE: Duration = Duration::from_millis(10);
/// Unexpected answers that are printed.
const UNEXPECTED_MAX: usize = 10;

pub(crate) struct Client {
    pub(crate) state: Arc<LoadState>,
    pub(crate) random: Random,
    pub(crate) users: Vec<User>,
    /// Accounts that may not buy any more.
    pub(crate) full: Vec<User>,
    /// At most one at a time.
    pub(crate) pending: Option<Pending>,
    /// The last offset acknowledged, by partition: what is done next stands above it.
    last: Vec<u64>,
}

impl Client {
    pub(crate) fn new(state: &Arc<LoadState>, seed: u64) -> Self {
        let users = (0..USERS_PER_CLIENT).map(|_| new_user()).collect();
        Self {
            state: Arc::clone(state),
            random: Random::new(seed),
            users,
            full: Vec::new(),
            pending: None,
            last: vec![0; PARTITIONS],
        }
    }

    /// Works until it is stopped; returns every answer that it got.
    pub(crate) async fn run(mut self) -> Vec<User> {
        while !self.state.stop.load(Ordering::Relaxed) {
            let number = self.state.due.fetch_add(1, Ordering::Relaxed);
            self.state.until_due(number).await;
            let user = usize::try_from(self.random.below(USERS_PER_CLIENT)).unwrap();
            match self.random.below(20) {
                0..=8 => self.reserve(user).await,
                9..=11 => self.finish(user, "confirm", "confirmed").await,
                12..=16 => self.finish(user, "cancel", "cancelled").await,
                17..=18 => self.read(user).await,
                _ => self.give_back(user).await,
            }
        }
        let began = Instant::now();
        while !self.go_on_giving_back().await {
            assert!(
                began.elapsed() < PATIENCE,
                "a return got no answer in {PATIENCE:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
        self.full.append(&mut self.users);
        self.full
    }

    /// Posts until there is an answer; parts of the cluster may be away, so the same key is sent
    /// again, to the other ingress when this one does not answer.
    async fn post(&mut self, user: usize, path: &str, body: &Value) -> (u16, Value) {
        let key = format!("{:x}", self.random.next_u64());
        let began = Instant::now();
        loop {
            let at = self.state.preferred.fetch_add(1, Ordering::Relaxed) % 2;
            let sent = self
                .state
                .http
                .post(format!("{}/api/v1{path}", self.state.ingresses[at]))
                .bearer_auth(&self.users[user].token)
                .header("Idempotency-Key", &key)
                .json(body)
                .send()
                .await;
            self.state.requests.fetch_add(1, Ordering::Relaxed);
            let mut got = "no answer".to_owned();
            if let Ok(response) = sent {
                let status = response.status().as_u16();
                if let Ok(text) = response.text().await {
                    // 202 and 503 are no final answers: ask again with the same key.
                    if !matches!(status, 202 | 503) {
                        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
                        return (status, body);
                    }
                    got = format!("{status} {text}");
                }
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{path} got no answer in {PATIENCE:?}, last: {got}"
            );
            self.state.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(crate) fn unexpected(&self, what: &str, status: u16, body: &Value) {
        let mut unexpected = self.state.unexpected.lock();
        if unexpected.len() < UNEXPECTED_MAX {
            unexpected.push(format!("{what}: {status} {body}"));
        }
    }

    async fn reserve(&mut self, user: usize) {
        let show = usize::try_from(self.random.below(PARTITIONS as u64)).unwrap();
        let shows = Arc::clone(&self.state.shows);
        let (id, zones) = (&shows[show].id, &shows[show].zones);
        let quantity = 1 + self.random.below(2);
        let has_code = self.random.below(2) == 0;
        let pick = self.random.below(12);
        let is_order = pick >= 10;
        let body = match pick {
            10.. => orders::order(&mut self.random, &shows[show], has_code),
            0..=2 => {
                let row = self.random.below(ROWS);
                let seat = 1 + self.random.below(SEATS_PER_ROW - 1);
                json!({ "show_id": id, "seats": [format!("R{row}-{seat}"), format!("R{row}-{}", seat + 1)] })
            }
            3..=4 => json!({ "show_id": id, "zone_id": zones[1], "quantity": quantity }),
            _ => json!({ "show_id": id, "zone_id": zones[2], "quantity": quantity }),
        };
        let (status, body) = self.post(user, "/bookings/reserve", &body).await;
        if status != 201 {
            let code = body["error"]["code"].as_str().unwrap_or("?");
            let is_used_up = is_order
                && has_code
                && code == "CODE_REFUSED"
                && body["error"]["details"]["reason"] == "used_up";
            let is_expected = matches!(
                code,
                "SEAT_UNAVAILABLE" | "INSUFFICIENT_STOCK" | "MAX_PER_USER_EXCEEDED"
            );
            if !is_expected && !is_used_up {
                self.unexpected("reserve", status, &body);
            }
            if code == "MAX_PER_USER_EXCEEDED" && self.random.below(NEW_USER_ONE_IN) == 0 {
                let full = std::mem::replace(&mut self.users[user], new_user());
                self.full.push(full);
            }
            return;
        }
        self.state.gaps.answered(show);
        let data = &body["data"];
        let offset = data["position"]["offset"].as_u64().unwrap();
        if offset <= self.last[show] {
            self.unexpected("order was not kept", status, &body);
        }
        self.last[show] = offset;
        let booking = Booking {
            show,
            parts: orders::parts(data),
            seats: orders::seats(data),
            quantity: data["quantity"].as_u64().unwrap(),
            status: "reserved",
            offset,
            lines: orders::lines(data),
            has_code: is_order && has_code,
            price: orders::amount(&data["total_price"]),
            total: orders::amount(&data["total_price"]),
            refunded: 0,
        };
        if booking.lines.is_empty() == is_order {
            self.unexpected("lines of an order, and of nothing else", status, &body);
        }
        if is_order && let Some(wrong) = orders::wrong_sum(data) {
            self.unexpected(&wrong, status, &body);
        }
        let id = data["booking_id"].as_str().unwrap().to_owned();
        if self.users[user].bookings.insert(id, booking).is_some() {
            self.unexpected("acknowledged for two requests", status, &body);
        }
    }

    async fn finish(&mut self, user: usize, how: &str, then: &'static str) {
        let live: Vec<&String> = self.users[user]
            .bookings
            .iter()
            .filter(|(_, known)| known.status == "reserved")
            .map(|(id, _)| id)
            .collect();
        if live.is_empty() {
            return;
        }
        let pick = usize::try_from(self.random.below(live.len() as u64)).unwrap();
        let id = live[pick].clone();
        let body = match how {
            "confirm" => json!({ "payment_reference": format!("pay-{id}") }),
            _ => json!({}),
        };
        let (status, answer) = self
            .post(user, &format!("/bookings/{id}/{how}"), &body)
            .await;
        if status != 200 {
            self.unexpected(how, status, &answer);
            return;
        }
        let known = self.users[user].bookings.get_mut(&id).unwrap();
        known.status = then;
        self.state.gaps.answered(known.show);
    }

    /// A booking that was acknowledged can be read, as far as the database is there.
    async fn read(&mut self, user: usize) {
        let Some((id, known)) = self.users[user].bookings.last_key_value() else {
            return;
        };
        let at = self.state.preferred.fetch_add(1, Ordering::Relaxed) % 2;
        let sent = self
            .state
            .http
            .get(format!("{}/api/v1/bookings/{id}", self.state.ingresses[at]))
            .bearer_auth(&self.users[user].token)
            .send()
            .await;
        self.state.requests.fetch_add(1, Ordering::Relaxed);
        let Ok(response) = sent else { return };
        let status = response.status().as_u16();
        let Ok(text) = response.text().await else {
            return;
        };
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        // A booking is there at once; that it was confirmed or cancelled shows a little later.
        let answered = &body["data"]["status"];
        let right = status == 200 && (known.status != "reserved" || answered == known.status);
        if !right && status != 503 {
            let problem = format!("{id} was reported as {}", known.status);
            self.unexpected(&problem, status, &body);
        }
    }
}

fn new_user() -> User {
    User {
        token: token("buyer", Uuid::new_v4()),
        bookings: BTreeMap::new(),
    }
}
