//! The clock of the machine leaps under a running server: holds and sales go on by the time that
//! really passes, and the server says so.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{SECRET, Server, free_port, metric, onsale};

/// Longest wait for what should take a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
const BUYER: &str = "00000000-0000-4000-8000-00000000bbbb";

/// A wall clock that this test sets, while time goes on as ever.
struct WallClock {
    file: PathBuf,
    env: Vec<(String, String)>,
}

impl WallClock {
    fn new(folder: &Path) -> Self {
        let file = folder.join("clock");
        let variables = [
            ("LD_PRELOAD", preload().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            // It is looked at anew with every reading of the clock.
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            // Files have the times that they have.
            ("NO_FAKE_STAT", "1".to_owned()),
        ];
        let env = variables.map(|(name, value)| (name.to_owned(), value));
        let clock = Self {
            file,
            env: env.to_vec(),
        };
        clock.set("+0");
        clock
    }

    /// As `+1y` or `-1h` from the true time, or as `1960-01-01 00:00:00`.
    fn set(&self, to: &str) {
        // At once: half a file would be another time.
        let next = self.file.with_extension("next");
        std::fs::write(&next, to).unwrap();
        std::fs::rename(&next, &self.file).unwrap();
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        let env = self.env.iter();
        env.map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

/// The library that fakes the clock.
fn preload() -> PathBuf {
    let library = "faketime/libfaketimeMT.so.1";
    let below_usr = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut folders = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")];
    folders.extend(below_usr.map(|entry| entry.path()));
    let found = folders.iter().map(|folder| folder.join(library));
    found
        .into_iter()
        .find(|path| path.exists())
        .expect("libfaketime is missing: apt-get install faketime (deploy/test.sh does it)")
}

/// A show in three months, so that a year ahead is after its sale.
async fn open_show(server: &Server, hold_seconds: u32) -> String {
    let starts_at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(90 * 24);
    open_show_at(server, hold_seconds, starts_at).await
}

async fn open_show_at(server: &Server, hold_seconds: u32, starts_at: jiff::Timestamp) -> String {
    let organizer = server.token("organizer", ORGANIZER);
    let event = json!({ "name": "Test", "starts_at": starts_at.to_string() });
    let (status, body) = server.post(&organizer, "/events", &event).await;
    assert_eq!(status, 201, "{body}");
    let event = body["data"]["event_id"].as_str().unwrap();
    let show = json!({
        "starts_at": starts_at.to_string(),
        "hold_seconds": hold_seconds,
        "zones": [{
            "name": "Floor", "price": { "amount": 100, "currency": "THB" },
            "admission": "general", "capacity": 100,
        }],
    });
    let path = format!("/events/{event}/shows");
    let (status, body) = server.post(&organizer, &path, &show).await;
    assert_eq!(status, 201, "{body}");
    body["data"]["show_id"].as_str().unwrap().to_owned()
}

/// Reserves a place, with a token of the time that the server believes in.
async fn reserve(server: &Server, show: &str) -> Value {
    let buyer = server.token("buyer", BUYER);
    let body = json!({ "show_id": show, "quantity": 1 });
    let (status, answer) = server.post(&buyer, "/bookings/reserve", &body).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"].clone()
}

async fn held(server: &Server, show: &str) -> u64 {
    let (_, zones) = server.get("", &format!("/shows/{show}/zones")).await;
    zones["data"][0]["held_seats"].as_u64().unwrap()
}

/// Nothing was released. Counts are shown a moment after the buyer has the answer.
async fn assert_all_held(server: &Server, show: &str, holds: u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = held(server, show).await;
        if shown == holds {
            return;
        }
        assert!(Instant::now() < deadline, "{shown} of {holds} are held");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// (status, what readiness says).
async fn readiness(server: &Server) -> (u16, String) {
    let url = format!("http://127.0.0.1:{}/health/ready", server.port);
    let response = server.http.get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_leaps_a_year_ahead_ends_no_hold_and_no_sale() {
    let folder = tempfile::tempdir().unwrap();
    let clock = WallClock::new(folder.path());
    let mut server = Server::start_with(&folder.path().join("data"), &clock.variables()).await;
    let show = open_show(&server, 3_600).await;
    let before = reserve(&server, &show).await;
    assert_eq!(
        readiness(&server).await,
        (200, r#"{"ready":true,"problems":[]}"#.to_owned())
    );

    clock.set("+1y");
    let during = reserve(&server, &show).await;
    let (status, said) = readiness(&server).await;
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("leapt 365 d ahead"), "{said}");
    let metrics = server.metrics().await;
    assert_eq!(
        metric(&metrics, r#"onsale_clock_wrong{clock="machine"}"#),
        [1.0]
    );
    let (code, table, _) = server.verb(&["clock", "status"]);
    assert_eq!(code, Some(1), "{table}");
    assert!(table.contains("WRONG"), "{table}");
    // Whatever the server reports is something found.
    let (code, table, err) = server.verb(&["status"]);
    assert_eq!(code, Some(1), "{table}{err}");
    assert!(table.contains("! the clock of this machine"), "{table}");
    assert!(err.contains("the server reports 1 problem"), "{err}");
    let (_, checks, _) = server.verb(&["doctor"]);
    assert!(
        checks.contains("warning  server: the clock of this machine"),
        "{checks}"
    );
    // Both end within the hour, give or take how long this takes.
    let ends = |booking: &Value| -> jiff::Timestamp {
        booking["expires_at"].as_str().unwrap().parse().unwrap()
    };
    assert!((ends(&during) - ends(&before)).get_seconds().abs() < 600);

    clock.set("+0");
    reserve(&server, &show).await;
    assert_eq!(
        readiness(&server).await,
        (200, r#"{"ready":true,"problems":[]}"#.to_owned())
    );
    assert_all_held(&server, &show, 3).await;
    let said = server.log();
    assert!(
        said.contains("ERROR") && said.contains("leapt 365 d ahead"),
        "{said}"
    );

    server.kill_and_restart().await;
    reserve(&server, &show).await;
    assert_all_held(&server, &show, 4).await;
    let (code, _, refused) = server.verb(&["clock", "reset"]);
    assert_eq!(code, Some(1), "{refused}");
    assert!(
        refused.contains("force: machine time and the clocks agree"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_goes_back_an_hour_makes_no_hold_longer() {
    let folder = tempfile::tempdir().unwrap();
    let clock = WallClock::new(folder.path());
    let server = Server::start_with(&folder.path().join("data"), &clock.variables()).await;
    let show = open_show(&server, 5).await;
    reserve(&server, &show).await;
    clock.set("-1h");
    reserve(&server, &show).await;
    let (status, said) = readiness(&server).await;
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("gone 1 h back"), "{said}");
    let deadline = Instant::now() + PATIENCE;
    while held(&server, &show).await > 0 {
        assert!(
            Instant::now() < deadline,
            "held for a minute instead of 5 s"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn a_clock_that_cannot_be_right_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = WallClock::new(folder.path());
    let data = folder.path().join("data");
    let start = || {
        let output = onsale(&data, free_port(), &clock.env).arg("serve").output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    for to in [
        "1960-01-01 00:00:00",
        "1970-01-01 00:00:30",
        "2001-01-01 00:00:00",
    ] {
        clock.set(to);
        let (code, said) = start();
        assert_eq!(code, Some(2), "{to}: {said}");
        assert!(said.contains("stands before 2020"), "{to}: {said}");
        assert!(!data.exists(), "nothing was written at {to}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_a_year_after_the_last_record_asks_whether_the_clock_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let clock = WallClock::new(folder.path());
    let data = folder.path().join("data");
    let server = Server::start_with(&data, &clock.variables()).await;
    let show = open_show(&server, 3_600).await;
    reserve(&server, &show).await;
    assert_eq!(server.stop(), Some(0));

    clock.set("+1y");
    let output = onsale(&data, free_port(), &clock.env).arg("serve").output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("ahead of everything in the log"), "{said}");
    assert!(said.contains("ONSALE_LOG__SILENCE_MAX_DAYS=0"), "{said}");

    clock.set("+0");
    let server = Server::start_with(&data, &clock.variables()).await;
    assert_all_held(&server, &show, 1).await;
    assert!(!server.log().contains(SECRET));
}

/// The log was written by a clock a year ahead: the sale does not go on by it without a word, and
/// `onsale clock reset` takes everything back that was stamped by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_a_wrong_clock_is_taken_back_by_an_operator() {
    let folder = tempfile::tempdir().unwrap();
    let clock = WallClock::new(folder.path());
    let data = folder.path().join("data");
    clock.set("+1y");
    let server = Server::start_with(&data, &clock.variables()).await;
    // After the sale's beginning by either clock.
    let starts_at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(500 * 24);
    let long = open_show_at(&server, 3_600, starts_at).await;
    let short = open_show_at(&server, 5, starts_at).await;
    reserve(&server, &long).await;
    let short_hold = reserve(&server, &short).await;
    assert_eq!(server.stop(), Some(0));

    clock.set("+0");
    let mut server = Server::start_whatever_it_says(&data, &clock.variables()).await;
    let (status, said) = readiness(&server).await;
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("`onsale clock reset`"), "{said}");
    let wrong = r#"onsale_clock_wrong{clock="machine"}"#;
    assert_eq!(metric(&server.metrics().await, wrong), [1.0]);
    let (code, checks, _) = server.verb(&["doctor"]);
    assert_eq!(code, Some(1), "{checks}");
    assert!(checks.contains("FAILED   clock"), "{checks}");
    assert!(checks.contains("`onsale clock reset`"), "{checks}");

    let (code, out, err) = server.verb(&["clock", "reset"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(readiness(&server).await.0, 200);
    assert_eq!(metric(&server.metrics().await, wrong), [0.0]);
    let (code, out, _) = server.verb(&["clock", "status"]);
    assert_eq!(code, Some(0), "{out}");
    // The database says the same of the holds as the machine.
    let report = data.join("report.json");
    let (code, out, err) = server.verb(&["reconcile", "--report", report.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{out}{err}");
    let buyer = server.token("buyer", BUYER);
    let (status, listed) = server.get(&buyer, "/bookings").await;
    assert_eq!(status, 200, "{listed}");
    let latest = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
    for booking in listed["data"].as_array().unwrap() {
        let ends: jiff::Timestamp = booking["expires_at"].as_str().unwrap().parse().unwrap();
        assert!(ends < latest, "{booking}");
    }
    // Shows that were opened by the wrong clock begin their sale by it, until they are given another opening.
    let organizer = server.token("organizer", ORGANIZER);
    let now = jiff::Timestamp::now().to_string();
    for show in [&long, &short] {
        let path = format!("/shows/{show}");
        let change = json!({ "sale_opens_at": now });
        let (status, said) = server.patch(&organizer, &path, &change).await;
        assert_eq!(status, 200, "{said}");
    }
    // The short hold ends in time, and so does a new one.
    reserve(&server, &short).await;
    let deadline = Instant::now() + PATIENCE;
    while held(&server, &short).await > 0 {
        assert!(Instant::now() < deadline, "{short_hold} is held for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_all_held(&server, &long, 1).await;

    server.kill_and_restart().await;
    let ends: jiff::Timestamp = reserve(&server, &long).await["expires_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(ends < jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2));
    assert_all_held(&server, &long, 2).await;
    for verb in ["doctor", "verify"] {
        let (code, out, err) = server.verb(&[verb]);
        assert_eq!(code, Some(0), "{verb}: {out}{err}");
    }
}
