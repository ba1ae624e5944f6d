//! PostgreSQL and Redis are tampered with under a cluster that sells: a scheduled reconciliation
//! finds it, `onsale reconcile --apply` repairs it, also where the projection has stopped over it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{get, post};
use crate::check;
use crate::cluster::{Cluster, PATIENCE, sum};
use crate::load::Load;
use crate::tokens::token;
use crate::{alone, rate, services_are_there};

/// As often as can be asked for.
const EVERY_SECONDS: &str = "10";
/// How long until a scheduled report must have said something.
const REPORT_PATIENCE: Duration = Duration::from_secs(60);
const DAY_MS: u64 = 86_400_000;

/// A show of the test's own, among those of the load.
struct Shop {
    cluster: Cluster,
    http: reqwest::Client,
    buyer: Uuid,
    event: String,
    show: String,
    floor: String,
}

impl Shop {
    async fn open(cluster: &Cluster) -> Self {
        let http = crate::http_client::builder(None).build().unwrap();
        let ingress = &cluster.ingresses()[0];
        let organizer = token("organizer", Uuid::from_u128(2));
        let event = json!({
            "name": "Test", "starts_at": "2099-01-01T20:00:00Z", "max_tickets_per_user": 10,
        });
        let event = post(&http, ingress, &organizer, "/events", &event).await;
        let event = event["event_id"].as_str().unwrap().to_owned();
        let price = json!({ "amount": 100, "currency": "THB" });
        let show = json!({
            "starts_at": "2099-01-01T20:00:00Z", "hold_seconds": 7_200,
            "zones": [
                { "name": "Seats", "price": price, "admission": "seated",
                  "rows": [{ "name": "A", "seats": 10 }] },
                { "name": "Floor", "price": price, "admission": "general", "capacity": 100 },
            ],
        });
        let path = format!("/events/{event}/shows");
        let show = post(&http, ingress, &organizer, &path, &show).await;
        Self {
            cluster: cluster.clone(),
            http,
            buyer: Uuid::new_v4(),
            event,
            show: show["show_id"].as_str().unwrap().to_owned(),
            floor: show["zones"][1]["zone_id"].as_str().unwrap().to_owned(),
        }
    }

    fn token(&self) -> String {
        token("buyer", self.buyer)
    }

    /// Reserves and waits until the booking can be read; its id.
    async fn reserve(&self, what: Value) -> String {
        let id = self.reserve_unseen(what).await;
        let (status, body) = self.read(&id).await;
        assert_eq!(status, 200, "{body}");
        id
    }

    /// Reserves; the id of the booking.
    async fn reserve_unseen(&self, mut what: Value) -> String {
        what["show_id"] = json!(self.show);
        let ingress = &self.cluster.ingresses()[0];
        let path = "/bookings/reserve";
        let booking = post(&self.http, ingress, &self.token(), path, &what).await;
        booking["booking_id"].as_str().unwrap().to_owned()
    }

    fn places(&self, quantity: u32) -> Value {
        json!({ "zone_id": self.floor, "quantity": quantity })
    }

    async fn read(&self, booking: &str) -> (u16, Value) {
        let url = format!("{}/api/v1/bookings/{booking}", self.cluster.ingresses()[1]);
        get(&self.http, &self.token(), &url).await
    }
}

/// Statements in the database of the cluster.
fn sql(cluster: &Cluster, statement: &str) {
    let output = Command::new("psql")
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", &cluster.database_url()])
        .args(["-c", statement])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{statement}: {complaint}");
}

/// Writes nonsense where Redis keeps the tickets of a buyer.
fn tamper_with_redis(cluster: &Cluster, event: &str, buyer: Uuid) {
    let client = redis::Client::open(cluster.redis_url()).unwrap();
    let mut connection = client.get_connection().unwrap();
    let key: Vec<String> = redis::cmd("KEYS")
        .arg(format!("*{{{event}}}:user:{buyer}"))
        .query(&mut connection)
        .unwrap();
    assert_eq!(key.len(), 1, "{key:?}");
    redis::cmd("SET")
        .arg(&key[0])
        .arg("nonsense")
        .exec(&mut connection)
        .unwrap();
}

