//! The three demo houses: where they are, what is on there, what it costs and which codes there are.

use serde_json::{Value, json};

/// A code that opens the tables of the club.
pub(crate) const ACCESS_CODE: &str = "BACKSTAGE";
/// A code that takes something off in every house.
pub(crate) const DISCOUNT_CODE: &str = "WELCOME10";

/// The name of the zone of tables, as the generator of clubs calls it.
const TABLES: &str = "Table";
/// What a place costs on top of its price.
const FEE_BAHT: u32 = 20;
/// What an order costs on top of that.
const ORDER_FEE_BAHT: u32 = 30;

/// A venue with a hall of a common shape, and what is on there.
pub(super) struct House {
    pub(super) venue: Value,
    pub(super) hall: Value,
    pub(super) event: Value,
    /// When it begins, with the offset of the venue.
    pub(super) begins: &'static str,
    /// By category of the hall.
    pub(super) prices: Value,
    pub(super) offer: Value,
    pub(super) codes: Vec<HouseCode>,
}

/// A code of a house's show.
pub(super) struct HouseCode {
    pub(super) code: &'static str,
    /// The body of the request but for its zones.
    pub(super) body: Value,
    /// The zone that it is for, by name; all of them without one.
    pub(super) zone: Option<&'static str>,
}

/// All of them; the first is the one that the printed lines are about.
pub(super) fn all() -> [House; 3] {
    [theatre(), arena(), club()]
}

fn price(baht: u32) -> Value {
    json!({ "amount": u64::from(baht) * 100, "currency": "THB" })
}

/// Prices by zone, for a ticket type.
fn prices(of: &[(&str, u32)]) -> Value {
    let prices = of
        .iter()
        .map(|(zone, baht)| json!({ "zone": zone, "price": price(*baht) }));
    prices.collect()
}

/// What all houses take on top of prices; prices and fees include 7 % of tax.
fn fees() -> Value {
    json!({
        "per_place": price(FEE_BAHT), "per_order": price(ORDER_FEE_BAHT), "tax_percent": "7",
    })
}

fn three_for_less() -> Value {
    json!([{ "name": "Three for less", "places": 3, "percent_off": "10" }])
}

fn welcome() -> HouseCode {
    HouseCode {
        code: DISCOUNT_CODE,
        body: json!({
            "code": DISCOUNT_CODE, "name": "Welcome", "kind": "discount", "percent": 10,
        }),
        zone: None,
    }
}

/// 1,500 seats: stalls and a balcony. Adults and children, wheelchairs and who comes with them.
fn theatre() -> House {
    House {
        venue: json!({
            "name": "Lyric Theatre", "address": "12 Charoen Krung Road", "city": "Bangkok",
            "country": "TH", "time_zone": "Asia/Bangkok",
            "position": { "latitude": 13.7308, "longitude": 100.5137 },
        }),
        hall: json!({ "shape": "theatre", "name": "Great House" }),
        event: json!({
            "name": "The Glass Orchard", "category": "theater",
            "description": "A play in **two acts**, about an orchard that nobody may enter.\n\n\
                            - 2 h 20 min, with an interval\n- In English, with Thai surtitles",
            "performers": ["The Lyric Company"],
            "venue": "Lyric Theatre", "city": "Bangkok", "time_zone": "Asia/Bangkok",
            "max_tickets_per_user": 10,
        }),
        begins: "19:30:00+07:00",
        prices: json!({ "premium": price(3_200), "stalls": price(2_400), "balcony": price(1_500) }),
        offer: json!({
            "ticket_types": [
                {
                    "name": "Adult", "seat_kinds": ["ordinary"],
                    "prices": prices(&[("Premium stalls", 3_200), ("Stalls", 2_400), ("Balcony", 1_500)]),
                },
                {
                    "name": "Child", "description": "Up to 12 years", "max": 4, "seat_kinds": ["ordinary"],
                    "prices": prices(&[("Premium stalls", 1_600), ("Stalls", 1_200), ("Balcony", 750)]),
                },
                {
                    "name": "Wheelchair", "description": "A place for a wheelchair", "max": 2,
                    "seat_kinds": ["accessible"], "prices": prices(&[("Stalls", 1_200)]),
                },
                {
                    "name": "Companion", "description": "Beside a wheelchair", "max": 2,
                    "seat_kinds": ["companion"], "prices": prices(&[("Stalls", 0)]),
                },
            ],
            "phases": [{
                "name": "Early bird", "ticket_types": ["Adult"], "places": 200, "percent_off": "15",
            }],
            "bundles": three_for_less(),
            "fees": fees(),
            "tax_percent": "7",
            "zones": [
                { "zone": "Premium stalls", "no_single_seats": true },
                { "zone": "Stalls", "no_single_seats": true },
            ],
        }),
        codes: vec![welcome()],
    }
}

