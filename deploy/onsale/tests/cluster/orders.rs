//! What the shows of the load have for sale, orders of it over several zones, and places that are returned.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use onsale_load::Random;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Client;
use crate::load::{Booking, LoadState, ROWS, SEATS_PER_ROW, Show};

/// As the organizer writes it; buyers type it otherwise.
pub(crate) const CODE: &str = "Load-24";
const CODE_TYPED: &str = "load24";
/// Orders with the code that may be live; a run has more than these.
pub(crate) const CODE_USES: u64 = 40;
const PHASE: &str = "First";
/// Places of the phase that may be live; a run has more than these.
pub(crate) const PHASE_PLACES: u64 = 60;

/// Standard tickets cost what they did without an offer, so plain bookings stay plain.
pub(crate) fn offer() -> Value {
    let thb = |amount: u64| json!({ "amount": amount, "currency": "THB" });
    json!({
        "ticket_types": [
            { "name": "Standard", "prices": [] },
            { "name": "Child", "prices": [{ "zone": "Field", "price": thb(60_005) }] },
        ],
        "phases": [{
            "name": PHASE, "zones": ["Field"], "ticket_types": ["Child"], "places": PHASE_PLACES,
            "price": thb(50_003),
        }],
        "bundles": [{
            "name": "Family", "ticket_types": ["Child"], "places": 3, "percent_off": "10",
        }],
    })
}