/// The reports that processors made by themselves, after this time.
fn scheduled(cluster: &Cluster, after_ms: u64) -> Vec<Value> {
    let folders = ["processor-1", "processor-2"]
        .map(|node| cluster.folder(node).join("data").join("reconciliation"));
    let files = folders.iter().flat_map(|folder| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path())
    });
    files
        // One that is being written is whole at the next look.
        .filter_map(|file| serde_json::from_slice(&std::fs::read(file).ok()?).ok())
        .filter(|report: &Value| report["created_at_ms"].as_u64().unwrap() > after_ms)
        .collect()
}

/// What was found, by kind and whose it is.
fn findings<'a>(reports: impl IntoIterator<Item = &'a Value>) -> BTreeSet<(String, String)> {
    let differences = reports.into_iter().flat_map(|report| {
        let differences = report["differences"].as_array().unwrap();
        differences.iter()
    });
    differences
        .map(|difference| {
            let text = |key: &str| difference[key].as_str().unwrap_or_default().to_owned();
            (text("kind"), text("booking_id") + &text("user_id"))
        })
        .collect()
}

fn now_ms() -> u64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// Waits until both processors, or whichever owns something, have made reports that together find
/// `expected` and nothing else.
async fn until_scheduled(cluster: &Cluster, expected: &BTreeSet<(String, String)>) {
    let (after_ms, began) = (now_ms(), Instant::now());
    loop {
        let reports = scheduled(cluster, after_ms);
        let found = findings(&reports);
        assert!(found.is_subset(expected), "{found:?}, not {expected:?}");
        let partitions: BTreeSet<u64> = reports
            .iter()
            .flat_map(|report| report["positions"].as_array().unwrap())
            .map(|position| position["partition"].as_u64().unwrap())
            .collect();
        if partitions.len() == crate::cluster::PARTITIONS && found == *expected {
            return;
        }
        assert!(
            began.elapsed() < REPORT_PATIENCE,
            "{found:?} {partitions:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn reconcile(cluster: &Cluster, args: &[&str]) -> (bool, String) {
    let all = [&["onsale", "reconcile"], args].concat();
    cluster.try_script(&all).await
}

/// The report of `onsale reconcile`, in a file.
async fn report(cluster: &Cluster, name: &str) -> (PathBuf, Value) {
    let file = cluster.folder(name);
    let (_, output) = reconcile(cluster, &["--report", file.to_str().unwrap()]).await;
    let text = std::fs::read(&file).unwrap_or_else(|error| panic!("{error}: {output}"));
    (file, serde_json::from_slice(&text).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_tampered_with_is_found_on_schedule_and_repaired() {
    if !services_are_there() {
        return;
    }
    let _alone = alone().await;
    let settings = [("ONSALE_RECONCILE__EVERY_SECONDS", EVERY_SECONDS)];
    let cluster = Cluster::up_with(&settings).await;
    let load = Load::start(&cluster, rate()).await;
    load.progress().await;
    let shop = Shop::open(&cluster).await;
    rows_and_counts(&shop).await;
    stopped_projection(&shop).await;
    load.progress().await;
    let histories = load.stop().await;
    check::check(&cluster, &histories).await;
    until_scheduled(&cluster, &BTreeSet::new()).await;
    histories.tell("reconciliation");
}

async fn rows_and_counts(shop: &Shop) {
    let cluster = &shop.cluster;
    let changed = shop.reserve(shop.places(1)).await;
    let lost = shop.reserve(shop.places(2)).await;
    // Nothing is wrong before.
    until_scheduled(cluster, &BTreeSet::new()).await;
    sql(
        cluster,
        &format!("UPDATE bookings SET unit_price = 1 WHERE booking_id = '{changed}'"),
    );
    sql(
        cluster,
        &format!("DELETE FROM bookings WHERE booking_id = '{lost}'"),
    );
    tamper_with_redis(cluster, &shop.event, shop.buyer);
    let expected = BTreeSet::from([
        ("booking_differs".to_owned(), changed.clone()),
        ("booking_missing".to_owned(), lost.clone()),
        ("redis_tickets_differ".to_owned(), shop.buyer.to_string()),
    ]);
    until_scheduled(cluster, &expected).await;

    let (file, found) = report(cluster, "report.json").await;
    assert_eq!(findings([&found]), expected, "{found}");
    refuses_what_does_not_fit(cluster, &found).await;
    let (is_well, output) = reconcile(cluster, &["--apply", file.to_str().unwrap()]).await;
    assert!(is_well && output.contains("3 repaired"), "{output}");
    for booking in [&changed, &lost] {
        let (status, body) = shop.read(booking).await;
        assert_eq!(
            (status, &body["data"]["unit_price"]["amount"]),
            (200, &json!(100)),
            "{body}"
        );
    }
    let (_, found) = report(cluster, "report.json").await;
    assert_eq!(findings([&found]), BTreeSet::new(), "{found}");
    until_scheduled(cluster, &BTreeSet::new()).await;
}

/// Reports that are too old, of a log that was set back, and of another one.
async fn refuses_what_does_not_fit(cluster: &Cluster, report: &Value) {
    let file = cluster.folder("wrong.json");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut wrong = report.clone();
        change(&mut wrong);
        std::fs::write(&file, wrong.to_string()).unwrap();
    };
    let refused = async |why: &str| {
        let (is_well, output) = reconcile(cluster, &["--apply", file.to_str().unwrap()]).await;
        assert!(!is_well && output.contains(why), "{why}: {output}");
    };
    changed(&|report| report["created_at_ms"] = json!(now_ms() - DAY_MS - 60_000));
    refused("seconds old").await;
    changed(&|report| report["positions"][0]["next_offset"] = json!(1u64 << 40));
    refused("it was set back since").await;
    changed(&|report| report["log_id"] = json!("00".repeat(16)));
    refused("is about log").await;
}

/// The database says that a seat is held which the log gives to another user: the projector stops.
async fn stopped_projection(shop: &Shop) {
    let cluster = &shop.cluster;
    let moved = shop.reserve(json!({ "seats": ["A-1"] })).await;
    sql(
        cluster,
        &format!(
            "UPDATE booking_seats SET seat = seat + 1 WHERE (partition, booking_offset) = \
             (SELECT partition, booking_offset FROM bookings WHERE booking_id = '{moved}'); \
             UPDATE bookings SET seats = ARRAY[seats[1] + 1] WHERE booking_id = '{moved}'"
        ),
    );
    let second = shop.reserve_unseen(json!({ "seats": ["A-2"] })).await;
    let began = Instant::now();
    while sum(
        &cluster.metrics("projector-1").await,
        "onsale_projector_stopped",
    ) != Some(1.0)
    {
        assert!(began.elapsed() < PATIENCE, "the projector goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (is_well, output) = cluster.try_script(&["onsale", "doctor"]).await;
    assert!(
        output.contains("the projector has stopped"),
        "{is_well} {output}"
    );

    let (file, found) = report(cluster, "report.json").await;
    let behind = found["projection_behind"].as_str().unwrap_or_default();
    assert!(behind.contains("stands still"), "{behind}");
    let expected = ("booking_differs".to_owned(), moved.clone());
    assert!(
        findings([&found]).contains(&expected),
        "{moved} was not found"
    );
    let (is_well, output) = reconcile(cluster, &["--apply", file.to_str().unwrap()]).await;
    assert!(
        is_well && output.contains("the projector had stopped"),
        "{output}"
    );
    cluster.script(&["restart", "projector-1"]).await;
    for (booking, seat) in [(&moved, "A-1"), (&second, "A-2")] {
        let (status, body) = shop.read(booking).await;
        assert_eq!(
            (status, &body["data"]["seats"]),
            (200, &json!([seat])),
            "{body}"
        );
    }
    let (_, found) = report(cluster, "report.json").await;
    assert_eq!(findings([&found]), BTreeSet::new(), "{found}");
}
