//! The whole way back from a lost database: what the message of a start names is done, word for word,
//! and everything is there again as it was, under the names and prices that it had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use onsale_store::Store;
use onsale_store::document::CatalogCursor;
use serde_json::{Value, json};

use crate::postgres::Database;
use crate::support::{Server, answer, free_port, onsale};

/// Far more than a projection takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const STARTS_AT: &str = "2099-01-01T20:00:00Z";
const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
const BUYERS: [&str; 2] = [
    "00000000-0000-4000-8000-00000000bbb1",
    "00000000-0000-4000-8000-00000000bbb2",
];

/// What stands in for the database that was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    /// Nothing.
    Nothing,
    /// A copy from the middle of the sale.
    Older,
    /// That of another installation.
    Foreign,
}

/// Where an installation keeps its rows.
enum Kept {
    Sqlite,
    Postgres(Database),
}

impl Kept {
    fn variables(&self) -> Vec<(String, String)> {
        match self {
            Self::Sqlite => Vec::new(),
            Self::Postgres(database) => {
                vec![("ONSALE_DATABASE__URL".to_owned(), database.url())]
            }
        }
    }

    /// A copy, while no server runs; `aside` is a folder for it.
    fn copied(&self, data: &Path, aside: &Path) -> Copied {
        match self {
            Self::Sqlite => {
                let copy = aside.join(uuid::Uuid::new_v4().to_string());
                std::fs::create_dir(&copy).unwrap();
                copy_sqlite(data, &copy);
                Copied::Sqlite(copy)
            }
            Self::Postgres(database) => Copied::Postgres(database.copied()),
        }
    }

    /// Puts something else in its place, while no server runs.
    fn replaced(self, data: &Path, by: Option<&Copied>) -> Self {
        match self {
            Self::Sqlite => {
                for ending in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(data.join(format!("onsale.sqlite{ending}")));
                }
                if let Some(Copied::Sqlite(copy)) = by {
                    copy_sqlite(copy, data);
                }
                Self::Sqlite
            }
            Self::Postgres(_) => Self::Postgres(match by {
                Some(Copied::Postgres(copy)) => copy.copied(),
                _ => Database::create(),
            }),
        }
    }
}

