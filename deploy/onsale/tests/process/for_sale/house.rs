//! A club with an event, and what a show of it has for sale.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PATIENCE;
use crate::support::Server;

const ORGANIZER: u128 = 0xaaaa;
const EVENT_NAME: &str = "Philharmonic Night";
/// As buyers type it; the organizer wrote it otherwise.
pub(super) const CODE: &str = "spring24";
pub(super) const CODE_USES: u64 = 9;
pub(super) const PHASE: &str = "Early bird";
pub(super) const PHASE_PLACES: u64 = 30;

/// What buyers know of the show.
pub(super) struct Sale {
    pub(super) show: String,
    pub(super) tables: String,
    pub(super) floor: String,
    /// Labels of the chairs at the tables.
    pub(super) chairs: Vec<String>,
}

pub(super) struct House {
    pub(super) server: Server,
    pub(super) organizer: String,
    pub(super) sale: Arc<Sale>,
    /// Number of the group of the code.
    group: u64,
    folder: tempfile::TempDir,
}

fn thb(amount: u64) -> Value {
    json!({ "amount": amount, "currency": "THB" })
}

pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

fn offer() -> Value {
    json!({
        "ticket_types": [
            { "name": "Standard", "prices": [] },
            { "name": "Child", "max": 4, "prices": [
                { "zone": "Table", "price": thb(60_005) }, { "zone": "Floor", "price": thb(40_003) },
            ] },
        ],
        "phases": [{
            "name": PHASE, "zones": ["Floor"], "ticket_types": ["Standard"], "places": PHASE_PLACES,
            "price": thb(80_000),
        }],
        "bundles": [{
            "name": "Family", "ticket_types": ["Child"], "places": 3, "percent_off": "10",
        }],
        "fees": {
            "per_place": thb(2_000), "per_place_percent": 3, "per_order": thb(1_500), "tax_percent": 7,
        },
        "tax_percent": 7,
    })
}

impl House {
    pub(super) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder.path().join("data")).await;
        let organizer = server.mint("organizer", ORGANIZER);
        let make = async |path: &str, body: Value| {
            let (status, body) = server.post(&organizer, path, &body).await;
            assert_eq!(status, 201, "{path}: {body}");
            body["data"].clone()
        };
        let venue = make(
            "/venues",
            json!({ "name": "Kitchen Hall", "time_zone": "Asia/Bangkok" }),
        )
        .await;
        let venue = text(&venue["venue_id"]);
        // Room for everybody on the floor; the chairs are soon gone.
        let map = make(
            &format!("/venues/{venue}/maps/generate"),
            json!({ "shape": "club", "standing": 20_000 }),
        )
        .await;
        let event = json!({
            "name": EVENT_NAME, "venue_id": venue, "starts_at": "2099-01-01T20:00:00Z",
            "max_tickets_per_user": 0,
        });
        let event = make("/events", event).await;
        let show = json!({
            "starts_at": "2099-01-01T20:00:00Z", "hold_seconds": 3_600, "map_id": map["map_id"],
            "prices": { "floor": thb(100_000), "side": thb(50_000), "table": thb(150_000) },
            "offer": offer(),
        });
        let path = format!("/events/{}/shows", text(&event["event_id"]));
        let show = make(&path, show).await;
        let named = |name: &str| {
            let mut zones = show["zones"].as_array().unwrap().iter();
            text(&zones.find(|zone| zone["name"] == name).unwrap()["zone_id"])
        };
        let id = text(&show["show_id"]);
        let codes = json!({
            "code": "Spring-24", "name": "Spring", "kind": "discount", "percent": 15,
            "uses_max": CODE_USES,
        });
        let codes = make(&format!("/shows/{id}/codes"), codes).await;
        let group = codes["group"]["group_id"].as_u64().unwrap();
        let (tables, floor) = (named("Table"), named("Floor"));
        let (status, chart) = server.get("", &format!("/shows/{id}/seats")).await;
        assert_eq!(status, 200, "{chart}");
        let mut zones = chart["data"]["zones"].as_array().unwrap().iter();
        let zone = zones.find(|zone| zone["name"] == "Table").unwrap();
        let rows = zone["rows"].as_array().unwrap().iter();
        let chairs = rows
            .flat_map(|row| row["seats"].as_array().unwrap())
            .map(|seat| text(&seat["label"]))
            .collect();
        let sale = Arc::new(Sale {
            show: id,
            tables,
            floor,
            chairs,
        });
        Self {
            server,
            organizer,
            sale,
            group,
            folder,
        }
    }

    /// Uses as the organizer reads them: of the group, and of its only code.
    pub(super) async fn uses(&self) -> (u64, u64) {
        let path = format!("/shows/{}/codes/{}", self.sale.show, self.group);
        let (status, body) = self.server.get(&self.organizer, &path).await;
        assert_eq!(status, 200, "{body}");
        let data = &body["data"];
        let [group, code] = [&data["group"], &data["codes"][0]].map(|of| of["uses"].as_u64());
        (group.unwrap(), code.unwrap())
    }

    /// (held, sold) of a zone.
    pub(super) async fn taken(&self, zone: &str) -> (u64, u64) {
        let path = format!("/shows/{}/zones", self.sale.show);
        let (status, body) = self.server.get("", &path).await;
        assert_eq!(status, 200, "{body}");
        let mut zones = body["data"].as_array().unwrap().iter();
        let zone = zones.find(|found| found["zone_id"] == zone).unwrap();
        let count = |key: &str| zone[key].as_u64().unwrap();
        let all = ["available_seats", "held_seats", "sold_seats"].map(count);
        assert_eq!(all.iter().sum::<u64>(), count("total_seats"), "{zone}");
        (all[1], all[2])
    }

    /// Waits until the event is found by what somebody typed.
    pub(super) async fn until_found(&self, typed: &str) {
        let began = Instant::now();
        loop {
            let path = format!("/events?search={}", typed.replace(' ', "%20"));
            let (status, body) = self.server.get("", &path).await;
            let mut found = body["data"].as_array().into_iter().flatten();
            if status == 200 && found.any(|event| event["name"] == EVENT_NAME) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{typed}: {status} {body}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The database, the log and the state of the machine agree.
    pub(super) fn finds_no_difference(&self) {
        let report = self.folder.path().join("report.json");
        for args in [
            &["reconcile", "--report", report.to_str().unwrap()][..],
            &["verify"],
            &["doctor"],
        ] {
            let (code, out, err) = self.server.verb(args);
            assert_eq!(code, Some(0), "{args:?}: {out}{err}");
        }
    }
}
