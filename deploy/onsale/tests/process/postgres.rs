//! The same binary with PostgreSQL: projection, the copy of the snapshots, and a start without the
//! snapshots folder.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, SmallShow, metric, onsale};

/// Far more than a projection takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database of its own on the server that `deploy/test.sh` starts.
pub(crate) struct Database {
    admin_url: String,
    name: String,
}

impl Database {
    pub(crate) fn create() -> Self {
        let admin_url = std::env::var("ONSALE_TEST_POSTGRES_URL")
            .expect("ONSALE_TEST_POSTGRES_URL is not set: run the tests by deploy/test.sh");
        let name = format!("onsale_process_{}", uuid::Uuid::new_v4().simple());
        let database = Self { admin_url, name };
        assert!(
            database.sql("CREATE DATABASE"),
            "the database cannot be created"
        );
        database
    }

    /// Another database with the same contents, while nothing is connected to this one.
    pub(crate) fn copied(&self) -> Self {
        let name = format!("onsale_process_{}", uuid::Uuid::new_v4().simple());
        let copy = Self {
            admin_url: self.admin_url.clone(),
            name,
        };
        let template = format!("TEMPLATE {}", self.name);
        assert!(
            copy.sql_with("CREATE DATABASE", &template),
            "the database cannot be copied"
        );
        copy
    }

    fn sql(&self, what: &str) -> bool {
        self.sql_with(what, "")
    }

    fn sql_with(&self, what: &str, options: &str) -> bool {
        let statement = format!("{what} {} {options}", self.name);
        let command = Command::new("psql")
            .args(["-q", "-d", &self.admin_url, "-c", &statement])
            .status();
        command.is_ok_and(|status| status.success())
    }

    /// Runs statements in the database.
    pub(crate) fn run(&self, statements: &str) {
        let status = Command::new("psql")
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url()])
            .args(["-c", statements])
            .status()
            .unwrap();
        assert!(status.success(), "{statements}");
    }

    /// What a query finds, columns with bars between them.
    pub(crate) fn text(&self, query: &str) -> String {
        let output = Command::new("psql")
            .args(["-At", "-v", "ON_ERROR_STOP=1", "-d", &self.url()])
            .args(["-c", query])
            .output()
            .unwrap();
        assert!(output.status.success(), "{query}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        let (server, _) = self.admin_url.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.sql("DROP DATABASE IF EXISTS");
    }
}

#[tokio::test]
async fn it_runs_on_postgresql_and_starts_from_the_snapshot_kept_there() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let mut server = Server::start_with(folder.path(), &[("ONSALE_DATABASE__URL", &url)]).await;
    let show = SmallShow::open(&server).await;
    let mut bookings = Vec::new();
    for seat in 1..=10 {
        let seat = format!("A-{seat}");
        bookings.push(show.reserve(&server, &[&seat]).await);
    }
    let (code, out, err) = server.verb(&["snapshot", "create"]);
    assert_eq!(code, Some(0), "{out}{err}");

    // The snapshots on disk are lost; those in the database are not.
    server.kill();
    std::fs::remove_dir_all(folder.path().join("snapshots")).unwrap();
    server.restart().await;
    let (_, partitions) = {
        let admin = server.token("admin", "00000000-0000-4000-8000-00000000dddd");
        server.get(&admin, "/partitions").await
    };
    let from_snapshot = |partition: &Value| partition["last_snapshot"]["next_offset"].is_u64();
    assert!(
        partitions["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(from_snapshot),
        "{partitions}"
    );
    for booking in &bookings {
        let (status, body) = server
            .get(&show.buyer, &format!("/bookings/{booking}"))
            .await;
        assert_eq!(
            (status, &body["data"]["status"]),
            (200, &json!("reserved")),
            "{body}"
        );
    }
    let report = folder.path().join("report.json");
    for args in [
        &["reconcile", "--report", report.to_str().unwrap()][..],
        &["verify"],
        &["doctor"],
    ] {
        let (code, out, err) = server.verb(args);
        assert_eq!(code, Some(0), "{args:?}: {out}{err}");
    }
}

