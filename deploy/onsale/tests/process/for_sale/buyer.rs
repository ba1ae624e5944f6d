//! One buyer: orders, pays, cancels, lets places be returned, and remembers every answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onsale_load::Random;
use serde_json::{Value, json};

use super::PATIENCE;
use super::house::{CODE, House, PHASE, Sale, text};

/// What the answer to an order says for good, whatever became of the order since.
const FOR_GOOD: [&str; 9] = [
    "booking_id",
    "seats",
    "quantity",
    "lines",
    "discount",
    "fees",
    "tax",
    "total_price",
    "position",
];

/// An order as far as it was acknowledged.
pub(super) struct Order {
    key: String,
    body: Value,
    /// The first answer.
    granted: Value,
    /// The lines as they were answered last.
    pub(super) lines: Vec<Value>,
    /// What is left to pay, as it was answered last.
    pub(super) total: u64,
    refunded: u64,
    pub(super) status: &'static str,
    pub(super) has_code: bool,
}

impl Order {
    pub(super) fn is_live(&self) -> bool {
        self.status != "cancelled"
    }

    /// Places at the price of the phase.
    pub(super) fn in_phase(&self) -> u64 {
        let lines = self.lines.iter().filter(|line| line["phase"] == PHASE);
        lines.map(|line| number(&line["quantity"])).sum()
    }

    /// Labels of its seats.
    pub(super) fn seats(&self) -> Vec<String> {
        let seats = self.lines.iter();
        let seats = seats.flat_map(|line| line["seats"].as_array().unwrap());
        seats.map(text).collect()
    }

    /// Its places in a zone.
    pub(super) fn places_in(&self, zone: &str) -> u64 {
        let lines = self.lines.iter().filter(|line| line["zone_id"] == zone);
        lines.map(|line| number(&line["quantity"])).sum()
    }
}

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

/// What lines come to: `total_price` has to be the prices and the fees.
fn sound(data: &Value) {
    let lines = data["lines"].as_array().unwrap();
    let prices: u64 = lines
        .iter()
        .map(|line| number(&line["unit_price"]["amount"]) * number(&line["quantity"]))
        .sum();
    let fees = number(&data["fees"]["amount"]);
    assert_eq!(
        number(&data["total_price"]["amount"]),
        prices + fees,
        "{data}"
    );
    let places: u64 = lines.iter().map(|line| number(&line["quantity"])).sum();
    assert_eq!(number(&data["quantity"]), places, "{data}");
}

pub(super) struct Buyer {
    http: reqwest::Client,
    base: String,
    pub(super) token: String,
    organizer: String,
    sale: Arc<Sale>,
    random: Random,
    name: u32,
    keys: u64,
    /// By id of the booking.
    pub(super) orders: BTreeMap<String, Order>,
    /// Calls that took places back.
    pub(super) returned: u64,
    repeated: Arc<AtomicU64>,
}

impl Buyer {
    pub(super) fn new(house: &House, name: u32, seed: u64, repeated: Arc<AtomicU64>) -> Self {
        Self {
            http: house.server.http.clone(),
            base: house.server.url(""),
            token: house.server.mint("buyer", 0x1_0000 + u128::from(name)),
            organizer: house.organizer.clone(),
            sale: Arc::clone(&house.sale),
            random: Random::new(seed.wrapping_add(u64::from(name))),
            name,
            keys: 0,
            orders: BTreeMap::new(),
            returned: 0,
            repeated,
        }
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        format!("buyer-{}-{}", self.name, self.keys)
    }

