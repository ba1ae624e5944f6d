//! What organizers, tenants and payments may do, on the real binary: machine version 2 from request to
//! database.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, answer};

const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
const BUYER: &str = "00000000-0000-4000-8000-00000000bbbb";
const SERVICE: &str = "00000000-0000-4000-8000-00000000eeee";
const ELSEWHERE: &str = "00000000-0000-4000-8000-000000000009";
/// Far more than a hold of one second takes to end even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or("")
}

fn text<'a>(body: &'a Value, key: &str) -> &'a str {
    body["data"][key]
        .as_str()
        .unwrap_or_else(|| panic!("{body}"))
}

struct House {
    server: Server,
    organizer: String,
    buyer: String,
    service: String,
    event: String,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open(limit: u32, env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_with(folder.path(), env).await;
        let organizer = server.token("organizer", ORGANIZER);
        let event = json!({
            "name": "Test", "starts_at": "2099-01-01T20:00:00Z", "max_tickets_per_user": limit,
        });
        let (status, body) = server.post(&organizer, "/events", &event).await;
        assert_eq!(status, 201, "{body}");
        Self {
            organizer,
            buyer: server.token("buyer", BUYER),
            service: server.token("service", SERVICE),
            event: text(&body, "event_id").to_owned(),
            server,
            _folder: folder,
        }
    }

    async fn show(&self, more: Value) -> String {
        let mut show = json!({
            "starts_at": "2099-01-01T20:00:00Z",
            "zones": [{ "name": "Floor", "price": { "amount": 100, "currency": "THB" },
                        "admission": "general", "capacity": 5_000 }],
        });
        let more = more.as_object().unwrap().clone();
        show.as_object_mut().unwrap().extend(more);
        let path = format!("/events/{}/shows", self.event);
        let (status, body) = self.server.post(&self.organizer, &path, &show).await;
        assert_eq!(status, 201, "{body}");
        text(&body, "show_id").to_owned()
    }

    async fn reserve(&self, show: &str, quantity: u32) -> (u16, Value) {
        let body = json!({ "show_id": show, "quantity": quantity });
        self.server
            .post(&self.buyer, "/bookings/reserve", &body)
            .await
    }

    async fn reserved(&self, show: &str, quantity: u32) -> String {
        let (status, body) = self.reserve(show, quantity).await;
        assert_eq!(status, 201, "{body}");
        text(&body, "booking_id").to_owned()
    }

    async fn confirm(&self, token: &str, booking: &str, body: Value) -> (u16, Value) {
        let path = format!("/bookings/{booking}/confirm");
        self.server.post(token, &path, &body).await
    }

    async fn put_event(&self, token: &str, more: Value) -> (u16, Value) {
        let mut event = json!({ "name": "Test", "starts_at": "2099-01-01T20:00:00Z" });
        let more = more.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(more);
        let url = self.server.url(&format!("/events/{}", self.event));
        let request = self.server.http.put(url).bearer_auth(token).json(&event);
        answer(request.send().await.unwrap()).await
    }

    /// A token of another tenant.
    fn elsewhere(&self, role: &str, user: &str) -> String {
        let (exit, out, err) = self.server.verb(&[
            "token", "--role", role, "--user", user, "--tenant", ELSEWHERE, "--ttl", "1h",
        ]);
        assert_eq!(exit, Some(0), "{err}");
        out.trim().to_owned()
    }
}

