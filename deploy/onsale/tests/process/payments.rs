//! Payments on the real binary, with the simulated gateway: from the request to the confirmed booking, and across
//! `kill -9`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Server;

const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
const BUYER: &str = "00000000-0000-4000-8000-00000000bbbb";
/// Far more than a payment takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
const SIMULATED: (&str, &str) = ("ONSALE_PAYMENTS__GATEWAY", "simulated");

struct House {
    server: Server,
    organizer: String,
    buyer: String,
    show: String,
    _folder: tempfile::TempDir,
}

fn text<'a>(body: &'a Value, key: &str) -> &'a str {
    let found = body["data"][key].as_str();
    found.unwrap_or_else(|| panic!("{body}"))
}

impl House {
    async fn open(price: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_with(folder.path(), &[SIMULATED]).await;
        let organizer = server.token("organizer", ORGANIZER);
        let event = json!({
            "name": "Test", "starts_at": "2099-01-01T20:00:00Z", "max_tickets_per_user": 9,
        });
        let (status, event) = server.post(&organizer, "/events", &event).await;
        assert_eq!(status, 201, "{event}");
        let show = json!({
            "starts_at": "2099-01-01T20:00:00Z",
            "zones": [{ "name": "Floor", "price": { "amount": price, "currency": "THB" },
                        "admission": "general", "capacity": 100 }],
        });
        let path = format!("/events/{}/shows", text(&event, "event_id"));
        let (status, show) = server.post(&organizer, &path, &show).await;
        assert_eq!(status, 201, "{show}");
        Self {
            organizer,
            buyer: server.token("buyer", BUYER),
            show: text(&show, "show_id").to_owned(),
            server,
            _folder: folder,
        }
    }

    async fn reserved(&self) -> String {
        let body = json!({ "show_id": self.show, "quantity": 2 });
        let reserved = self.server.post(&self.buyer, "/bookings/reserve", &body);
        let (status, body) = reserved.await;
        assert_eq!(status, 201, "{body}");
        text(&body, "booking_id").to_owned()
    }

    async fn pay(&self, token: &str, booking: &str, method: &str) -> (u16, Value) {
        let body = json!({ "booking_id": booking, "method": method });
        self.server.post(token, "/payments", &body).await
    }

    /// Waits until something reads so.
    async fn until(&self, path: &str, status: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, body) = self.server.get(&self.buyer, path).await;
            if body["data"]["status"] == status {
                return body["data"].clone();
            }
            assert!(
                Instant::now() < deadline,
                "{path}: {body}\n{}",
                self.server.log()
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[tokio::test]
async fn a_buyer_pays_and_has_the_booking() {
    let house = House::open(100).await;
    let booking = house.reserved().await;
    let (status, declined) = house.pay(&house.buyer, &booking, "sim_card_declined").await;
    assert_eq!(status, 402, "{declined}");
    assert_eq!(declined["error"]["code"], "PAYMENT_FAILED");
    let (status, paid) = house.pay(&house.buyer, &booking, "sim_card").await;
    assert_eq!(status, 201, "{paid}");
    let total = json!({ "amount": 200, "currency": "THB" });
    assert_eq!(paid["data"]["amount"], total);
    let path = format!("/payments/{}", text(&paid, "payment_id"));
    house.until(&path, "succeeded").await;
    let bought = house
        .until(&format!("/bookings/{booking}"), "confirmed")
        .await;
    assert!(bought["confirmation_code"].is_string(), "{bought}");
    let (status, again) = house.pay(&house.buyer, &booking, "sim_card").await;
    assert_eq!(status, 409, "{again}");
    assert_eq!(again["error"]["code"], "ALREADY_PAID");
}

#[tokio::test]
async fn what_costs_nothing_and_cash_need_no_gateway() {
    let free = House::open(0).await;
    let booking = free.reserved().await;
    let (status, body) = free.pay(&free.buyer, &booking, "sim_card").await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["data"]["gateway"], "none");
    free.until(&format!("/bookings/{booking}"), "confirmed")
        .await;
    let house = House::open(100).await;
    let booking = house.reserved().await;
    let (status, body) = house.pay(&house.organizer, &booking, "cash").await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["data"]["gateway"], "cash");
    house
        .until(&format!("/bookings/{booking}"), "confirmed")
        .await;
}

/// Cash, because the simulated gateway forgets with its process.
#[tokio::test]
async fn a_payment_goes_on_after_a_kill() {
    let mut house = House::open(100).await;
    let booking = house.reserved().await;
    let body = json!({ "booking_id": booking, "method": "cash" });
    let url = house.server.url("/payments");
    let request = house.server.http.post(url).bearer_auth(&house.organizer);
    let request = tokio::spawn(request.json(&body).send());
    // Once it is written down at all, whatever became of it.
    let deadline = Instant::now() + PATIENCE;
    let list = format!("/payments?tenant={}", uuid::Uuid::nil());
    let operator = house.server.token("operator", ORGANIZER);
    loop {
        let (status, body) = house.server.get(&operator, &list).await;
        assert_eq!(status, 200, "{body}");
        if body["data"].as_array().is_some_and(|all| !all.is_empty()) {
            break;
        }
        assert!(Instant::now() < deadline, "{}", house.server.log());
    }
    house.server.kill_and_restart().await;
    // Its connection broke, or it was answered before.
    drop(request.await);
    house
        .until(&format!("/bookings/{booking}"), "confirmed")
        .await;
    let (_, body) = house.server.get(&operator, &list).await;
    let all = body["data"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{body}");
    let id = all[0]["payment_id"].as_str().unwrap();
    house.until(&format!("/payments/{id}"), "succeeded").await;
}
