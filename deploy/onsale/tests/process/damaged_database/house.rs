//! What is damaged: a server with a house of two shows and bookings in every state.

use std::time::{Duration, Instant};

use onsale_store::Store;
use onsale_store::document::CatalogCursor;
use serde_json::{Value, json};

use crate::postgres::Database;
use crate::support::Server;

/// Far more than a look at the database takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A house with two shows of one event and bookings in every state.
pub(super) struct House {
    pub(super) server: Server,
    store: Store,
    pub(super) organizer: String,
    pub(super) buyer: String,
    admin: String,
    pub(super) shows: [String; 2],
    pub(super) event: String,
    /// Held, paid, cancelled after it was paid, cancelled.
    pub(super) bookings: [String; 4],
    pub(super) folder: tempfile::TempDir,
    pub(super) _database: Option<Database>,
}

impl House {
    pub(super) async fn open(is_postgres: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let database = is_postgres.then(Database::create);
        let url = match &database {
            Some(database) => database.url(),
            None => format!("sqlite://{}", data.join("onsale.sqlite").display()),
        };
        let server = Server::start_with(&data, &[("ONSALE_DATABASE__URL", &url)]).await;
        let store = Store::connect(&url, 2).await.unwrap().for_installation();
        let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
        let zones = || {
            let price = json!({ "amount": 100, "currency": "THB" });
            json!([
                { "name": "Stalls", "price": price, "admission": "seated",
                  "rows": [{ "name": "A", "seats": 30 }] },
                { "name": "Lawn", "price": price, "admission": "general", "capacity": 50 },
            ])
        };
        let event = json!({
            "name": "Test", "starts_at": "2099-01-01T20:00:00Z", "max_tickets_per_user": 20,
        });
        let (status, body) = server.post(&organizer, "/events", &event).await;
        assert_eq!(status, 201, "{body}");
        let event = body["data"]["event_id"].as_str().unwrap().to_owned();
        let mut shows = Vec::new();
        for _ in 0..2 {
            let show = json!({
                "starts_at": "2099-01-01T20:00:00Z", "hold_seconds": 3_600, "zones": zones(),
            });
            let path = format!("/events/{event}/shows");
            let (status, body) = server.post(&organizer, &path, &show).await;
            assert_eq!(status, 201, "{body}");
            shows.push(body["data"]["show_id"].as_str().unwrap().to_owned());
        }
        let mut house = Self {
            buyer: server.token("buyer", "00000000-0000-4000-8000-00000000bbbb"),
            admin: server.token("operator", "00000000-0000-4000-8000-00000000dddd"),
            shows: shows.try_into().unwrap(),
            bookings: [const { String::new() }; 4],
            server,
            store,
            organizer,
            event,
            folder,
            _database: database,
        };
        for seat in 1..=4 {
            house.bookings[seat - 1] = house.reserve(0, &format!("A-{seat}")).await;
        }
        for (booking, reference) in [(1, "paid-1"), (2, "paid-2")] {
            let paid = json!({ "payment_reference": reference });
            house.change(&house.buyer, booking, "confirm", paid).await;
        }
        house.change(&house.organizer, 2, "cancel", json!({})).await;
        house.change(&house.buyer, 3, "cancel", json!({})).await;
        house.is_described().await;
        house
    }