#[tokio::test]
async fn nothing_of_a_cancelled_event_is_sold_and_what_was_is_void() {
    let mut house = House::open(9, &[]).await;
    let (one, two) = (house.show(json!({})).await, house.show(json!({})).await);
    let held = house.reserved(&one, 2).await;
    let sold = house.reserved(&two, 2).await;
    let pay = json!({ "payment_reference": "pay-1" });
    let (status, body) = house.confirm(&house.service, &sold, pay.clone()).await;
    assert_eq!(status, 200, "{body}");
    let cancelled = json!({ "status": "cancelled" });
    let (status, body) = house.put_event(&house.organizer, cancelled.clone()).await;
    assert_eq!(
        (status, text(&body, "status")),
        (200, "cancelled"),
        "{body}"
    );
    for show in [&one, &two] {
        let (status, body) = house.reserve(show, 1).await;
        assert_eq!((status, code(&body)), (409, "SHOW_CANCELLED"), "{body}");
        let (_, body) = house.server.get("", &format!("/shows/{show}")).await;
        assert_eq!(text(&body, "status"), "cancelled");
    }
    let other_pay = json!({ "payment_reference": "pay-2" });
    let (status, body) = house.confirm(&house.service, &held, other_pay).await;
    assert_eq!((status, code(&body)), (409, "SHOW_CANCELLED"), "{body}");
    for booking in [&held, &sold] {
        let path = format!("/bookings/{booking}");
        let (_, body) = house.server.get(&house.buyer, &path).await;
        assert_eq!(text(&body, "status"), "cancelled", "{body}");
    }
    let path = format!("/events/{}/shows", house.event);
    let show = json!({ "starts_at": "2099-01-01T20:00:00Z", "zones": [] });
    let (status, body) = house.server.post(&house.organizer, &path, &show).await;
    assert_eq!((status, code(&body)), (409, "SHOW_CANCELLED"), "{body}");
    // It is in the log: a new process knows it, and the database is held to it.
    house.server.kill_and_restart().await;
    let (status, body) = house.reserve(&one, 1).await;
    assert_eq!((status, code(&body)), (409, "SHOW_CANCELLED"), "{body}");
    let (status, _) = house.put_event(&house.organizer, cancelled).await;
    assert_eq!(status, 200, "again is the same");
}

#[tokio::test]
async fn one_limit_counts_for_every_show_of_an_event() {
    let house = House::open(4, &[]).await;
    let (one, two) = (house.show(json!({})).await, house.show(json!({})).await);
    house.reserved(&two, 1).await;
    let limit = json!({ "max_tickets_per_user": 1 });
    let path = format!("/shows/{one}");
    let (status, body) = house.server.patch(&house.organizer, &path, &limit).await;
    assert_eq!(status, 200, "{body}");
    for show in [&one, &two] {
        let (status, body) = house.reserve(show, 1).await;
        assert_eq!(
            (status, code(&body)),
            (409, "MAX_PER_USER_EXCEEDED"),
            "{body}"
        );
    }
    let limit = json!({ "max_tickets_per_user": 2 });
    let (status, body) = house.put_event(&house.organizer, limit).await;
    assert_eq!(
        (status, &body["data"]["max_tickets_per_user"]),
        (200, &json!(2))
    );
    house.reserved(&one, 1).await;
    let (status, body) = house.reserve(&two, 1).await;
    assert_eq!(
        (status, code(&body)),
        (409, "MAX_PER_USER_EXCEEDED"),
        "{body}"
    );
}

#[tokio::test]
async fn a_show_that_began_sells_nothing_unless_it_was_asked_for() {
    let house = House::open(9, &[]).await;
    let show = house.show(json!({})).await;
    house.reserved(&show, 1).await;
    let path = format!("/shows/{show}");
    let began = json!({ "starts_at": "2020-01-01T20:00:00Z" });
    let (status, body) = house.server.patch(&house.organizer, &path, &began).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(text(&body, "sale_closes_at"), "2020-01-01T19:00:00.000Z");
    let (status, body) = house.reserve(&show, 1).await;
    assert_eq!((status, code(&body)), (409, "SALE_CLOSED"), "{body}");
    let late = json!({ "sale_closes_at": "2099-01-01T00:00:00Z" });
    let (status, body) = house.server.patch(&house.organizer, &path, &late).await;
    assert_eq!(status, 200, "{body}");
    house.reserved(&show, 1).await;
}

