//! What the audit trail says of changes, with the real log and projection.

use serde_json::{Value, json};

use crate::support::{Server, answer};

/// A house with one show.
struct House {
    server: Server,
    organizer: String,
    event: String,
    show: String,
}

impl House {
    async fn open(data: &std::path::Path) -> Self {
        let server = Server::start(data).await;
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

    /// What was changed by each entry of this kind of thing, newest first.
    fn changes(&self, kind: &str) -> Vec<(String, Value)> {
        let (code, out, err) = self
            .server
            .verb(&["audit", "list", "--kind", kind, "--json"]);
        assert_eq!(code, Some(0), "{err}");
        let entries: Vec<Value> = serde_json::from_str(&out).unwrap();
        let entries = entries.into_iter();
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
    let house = House::open(folder.path()).await;
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
        assert_eq!(found.len(), 1, "{action}: {entries:?}");
        found[0].clone()
    };
    assert_eq!(
        of("event.change"),
        json!({
            "venue": { "before": null, "after": "Hall" },
            "description": "changed, not shown",
        })
    );
    assert_eq!(
        of("event.propose"),
        json!({
            "name": { "before": "Test", "after": "Best" },
            "max_tickets_per_user": { "before": 4, "after": 2 },
        })
    );
    assert_eq!(entries.len(), 3, "{entries:?}");

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
