//! What the audit trail says of changes, with the real log and projection.

use std::path::Path;
use std::time::{Duration, Instant};

use onsale_store::Store;
use serde_json::{Value, json};

use crate::postgres::Database;
use crate::support::{Server, answer};

/// A house with one show.
struct House {
    server: Server,
    organizer: String,
    event: String,
    show: String,
}

impl House {
    async fn open(data: &Path, env: &[(&str, &str)]) -> Self {
        let server = Server::start_with(data, env).await;
        let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
        let zones = json!([{
            "name": "Lawn", "price": { "amount": 100, "currency": "THB" },
            "admission": "general", "capacity": 50,
        }]);
        let show = server.open_show(&organizer, 4, 600, zones).await;
        let (_, read) = server.get("", &format!("/shows/{show}")).await;
        let event = read["data"]["event_id"].as_str().unwrap().to_owned();
        Self {
            server,
            organizer,
            event,
            show,
        }
    }

    async fn put(&self, event: &Value) {
        let url = self.server.url(&format!("/events/{}", self.event));
        let request = self.server.http.put(url).bearer_auth(&self.organizer);
        let (status, said) = answer(request.json(event).send().await.unwrap()).await;
        assert_eq!(status, 200, "{said}");
    }

    async fn patch(&self, change: &Value) {
        let path = format!("/shows/{}", self.show);
        let (status, said) = self.server.patch(&self.organizer, &path, change).await;
        assert_eq!(status, 200, "{said}");
    }

    /// What was changed by each entry of this kind of thing, newest first; what the log decided of it has
    /// entries of its own, which name their record.
    fn changes(&self, kind: &str) -> Vec<(String, Value)> {
        let (code, out, err) = self
            .server
            .verb(&["audit", "list", "--kind", kind, "--json"]);
        assert_eq!(code, Some(0), "{err}");
        let entries: Vec<Value> = serde_json::from_str(&out).unwrap();
        let entries = entries.into_iter();
        let entries = entries.filter(|entry| entry["detail"]["position"].is_null());
        let of = |entry: Value| {
            let action = entry["action"].as_str().unwrap().to_owned();
            (action, entry["detail"]["changes"].clone())
        };
        entries.map(of).collect()
    }
}

#[tokio::test]
async fn an_entry_names_the_fields_and_what_changes_nothing_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), &[]).await;
    let starts_at = "2099-01-01T20:00:00Z";
    let same = json!({ "name": "Test", "starts_at": starts_at });
    let same_limit = json!({ "name": "Test", "starts_at": starts_at, "max_tickets_per_user": 4 });
    for unchanged in [&same, &same_limit] {
        house.put(unchanged).await;
    }
    assert_eq!(house.changes("event").len(), 1, "only that it was created");

    let texts = json!({ "name": "Test", "venue": "Hall", "description": "Ask Ann", "starts_at": starts_at });
    house.put(&texts).await;
    let mut limit = texts.clone();
    limit["max_tickets_per_user"] = json!(2);
    limit["name"] = json!("Best");
    for _ in 0..2 {
        house.put(&limit).await;
    }
    let entries = house.changes("event");
    let of = |action: &str| {
        let found: Vec<&Value> = entries
            .iter()
            .filter(|entry| entry.0 == action)
            .map(|entry| &entry.1)
            .collect();
        found
    };
    let name = json!({ "name": { "before": "Test", "after": "Best" } });
    let page = json!({
        "venue": { "before": null, "after": "Hall" },
        "description": "changed, not shown",
    });
    assert_eq!(of("event.change"), [&name, &page], "newest first");
    assert_eq!(
        of("event.propose"),
        [&json!({ "max_tickets_per_user": { "before": 4, "after": 2 } })]
    );
    assert_eq!(entries.len(), 4, "{entries:?}");

    let longer = json!({ "name": "Late", "hold_seconds": 900, "max_tickets_per_user": 2 });
    for _ in 0..2 {
        house.patch(&longer).await;
    }
    let entries = house.changes("show");
    assert_eq!(entries.len(), 2, "created, and proposed once: {entries:?}");
    assert_eq!(
        entries[0].1,
        json!({
            "name": { "before": null, "after": "Late" },
            "hold_ms": { "before": 600_000, "after": 900_000 },
        })
    );
}

