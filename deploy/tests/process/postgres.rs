//! The same binary with PostgreSQL: projection, the copy of the snapshots, and a start without the
//! snapshots folder.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::Server;

/// A database of its own on the server that `deploy/test.sh` starts.
struct Database {
    admin_url: String,
    name: String,
}

impl Database {
    fn create() -> Self {
        let admin_url = std::env::var("ONSALE_TEST_POSTGRES_URL")
            .expect("ONSALE_TEST_POSTGRES_URL is not set: run the tests by deploy/test.sh");
        let name = format!("onsale_process_{}", uuid::Uuid::new_v4().simple());
        let database = Self { admin_url, name };
        assert!(
            database.sql("CREATE DATABASE"),
            "the database cannot be made"
        );
        database
    }

    fn sql(&self, what: &str) -> bool {
        let statement = format!("{what} {}", self.name);
        let command = Command::new("psql")
            .args(["-q", "-d", &self.admin_url, "-c", &statement])
            .status();
        command.is_ok_and(|status| status.success())
    }

    fn url(&self) -> String {
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
    let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
    let zones = json!([{
        "name": "Stalls", "price": { "amount": 100, "currency": "THB" }, "admission": "seated",
        "rows": [{ "name": "A", "seats": 30 }],
    }]);
    let show = server.open_show(&organizer, 0, 600, zones).await;
    let buyer = server.token("buyer", "00000000-0000-4000-8000-00000000bbbb");
    let mut bookings = Vec::new();
    for seat in 1..=10 {
        let body = json!({ "show_id": show, "seats": [format!("A-{seat}")] });
        let (status, body) = server.post(&buyer, "/bookings/reserve", &body).await;
        assert_eq!(status, 201, "{body}");
        bookings.push(body["data"]["booking_id"].as_str().unwrap().to_owned());
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
        let (status, body) = server.get(&buyer, &format!("/bookings/{booking}")).await;
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
