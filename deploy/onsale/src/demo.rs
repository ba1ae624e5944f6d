//! Demo events for `onsale dev`: a theatre, an arena and a club with their maps, put there through the public API.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::{client, output};

/// Organizer and tenant that own the demo events.
pub(crate) const ORGANIZER: uuid::Uuid =
    uuid::Uuid::from_u128(0xde30_0000_0000_4000_8000_0000_0000_0002);
/// The buyer that the printed token is for.
pub(crate) const BUYER: uuid::Uuid =
    uuid::Uuid::from_u128(0xde30_0000_0000_4000_8000_0000_0000_0003);
/// The admin that the printed token is for.
pub(crate) const ADMIN: uuid::Uuid =
    uuid::Uuid::from_u128(0xde30_0000_0000_4000_8000_0000_0000_0004);
/// The service (as a payment service would be) that the printed token is for.
pub(crate) const SERVICE: uuid::Uuid =
    uuid::Uuid::from_u128(0xde30_0000_0000_4000_8000_0000_0000_0005);
/// The operator that the printed token is for.
pub(crate) const OPERATOR: uuid::Uuid =
    uuid::Uuid::from_u128(0xde30_0000_0000_4000_8000_0000_0000_0006);
/// The tenant of all of them.
pub(crate) const TENANT: uuid::Uuid =
    uuid::Uuid::from_u128(0xde30_0000_0000_4000_8000_0000_0000_0001);

/// Demo shows begin this many days from now.
const DAYS_AHEAD: i64 = 60;

/// A demo show, for the lines that `onsale dev` prints.
#[derive(Clone, Debug)]
pub(crate) struct DemoShow {
    /// Its event's name.
    pub event: String,
    /// Its id.
    pub show_id: String,
    /// Its zones: id and name.
    pub zones: Vec<(String, String)>,
}

/// Creates the demo events if there are none yet; returns the first show of each.
pub(crate) async fn ensure(
    http: reqwest::Client,
    base: &str,
    organizer_token: &str,
) -> anyhow::Result<Vec<DemoShow>> {
    let api = Api {
        http,
        base: format!("{base}/api/v1"),
        token: organizer_token.to_owned(),
    };
    let events = api.get("/events?per_page=100").await?;
    let known: Vec<&Value> = events.as_array().into_iter().flatten().collect();
    let starts_at = jiff::Timestamp::now()
        .checked_add(jiff::SignedDuration::from_hours(24 * DAYS_AHEAD))
        .context("the clock is out of range")?;
    let mut shows = Vec::new();
    for house in [theatre(), arena(), club()] {
        let name = house.event["name"].as_str().unwrap_or_default().to_owned();
        let event_id = match known.iter().find(|event| event["name"] == name.as_str()) {
            Some(event) => text(&event["event_id"]),
            None => {
                output::announce(format_args!("Creating the demo event {name}"));
                api.make_event(&house, &starts_at.to_string()).await?
            }
        };
        // A first start that was interrupted may have left an event without its show.
        let shows_path = format!("/events/{event_id}/shows");
        if api
            .get(&shows_path)
            .await?
            .as_array()
            .is_none_or(Vec::is_empty)
        {
            let map_id = api.map_of(&house).await?;
            let show = json!({
                "starts_at": starts_at.to_string(), "map_id": map_id, "prices": house.prices,
            });
            api.post(&shows_path, &show).await?;
        }
        shows.push(api.first_show(&event_id, name).await?);
    }
    Ok(shows)
}