/// Far more than the projection takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl House {
    /// Entries about bookings, oldest first, once there are so many.
    async fn bookings(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (code, out, err) = self
                .server
                .verb(&["audit", "list", "--kind", "booking", "--json"]);
            assert_eq!(code, Some(0), "{err}");
            let mut entries: Vec<Value> = serde_json::from_str(&out).unwrap();
            if entries.len() >= count {
                entries.reverse();
                return entries;
            }
            assert!(Instant::now() < deadline, "{out}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Reserves two places; the booking's id.
async fn reserve(house: &House, buyer: &str) -> String {
    let body = json!({ "show_id": house.show, "quantity": 2 });
    let (status, said) = house.server.post(buyer, "/bookings/reserve", &body).await;
    assert_eq!(status, 201, "{said}");
    said["data"]["booking_id"].as_str().unwrap().to_owned()
}

/// On a database in which `take_out` deletes the entry of that number for good.
async fn bookings_are_in_the_trail_and_what_is_taken_out_of_it_shows(
    folder: &Path,
    house: House,
    take_out: impl AsyncFnOnce(u64),
) {
    let server = &house.server;
    let buyer_id = "00000000-0000-4000-8000-00000000bbbb";
    let buyer = server.token("buyer", buyer_id);
    let (sold, given_back) = (reserve(&house, &buyer).await, reserve(&house, &buyer).await);
    let payment = json!({ "payment_reference": "pay-1" });
    for (booking, action, body) in [
        (&sold, "confirm", payment.clone()),
        // The same answer once more is no other fact.
        (&sold, "confirm", payment),
        (&given_back, "cancel", json!({})),
    ] {
        let path = format!("/bookings/{booking}/{action}");
        let (status, said) = server.post(&buyer, &path, &body).await;
        assert_eq!(status, 200, "{action}: {said}");
    }
    let entries = house.bookings(4).await;
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let action = entry["action"].as_str().unwrap();
            (action, entry["subject_id"].as_str().unwrap())
        })
        .collect();
    let (first, second) = (sold.as_str(), given_back.as_str());
    assert_eq!(
        told,
        [
            ("booking.reserve", first),
            ("booking.reserve", second),
            ("booking.confirm", first),
            ("booking.cancel", second),
        ]
    );
    for entry in &entries {
        assert_eq!(entry["actor"]["id"], buyer_id, "{entry}");
    }
    let status = &entries[2]["detail"]["changes"]["status"];
    let became = json!({ "before": "reserved", "after": "confirmed" });
    assert_eq!(*status, became, "{}", entries[2]);
    // The organizer finds them over HTTP, by the booking.
    let admin = server.token("admin", "00000000-0000-4000-8000-00000000dddd");
    let (status, found) = server.get(&admin, &format!("/audit?entity={sold}")).await;
    assert_eq!(status, 200, "{found}");
    let actions: Vec<&Value> = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["action"])
        .collect();
    assert_eq!(actions, ["booking.confirm", "booking.reserve"]);

    exports(server, folder, &given_back);

    let anchors = folder.join("anchors.json");
    let anchors = anchors.to_str().unwrap();
    let (code, out, err) = server.verb(&["audit", "verify", "--write-anchors", anchors]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("chains, "), "{out}");
    assert!(out.contains("is as it was written"), "{out}");
    let nobody = "11111111-1111-4111-8111-111111111111";
    let (code, _, err) = server.verb(&["audit", "verify", "--tenant", nobody]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("no such tenant"), "{err}");
    let (code, out, err) = server.verb(&["audit", "verify", "--anchors", anchors, "--json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["ok"], true, "{said}");

    for (wrong, right) in [
        (["--kind", "evnt"], "event"),
        (["--action", "cancel"], "session.open"),
    ] {
        let (code, _, err) = server.verb(&[&["audit", "list"][..], &wrong].concat());
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains(right), "{err}");
    }
    let (code, out, _) = server.verb(&["audit", "list", "--kind", "event", "--json"]);
    assert_eq!(code, Some(0));
    let entries: Value = serde_json::from_str(&out).unwrap();
    let gone = entries[0]["audit_id"].as_u64().unwrap();
    take_out(gone).await;
    let (code, out, err) = server.verb(&["audit", "verify"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let tenant = entries[0]["tenant_id"].as_str().unwrap();
    assert!(
        out.contains(&format!(
            "tenant {tenant}, chain people: entry {gone} is gone"
        )),
        "{out}"
    );
    let (code, out, _) = server.verb(&["audit", "verify", "--json"]);
    assert_eq!(code, Some(1));
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["ok"], false);
    assert_eq!(said["report"]["findings"][0]["problem"], "entry_missing");
    assert_eq!(said["report"]["findings"][0]["audit_id"], gone);
    let (code, _, err) = server.verb(&["audit", "verify", "--anchors", "/nonexistent"]);
    assert_eq!(code, Some(2), "{err}");
}

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let house = House::open(&data, &[]).await;
    let (code, _, err) = house.server.verb(&["migrate", "--grant", "someone"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("SQLite has no roles"), "{err}");
    let url = format!("sqlite://{}", data.join("onsale.sqlite").display());
    let take_out = async |gone: u64| {
        let store = Store::connect(&url, 2).await.unwrap();
        let sql = format!(
            "DROP TRIGGER audit_is_never_deleted; DELETE FROM audit WHERE audit_id = {gone}"
        );
        store.by_hand(&sql).await.unwrap();
        store.close().await;
    };
    bookings_are_in_the_trail_and_what_is_taken_out_of_it_shows(folder.path(), house, take_out)
        .await;
}

#[tokio::test]
async fn on_postgresql() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let env = [("ONSALE_DATABASE__URL", url.as_str())];
    let house = House::open(&folder.path().join("data"), &env).await;
    let take_out = async |gone: u64| {
        database.run(&format!(
            "DROP TRIGGER audit_is_append_only ON audit; \
             DELETE FROM audit WHERE audit_id = {gone}"
        ));
    };
    bookings_are_in_the_trail_and_what_is_taken_out_of_it_shows(folder.path(), house, take_out)
        .await;
}