/// The file, and what is not copied into it yet.
fn copy_sqlite(from: &Path, to: &Path) {
    for name in ["onsale.sqlite", "onsale.sqlite-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

enum Copied {
    Sqlite(PathBuf),
    Postgres(Database),
}

/// Who sells and buys, and what was created.
#[derive(Default)]
struct Sale {
    events: Vec<String>,
    shows: Vec<String>,
    bookings: Vec<(usize, String)>,
}

/// A running server and the tokens for it.
struct House {
    server: Server,
    organizer: String,
    buyers: [String; 2],
}

impl House {
    async fn open(data: &Path, kept: &Kept) -> Self {
        let env = kept.variables();
        let env: Vec<_> = env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Self::of(Server::start_with(data, &env).await)
    }

    /// Waits only until the server answers.
    async fn open_whatever_it_says(data: &Path, kept: &Kept) -> Self {
        let env = kept.variables();
        let env: Vec<_> = env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Self::of(Server::start_whatever_it_says(data, &env).await)
    }

    fn of(server: Server) -> Self {
        Self {
            organizer: server.token("organizer", ORGANIZER),
            buyers: BUYERS.map(|buyer| server.token("buyer", buyer)),
            server,
        }
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.server.post(token, path, &body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer["data"].clone()
    }

    async fn patch(&self, show: &str, change: Value) {
        let path = format!("/shows/{show}");
        let (status, answer) = self.server.patch(&self.organizer, &path, &change).await;
        assert_eq!(status, 200, "{answer}");
    }

    async fn event(&self, sale: &mut Sale, name: &str) {
        let event = json!({
            "name": name, "description": "One night.\nNo encore.", "venue": "Hall of the Sea",
            "city": "กรุงเทพ", "category": "concert", "minimum_age": 16,
            "starts_at": STARTS_AT, "max_tickets_per_user": 40,
        });
        let event = self.post(&self.organizer, "/events", event).await;
        sale.events
            .push(event["event_id"].as_str().unwrap().to_owned());
    }

    /// A show of the event made last.
    async fn show(&self, sale: &mut Sale, name: &str, stalls: u64) {
        let price = |amount: u64| json!({ "amount": amount, "currency": "THB" });
        let show = json!({
            "name": name, "starts_at": STARTS_AT, "hold_seconds": 3_600,
            "zones": [
                { "name": "Stalls é", "price": price(stalls), "admission": "seated",
                  "rows": [{ "name": "แถวที่1", "seats": 20 },
                           { "name": "B", "seats": ["1", "2", "2a", "3"] }] },
                { "name": "Floor", "price": price(500), "admission": "general", "capacity": 60 },
            ],
        });
        let path = format!("/events/{}/shows", sale.events.last().unwrap());
        let show = self.post(&self.organizer, &path, show).await;
        sale.shows
            .push(show["show_id"].as_str().unwrap().to_owned());
    }

    async fn reserve(&self, sale: &mut Sale, buyer: usize, show: usize, places: Value) -> String {
        let mut body = json!({ "show_id": sale.shows[show], "age_confirmed": true });
        let more = places.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        let booking = self
            .post(&self.buyers[buyer], "/bookings/reserve", body)
            .await;
        let id = booking["booking_id"].as_str().unwrap().to_owned();
        sale.bookings.push((buyer, id.clone()));
        id
    }

    async fn end(&self, buyer: usize, booking: &str, verb: &str, body: Value) {
        let path = format!("/bookings/{booking}/{verb}");
        self.post(&self.buyers[buyer], &path, body).await;
    }

    async fn zone(&self, show: &str, index: usize) -> String {
        let (_, answer) = self.server.get("", &format!("/shows/{show}/zones")).await;
        let zone = answer["data"][index]["zone_id"].as_str();
        zone.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Everything up to the older copy.
    async fn sell_first_half(&self, sale: &mut Sale) {
        self.event(sale, "The Tempest").await;
        self.show(sale, "First night", 1_000).await;
        self.show(sale, "Second night", 2_000).await;
        for seat in 1..=4 {
            let seats = json!({ "seats": [format!("แถวที่1-{seat}")] });
            let booking = self.reserve(sale, 0, 0, seats).await;
            if seat % 2 == 0 {
                let paid = json!({ "payment_reference": format!("early-{seat}") });
                self.end(0, &booking, "confirm", paid).await;
            }
        }
    }

    /// What the older copy knows nothing of.
    async fn sell_second_half(&self, sale: &mut Sale) {
        let first = sale.shows[0].clone();
        let stalls = self.zone(&first, 0).await;
        self.patch(
            &first,
            json!({
                "name": "First night, late", "starts_at": "2099-01-01T22:00:00Z",
                "prices": [{ "zone_id": stalls, "price": { "amount": 2_500, "currency": "THB" } }],
            }),
        )
        .await;
        let renamed = json!({
            "name": "The Tempest, revisited", "city": "Bangkok", "starts_at": STARTS_AT,
            "max_tickets_per_user": 30,
        });
        let url = self.server.url(&format!("/events/{}", sale.events[0]));
        let request = self.server.http.put(url).bearer_auth(&self.organizer);
        let (status, said) = answer(request.json(&renamed).send().await.unwrap()).await;
        assert_eq!(status, 200, "{said}");

        self.event(sale, "A Winter's Tale").await;
        for name in ["Open", "Closed", "Reopened", "Cancelled"] {
            self.show(sale, name, 3_000).await;
        }
        for (show, seats) in [(0, "B-2a"), (2, "B-2a"), (3, "B-1"), (4, "B-1"), (5, "B-1")] {
            let seats = json!({ "seats": [seats, "แถวที่1-20"] });
            self.reserve(sale, 1, show, seats).await;
        }
        let floor = self.zone(&sale.shows[2], 1).await;
        for quantity in 1..=3 {
            let places = json!({ "zone_id": floor, "quantity": quantity });
            let booking = self.reserve(sale, 0, 2, places).await;
            match quantity {
                1 => {
                    let paid = json!({ "payment_reference": "late-1" });
                    self.end(0, &booking, "confirm", paid).await;
                }
                2 => self.end(0, &booking, "cancel", json!({})).await,
                _ => {}
            }
        }
        let blocked = json!({ "zone_id": floor, "quantity": 7 });
        let path = format!("/shows/{}/block", sale.shows[2]);
        self.post(&self.organizer, &path, blocked).await;
        let (closed, reopened) = (sale.shows[3].clone(), sale.shows[4].clone());
        for show in [&closed, &reopened] {
            let path = format!("/shows/{show}/close");
            self.post(&self.organizer, &path, json!({})).await;
        }
        let again = json!({ "sale_closes_at": "2098-12-31T00:00:00Z" });
        self.patch(&reopened, again).await;
        let path = format!("/shows/{}/cancel", sale.shows[5]);
        self.post(&self.organizer, &path, json!({})).await;
    }

    /// Waits until the log has the whole catalog as it stands.
    async fn described(&self, kept: &Kept) {
        let url = match kept {
            Kept::Sqlite => format!(
                "sqlite://{}",
                self.server.data.join("onsale.sqlite").display()
            ),
            Kept::Postgres(database) => database.url(),
        };
        let store = Store::connect(&url, 1).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = store
                .undescribed(16, &[], CatalogCursor::default(), 1)
                .await
                .unwrap();
            if left.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{left:?}:\n{}",
                self.server.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What everybody sees, by who and where.
    async fn seen(&self, sale: &Sale) -> BTreeMap<String, (u16, Value)> {
        let mut asked = vec![(String::new(), "/events".to_owned())];
        for event in &sale.events {
            asked.push((String::new(), format!("/events/{event}")));
            asked.push((String::new(), format!("/events/{event}/shows")));
        }
        for show in &sale.shows {
            for what in ["", "/zones", "/seats"] {
                asked.push((String::new(), format!("/shows/{show}{what}")));
            }
        }
        for (buyer, booking) in &sale.bookings {
            for what in ["", "/receipt"] {
                let path = format!("/bookings/{booking}{what}");
                asked.push((self.buyers[*buyer].clone(), path));
            }
        }
        let mut seen = BTreeMap::new();
        for (who, buyer) in self.buyers.iter().enumerate() {
            let (status, answer) = self.server.get(buyer, "/bookings?limit=100").await;
            seen.insert(
                format!("bookings of buyer {who}"),
                (status, timeless(answer["data"].clone())),
            );
        }
        for (token, path) in asked {
            let (status, answer) = self.server.get(&token, &path).await;
            seen.insert(path, (status, timeless(answer["data"].clone())));
        }
        seen
    }

    async fn becomes_ready(&self) {
        self.server
            .until_ready(PATIENCE, |status, _| status == 200)
            .await;
    }
}

/// Without what only says when it was asked.
fn timeless(mut data: Value) -> Value {
    match &mut data {
        Value::Object(fields) => {
            fields.remove("server_time");
            fields.remove("expires_in_seconds");
        }
        Value::Array(items) => {
            for item in items {
                *item = timeless(item.take());
            }
        }
        _ => {}
    }
    data
}

/// What is seen, for the second time, has to be what was seen.
fn assert_same(before: &BTreeMap<String, (u16, Value)>, after: &BTreeMap<String, (u16, Value)>) {
    for (path, then) in before {
        let now = &after[path];
        assert!(then == now, "{path}\nthen: {then:?}\nnow:  {now:?}");
    }
}

/// A verb beside no server; (exit code, stdout, stderr).
fn run(data: &Path, env: &[(String, String)], args: &[&str]) -> (Option<i32>, String, String) {
    let output = onsale(data, free_port(), env).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// `onsale reconcile`, as the message names it.
fn repair(verb: impl Fn(&[&str]) -> (Option<i32>, String, String), folder: &Path, more: &[&str]) {
    let report = folder.join(format!("{}.json", uuid::Uuid::new_v4()));
    let report = report.to_str().unwrap();
    let (code, out, err) = verb(&[&["reconcile", "--report", report], more].concat());
    assert!(matches!(code, Some(0 | 1)), "{out}{err}");
    let (code, out, err) = verb(&[&["reconcile", "--apply", report], more].concat());
    assert_eq!(code, Some(0), "{out}{err}");
}

/// Sells, loses the database in each way, and goes each way back.
async fn whole_way_back(mut kept: Kept, other: Kept, found: &[(Found, bool)]) {
    let folder = tempfile::tempdir().unwrap();
    let (data, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
    let foreign = {
        let house = House::open(&elsewhere, &other).await;
        house.sell_first_half(&mut Sale::default()).await;
        assert_eq!(house.server.stop(), Some(0));
        other.copied(&elsewhere, folder.path())
    };

    let mut sale = Sale::default();
    let house = House::open(&data, &kept).await;
    house.sell_first_half(&mut sale).await;
    assert_eq!(house.server.stop(), Some(0));
    let older = kept.copied(&data, folder.path());
    let house = House::open(&data, &kept).await;
    house.sell_second_half(&mut sale).await;
    house.described(&kept).await;
    let mut server = house.server;
    // Nobody had time to end anything in order.
    server.kill();
    drop(server);
    // A restart must not change it either; what follows is held to that.
    let house = House::open(&data, &kept).await;
    let mut before = house.seen(&sale).await;
    for (path, (status, said)) in &before {
        assert_eq!(*status, 200, "{path}: {said}");
    }
    assert_eq!(house.server.stop(), Some(0));

    for (round, (found, is_offline)) in found.iter().copied().enumerate() {
        let by = match found {
            Found::Nothing => None,
            Found::Older => Some(&older),
            Found::Foreign => Some(&foreign),
        };
        kept = kept.replaced(&data, by);
        std::fs::remove_file(data.join("server.log")).unwrap();
        if found == Found::Foreign {
            let said = Server::refusal(&data, &kept.variables());
            assert!(said.contains("the database belongs to log"), "{said}");
            assert!(said.contains("an empty database is filled"), "{said}");
            kept = kept.replaced(&data, None);
        }
        let house = if is_offline {
            // The folder alone, without a server.
            let env = kept.variables();
            let verb = |args: &[&str]| run(&data, &env, args);
            let (code, out, _) = verb(&["doctor"]);
            assert_eq!(code, Some(1), "{found:?}: {out}");
            assert!(out.contains("onsale reconcile --report FILE"), "{out}");
            let (code, _, err) = verb(&["verify"]);
            assert_eq!(code, Some(1), "{found:?}: {err}");
            repair(verb, folder.path(), &["--offline"]);
            House::open(&data, &kept).await
        } else {
            let house = House::open_whatever_it_says(&data, &kept).await;
            let log = house.server.log();
            let what = match found {
                Found::Older => "the database is older than the log",
                Found::Nothing | Found::Foreign => "the database is empty and the log has",
            };
            assert!(log.contains(what), "{found:?}: {log}");
            assert!(log.contains("onsale reconcile --report FILE"), "{log}");
            repair(|args| house.server.verb(args), folder.path(), &[]);
            house.becomes_ready().await;
            house
        };
        assert_same(&before, &house.seen(&sale).await);

        // It goes on as if nothing had been.
        let seats = json!({ "seats": [format!("แถวที่1-{}", 10 + round)] });
        house.reserve(&mut sale, 1, 4, seats).await;
        let taken = json!({ "show_id": sale.shows[0], "seats": ["B-2a"], "age_confirmed": true });
        let (status, refused) = house
            .server
            .post(&house.buyers[0], "/bookings/reserve", &taken)
            .await;
        assert_eq!(status, 409, "{refused}");
        assert_eq!(refused["error"]["code"], "SEAT_UNAVAILABLE", "{refused}");
        let taken = json!({ "show_id": sale.shows[3], "seats": ["B-2a"], "age_confirmed": true });
        let (status, refused) = house
            .server
            .post(&house.buyers[0], "/bookings/reserve", &taken)
            .await;
        assert_eq!(status, 409, "{refused}");
        assert_eq!(refused["error"]["code"], "SALE_CLOSED", "{refused}");
        for verb in ["doctor", "verify"] {
            let (code, out, err) = house.server.verb(&[verb]);
            assert_eq!(code, Some(0), "{found:?}, {verb}: {out}{err}");
        }
        before = house.seen(&sale).await;
        assert_eq!(house.server.stop(), Some(0));
    }
}

#[tokio::test]
async fn everything_comes_back_on_sqlite() {
    let ways = [
        (Found::Nothing, false),
        (Found::Older, true),
        (Found::Foreign, true),
    ];
    whole_way_back(Kept::Sqlite, Kept::Sqlite, &ways).await;
}

#[tokio::test]
async fn everything_comes_back_on_postgresql() {
    let kept = Kept::Postgres(Database::create());
    let other = Kept::Postgres(Database::create());
    let ways = [
        (Found::Nothing, true),
        (Found::Older, false),
        (Found::Foreign, false),
    ];
    whole_way_back(kept, other, &ways).await;
}
