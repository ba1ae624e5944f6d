//! Someone changes or deletes rows and tables by hand. What is sold stays sold, readers get what is left,
//! readiness, `doctor` and `verify` say what is missing, and the repair that they name brings it back.

use std::time::{Duration, Instant};

use onsale_store::Store;
use onsale_store::document::CatalogCursor;
use serde_json::{Value, json};

use crate::postgres::Database;
use crate::support::Server;

/// Far more than a look at the database takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A house with two shows of one event and bookings in every state.
struct House {
    server: Server,
    store: Store,
    organizer: String,
    buyer: String,
    admin: String,
    shows: [String; 2],
    event: String,
    /// Held, paid, cancelled after it was paid, cancelled.
    bookings: [String; 4],
    folder: tempfile::TempDir,
    _database: Option<Database>,
}

impl House {
    async fn open(is_postgres: bool) -> Self {
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

    async fn reserve(&self, show: usize, seat: &str) -> String {
        let body = json!({ "show_id": self.shows[show], "seats": [seat] });
        let (status, body) = self
            .server
            .post(&self.buyer, "/bookings/reserve", &body)
            .await;
        assert_eq!(status, 201, "{body}");
        body["data"]["booking_id"].as_str().unwrap().to_owned()
    }

    async fn change(&self, token: &str, booking: usize, verb: &str, body: Value) {
        let path = format!("/bookings/{}/{verb}", self.bookings[booking]);
        let (status, body) = self.server.post(token, &path, &body).await;
        assert_eq!(status, 200, "{path}: {body}");
    }

    /// Waits until the log has the whole catalog as it stands.
    async fn is_described(&self) {
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

    async fn by_hand(&self, sql: &str) {
        self.store.by_hand(sql).await.unwrap();
    }

    /// A booking's key in SQL.
    fn key(&self, booking: usize) -> String {
        let uuid = self.bookings[booking].parse().unwrap();
        let id = onsale_schemas::BookingId::from_uuid(uuid).unwrap();
        let (partition, offset) = (id.partition(), id.offset());
        format!("partition = {partition} AND booking_offset = {offset}")
    }

    /// An id in SQL.
    fn id(&self, id: &str) -> String {
        if self._database.is_some() {
            format!("'{id}'")
        } else {
            format!("x'{}'", id.replace('-', ""))
        }
    }

    /// Waits until readiness says this, or no longer does.
    async fn readiness_says(&self, what: &str, says: bool) {
        self.server
            .until_ready(PATIENCE, |_, said| said.contains(what) == says)
            .await;
    }

    /// Lists and single readers answer, whatever the catalog lacks.
    async fn readers_answer(&self) {
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
    fn finds(&self, args: &[&str], what: &str) {
        let (code, out, err) = self.server.verb(args);
        assert_eq!(code, Some(1), "{args:?}: {out}{err}");
        assert!(format!("{out}{err}").contains(what), "{args:?}: {out}{err}");
    }

    /// Repairs from the report of this verb; all is well after that.
    async fn is_repaired(&self, by: &str) {
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

    async fn seen(&self) -> Vec<Value> {
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

async fn deleted_zones(house: House) {
    let before = house.seen().await;
    // The chart in memory must not hide it, nor survive the repair.
    for (sql, doctor_finds) in [
        ("DELETE FROM zones".to_owned(), true),
        (
            format!(
                "DELETE FROM zones WHERE zone = 0 AND show_id = {}",
                house.id(&house.shows[0])
            ),
            true,
        ),
        // Only the machine knows that there is one more.
        (
            format!(
                "DELETE FROM zones WHERE zone = 1 AND show_id = {}",
                house.id(&house.shows[0])
            ),
            false,
        ),
    ] {
        house.by_hand(&sql).await;
        house.readers_answer().await;
        house.readiness_says("the catalog lacks zones", true).await;
        // A change of such a show goes into the log meanwhile.
        let name = json!({ "name": "Late" });
        let path = format!("/shows/{}", house.shows[0]);
        let (status, said) = house.server.patch(&house.organizer, &path, &name).await;
        assert_ne!(status, 500, "{said}");
        if doctor_finds {
            house.finds(&["doctor"], "the catalog lacks zones");
        }
        house.finds(&["verify"], "the catalog lacks zones");
        house.is_repaired("reconcile").await;
        house.is_described().await;
    }
    let mut after = house.seen().await;
    for show in &mut after {
        if let Some(name) = show.get_mut("name") {
            *name = Value::Null;
        }
    }
    assert_eq!(after, before);
}

async fn deleted_shows(house: House) {
    let before = house.seen().await;
    // The server has looked at least once by the time it notices something that it has to have seen.
    house.by_hand("DELETE FROM zones WHERE zone = 0").await;
    house.readiness_says("the catalog lacks zones", true).await;
    house.is_repaired("reconcile").await;
    for table in ["zones", "shows", "events"] {
        house.by_hand(&format!("DELETE FROM {table}")).await;
    }
    house
        .readiness_says("the catalog lacks 2 of 2 shows", true)
        .await;
    // It has read the log beyond them.
    house
        .readiness_says("fills from the log by itself", false)
        .await;
    let (status, listed) = house.server.get(&house.buyer, "/bookings").await;
    assert_eq!((status, listed["data"].as_array().unwrap().len()), (200, 4));
    house.finds(&["verify"], "the catalog lacks 2 of 2 shows");
    house.is_repaired("reconcile").await;
    assert_eq!(house.seen().await, before);
}

/// The projection begins anew or leaves out what was sold, unless somebody notices.
async fn moved_watermarks(house: House) {
    for (seat, sql) in [
        (11, "DELETE FROM projector_watermarks"),
        (
            12,
            "UPDATE projector_watermarks SET next_offset = next_offset + 1",
        ),
    ] {
        house.by_hand(sql).await;
        for more in 0..2 {
            house.reserve(0, &format!("A-{}", seat + 5 * more)).await;
        }
        house
            .readiness_says("the projector has stopped", true)
            .await;
        house.is_repaired("reconcile").await;
        house
            .readiness_says("the projector has stopped", false)
            .await;
        house.reserve(1, &format!("A-{seat}")).await;
    }
}

async fn dropped_audit(house: House) {
    // PostgreSQL's has parts, which the last of the two created; SQLite's was only changed by it.
    let (named, numbers) = match house._database {
        Some(_) => ("table audit (migration 0015)", &["15"][..]),
        None => ("table audit (migration 0010)", &["10", "15"][..]),
    };
    house.by_hand("DROP TABLE audit").await;
    house.readers_answer().await;
    house.readiness_says(named, true).await;
    house.finds(&["doctor"], named);
    house.finds(&["verify"], named);
    let event = json!({ "name": "New", "starts_at": "2099-01-01T20:00:00Z" });
    let (status, said) = house.server.post(&house.organizer, "/events", &event).await;
    assert!(status >= 500, "nothing changes without an entry: {said}");
    for number in numbers {
        let (code, statements, err) = house.server.verb(&["migrate", "--print", number]);
        assert_eq!(code, Some(0), "{err}");
        house.by_hand(&statements).await;
    }
    if house._database.is_some() {
        // The table is there again; what isolates it is of a later one.
        house.finds(&["doctor"], "policy audit.adds (migration 0016)");
        let (code, statements, err) = house.server.verb(&["migrate", "--print", "16"]);
        assert_eq!(code, Some(0), "{err}");
        house.by_hand(&statements).await;
    }
    house.readiness_says("by hand", false).await;
    let (status, said) = house.server.post(&house.organizer, "/events", &event).await;
    assert_eq!(status, 201, "{said}");
    for verb in ["doctor", "verify"] {
        let (code, out, err) = house.server.verb(&[verb]);
        assert_eq!(code, Some(0), "{verb}: {out}{err}");
    }
}

/// Verify looks at everything, whatever it has found before.
async fn several_damages(house: House) {
    house.by_hand("DROP INDEX shows_by_event").await;
    let show = house.id(&house.shows[0]);
    house
        .by_hand(&format!(
            "DELETE FROM zones WHERE zone = 0 AND show_id = {show}"
        ))
        .await;
    let key = house.key(1);
    house
        .by_hand(&format!(
            "UPDATE bookings SET payment_reference = 'another' WHERE {key}"
        ))
        .await;
    let report = house.folder.path().join("verified.json");
    let report = report.to_str().unwrap();
    let (code, out, err) = house.server.verb(&["verify", "--report", report]);
    assert_eq!(code, Some(1), "{out}{err}");
    for what in [
        "index shows_by_event (migration 0001)",
        "the catalog lacks zones",
        "the database says otherwise of 1 booking",
    ] {
        assert!(err.contains(what), "{what}: {out}{err}");
    }
    let written = std::fs::read_to_string(report).unwrap();
    assert!(written.contains("booking_differs"), "{written}");
    let (code, out, err) = house.server.verb(&["verify", "--json"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["ok"], json!(false), "{said}");
    assert_eq!(said["damage"].as_array().unwrap().len(), 2, "{said}");
    // Each comes back by what is said of it.
    house
        .by_hand("CREATE INDEX shows_by_event ON shows (event_id, starts_at_ms, show_id)")
        .await;
    let (code, out, err) = house.server.verb(&["reconcile", "--apply", report]);
    assert_eq!(code, Some(0), "{out}{err}");
    house.is_repaired("reconcile").await;
}

/// A deleted show is missed until its event is cancelled: there is nothing to sell of it then.
async fn deleted_and_cancelled(house: House) {
    house.by_hand("DELETE FROM zones WHERE zone = 0").await;
    house.readiness_says("the catalog lacks zones", true).await;
    house.is_repaired("reconcile").await;
    house.by_hand("DELETE FROM zones").await;
    house.by_hand("DELETE FROM shows").await;
    house
        .readiness_says("the catalog lacks 2 of 2 shows", true)
        .await;
    let event = house.id(&house.event);
    house
        .by_hand(&format!(
            "UPDATE events SET status = 'cancelled' WHERE event_id = {event}"
        ))
        .await;
    house.readiness_says("the catalog lacks", false).await;
}

async fn changed_bookings(house: House) {
    let other = house.id("00000000-0000-4000-8000-0000000000ff");
    let seats = if house._database.is_some() {
        "'{28,29}'"
    } else {
        "'[28,29]'"
    };
    let status = "status = 'cancelled', ended_at_ms = 7";
    let all: [(usize, &str, String); 12] = [
        (
            1,
            "payment_reference",
            "payment_reference = 'forged'".to_owned(),
        ),
        (1, "user_id", format!("user_id = {other}")),
        (0, "user_id", format!("user_id = {other}")),
        (0, "quantity", format!("quantity = 2, seats = {seats}")),
        (0, "unit_price", "unit_price = 1".to_owned()),
        (0, "status", status.to_owned()),
        (0, "request_id", format!("request_id = {other}")),
        // What has ended.
        (
            2,
            "payment_reference",
            "payment_reference = 'forged'".to_owned(),
        ),
        (2, "confirmed_at_ms", "confirmed_at_ms = 5".to_owned()),
        (3, "user_id", format!("user_id = {other}")),
        (3, "ended_at_ms", "ended_at_ms = 5".to_owned()),
        (3, "booking_id", format!("booking_id = {other}")),
    ];
    for (booking, column, change) in all {
        let key = house.key(booking);
        house
            .by_hand(&format!("UPDATE bookings SET {change} WHERE {key}"))
            .await;
        let (code, out, err) = house.server.verb(&["verify"]);
        assert_eq!(code, Some(1), "{change}: {out}{err}");
        assert!(
            out.contains(column) && out.contains(&house.bookings[booking]),
            "{change}: {out}{err}"
        );
        for private in ["forged", "0000000000ff", "paid-"] {
            let is_shown = column != "request_id" && out.contains(private);
            assert!(!is_shown, "{change}: {out}");
        }
        house.is_repaired("verify").await;
    }
    // The machine has a hash of the reference, so the shorter comparison finds that as well.
    let key = house.key(1);
    house
        .by_hand(&format!(
            "UPDATE bookings SET payment_reference = 'forged' WHERE {key}"
        ))
        .await;
    house.is_repaired("reconcile").await;
    // One that the log knows nothing of is removed.
    let key = house.key(3);
    house
        .by_hand(&format!("DELETE FROM bookings WHERE {key}"))
        .await;
    house.is_repaired("verify").await;
    house
        .by_hand(&format!(
            "UPDATE bookings SET booking_offset = booking_offset + 1000000, \
             updated_offset = updated_offset + 1000000 WHERE {key}"
        ))
        .await;
    house.is_repaired("verify").await;
}

async fn other_tables(house: House) {
    let show = house.id(&house.shows[0]);
    let event = house.id(&house.event);
    let whole = [
        (
            "seat_holders_differ",
            "DELETE FROM booking_seats".to_owned(),
        ),
        (
            "seat_holders_differ",
            "UPDATE booking_seats SET seat = seat + 10".to_owned(),
        ),
        (
            "blocks_differ",
            format!("INSERT INTO blocked_seats (show_id, seat) VALUES ({show}, 20)"),
        ),
        ("usage_differs", "DELETE FROM organizer_usage".to_owned()),
        (
            "usage_differs",
            "UPDATE organizer_usage SET seats = 1".to_owned(),
        ),
        (
            "event_differs",
            format!("UPDATE events SET max_tickets_per_user = 1 WHERE event_id = {event}"),
        ),
        (
            "event_differs",
            format!("UPDATE events SET status = 'cancelled' WHERE event_id = {event}"),
        ),
        (
            "show_differs",
            format!("UPDATE shows SET partition = 15 - partition WHERE show_id = {show}"),
        ),
        (
            "show_differs",
            format!("UPDATE zones SET currency = 'EUR' WHERE show_id = {show}"),
        ),
        (
            "zones_differ",
            format!("UPDATE zones SET layout = '{{}}' WHERE zone = 0 AND show_id = {show}"),
        ),
    ];
    for (kind, sql) in whole {
        house.by_hand(&sql).await;
        house.readers_answer().await;
        let report = house.folder.path().join("found.json");
        house.finds(&["reconcile", "--report", report.to_str().unwrap()], kind);
        house.is_repaired("reconcile").await;
        house.is_described().await;
    }
    // Sold as before.
    house.reserve(0, "A-20").await;
}

macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[tokio::test]
            async fn sqlite() {
                super::$test(super::House::open(false).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$test(super::House::open(true).await).await;
            }
        })+
    };
}

on_both!(
    deleted_zones,
    deleted_shows,
    moved_watermarks,
    dropped_audit,
    several_damages,
    deleted_and_cancelled,
    changed_bookings,
    other_tables
);
