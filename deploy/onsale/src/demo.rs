//! Demo events for `onsale dev`: a theatre and an arena, put there through the public API.

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
    for plan in [theatre(), arena()] {
        let name = plan.event["name"].as_str().unwrap_or_default().to_owned();
        let event_id = match known.iter().find(|event| event["name"] == name.as_str()) {
            Some(event) => event["event_id"].as_str().unwrap_or_default().to_owned(),
            None => {
                output::announce(format_args!("Creating the demo event {name}"));
                api.make_event(&plan, &starts_at.to_string()).await?
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
            let show = json!({ "starts_at": starts_at.to_string(), "zones": plan.zones });
            api.post(&shows_path, &show).await?;
        }
        shows.push(api.first_show(&event_id, name).await?);
    }
    Ok(shows)
}

struct Plan {
    event: Value,
    zones: Value,
}

fn price(baht: u32) -> Value {
    json!({ "amount": u64::from(baht) * 100, "currency": "THB" })
}

fn rows(names: impl IntoIterator<Item = String>, seats: u32) -> Vec<Value> {
    names
        .into_iter()
        .map(|name| json!({ "name": name, "seats": seats }))
        .collect()
}

/// Rows `A`, `B`, …, named with a prefix if a venue has several floors.
fn letters(prefix: &str, count: u8) -> impl Iterator<Item = String> {
    (0..count).map(move |row| format!("{prefix}{}", char::from(b'A' + row)))
}

/// 2,000 seats on three floors: 24 x 40 + 16 x 40 + 10 x 40.
fn theatre() -> Plan {
    Plan {
        event: json!({
            "name": "The Glass Orchard", "description": "A play in two acts.",
            "venue": "Lyric Theatre", "city": "Bangkok", "category": "theater",
        }),
        zones: json!([
            { "name": "Stalls", "price": price(3_200), "admission": "seated", "rows": rows(letters("", 24), 40) },
            { "name": "Dress Circle", "price": price(2_400), "admission": "seated", "rows": rows(letters("D", 16), 40) },
            { "name": "Upper Circle", "price": price(1_500), "admission": "seated", "rows": rows(letters("U", 10), 40) },
        ]),
    }
}

/// Eight seated blocks around a standing floor of 6,000.
fn arena() -> Plan {
    let mut zones = vec![
        json!({ "name": "Floor (standing)", "price": price(2_800), "admission": "general", "capacity": 6_000 }),
    ];
    for block in 101..=108 {
        zones.push(json!({
            "name": format!("Block {block}"),
            "price": price(if block <= 104 { 4_500 } else { 3_600 }),
            "admission": "seated",
            "rows": rows((1..=20).map(|row| format!("{block} R{row}")), 24),
        }));
    }
    Plan {
        event: json!({
            "name": "Northern Lights Tour", "description": "One night only.",
            "venue": "Harbour Arena", "city": "Bangkok", "category": "concert",
            "max_tickets_per_user": 6,
        }),
        zones: Value::Array(zones),
    }
}

struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    async fn make_event(&self, plan: &Plan, starts_at: &str) -> anyhow::Result<String> {
        let mut event = plan.event.clone();
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
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
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
