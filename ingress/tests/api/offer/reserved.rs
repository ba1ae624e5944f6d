//! What a quote says and what the machine then decides are the same, over many baskets.

use std::sync::atomic::Ordering;

use http::Method;
use onsale_schemas::UserId;
use serde_json::{Value, json};

use super::{thb, ticket};
use crate::support::{EVENT, Reply, World};

const ORDERS: u16 = 60;

/// `splitmix64`: the baskets follow from the seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let sides = u64::try_from(choices.len()).unwrap();
        choices[usize::try_from(self.roll(sides)).unwrap()]
    }

    /// An item of one to four places; `named` counts the seats that were named before.
    fn item(&mut self, zones: &[Value], named: &mut u64) -> Value {
        let quantity = 1 + self.roll(4);
        let at = usize::try_from(self.roll(2)).unwrap();
        let mut item = json!({ "zone_id": zones[at] });
        if at == 0 && self.roll(2) == 0 {
            let seats = *named..*named + quantity;
            let seats = seats.map(|seat| format!("{}-{}", row_of(seat), seat % 20 + 1));
            item["seats"] = seats.collect::<Vec<_>>().into();
            *named += quantity;
        } else {
            item["quantity"] = json!(quantity);
            if at == 0 {
                item["together"] = json!(false);
            }
        }
        match self.roll(4) {
            0 => {}
            _ => item["ticket_type"] = json!(self.one_of(&["Standard", "Adult", "Child"])),
        }
        item
    }
}

/// Rows A to T of 20 seats.
fn row_of(seat: u64) -> char {
    char::from(b'A' + u8::try_from(seat / 20).unwrap())
}

fn offer(is_late: bool) -> Value {
    let standard = ticket("Standard", &[]);
    let mut adult = ticket("Adult", &[("Stalls", 1_005), ("Floor", 333)]);
    adult["max"] = json!(6);
    let mut child = ticket("Child", &[("Stalls", 503)]);
    if is_late {
        child["min"] = json!(2);
    }
    json!({
        "ticket_types": [standard, adult, child],
        "phases": [
            { "name": "First", "ticket_types": ["Adult"], "places": 7, "price": thb(900) },
            { "name": "Early", "until": "2023-11-14T22:13:50.000Z", "percent_off": "7.77" },
            { "name": "Last", "zones": ["Floor"], "places": 9, "percent_off": "33.33" },
        ],
        "bundles": [
            { "name": "Three", "places": 3, "percent_off": "12.5", "ticket_types": ["Adult", "Child"] },
            { "name": "Four", "places": 4, "percent_off": 1.01 },
        ],
        "fees": {
            "per_place": thb(11), "per_place_percent": "3.5", "per_order": thb(if is_late { 77 } else { 0 }),
            "tax_percent": 10,
        },
        "tax_percent": if is_late { "19" } else { "7" },
    })
}

/// What a reply says of money, but for the seats, which a quote does not choose.
fn money(data: &Value) -> Value {
    let mut lines = data["lines"].clone();
    for line in lines.as_array_mut().unwrap() {
        line.as_object_mut().unwrap().remove("seats");
    }
    json!({
        "lines": lines, "discount": data["discount"], "fees": data["fees"], "tax": data["tax"],
        "total_price": data["total_price"], "tax_percent": data["tax_percent"],
        "fee_tax_percent": data["fee_tax_percent"],
    })
}

fn code(reply: &Reply) -> String {
    reply.json()["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_quote_is_what_the_reservation_costs() {
    let world = World::deciding().await;
    let rows = (0..20).map(|row| json!({ "name": row_of(row * 20).to_string(), "seats": 20 }));
    let show = json!({
        "starts_at": "2030-01-01T20:00:00Z",
        "zones": [
            {
                "name": "Stalls", "price": thb(750), "admission": "seated",
                "rows": rows.collect::<Vec<_>>(),
            },
            { "name": "Floor", "price": thb(300), "admission": "general", "capacity": 1_000 },
        ],
        "offer": offer(false),
    });
    let created = world.post(&format!("/api/v1/events/{EVENT}/shows"));
    let show = created
        .by_role("organizer")
        .json(&show)
        .send()
        .await
        .data(201);
    let id = show["show_id"].as_str().unwrap();
    let zones = [0, 1].map(|zone: usize| show["zones"][zone]["zone_id"].clone());
    world.catch_up().await;
    let (mut dice, mut named) = (Dice(7), 0);
    let (mut granted, mut refused) = (0, 0);
    for number in 0..ORDERS {
        if number == ORDERS / 2 {
            let set = world.call(Method::PUT, &format!("/api/v1/shows/{id}/offer"));
            let set = set.by_role("organizer").json(&offer(true));
            set.send().await.data(200);
            world.catch_up().await;
        }
        world.log.machine(|machine| machine.advance(1_000));
        world.clock.0.fetch_add(1_000, Ordering::SeqCst);
        // Each buyer has one order, of at most as many places as the event allows.
        let items: Vec<Value> = (0..=dice.roll(2))
            .map(|_| dice.item(&zones, &mut named))
            .collect();
        let quote = world.post(&format!("/api/v1/shows/{id}/quote"));
        let quoted = quote.json(&json!({ "items": items })).send().await;
        let [high, low] = number.to_be_bytes();
        let mut user = [0x77; 16];
        (user[0], user[1]) = (high, low);
        let user = UserId::from_bytes(user);
        let reserve = world
            .post("/api/v1/bookings/reserve")
            .by_user(user, "buyer");
        let reserve = reserve.json(&json!({ "show_id": id, "items": items }));
        let reserved = reserve.send().await;
        world.catch_up().await;
        let what = format!("order {number}: {items:?}");
        if reserved.status == 201 {
            let (quoted, reserved) = (quoted.data(200), reserved.data(201));
            assert_eq!(money(&quoted), money(&reserved), "{what}");
            granted += 1;
            if dice.roll(3) == 0 {
                let booking = reserved["booking_id"].as_str().unwrap();
                let cancel = world.post(&format!("/api/v1/bookings/{booking}/cancel"));
                cancel.by_user(user, "buyer").send().await.data(200);
                world.catch_up().await;
            }
        } else if quoted.status == 200 {
            // What a quote does not look at.
            let code = code(&reserved);
            let is_of_places = [
                "MAX_PER_USER_EXCEEDED",
                "INSUFFICIENT_STOCK",
                "SEAT_UNAVAILABLE",
            ];
            assert!(is_of_places.contains(&code.as_str()), "{what}: {code}");
        } else {
            assert_eq!(code(&quoted), code(&reserved), "{what}");
            refused += 1;
        }
    }
    assert!(
        granted > 10 && refused > 3,
        "{granted} granted, {refused} refused"
    );
}
