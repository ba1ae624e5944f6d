//! Presales, zones that need a code, and amounts: what a quote says to a basket with a code, and what the machine then
//! decides of the order.

use std::sync::atomic::Ordering;

use onsale_schemas::UserId;
use serde_json::{Value, json};

use crate::support::{Claims, EVENT, NOW_MS, Reply, World};

/// From the beginning of the world to that of the sale.
const PRESALE_MS: u64 = 3_600_000;
const FLOOR: usize = 0;
const BOX: usize = 1;
const BENCH: usize = 2;

/// A show before its sale, with its codes.
struct Presale {
    world: World,
    show: String,
    /// By their indexes.
    zones: Vec<Value>,
    buyers: u8,
}

fn thb(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "THB" })
}

impl Presale {
    async fn begin() -> Self {
        let world = World::deciding().await;
        let zone = |name: &str, price| json!({ "name": name, "price": thb(price), "admission": "general", "capacity": 50 });
        let body = json!({
            "starts_at": "2030-01-01T20:00:00Z",
            // PRESALE_MS after the beginning.
            "sale_opens_at": "2023-11-14T23:13:20Z",
            "zones": [zone("Floor", 10_000), zone("Box", 30_000), zone("Bench", 1_000)],
            "offer": { "zones": [{ "zone": "Box", "code_only": true }] },
        });
        let created = world.post(&format!("/api/v1/events/{EVENT}/shows"));
        let created = created.by_role("organizer").json(&body).send().await;
        let created = created.data(201);
        world.catch_up().await;
        let zones = created["zones"].as_array().unwrap().iter();
        let presale = Self {
            world,
            show: created["show_id"].as_str().unwrap().to_owned(),
            zones: zones.map(|zone| zone["zone_id"].clone()).collect(),
            buyers: 0,
        };
        let zones = |indexes: &[usize]| -> Vec<Value> {
            let indexes = indexes.iter();
            indexes.map(|index| presale.zones[*index].clone()).collect()
        };
        for terms in [
            json!({ "code": "EARLY", "kind": "access", "presale": true }),
            json!({ "code": "DOOR", "kind": "access", "opens": true, "zones": zones(&[BOX]) }),
            json!({
                "code": "BOXKEY", "kind": "access", "presale": true, "opens": true,
                "zones": zones(&[BOX]),
            }),
            json!({ "code": "ALLKEYS", "kind": "access", "presale": true, "opens": true }),
            json!({ "code": "OFF15", "kind": "discount", "amount": thb(1_500) }),
            json!({
                "code": "EARLY15", "kind": "discount", "amount": thb(1_500), "presale": true,
                "zones": zones(&[FLOOR]),
            }),
        ] {
            let create = presale.world.post(&presale.path("codes"));
            let create = create.by_role("organizer").json(&terms).send().await;
            create.data(201);
            presale.world.catch_up().await;
        }
        presale
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/shows/{}/{rest}", self.show)
    }

    fn open_the_sale(&self) {
        let now_ms = NOW_MS + PRESALE_MS;
        self.world.clock.0.store(now_ms, Ordering::SeqCst);
        self.world
            .log
            .machine(|machine| machine.advance(PRESALE_MS));
    }

    /// What one place of each of these zones costs with a code, or why it is not sold: as it is quoted, and as it is
    /// reserved by a buyer who has nothing yet.
    async fn asked(&mut self, zones: &[usize], code: Option<&str>) -> [Reply; 2] {
        let items = zones.iter();
        let items: Vec<Value> = items
            .map(|index| json!({ "zone_id": self.zones[*index], "quantity": 1 }))
            .collect();
        let mut body = json!({ "items": items });
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        let quote = self.world.post(&self.path("quote"));
        let quoted = quote.json(&body).send().await;
        self.buyers += 1;
        body["show_id"] = json!(self.show);
        let reserve = self.world.post("/api/v1/bookings/reserve");
        let buyer = Claims {
            exp: Some(self.world.clock.0.load(Ordering::SeqCst) / 1_000 + 900),
            ..Claims::new(UserId::from_bytes([self.buyers; 16]), "buyer")
        };
        let reserve = reserve.token(&buyer.token());
        let reserved = reserve.json(&body).send().await;
        self.world.catch_up().await;
        [quoted, reserved]
    }