/// Rows that only a look at what has ended finds: nothing live says that they are gone.
#[tokio::test]
async fn rows_of_ended_bookings_deleted_by_hand_come_back() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let server = Server::start_with(folder.path(), &[("ONSALE_DATABASE__URL", &url)]).await;
    let show = SmallShow::open(&server).await;
    let mut ended = Vec::new();
    for seat in 1..=3 {
        let booking = show.reserve(&server, &[&format!("A-{seat}")]).await;
        let path = format!("/bookings/{booking}/cancel");
        let (status, body) = server.post(&show.buyer, &path, &json!({})).await;
        assert_eq!(status, 200, "{body}");
        ended.push(booking);
    }
    let report = folder.path().join("report.json");
    let report = report.to_str().unwrap();
    let (code, out, err) = server.verb(&["reconcile", "--report", report]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("the 3 that ended last compared"), "{out}");

    let deleted = &ended[..2];
    database.run(&format!(
        "DELETE FROM bookings WHERE booking_id IN ('{}')",
        deleted.join("', '")
    ));
    let (code, out, _) = server.verb(&["reconcile", "--report", report]);
    assert_eq!(code, Some(1), "{out}");
    for booking in &ended {
        let is_named = out.contains("booking_missing") && out.contains(booking);
        assert_eq!(is_named, deleted.contains(booking), "{booking}: {out}");
    }
    let (code, out, err) = server.verb(&["reconcile", "--apply", report]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("2 repaired"), "{out}");
    for booking in &ended {
        let (status, body) = server
            .get(&show.buyer, &format!("/bookings/{booking}"))
            .await;
        let expected = (200, &json!("cancelled"));
        assert_eq!((status, &body["data"]["status"]), expected, "{body}");
    }
    let (code, out, err) = server.verb(&["reconcile", "--report", report]);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test]
async fn the_catalog_follows_the_log_after_a_crash_between_the_two() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let mut server = Server::start_with(folder.path(), &[("ONSALE_DATABASE__URL", &url)]).await;
    let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
    let zones = json!([{
        "name": "Floor", "price": { "amount": 100, "currency": "THB" },
        "admission": "general", "capacity": 9,
    }]);
    let show = server.open_show(&organizer, 0, 600, zones).await;
    let path = format!("/shows/{show}");
    let (_, body) = server.get("", &path).await;
    let zone = body["data"]["zones"][0]["zone_id"].clone();
    // From here on the database takes no new price, so the catalog stays behind the log.
    database.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE 'not now'; END $$; \
         CREATE TRIGGER refuse BEFORE UPDATE ON zones FOR EACH ROW EXECUTE FUNCTION refuse();",
    );
    let price = |body: &Value| body["data"]["zones"][0]["price"]["amount"].clone();
    let change = json!({
        "name": "Late show",
        "prices": [{ "zone_id": zone, "price": { "amount": 250, "currency": "THB" } }],
    });
    let (status, body) = server.patch(&organizer, &path, &change).await;
    assert_eq!((status, price(&body)), (200, json!(250)), "{body}");
    let (_, body) = server.get("", &path).await;
    assert_eq!(price(&body), 100, "{body}");

    server.kill();
    database.run("DROP TRIGGER refuse ON zones");
    server.restart().await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, body) = server.get("", &path).await;
        if price(&body) == 250 {
            assert_eq!(body["data"]["name"], "Late show");
            return;
        }
        assert!(Instant::now() < deadline, "{body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn connections_in_use_are_measured() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let server = Server::start_with(folder.path(), &[("ONSALE_DATABASE__URL", &url)]).await;
    // Readers of an event have to wait.
    let mut session = Command::new("psql")
        .args(["-q", "-d", &url])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut orders = session.stdin.take().unwrap();
    orders
        .write_all(b"BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE;\n")
        .unwrap();
    let list = server.url("/events");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let waiting = tokio::spawn(server.http.get(&list).send());
        tokio::time::sleep(Duration::from_millis(20)).await;
        let text = server.metrics().await;
        let in_use = metric(&text, "db_connections_active");
        waiting.abort();
        if in_use.iter().any(|connections| *connections > 0.0) {
            break;
        }
        assert!(Instant::now() < deadline, "{in_use:?}");
    }
    drop(orders);
    assert!(session.wait().unwrap().success());
}

#[test]
fn the_schema_is_made_from_the_configuration_of_any_node() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    // As on an operator's machine: roles and id are the defaults, and no list names that id.
    let variables = [
        ("ONSALE_DATABASE__URL".to_owned(), database.url()),
        ("ONSALE_KAFKA__BROKERS".to_owned(), "127.0.0.1:1".to_owned()),
    ];
    let run = |args: &[&str]| {
        let output = onsale(folder.path(), 0, &variables)
            .args(args)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    };
    let (code, text) = run(&["migrate"]);
    assert_eq!(code, Some(0), "{text}");
    database.run("SELECT 1 FROM show_changes");
    // Serving with it would be a processor that is not in the list.
    let (code, text) = run(&["config", "check"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("cluster.processors"), "{text}");
}
