//! Demo events for `onsale dev`: a theatre, an arena and a club with their maps, offers and codes, put there through
//! the public API.

mod houses;

use anyhow::{Context, bail};
use serde_json::{Value, json};

pub(crate) use self::houses::{ACCESS_CODE, DISCOUNT_CODE};
use self::houses::{House, HouseCode};
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
/// Of lists of events, venues and codes: the most that a page has.
const PER_PAGE: u32 = 100;

/// A demo show, for the lines that `onsale dev` prints.
#[derive(Clone, Debug)]
pub(crate) struct DemoShow {
    /// Its event's name.
    pub event: String,
    /// Its id.
    pub show_id: String,
    /// Its zones: id and name.
    pub zones: Vec<(String, String)>,
    /// The first of its ticket types, where it has some.
    pub ticket_type: Option<String>,
}

/// Creates what is missing of the demo events; returns the first show of each.
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
    let events = api.get(&format!("/events?per_page={PER_PAGE}")).await?;
    let known: Vec<&Value> = events.as_array().into_iter().flatten().collect();
    let day = jiff::Timestamp::now()
        .checked_add(jiff::SignedDuration::from_hours(24 * DAYS_AHEAD))
        .context("the clock is out of range")?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let mut shows = Vec::new();
    for house in houses::all() {
        let name = text(&house.event["name"]);
        let starts_at = format!("{day}T{}", house.begins);
        let event_id = match known.iter().find(|event| event["name"] == name.as_str()) {
            Some(event) => text(&event["event_id"]),
            None => {
                output::announce(format_args!("Creating the demo event {name}"));
                api.make_event(&house, &starts_at).await?
            }
        };
        // A first start that was interrupted may have left an event without its show, or a show without its codes.
        let shows_path = format!("/events/{event_id}/shows");
        let has_show = |shows: &Value| shows.as_array().is_some_and(|shows| !shows.is_empty());
        if !has_show(&api.get(&shows_path).await?) {
            api.make_show(&house, &shows_path, &starts_at).await?;
        }
        let show = api.first_show(&event_id, name).await?;
        api.make_codes(&house.codes, &show).await?;
        shows.push(show);
    }
    Ok(shows)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    /// The venue of a house, which is made where there is none yet.
    async fn venue_of(&self, house: &House) -> anyhow::Result<String> {
        let name = &house.venue["name"];
        let venues = self.get(&format!("/venues?per_page={PER_PAGE}")).await?;
        let mut venues = venues.as_array().into_iter().flatten();
        let venue = match venues.find(|venue| venue["name"] == *name) {
            Some(venue) => venue.clone(),
            None => self.post("/venues", &house.venue).await?,
        };
        let venue_id = venue["venue_id"]
            .as_str()
            .context("a venue without an id")?;
        Ok(venue_id.to_owned())
    }

    /// The map of a house, which is made where there is none yet.
    async fn map_of(&self, house: &House) -> anyhow::Result<String> {
        let venue_id = self.venue_of(house).await?;
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
        event["venue_id"] = json!(self.venue_of(house).await?);
        let made = self.post("/events", &event).await?;
        Ok(made["event_id"]
            .as_str()
            .context("an event without an id")?
            .to_owned())
    }

    async fn make_show(&self, house: &House, path: &str, starts_at: &str) -> anyhow::Result<()> {
        let show = json!({
            "starts_at": starts_at, "map_id": self.map_of(house).await?, "prices": house.prices,
            "offer": house.offer,
        });
        self.post(path, &show).await?;
        Ok(())
    }

    /// Creates the codes of a show that it does not have; those that have ended count as had.
    async fn make_codes(&self, codes: &[HouseCode], show: &DemoShow) -> anyhow::Result<()> {
        let path = format!("/shows/{}/codes", show.show_id);
        let groups = self.get(&format!("{path}?per_page={PER_PAGE}")).await?;
        let groups: Vec<&Value> = groups.as_array().into_iter().flatten().collect();
        for of in codes {
            if groups.iter().any(|group| group["name"] == of.body["name"]) {
                continue;
            }
            let mut body = of.body.clone();
            if let Some(name) = of.zone {
                // A show of an earlier version may have other zones.
                let Some((zone_id, _)) = show.zones.iter().find(|(_, zone)| zone == name) else {
                    continue;
                };
                body["zones"] = json!([zone_id]);
            }
            // A start right after one that was interrupted may not see the code yet.
            let key = format!("demo-{}-{}", show.show_id, of.code);
            let request = self.http.post(format!("{}{path}", self.base));
            let request = request.header("Idempotency-Key", key).json(&body);
            self.data(request).await?;
        }
        Ok(())
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
        let offer = self.get(&format!("/shows/{show_id}/offer")).await?;
        let ticket_type = offer["ticket_types"][0]["name"].as_str().map(str::to_owned);
        Ok(DemoShow {
            event,
            show_id,
            zones,
            ticket_type,
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
