//! A booking's life on the real binary, and what a restart leaves of it.

mod operating;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, answer, metric};

const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
const BUYER: &str = "00000000-0000-4000-8000-00000000bbbb";
const OTHER: &str = "00000000-0000-4000-8000-00000000cccc";
const ADMIN: &str = "00000000-0000-4000-8000-00000000dddd";
/// Far more than a projection takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn zones() -> Value {
    let price = |amount: u64| json!({ "amount": amount, "currency": "THB" });
    json!([
        { "name": "Stalls", "price": price(250_000), "admission": "seated",
          "rows": [{ "name": "A", "seats": 10 }, { "name": "B", "seats": ["1", "2", "2a", "3"] }] },
        { "name": "Floor", "price": price(100_000), "admission": "general", "capacity": 50 },
    ])
}

struct House {
    server: Server,
    organizer: String,
    buyer: String,
    other: String,
    admin: String,
    show: String,
    zones: Vec<String>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn open(hold_seconds: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path()).await;
        let organizer = server.token("organizer", ORGANIZER);
        let show = server.open_show(&organizer, 4, hold_seconds, zones()).await;
        let (_, body) = server.get("", &format!("/shows/{show}/zones")).await;
        let zones = body["data"].as_array().unwrap().iter();
        let zones = zones
            .map(|zone| zone["zone_id"].as_str().unwrap().to_owned())
            .collect();
        let buyer = server.token("buyer", BUYER);
        let other = server.token("buyer", OTHER);
        let admin = server.token("admin", ADMIN);
        Self {
            server,
            organizer,
            buyer,
            other,
            admin,
            show,
            zones,
            _folder: folder,
        }
    }

    async fn reserve(&self, token: &str, what: Value) -> (u16, Value) {
        let mut body = json!({ "show_id": self.show });
        body.as_object_mut()
            .unwrap()
            .extend(what.as_object().unwrap().clone());
        self.server.post(token, "/bookings/reserve", &body).await
    }

    async fn counts(&self, zone: usize) -> [u64; 4] {
        let (_, body) = self
            .server
            .get("", &format!("/shows/{}/zones", self.show))
            .await;
        [
            "available_seats",
            "held_seats",
            "sold_seats",
            "blocked_seats",
        ]
        .map(|key| body["data"][zone][key].as_u64().unwrap())
    }

    async fn status(&self, token: &str, booking: &str) -> Value {
        let (status, body) = self
            .server
            .get(token, &format!("/bookings/{booking}"))
            .await;
        assert_eq!(status, 200, "{body}");
        body["data"]["status"].clone()
    }

    /// What others did to a booking reaches its reader through the projection, a moment later.
    async fn becomes(&self, token: &str, booking: &str, expected: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.status(token, booking).await != expected {
            assert!(
                Instant::now() < deadline,
                "{booking} is not {expected} after 30 s"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn id(body: &Value) -> String {
    body["data"]["booking_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{body}"))
        .to_owned()
}

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or("")
}

#[tokio::test]
async fn reserve_confirm_cancel_and_find_it_again_after_kill_nine() {
    let mut house = House::open(600).await;
    let (status, named) = house
        .reserve(&house.buyer, json!({ "seats": ["A-3", "A-4"] }))
        .await;
    assert_eq!(status, 201, "{named}");
    assert_eq!(named["data"]["seats"], json!(["A-3", "A-4"]));
    assert_eq!(
        named["data"]["total_price"],
        json!({ "amount": 500_000, "currency": "THB" })
    );
    assert!(named["data"]["position"]["offset"].is_u64());

    // Every lost seat is listed, so a client picks again in one trip.
    let (status, lost) = house
        .reserve(&house.other, json!({ "seats": ["A-2", "A-3", "A-4"] }))
        .await;
    assert_eq!((status, code(&lost)), (409, "SEAT_UNAVAILABLE"), "{lost}");
    assert_eq!(lost["error"]["details"]["seats"], json!(["A-3", "A-4"]));

    let best = json!({ "zone_id": house.zones[0], "quantity": 3, "together": true });
    let (status, best) = house.reserve(&house.other, best).await;
    assert_eq!(status, 201, "{best}");
    let floor = json!({ "zone_id": house.zones[1], "quantity": 2 });
    let (status, floor) = house.reserve(&house.buyer, floor).await;
    assert_eq!(status, 201, "{floor}");
    let more = json!({ "zone_id": house.zones[1], "quantity": 1 });
    let (status, refused) = house.reserve(&house.buyer, more).await;
    assert_eq!(
        (status, code(&refused)),
        (409, "MAX_PER_USER_EXCEEDED"),
        "{refused}"
    );

    let (named, best, floor) = (id(&named), id(&best), id(&floor));
    let pay = json!({ "payment_reference": "pay-1" });
    let confirm = format!("/bookings/{named}/confirm");
    let (status, first) = house.server.post(&house.buyer, &confirm, &pay).await;
    assert_eq!(status, 200, "{first}");
    let (status, again) = house.server.post(&house.buyer, &confirm, &pay).await;
    assert_eq!((status, &again["data"]), (200, &first["data"]));
    let other_pay = json!({ "payment_reference": "pay-2" });
    let (status, refused) = house.server.post(&house.buyer, &confirm, &other_pay).await;
    assert_eq!((status, code(&refused)), (409, "ALREADY_CONFIRMED"));
    let cancel = format!("/bookings/{best}/cancel");
    let (status, refused) = house.server.post(&house.buyer, &cancel, &json!({})).await;
    assert_eq!(status, 404, "another buyer's booking: {refused}");
    let (status, body) = house.server.post(&house.other, &cancel, &json!({})).await;
    assert_eq!(
        (status, &body["data"]["status"]),
        (200, &json!("cancelled"))
    );

    house.server.kill_and_restart().await;
    assert_eq!(house.status(&house.buyer, &named).await, "confirmed");
    assert_eq!(house.status(&house.other, &best).await, "cancelled");
    assert_eq!(house.status(&house.buyer, &floor).await, "reserved");
    assert_eq!(house.counts(0).await, [12, 0, 2, 0]);
    assert_eq!(house.counts(1).await, [48, 2, 0, 0]);
    let (_, pending) = house.server.get(&house.buyer, "/bookings/pending").await;
    assert_eq!(
        pending["data"].as_array().map(Vec::len),
        Some(1),
        "{pending}"
    );
}

#[tokio::test]
async fn a_hold_runs_out_by_itself_and_a_late_payment_gets_free_seats_back() {
    let house = House::open(1).await;
    let (_, first) = house
        .reserve(&house.buyer, json!({ "seats": ["A-1"] }))
        .await;
    let (_, second) = house
        .reserve(&house.buyer, json!({ "seats": ["A-2"] }))
        .await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while house.counts(0).await != [14, 0, 0, 0] {
        assert!(
            Instant::now() < deadline,
            "holds of 1 s are still there after 30 s"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    house.becomes(&house.buyer, &id(&first), "expired").await;
    let (status, _) = house
        .reserve(&house.other, json!({ "seats": ["A-2"] }))
        .await;
    assert_eq!(status, 201);
    let pay = |reference: &str| json!({ "payment_reference": reference });
    let path = |body| format!("/bookings/{}/confirm", id(body));
    let confirm = async |body, reference| {
        let (path, pay) = (path(body), pay(reference));
        house.server.post(&house.buyer, &path, &pay).await
    };
    let (status, body) = confirm(&first, "late").await;
    assert_eq!(status, 200, "its seat is still free: {body}");
    let (status, body) = confirm(&second, "late").await;
    assert_eq!((status, code(&body)), (409, "PAYMENT_REFERENCE_USED"));
    let (status, body) = confirm(&second, "later").await;
    assert_eq!((status, code(&body)), (410, "RESERVATION_EXPIRED"));
}

#[tokio::test]
async fn the_same_key_has_one_effect_also_across_a_restart() {
    let mut house = House::open(600).await;
    let send = |house: &House, body: Value| {
        let request = house
            .server
            .http
            .post(house.server.url("/bookings/reserve"))
            .bearer_auth(&house.buyer)
            .header("Idempotency-Key", "one")
            .json(&body);
        async move {
            let response = request.send().await.unwrap();
            let replayed = response.headers().get("idempotent-replayed").is_some();
            let (status, body) = answer(response).await;
            (status, body, replayed)
        }
    };
    let body = json!({ "show_id": house.show, "seats": ["A-5"] });
    let (status, first, replayed) = send(&house, body.clone()).await;
    assert_eq!((status, replayed), (201, false), "{first}");
    house.server.kill_and_restart().await;
    let (status, again, replayed) = send(&house, body).await;
    assert_eq!((status, replayed), (201, true), "{again}");
    for key in [
        "booking_id",
        "seats",
        "position",
        "expires_at",
        "total_price",
    ] {
        assert_eq!(again["data"][key], first["data"][key], "{key}");
    }
    let other = json!({ "show_id": house.show, "seats": ["A-6"] });
    let (status, body, _) = send(&house, other).await;
    assert_eq!((status, code(&body)), (422, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(house.counts(0).await, [13, 1, 0, 0]);
}

#[tokio::test]
async fn organizers_block_close_and_cancel() {
    let house = House::open(600).await;
    let path = |verb: &str| format!("/shows/{}/{verb}", house.show);
    let block = json!({ "zone_id": house.zones[0], "seats": ["B-2a"] });
    let (status, body) = house
        .server
        .post(&house.organizer, &path("block"), &block)
        .await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = house
        .reserve(&house.buyer, json!({ "seats": ["B-2a"] }))
        .await;
    assert_eq!((status, code(&body)), (409, "SEAT_UNAVAILABLE"));
    let (status, _) = house
        .server
        .post(&house.buyer, &path("unblock"), &block)
        .await;
    assert_eq!(status, 403, "buyers do not unblock");
    let (status, _) = house
        .server
        .post(&house.organizer, &path("unblock"), &block)
        .await;
    assert_eq!(status, 200);
    let (_, held) = house
        .reserve(&house.buyer, json!({ "seats": ["B-2a"] }))
        .await;
    let (status, _) = house
        .server
        .post(&house.organizer, &path("close"), &json!({}))
        .await;
    assert_eq!(status, 200);
    let (status, body) = house
        .reserve(&house.buyer, json!({ "seats": ["A-1"] }))
        .await;
    assert_eq!((status, code(&body)), (409, "SALE_CLOSED"));
    let show = format!("/shows/{}", house.show);
    let (_, body) = house.server.get("", &show).await;
    assert_eq!(body["data"]["status"], "closed", "{body}");
    let change = json!({ "sale_closes_at": "2098-01-01T00:00:00Z" });
    let (status, body) = house.server.patch(&house.organizer, &show, &change).await;
    assert_eq!(
        (status, &body["data"]["status"]),
        (200, &json!("open")),
        "{body}"
    );
    let (status, body) = house
        .reserve(&house.buyer, json!({ "seats": ["A-1"] }))
        .await;
    assert_eq!(status, 201, "{body}");
    let (status, _) = house
        .server
        .post(&house.organizer, &path("cancel"), &json!({}))
        .await;
    assert_eq!(status, 200);
    house.becomes(&house.buyer, &id(&held), "cancelled").await;
    let (status, body) = house
        .reserve(&house.buyer, json!({ "seats": ["A-1"] }))
        .await;
    assert_eq!((status, code(&body)), (409, "SHOW_CANCELLED"));
    // Nobody can have its places any more, and no gauge says otherwise.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = house.server.metrics().await;
        let places = ["available", "held"].map(|state| {
            let series = format!("onsale_seats{{state=\"{state}\"}}");
            metric(&text, &series)
        });
        if places == [[0.0], [0.0]] {
            break;
        }
        assert!(Instant::now() < deadline, "{places:?} available and held");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Ids can be made by anybody; to know that one names nothing takes no waiting for the projection.
#[tokio::test]
async fn an_id_behind_the_end_of_the_log_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let booking = "/bookings/00060000-0000-8053-ba21-d91600000003";
    let [buyer, service, admin] = [
        ("buyer", "00000000-0000-4000-8000-000000000002"),
        ("service", "00000000-0000-4000-8000-000000000003"),
        ("admin", "00000000-0000-4000-8000-000000000004"),
    ]
    .map(|(role, user)| server.token(role, user));
    let path = |verb: &str| format!("{booking}{verb}");
    for token in [&buyer, &service, &admin] {
        for verb in ["", "/receipt"] {
            let (status, body) = server.get(token, &path(verb)).await;
            assert_eq!((status, code(&body)), (404, "NOT_FOUND"), "{verb}: {body}");
        }
    }
    for (token, verb, body) in [
        (&service, "/confirm", json!({ "payment_reference": "p" })),
        (&service, "/extend", json!({ "seconds": 5 })),
        (&service, "/cancel", json!({})),
        (&buyer, "/cancel", json!({})),
    ] {
        let (status, body) = server.post(token, &path(verb), &body).await;
        assert_eq!((status, code(&body)), (404, "NOT_FOUND"), "{verb}: {body}");
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused() {
    let house = House::open(600).await;
    let port = crate::support::free_port();
    let output = crate::support::onsale(&house.server.data, port, &[])
        .arg("serve")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("in use by another process"), "{text}");
}

#[tokio::test]
async fn sigterm_stops_in_order_and_leaves_a_snapshot() {
    let House {
        server,
        buyer,
        show,
        _folder,
        ..
    } = House::open(600).await;
    let body = json!({ "show_id": show, "seats": ["A-1"] });
    let (status, _) = server.post(&buyer, "/bookings/reserve", &body).await;
    assert_eq!(status, 201);
    let snapshots = server.data.join("snapshots");
    assert_eq!(server.stop(), Some(0));
    let files = std::fs::read_dir(&snapshots).unwrap();
    let count = files
        .filter(|file| {
            let name = file.as_ref().unwrap().file_name();
            name.to_string_lossy().ends_with(".snapshot")
        })
        .count();
    assert_eq!(count, 8);
}