/// A venue with a hall of a common shape, and what is on there.
struct House {
    venue: Value,
    hall: Value,
    event: Value,
    /// By category.
    prices: Value,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn price(baht: u32) -> Value {
    json!({ "amount": u64::from(baht) * 100, "currency": "THB" })
}

/// 1,500 seats: stalls and a balcony.
fn theatre() -> House {
    House {
        venue: json!({
            "name": "Lyric Theatre", "city": "Bangkok", "country": "TH", "time_zone": "Asia/Bangkok",
            "position": { "latitude": 13.7308, "longitude": 100.5137 },
        }),
        hall: json!({ "shape": "theatre", "name": "Great House" }),
        event: json!({
            "name": "The Glass Orchard", "description": "A play in two acts.",
            "venue": "Lyric Theatre", "city": "Bangkok", "category": "theater",
        }),
        prices: json!({ "premium": price(3_200), "stalls": price(2_400), "balcony": price(1_500) }),
    }
}

/// 18,000 seats all around a stage.
fn arena() -> House {
    House {
        venue: json!({
            "name": "Harbour Arena", "city": "Bangkok", "country": "TH", "time_zone": "Asia/Bangkok",
            "position": { "latitude": 13.9117, "longitude": 100.5483 },
        }),
        hall: json!({ "shape": "arena", "name": "Arena" }),
        event: json!({
            "name": "Northern Lights Tour", "description": "One night only.",
            "venue": "Harbour Arena", "city": "Bangkok", "category": "concert",
            "max_tickets_per_user": 6,
        }),
        prices: json!({
            "lower-front": price(5_200), "lower": price(4_500),
            "upper-front": price(3_600), "upper": price(2_400),
        }),
    }
}

/// Standing room for 600, and tables.
fn club() -> House {
    House {
        venue: json!({
            "name": "Cellar Nine", "city": "Chiang Mai", "country": "TH", "time_zone": "Asia/Bangkok",
            "position": { "latitude": 18.7883, "longitude": 98.9853 },
        }),
        hall: json!({ "shape": "club", "name": "Cellar" }),
        event: json!({
            "name": "Brass After Dark", "description": "Doors at eight.",
            "venue": "Cellar Nine", "city": "Chiang Mai", "category": "concert",
        }),
        prices: json!({ "floor": price(900), "side": price(900), "table": price(1_400) }),
    }
}

struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    /// The map of a house, which is made where there is none yet.
    async fn map_of(&self, house: &House) -> anyhow::Result<String> {
        let name = &house.venue["name"];
        let venues = self.get("/venues?per_page=100").await?;
        let mut venues = venues.as_array().into_iter().flatten();
        let venue_id = match venues.find(|venue| venue["name"] == *name) {
            Some(venue) => text(&venue["venue_id"]),
            None => text(&self.post("/venues", &house.venue).await?["venue_id"]),
        };
        let maps_path = format!("/venues/{venue_id}/maps");
        let maps = self.get(&maps_path).await?;
        let map = match maps.get(0) {
            Some(map) => map.clone(),
            None => {
                let generate = format!("{maps_path}/generate");
                self.post(&generate, &house.hall).await?
            }
        };
        let map_id = map["map_id"].as_str().context("a map without an id")?;
        Ok(map_id.to_owned())
    }

    async fn make_event(&self, house: &House, starts_at: &str) -> anyhow::Result<String> {
        let mut event = house.event.clone();
        event["starts_at"] = json!(starts_at);
        let made = self.post("/events", &event).await?;
        Ok(made["event_id"]
            .as_str()
            .context("an event without an id")?
            .to_owned())
    }

    async fn first_show(&self, event_id: &str, event: String) -> anyhow::Result<DemoShow> {
        let shows = self.get(&format!("/events/{event_id}/shows")).await?;
        let show = shows
            .get(0)
            .with_context(|| format!("{event} has no show"))?;
        let show_id = show["show_id"]
            .as_str()
            .context("a show without an id")?
            .to_owned();
        let zones = self.get(&format!("/shows/{show_id}/zones")).await?;
        let zones = zones
            .as_array()
            .into_iter()
            .flatten()
            .map(|zone| (text(&zone["zone_id"]), text(&zone["name"])))
            .collect();
        Ok(DemoShow {
            event,
            show_id,
            zones,
        })
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.data(self.http.get(format!("{}{path}", self.base)))
            .await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.data(self.http.post(format!("{}{path}", self.base)).json(body))
            .await
    }

    async fn data(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let response = client::answer(request, &self.token, &self.base).await?;
        let status = response.status();
        let mut body: Value = response.json().await?;
        if !status.is_success() {
            bail!("{status}: {}", body["error"]);
        }
        Ok(body["data"].take())
    }
}