    pub(super) async fn reserve(&self, show: usize, seat: &str) -> String {
        let body = json!({ "show_id": self.shows[show], "seats": [seat] });
        let (status, body) = self
            .server
            .post(&self.buyer, "/bookings/reserve", &body)
            .await;
        assert_eq!(status, 201, "{body}");
        body["data"]["booking_id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn change(&self, token: &str, booking: usize, verb: &str, body: Value) {
        let path = format!("/bookings/{}/{verb}", self.bookings[booking]);
        let (status, body) = self.server.post(token, &path, &body).await;
        assert_eq!(status, 200, "{path}: {body}");
    }

    /// Waits until the log has the whole catalog as it stands.
    pub(super) async fn is_described(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self
                .store
                .undescribed(16, &[], CatalogCursor::default(), 1)
                .await;
            if left.unwrap().is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{}", self.server.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn by_hand(&self, sql: &str) {
        self.store.by_hand(sql).await.unwrap();
    }

    /// A booking's key in SQL.
    pub(super) fn key(&self, booking: usize) -> String {
        let uuid = self.bookings[booking].parse().unwrap();
        let id = onsale_schemas::BookingId::from_uuid(uuid).unwrap();
        let (partition, offset) = (id.partition(), id.offset());
        format!("partition = {partition} AND booking_offset = {offset}")
    }

    /// An id in SQL.
    pub(super) fn id(&self, id: &str) -> String {
        if self._database.is_some() {
            format!("'{id}'")
        } else {
            format!("x'{}'", id.replace('-', ""))
        }
    }

    /// Waits until readiness says this, or no longer does.
    pub(super) async fn readiness_says(&self, what: &str, says: bool) {
        self.server
            .until_ready(PATIENCE, |_, said| said.contains(what) == says)
            .await;
    }

    /// Lists and single readers answer, whatever the catalog lacks.
    pub(super) async fn readers_answer(&self) {
        let lists = [
            ("", "/events".to_owned()),
            ("", format!("/events/{}/shows", self.event)),
            (&*self.buyer, "/bookings?limit=100".to_owned()),
            (&*self.buyer, "/bookings/pending".to_owned()),
        ];
        for (token, path) in lists {
            let (status, said) = self.server.get(token, &path).await;
            assert_eq!(status, 200, "{path}: {said}");
        }
        let (_, listed) = self.server.get(&self.buyer, "/bookings?limit=100").await;
        assert!(listed["data"].as_array().unwrap().len() >= 4, "{listed}");
        for path in [
            format!("/shows/{}", self.shows[0]),
            format!("/shows/{}/zones", self.shows[0]),
            format!("/shows/{}/seats", self.shows[0]),
        ] {
            let (status, said) = self.server.get("", &path).await;
            assert_ne!(status, 500, "{path}: {said}");
        }
        for booking in &self.bookings {
            let path = format!("/bookings/{booking}");
            let (status, said) = self.server.get(&self.buyer, &path).await;
            assert_eq!(status, 200, "{path}: {said}");
        }
        let (status, said) = self
            .server
            .post(&self.admin, "/admin/reconcile", &Value::Null)
            .await;
        assert_eq!(status, 200, "{said}");
    }

    /// The verb finds this, and something is wrong by it.
    pub(super) fn finds(&self, args: &[&str], what: &str) {
        let (code, out, err) = self.server.verb(args);
        assert_eq!(code, Some(1), "{args:?}: {out}{err}");
        assert!(format!("{out}{err}").contains(what), "{args:?}: {out}{err}");
    }

    /// Repairs from the report of this verb; all is well after that.
    pub(super) async fn is_repaired(&self, by: &str) {
        let report = self.folder.path().join("report.json");
        let report = report.to_str().unwrap();
        let (code, out, err) = self.server.verb(&[by, "--report", report]);
        assert_eq!(code, Some(1), "{out}{err}");
        let (code, out, err) = self.server.verb(&["reconcile", "--apply", report]);
        assert_eq!(code, Some(0), "{out}{err}");
        for damage in ["by hand", "the catalog lacks"] {
            self.readiness_says(damage, false).await;
        }
        for args in [
            &["reconcile", "--report", report][..],
            &["doctor"],
            &["verify"],
        ] {
            let (code, out, err) = self.server.verb(args);
            assert_eq!(code, Some(0), "{args:?}: {out}{err}");
        }
    }

    pub(super) async fn seen(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for show in &self.shows {
            for what in ["", "/zones"] {
                let (status, said) = self.server.get("", &format!("/shows/{show}{what}")).await;
                assert_eq!(status, 200, "{said}");
                seen.push(said["data"].clone());
            }
        }
        seen
    }
}