#[tokio::test]
async fn staff_act_within_their_tenant_and_the_log_says_who_did() {
    let house = House::open(9, &[]).await;
    let show = house.show(json!({})).await;
    let booking = house.reserved(&show, 2).await;
    let pay = json!({ "payment_reference": "pay-1" });
    for role in ["admin", "service", "organizer"] {
        let token = house.elsewhere(role, ORGANIZER);
        let (status, _) = house.put_event(&token, json!({})).await;
        assert_eq!(status, 403, "{role}");
        let (status, _) = house
            .server
            .post(&token, &format!("/shows/{show}/close"), &json!({}))
            .await;
        assert_eq!(status, 403, "{role}");
        let (status, _) = house.confirm(&token, &booking, pay.clone()).await;
        assert_eq!(status, if role == "service" { 404 } else { 403 }, "{role}");
        let (status, _) = house
            .server
            .post(&token, &format!("/bookings/{booking}/cancel"), &json!({}))
            .await;
        assert_eq!(status, 404, "{role}");
        let (status, _) = house
            .server
            .post(&token, "/admin/snapshots", &json!({}))
            .await;
        assert_eq!(status, 403, "{role}");
    }
    // A service of the installation, and its operator.
    let platform = house.elsewhere("platform", SERVICE);
    let (status, body) = house.confirm(&platform, &booking, pay).await;
    assert_eq!(status, 200, "{body}");
    let operator = house.elsewhere("operator", SERVICE);
    let (status, body) = house
        .server
        .post(&operator, "/admin/snapshots", &json!({}))
        .await;
    assert_eq!(status, 201, "{body}");
    let (status, _) = house
        .server
        .post(&operator, &format!("/shows/{show}/close"), &json!({}))
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_payment_pays_for_one_booking_and_for_all_of_it() {
    let house = House::open(9, &[]).await;
    let show = house.show(json!({})).await;
    let (one, two) = (
        house.reserved(&show, 2).await,
        house.reserved(&show, 1).await,
    );
    let pay = |amount: u64| json!({ "payment_reference": "pay-1", "amount": { "amount": amount, "currency": "THB" } });
    let (status, body) = house.confirm(&house.service, &one, pay(100)).await;
    assert_eq!((status, code(&body)), (409, "AMOUNT_MISMATCH"), "{body}");
    assert_eq!(body["error"]["details"]["total_price"]["amount"], 200);
    let (status, first) = house.confirm(&house.service, &one, pay(200)).await;
    assert_eq!(status, 200, "{first}");
    let (status, again) = house.confirm(&house.service, &one, pay(200)).await;
    assert_eq!((status, &again["data"]), (200, &first["data"]));
    let (status, body) = house.confirm(&house.service, &two, pay(100)).await;
    assert_eq!(
        (status, code(&body)),
        (409, "PAYMENT_REFERENCE_USED"),
        "{body}"
    );
    let path = format!("/bookings/{one}");
    let (_, read) = house.server.get(&house.buyer, &path).await;
    assert_eq!(
        read["data"]["confirmation_code"],
        first["data"]["confirmation_code"]
    );
}

#[tokio::test]
async fn who_lets_holds_end_unpaid_cools_down() {
    let house = House::open(9, &[]).await;
    let show = house
        .show(json!({ "hold_seconds": 1, "cooldown_seconds": 450 }))
        .await;
    for n in 0..2 {
        let booking = house.reserved(&show, 1).await;
        let path = format!("/bookings/{booking}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, body) = house.server.get(&house.buyer, &path).await;
            if text(&body, "status") == "expired" {
                break;
            }
            assert!(Instant::now() < deadline, "hold {n} did not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let (status, body) = house.reserve(&show, 1).await;
    assert_eq!((status, code(&body)), (409, "COOLING_DOWN"), "{body}");
    assert!(body["error"]["details"]["until"].is_string(), "{body}");
}

/// As on a server with the limits that it has by default.
#[tokio::test]
async fn a_network_does_not_get_the_house() {
    let env = [
        ("ONSALE_RATE_LIMIT__ENABLED", "true"),
        ("ONSALE_LOG__PARTITIONS", "1"),
    ];
    let house = House::open(4, &env).await;
    let show = house.show(json!({})).await;
    let mut held = 0;
    for user in 0..130 {
        let token = house.server.mint("buyer", user);
        let body = json!({ "show_id": show, "quantity": 4 });
        let (status, body) = house.server.post(&token, "/bookings/reserve", &body).await;
        match status {
            201 => held += 4,
            429 => assert_eq!(
                body["error"]["details"]["limit"], "address_blocks.held_places_max",
                "{body}"
            ),
            _ => panic!("{status} {body}"),
        }
    }
    assert_eq!(held, 400);
}