/// 18,000 seats all around a stage, without ticket types: every place costs what its zone costs.
fn arena() -> House {
    House {
        venue: json!({
            "name": "Harbour Arena", "address": "99 Popular Road", "city": "Bangkok", "country": "TH",
            "time_zone": "Asia/Bangkok", "position": { "latitude": 13.9117, "longitude": 100.5483 },
        }),
        hall: json!({ "shape": "arena", "name": "Arena" }),
        event: json!({
            "name": "Northern Lights Tour", "category": "concert",
            "description": "One night *only*: three hours of synthesizers, lasers and a choir of forty.",
            "performers": ["Northern Lights", "Harbour Choir"],
            "venue": "Harbour Arena", "city": "Bangkok", "time_zone": "Asia/Bangkok",
            "max_tickets_per_user": 6,
        }),
        begins: "20:00:00+07:00",
        prices: json!({
            "lower-front": price(5_200), "lower": price(4_500),
            "upper-front": price(3_600), "upper": price(2_400),
        }),
        offer: json!({
            "phases": [{ "name": "Early bird", "places": 200, "percent_off": "10" }],
            "bundles": three_for_less(),
            "fees": fees(),
            "tax_percent": "7",
        }),
        codes: vec![welcome()],
    }
}

/// Standing room for 600, and tables that only who has a code can take.
fn club() -> House {
    House {
        venue: json!({
            "name": "Cellar Nine", "address": "9 Tha Phae Road", "city": "Chiang Mai", "country": "TH",
            "time_zone": "Asia/Bangkok", "position": { "latitude": 18.7883, "longitude": 98.9853 },
        }),
        hall: json!({ "shape": "club", "name": "Cellar" }),
        event: json!({
            "name": "Brass After Dark", "category": "concert",
            "description": "Doors at eight, brass from nine.\n\n> Bring shoes that you can dance in.",
            "performers": ["Cellar Brass Band"],
            "venue": "Cellar Nine", "city": "Chiang Mai", "time_zone": "Asia/Bangkok",
            "minimum_age": 20,
        }),
        begins: "21:00:00+07:00",
        prices: json!({ "floor": price(900), "side": price(900), "table": price(1_400) }),
        offer: json!({
            "phases": [{
                "name": "Early bird", "zones": ["Floor"], "places": 200, "price": price(750),
            }],
            "bundles": three_for_less(),
            "fees": fees(),
            "tax_percent": "7",
            "zones": [{ "zone": TABLES, "code_only": true }],
        }),
        codes: vec![
            welcome(),
            HouseCode {
                code: ACCESS_CODE,
                body: json!({
                    "code": ACCESS_CODE, "name": "Backstage", "kind": "access", "opens": true,
                }),
                zone: Some(TABLES),
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_house_has_what_a_newcomer_looks_for() {
        for house in all() {
            let name = &house.event["name"];
            for field in [
                "category",
                "description",
                "performers",
                "venue",
                "city",
                "time_zone",
            ] {
                assert!(!house.event[field].is_null(), "{name}: {field}");
            }
            assert_eq!(house.venue["name"], house.event["venue"], "{name}");
            assert_eq!(house.offer["phases"][0]["places"], 200, "{name}");
            assert_eq!(house.offer["bundles"][0]["percent_off"], "10", "{name}");
            let codes: Vec<&str> = house.codes.iter().map(|of| of.code).collect();
            assert!(codes.contains(&DISCOUNT_CODE), "{name}: {codes:?}");
            for code in &house.codes {
                assert_eq!(code.body["code"], code.code, "{name}");
            }
        }
    }
}