/// The verb writes what `GET /audit/export` answers.
fn exports(server: &Server, folder: &std::path::Path, booking: &str) {
    let lines = |args: &[&str]| {
        let (code, out, err) = server.verb(&[&["audit", "export"][..], args].concat());
        assert_eq!(code, Some(0), "{args:?}: {out}{err}");
        out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = lines(&["--format", "jsonl"]);
    let of_booking = lines(&["--format", "jsonl", "--kind", "booking", "--id", booking]);
    assert_eq!(of_booking.len(), 2, "{of_booking:?}");
    assert!(all.len() > 2, "{all:?}");
    for line in &of_booking {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["entity"], booking, "{line}");
        assert!(all.contains(line), "{line}");
    }
    let cancelled = lines(&["--format", "jsonl", "--action", "booking.cancel"]);
    assert_eq!(cancelled, of_booking[..1], "newest first");
    let none = lines(&["--format", "jsonl", "--to", "1970-01-02T00:00:00Z"]);
    assert!(none.is_empty(), "{none:?}");
    let since = lines(&["--format", "jsonl", "--from", "1970-01-02T00:00:00Z"]);
    assert!(since.len() >= all.len(), "{since:?}");

    let file = folder.join("trail.csv");
    let to_file = lines(&["--output", file.to_str().unwrap(), "--kind", "booking"]);
    assert!(to_file[0].starts_with("4 entries"), "{to_file:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    let names = text.lines().next().unwrap();
    assert!(names.starts_with("audit_id,at,actor_id,"), "{names}");
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(!folder.join("trail.csv.part").exists());
    for (args, said) in [
        (&["--format", "xml"][..], "expected csv or jsonl"),
        (&["--from", "yesterday"], "expected a time"),
        (&["--output", "/nonexistent/trail.csv"], "cannot write"),
    ] {
        let (code, out, err) = server.verb(&[&["audit", "export"][..], args].concat());
        assert_eq!(code, Some(2), "{args:?}: {out}{err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}