/// An order: of several types in one zone, or over two zones. Each has a child in it.
pub(crate) fn order(random: &mut Random, show: &Show, has_code: bool) -> Value {
    let zones = &show.zones;
    let items = match random.below(3) {
        0 => {
            let seat = format!(
                "R{}-{}",
                random.below(ROWS),
                1 + random.below(SEATS_PER_ROW)
            );
            json!([
                { "zone_id": zones[2], "quantity": 2, "ticket_types": { "Child": 1, "Standard": 1 } },
                { "zone_id": zones[0], "seats": [seat] },
            ])
        }
        1 => json!([{ "zone_id": zones[2], "quantity": 3, "ticket_type": "Child" }]),
        _ => json!([
            { "zone_id": zones[1], "quantity": 1 },
            { "zone_id": zones[2], "quantity": 1, "ticket_type": "Child" },
        ]),
    };
    let mut body = json!({ "show_id": show.id, "items": items });
    if has_code {
        body["code"] = json!(CODE_TYPED);
    }
    body
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

/// Minor units in an amount of money.
pub(crate) fn amount(value: &Value) -> u64 {
    number(&value["amount"])
}

/// The lines of an answer; none where it was not asked for as an order.
pub(crate) fn lines(data: &Value) -> Vec<Value> {
    data["lines"].as_array().cloned().unwrap_or_default()
}

/// What an answer says of places: those of each zone.
pub(crate) fn parts(data: &Value) -> BTreeMap<String, u64> {
    let mut parts = BTreeMap::new();
    let mut add = |zone: &Value, quantity: &Value| {
        let zone = zone.as_str().unwrap().to_owned();
        *parts.entry(zone).or_insert(0) += number(quantity);
    };
    let lines = lines(data);
    if lines.is_empty() {
        add(&data["zone_id"], &data["quantity"]);
    }
    for line in &lines {
        add(&line["zone_id"], &line["quantity"]);
    }
    parts
}

/// Labels in an answer.
pub(crate) fn seats(data: &Value) -> Vec<String> {
    let seats = data["seats"].as_array().unwrap().iter();
    seats
        .map(|seat| seat.as_str().unwrap().to_owned())
        .collect()
}

/// What is wrong with the sums of an order's answer.
pub(crate) fn wrong_sum(data: &Value) -> Option<String> {
    let lines = lines(data);
    let prices: u64 = lines
        .iter()
        .map(|line| amount(&line["unit_price"]) * number(&line["quantity"]))
        .sum();
    let places: u64 = lines.iter().map(|line| number(&line["quantity"])).sum();
    let total = amount(&data["total_price"]);
    let is_right = total == prices + amount(&data["fees"]) && places == number(&data["quantity"]);
    (!is_right).then(|| format!("{places} places at {prices} in all"))
}

impl Booking {
    /// Its places at the price of the phase.
    pub(crate) fn in_phase(&self) -> u64 {
        let lines = self.lines.iter().filter(|line| line["phase"] == PHASE);
        lines.map(|line| number(&line["quantity"])).sum()
    }

    /// What to ask for to have one place returned.
    fn one_place(&self) -> Value {
        if let Some(seat) = self.seats.first() {
            return json!({ "seats": [seat] });
        }
        let mut left = self.lines.iter().filter(|line| line["quantity"] != 0);
        match left.next() {
            Some(line) => json!({ "quantity": 1, "line": line["line"] }),
            None => json!({ "quantity": 1 }),
        }
    }
}

/// A return without an answer so far.
pub(crate) struct Pending {
    booking: String,
    key: String,
    body: Value,
}

impl Client {
    /// Has a place of a paid booking returned. This needs the database, which may be away while sales go on: without
    /// an answer it is asked again later, under its key.
    pub(crate) async fn give_back(&mut self, user: usize) {
        if self.pending.is_none() {
            let paid = self.users[user].bookings.iter();
            let paid: Vec<(&String, &Booking)> = paid
                .filter(|(_, known)| known.status == "confirmed")
                .collect();
            if paid.is_empty() {
                return;
            }
            let pick = usize::try_from(self.random.below(paid.len() as u64)).unwrap();
            let (id, known) = paid[pick];
            self.pending = Some(Pending {
                booking: id.clone(),
                key: Uuid::new_v4().to_string(),
                body: known.one_place(),
            });
        }
        self.go_on_giving_back().await;
    }

    /// Asks once for what has no answer; true when there is nothing without one any more.
    pub(crate) async fn go_on_giving_back(&mut self) -> bool {
        let Some(pending) = self.pending.take() else {
            return true;
        };
        let answered = ask(&self.state, &pending).await;
        let Some((status, body)) = answered else {
            self.pending = Some(pending);
            return false;
        };
        if status != 200 {
            self.unexpected(&format!("return {}", pending.body), status, &body);
            return true;
        }
        let data = &body["data"];
        let mut users = self.users.iter_mut().chain(&mut self.full);
        let known = users.find_map(|user| user.bookings.get_mut(&pending.booking));
        let known = known.unwrap();
        known.total = amount(&data["total_price"]);
        known.refunded += amount(&data["refund"]["total"]);
        known.quantity = number(&data["quantity"]);
        known.seats = seats(data);
        known.parts = parts(data);
        if !known.lines.is_empty() {
            known.lines = lines(data);
        }
        if known.quantity == 0 {
            known.status = "cancelled";
        }
        let show = known.show;
        let is_right = data["status"] == known.status
            && data["returned"]["quantity"] == 1
            && known.total + known.refunded == known.price;
        if !is_right || wrong_sum(data).is_some() {
            self.unexpected("a return does not add up", status, &body);
        }
        self.state.gaps.answered(show);
        true
    }
}

/// Status and body of the answer to a return, if it is one.
async fn ask(state: &LoadState, pending: &Pending) -> Option<(u16, Value)> {
    let at = state.preferred.fetch_add(1, Ordering::Relaxed) % 2;
    let url = format!(
        "{}/api/v1/bookings/{}/return",
        state.ingresses[at], pending.booking
    );
    let request = state.http.post(url).bearer_auth(&state.organizer);
    let request = request.header("Idempotency-Key", &pending.key);
    let sent = request.json(&pending.body).send().await;
    state.requests.fetch_add(1, Ordering::Relaxed);
    let response = sent.ok()?;
    let status = response.status().as_u16();
    let text = response.text().await.ok()?;
    if matches!(status, 202 | 503) {
        return None;
    }
    Some((
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    ))
}
