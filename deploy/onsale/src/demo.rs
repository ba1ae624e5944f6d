//! Demo events for `onsale dev`: a theatre, an arena and a club with their maps, offers and codes, put there through
//! the public API.

mod houses;

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};

pub(crate) use self::houses::{ACCESS_CODE, DISCOUNT_CODE};
use self::houses::{House, HouseCode};
use crate::commands::dev::Tokens;
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
/// How often a request is made again that the server's limits turned away, after the time that it says each.
const LIMITED_MAX: u32 = 5;
/// The longest of these times, in seconds.
const LIMITED_WAIT_MAX_S: u64 = 10;

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
    /// Whether it is neither closed nor cancelled.
    pub is_open: bool,
}

/// Creates what is missing of the demo events; returns the first show of each.
pub(crate) async fn ensure(
    http: reqwest::Client,
    base: &str,
    tokens: &Tokens,
) -> anyhow::Result<Vec<DemoShow>> {
    let api = Api {
        http,
        base: format!("{base}/api/v1"),
        organizer: tokens.organizer.clone(),
        admin: tokens.admin.clone(),
    };
    let events = api.get(&format!("/events?per_page={PER_PAGE}")).await?;
    let known: Vec<&Value> = events.as_array().into_iter().flatten().collect();
    let day = jiff::Timestamp::now()
        .checked_add(jiff::SignedDuration::from_hours(24 * DAYS_AHEAD))
        .context("the clock is out of range")?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let mut venues = None;
    let mut shows = Vec::new();
    for house in houses::all() {
        let name = text(&house.event["name"]);
        let starts_at = format!("{day}T{}", house.begins);
        let known = known.iter().find(|event| event["name"] == name.as_str());
        let present = match known {
            Some(event) => api.first_show(&text(&event["event_id"]), &name).await?,
            None => None,
        };
        // A first start that was interrupted may have left an event without its show, or a show without its codes.
        if let Some(show) = present {
            if show.is_open {
                api.make_codes(&house.codes, &show).await?;
            }
            shows.push(show);
            continue;
        }
        let place = api.place_of(&house, &mut venues).await?;
        let event_id = match known {
            Some(event) => text(&event["event_id"]),
            None => {
                output::announce(format_args!("Creating the demo event {name}"));
                api.make_event(&house, &place, &starts_at).await?
            }
        };
        let show = api.make_show(&house, &place, &event_id, &starts_at).await?;
        for of in &house.codes {
            api.make_code(of, &show).await?;
        }
        shows.push(show);
    }
    Ok(shows)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The id in this field, or what is wrong with the answer.
fn id(of: &Value, field: &str) -> anyhow::Result<String> {
    let id = of[field].as_str();
    let id = id.with_context(|| format!("an answer without {field}: {of}"))?;
    Ok(id.to_owned())
}

/// A show as an answer has it. `offer` is what it has for sale.
fn show_of(show: &Value, event: &str, offer: &Value) -> anyhow::Result<DemoShow> {
    let zones = show["zones"].as_array().into_iter().flatten();
    let zones = zones.map(|zone| (text(&zone["zone_id"]), text(&zone["name"])));
    Ok(DemoShow {
        event: event.to_owned(),
        show_id: id(show, "show_id")?,
        zones: zones.collect(),
        ticket_type: offer["ticket_types"][0]["name"].as_str().map(str::to_owned),
        is_open: show["status"] == "open",
    })
}

/// Where a house is.
struct Place {
    venue_id: String,
    map_id: String,
}

/// Few requests make everything, of two callers: the limits by user hold for `dev` too, and what they leave is for
/// who tries things out next.
struct Api {
    http: reqwest::Client,
    base: String,
    /// Whose events and shows they are.
    organizer: String,
    /// Who makes what belongs to the tenant, and reads.
    admin: String,
}

impl Api {
    /// The venue and the map of a house, which are made where there are none yet. `venues` are those that there
    /// were, once they were read.
    async fn place_of(&self, house: &House, venues: &mut Option<Value>) -> anyhow::Result<Place> {
        if venues.is_none() {
            *venues = Some(self.get(&format!("/venues?per_page={PER_PAGE}")).await?);
        }
        let name = &house.venue["name"];
        let known = venues.as_ref().and_then(Value::as_array);
        let mut known = known.into_iter().flatten();
        let (venue_id, present) = match known.find(|venue| venue["name"] == *name) {
            Some(venue) => {
                let venue_id = id(venue, "venue_id")?;
                let maps = self.get(&format!("/venues/{venue_id}/maps")).await?;
                (venue_id, maps.get(0).cloned())
            }
            None => {
                let made = self.post("/venues", &house.venue, &self.admin).await?;
                (id(&made, "venue_id")?, None)
            }
        };
        let map = match present {
            Some(map) => map,
            None => {
                let generate = format!("/venues/{venue_id}/maps/generate");
                self.post(&generate, &house.hall, &self.admin).await?
            }
        };
        let map_id = id(&map, "map_id")?;
        Ok(Place { venue_id, map_id })
    }

    async fn make_event(
        &self,
        house: &House,
        place: &Place,
        starts_at: &str,
    ) -> anyhow::Result<String> {
        let mut event = house.event.clone();
        event["starts_at"] = json!(starts_at);
        event["venue_id"] = json!(place.venue_id);
        let made = self.post("/events", &event, &self.organizer).await?;
        id(&made, "event_id")
    }

    async fn make_show(
        &self,
        house: &House,
        place: &Place,
        event_id: &str,
        starts_at: &str,
    ) -> anyhow::Result<DemoShow> {
        let show = json!({
            "starts_at": starts_at, "map_id": place.map_id, "prices": house.prices, "offer": house.offer,
        });
        let path = format!("/events/{event_id}/shows");
        let made = self.post(&path, &show, &self.organizer).await?;
        show_of(&made, &text(&house.event["name"]), &house.offer)
    }

    /// The first show of an event, if it has one.
    async fn first_show(&self, event_id: &str, event: &str) -> anyhow::Result<Option<DemoShow>> {
        let shows = self.get(&format!("/events/{event_id}/shows")).await?;
        let Some(show) = shows.get(0) else {
            return Ok(None);
        };
        let show_id = id(show, "show_id")?;
        let offer = self.get(&format!("/shows/{show_id}/offer")).await?;
        Ok(Some(show_of(show, event, &offer)?))
    }

    /// Creates the codes of a show that it does not have; those that have ended count as had.
    async fn make_codes(&self, codes: &[HouseCode], show: &DemoShow) -> anyhow::Result<()> {
        let path = format!("/shows/{}/codes?per_page={PER_PAGE}", show.show_id);
        let groups = self.get(&path).await?;
        let groups: Vec<&Value> = groups.as_array().into_iter().flatten().collect();
        for of in codes {
            if !groups.iter().any(|group| group["name"] == of.body["name"]) {
                self.make_code(of, show).await?;
            }
        }
        Ok(())
    }

    async fn make_code(&self, of: &HouseCode, show: &DemoShow) -> anyhow::Result<()> {
        let mut body = of.body.clone();
        if let Some(name) = of.zone {
            // A show of an earlier version may have other zones.
            let Some((zone_id, _)) = show.zones.iter().find(|(_, zone)| zone == name) else {
                return Ok(());
            };
            body["zones"] = json!([zone_id]);
        }
        // A start right after one that was interrupted may not see the code yet.
        let key = format!("demo-{}-{}", show.show_id, of.code);
        let path = format!("{}/shows/{}/codes", self.base, show.show_id);
        let request = self.http.post(path).header("Idempotency-Key", key);
        self.data(request.json(&body), &self.admin).await?;
        Ok(())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}{path}", self.base));
        self.data(request, &self.admin).await
    }

    async fn post(&self, path: &str, body: &Value, token: &str) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).json(body);
        self.data(request, token).await
    }

    async fn data(&self, request: reqwest::RequestBuilder, token: &str) -> anyhow::Result<Value> {
        let mut limited = 0;
        loop {
            let again = request
                .try_clone()
                .context("a request that cannot be made again")?;
            let response = client::answer(again, token, &self.base).await?;
            let status = response.status();
            if status == StatusCode::TOO_MANY_REQUESTS && limited < LIMITED_MAX {
                limited += 1;
                let said = response.headers().get(RETRY_AFTER);
                let seconds: Option<u64> = said.and_then(|said| said.to_str().ok()?.parse().ok());
                let seconds = seconds.unwrap_or(1).min(LIMITED_WAIT_MAX_S);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                continue;
            }
            let mut body: Value = response.json().await?;
            if !status.is_success() {
                bail!("{status}: {}", body["error"]);
            }
            return Ok(body["data"].take());
        }
    }
}