    /// Fails where one of the two says something else.
    async fn check(&mut self, cases: &[(&[usize], Option<&str>, Expected)]) {
        for (zones, code, expected) in cases {
            let replies = self.asked(zones, *code).await;
            for (reply, status) in replies.iter().zip([200, 201]) {
                let what = format!("{zones:?} with {code:?}: {}", reply.json());
                match expected {
                    Expected::Costs(total) => {
                        assert_eq!(reply.status.as_u16(), status, "{what}");
                        let data = reply.data(status);
                        assert_eq!(data["total_price"], thb(*total), "{what}");
                    }
                    Expected::Refused(code) => {
                        assert_eq!(reply.status.as_u16(), 409, "{what}");
                        assert_eq!(reply.json()["error"]["code"], *code, "{what}");
                    }
                    Expected::NotFor => {
                        assert_eq!(reply.status.as_u16(), 409, "{what}");
                        let refused = reply.error(409, "CODE_REFUSED");
                        assert_eq!(refused["reason"], "not_applicable", "{what}");
                    }
                }
            }
        }
    }
}

enum Expected {
    /// In minor units.
    Costs(i64),
    Refused(&'static str),
    /// The code is for other places.
    NotFor,
}

use Expected::{Costs, NotFor, Refused};

const NOT_OPEN: Expected = Refused("SALE_NOT_OPEN");
const NEEDS_CODE: Expected = Refused("ACCESS_CODE_REQUIRED");

#[tokio::test]
async fn before_the_sale_whoever_has_a_code_of_the_presale_is_let_in() {
    let mut presale = Presale::begin().await;
    presale
        .check(&[
            (&[FLOOR], None, NOT_OPEN),
            (&[FLOOR], Some("early"), Costs(10_000)),
            (&[FLOOR], Some("OFF15"), NOT_OPEN),
            (&[FLOOR], Some("early-15"), Costs(8_500)),
            (&[BENCH], Some("EARLY15"), NotFor),
            // A presale opens no zone.
            (&[BOX], Some("EARLY"), NEEDS_CODE),
            (&[BOX], Some("EARLY15"), NotFor),
            (&[BOX], Some("BOXKEY"), Costs(30_000)),
            // All of an order has to be in it.
            (&[FLOOR, BOX], Some("BOXKEY"), NOT_OPEN),
            (&[FLOOR, BOX], Some("ALLKEYS"), Costs(40_000)),
        ])
        .await;
}

#[tokio::test]
async fn a_zone_that_needs_a_code_is_opened_by_one_of_its_own_alone() {
    let mut presale = Presale::begin().await;
    presale
        .check(&[(&[BOX], None, NEEDS_CODE), (&[BOX], Some("DOOR"), NOT_OPEN)])
        .await;
    presale.open_the_sale();
    presale
        .check(&[
            (&[BOX], None, NEEDS_CODE),
            (&[BOX], Some("EARLY"), NEEDS_CODE),
            (&[BOX], Some("OFF15"), NEEDS_CODE),
            (&[BOX], Some("door"), Costs(30_000)),
            (&[BOX], Some("BOXKEY"), Costs(30_000)),
            (&[FLOOR, BOX], None, NEEDS_CODE),
            (&[FLOOR, BOX], Some("DOOR"), Costs(40_000)),
            (&[FLOOR], Some("DOOR"), NotFor),
            (&[FLOOR], None, Costs(10_000)),
        ])
        .await;
}

#[tokio::test]
async fn an_amount_is_taken_off_each_place_and_no_more_than_it_costs() {
    let mut presale = Presale::begin().await;
    presale.open_the_sale();
    presale
        .check(&[
            (&[FLOOR], Some("OFF15"), Costs(8_500)),
            (&[FLOOR, FLOOR], Some("OFF15"), Costs(17_000)),
            (&[BENCH], Some("OFF15"), Costs(0)),
            (&[FLOOR, BENCH], Some("OFF15"), Costs(8_500)),
            // What it is not for has its own price.
            (&[FLOOR, BENCH], Some("EARLY15"), Costs(9_500)),
        ])
        .await;
    for (reply, status) in presale
        .asked(&[FLOOR], Some("off-15"))
        .await
        .iter()
        .zip([200, 201])
    {
        let data = reply.data(status);
        let line = &data["lines"][0];
        assert_eq!(line["rule"], "code");
        assert_eq!(line["list_price"], thb(10_000));
        assert_eq!(line["unit_price"], thb(8_500));
        assert_eq!(data["discount"], thb(1_500));
    }
}