    /// Posts until there is an answer: the server may die in between, so the same key is sent again.
    async fn post(&self, token: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let began = Instant::now();
        loop {
            let sent = self
                .http
                .post(format!("{}{path}", self.base))
                .bearer_auth(token)
                .header("Idempotency-Key", key)
                .json(body)
                .send()
                .await;
            if let Ok(response) = sent {
                let status = response.status().as_u16();
                // 202 and 503 are no final answers, and one that breaks off is none: ask again with the same key.
                if let Ok(text) = response.text().await
                    && !matches!(status, 202 | 503)
                {
                    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
                    return (status, body);
                }
            }
            assert!(began.elapsed() < PATIENCE, "{path} has no answer");
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) async fn step(&mut self) {
        match self.random.below(12) {
            0..=4 => {
                let items = self.items();
                let has_code = self.random.below(2) == 0;
                let _ = self.order(items, has_code).await;
            }
            5..=6 => self.confirm().await,
            7..=8 => self.cancel().await,
            9..=10 => self.give_back().await,
            _ => {
                if let Some(id) = self.one_that(|_| true) {
                    self.repeat(&self.orders[&id]).await;
                }
            }
        }
    }

    /// Over both zones, or of several types in one.
    fn items(&mut self) -> Value {
        let sale = Arc::clone(&self.sale);
        let chairs = u64::try_from(sale.chairs.len()).unwrap();
        let pick = usize::try_from(self.random.below(chairs)).unwrap();
        match self.random.below(4) {
            0 => json!([
                { "zone_id": sale.tables, "quantity": 2, "together": false,
                  "ticket_types": { "Standard": 1, "Child": 1 } },
                { "zone_id": sale.floor, "quantity": 2 },
            ]),
            1 => json!([
                { "zone_id": sale.floor, "quantity": 1, "ticket_type": "Child" },
                { "zone_id": sale.tables, "seats": [sale.chairs[pick]] },
            ]),
            2 => json!([
                { "zone_id": sale.tables, "seats": [sale.chairs[pick]], "ticket_type": "Child" },
                { "zone_id": sale.floor, "quantity": 3, "ticket_types": { "Standard": 1, "Child": 2 } },
            ]),
            _ => json!([
                { "zone_id": sale.floor, "quantity": 4, "ticket_types": { "Standard": 1, "Child": 3 } },
            ]),
        }
    }

    /// Orders, where it is granted: the id of the booking. Otherwise the code of the refusal.
    pub(super) async fn order(&mut self, items: Value, has_code: bool) -> Result<String, String> {
        let mut body = json!({ "show_id": self.sale.show, "items": items });
        if has_code {
            body["code"] = json!(CODE);
        }
        let key = self.key();
        let (status, answer) = self
            .post(&self.token, "/bookings/reserve", &key, &body)
            .await;
        if status != 201 {
            let error = &answer["error"];
            let code = error["code"].as_str().unwrap_or("?");
            let is_expected = match code {
                "SEAT_UNAVAILABLE" | "INSUFFICIENT_STOCK" => true,
                "CODE_REFUSED" => has_code && error["details"]["reason"] == "used_up",
                _ => false,
            };
            assert!(is_expected, "{status} {answer}");
            return Err(code.to_owned());
        }
        let granted = answer["data"].clone();
        sound(&granted);
        let id = text(&granted["booking_id"]);
        let order = Order {
            key,
            body,
            lines: granted["lines"].as_array().unwrap().clone(),
            total: number(&granted["total_price"]["amount"]),
            granted,
            refunded: 0,
            status: "reserved",
            has_code,
        };
        let twice = self.orders.insert(id.clone(), order);
        assert!(twice.is_none(), "{id} was acknowledged for two orders");
        Ok(id)
    }

    /// What the order was answered with.
    pub(super) fn granted(&self, id: &str) -> &Value {
        &self.orders[id].granted
    }

    /// One of the orders of which this is true.
    fn one_that(&mut self, is_fit: impl Fn(&Order) -> bool) -> Option<String> {
        let fit = self.orders.iter().filter(|&(_, order)| is_fit(order));
        let fit: Vec<&String> = fit.map(|(id, _)| id).collect();
        let count = u64::try_from(fit.len()).unwrap();
        let pick = usize::try_from(self.random.below(count)).unwrap();
        fit.get(pick).map(|id| (*id).clone())
    }

    async fn confirm(&mut self) {
        let Some(id) = self.one_that(|order| order.status == "reserved") else {
            return;
        };
        let body = json!({
            "payment_reference": format!("pay-{id}"),
            "amount": self.orders[&id].granted["total_price"],
        });
        let key = self.key();
        let path = format!("/bookings/{id}/confirm");
        let (status, answer) = self.post(&self.token, &path, &key, &body).await;
        assert_eq!(status, 200, "{id}: {answer}");
        self.orders.get_mut(&id).unwrap().status = "confirmed";
    }

    async fn cancel(&mut self) {
        let Some(id) = self.one_that(|order| order.status == "reserved") else {
            return;
        };
        let key = self.key();
        let path = format!("/bookings/{id}/cancel");
        let (status, answer) = self.post(&self.token, &path, &key, &json!({})).await;
        assert_eq!(status, 200, "{id}: {answer}");
        self.orders.get_mut(&id).unwrap().status = "cancelled";
    }

    /// The organizer takes a place of a paid order back.
    async fn give_back(&mut self) {
        let Some(id) = self.one_that(|order| order.status == "confirmed") else {
            return;
        };
        let lines = self.orders[&id].lines.iter();
        let left: Vec<Value> = lines
            .filter(|line| line["quantity"] != 0)
            .cloned()
            .collect();
        let count = u64::try_from(left.len()).unwrap();
        let line = &left[usize::try_from(self.random.below(count)).unwrap()];
        let body = match line["seats"].get(0) {
            Some(seat) => json!({ "seats": [seat] }),
            None => json!({ "quantity": 1, "line": line["line"] }),
        };
        let key = self.key();
        let path = format!("/bookings/{id}/return");
        let (status, answer) = self.post(&self.organizer, &path, &key, &body).await;
        assert_eq!(status, 200, "{id} {body}: {answer}");
        let data = &answer["data"];
        sound(data);
        assert_eq!(data["returned"]["quantity"], 1, "{answer}");
        let order = self.orders.get_mut(&id).unwrap();
        order.total = number(&data["total_price"]["amount"]);
        order.refunded += number(&data["refund"]["total"]["amount"]);
        order.lines.clone_from(data["lines"].as_array().unwrap());
        let price = number(&order.granted["total_price"]["amount"]);
        assert_eq!(price, order.total + order.refunded, "{answer}");
        if left.len() == 1 && line["quantity"] == 1 {
            order.status = "cancelled";
        }
        assert_eq!(data["status"], order.status, "{answer}");
        self.returned += 1;
    }

    /// Sends an order again under its key: it is answered as it was at first.
    async fn repeat(&self, order: &Order) {
        let (status, answer) = self
            .post(&self.token, "/bookings/reserve", &order.key, &order.body)
            .await;
        assert_eq!(status, 201, "{}: {answer}", order.key);
        for name in FOR_GOOD {
            assert_eq!(
                answer["data"][name], order.granted[name],
                "{} {name}",
                order.key
            );
        }
    }

    /// Sends every order again.
    pub(super) async fn repeat_all(&self) {
        for order in self.orders.values() {
            self.repeat(order).await;
        }
    }
}
