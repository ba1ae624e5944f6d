use onsale_store::catalog::{ShowRow, ZoneAdmission};
use serde_json::json;

use super::*;
use crate::routes::shows::offer::body::{OfferBody, Reader as ReadBy};

fn show() -> ShowRow {
    let floor = ZoneAdmission::General { capacity: 10 };
    crate::charts::show_of(vec![floor.clone(), floor])
}

/// Reads an offer of a show with the zones `Zone 0` and `Zone 1`, in THB.
fn read_offer(offer: &Value) -> Result<OfferRow, ApiError> {
    let request: OfferRequest = serde_json::from_value(offer.clone()).unwrap();
    let mut known = OfferRow::default();
    known.number(&names(&request));
    read("", &request, &show().zones, &known)
}

fn thb(amount: i64) -> Value {
    json!({ "amount": amount, "currency": "THB" })
}

fn full() -> Value {
    json!({
        "ticket_types": [
            {
                "name": "Wheelchair", "description": "With one companion", "min": 1, "max": 2,
                "on_sale_from": "2030-01-01T00:00:00.000Z", "on_sale_until": "2030-02-01T00:00:00.000Z",
                "code_only": true, "seat_kinds": ["accessible", "companion"], "hidden": false,
                "prices": [
                    { "zone": "Zone 1", "zone_id": show().zones[1].zone_id, "price": thb(70) },
                ],
            },
            {
                "name": "Standard", "min": 0, "code_only": false, "hidden": true,
                "prices": [
                    { "zone": "Zone 0", "zone_id": show().zones[0].zone_id, "price": thb(100) },
                    { "zone": "Zone 1", "zone_id": show().zones[1].zone_id, "price": thb(90) },
                ],
            },
        ],
        "phases": [
            { "name": "Early", "ticket_types": ["Standard"], "places": 200, "price": thb(50) },
            {
                "name": "Spring", "zones": ["Zone 0"], "from": "2030-01-01T00:00:00.000Z",
                "until": "2030-02-01T00:00:00.000Z", "percent_off": "33.33",
            },
        ],
        "bundles": [{ "name": "Ten", "zones": ["Zone 0", "Zone 1"], "places": 10, "percent_off": "12.5" }],
        "fees": {
            "per_place": thb(5), "per_place_percent": "3", "per_order": thb(20), "tax_percent": "19",
        },
        "tax_percent": "7",
        "zones": [{ "zone": "Zone 1", "no_single_seats": true, "code_only": true }],
    })
}

#[test]
fn an_offer_is_read_with_all_it_says_and_reads_back_as_it_was_sent() {
    let row = read_offer(&full()).unwrap();
    let offer = &row.offer;
    let ids: Vec<u8> = offer.types.iter().map(|known| known.id).collect();
    assert_eq!(ids, [0, 1], "ascending, whatever the order of the list");
    let wheelchair = offer.types[1];
    assert_eq!((wheelchair.min, wheelchair.max), (1, 2));
    assert_eq!((wheelchair.kinds, wheelchair.code_only), (0b110, true));
    let prices = offer.prices.iter();
    let prices: Vec<_> = prices
        .map(|price| (price.zone, price.ticket_type, price.price))
        .collect();
    assert_eq!(prices, [(0, 0, 100), (1, 0, 90), (1, 1, 70)]);
    assert_eq!(offer.phases[0].scope.types, 1);
    assert_eq!(offer.phases[0].price, PhasePrice::Fixed(50));
    assert_eq!(offer.phases[1].price, PhasePrice::OffBp(3_333));
    assert_eq!(offer.phases[1].scope.zones, [0]);
    assert_eq!(offer.bundles[0].off_bp, 1_250);
    let fees = Fees {
        place: 5,
        place_bp: 300,
        order: 20,
        tax_bp: 1_900,
    };
    assert_eq!((offer.fees, offer.tax_bp), (fees, 700));

    let mut shown = show();
    shown.offer = Some(row.clone());
    let body = serde_json::to_value(OfferBody::of(&shown, ReadBy::Manager)).unwrap();
    assert_eq!(body, full());
    assert_eq!(read_offer(&body).unwrap(), row);
    // The public reads nothing of what is hidden or needs a code, nor of what is for that alone.
    let body = serde_json::to_value(OfferBody::of(&shown, ReadBy::Public)).unwrap();
    assert_eq!(body["ticket_types"], json!([]));
    let phases = body["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 1);
    assert_eq!(phases[0]["name"], "Spring");
}

#[test]
fn an_offer_of_nothing_is_none() {
    assert_eq!(read_offer(&json!({})).unwrap(), OfferRow::default());
    let body = OfferBody::of(&show(), ReadBy::Public);
    let body = serde_json::to_value(body).unwrap();
    assert_eq!(read_offer(&body).unwrap(), OfferRow::default());
}

/// A ticket type with these fields changed.
fn with_type(change: &Value) -> Value {
    let mut of = json!({ "name": "Adult", "prices": [{ "zone": "Zone 0", "price": thb(1) }] });
    for (field, value) in change.as_object().unwrap() {
        of[field] = value.clone();
    }
    json!({ "ticket_types": [of] })
}

fn with_phase(change: &Value) -> Value {
    let mut of = json!({ "name": "Early", "percent_off": "10" });
    for (field, value) in change.as_object().unwrap() {
        of[field] = value.clone();
    }
    json!({ "phases": [of] })
}

fn with_bundle(change: &Value) -> Value {
    let mut of = json!({ "name": "Three", "places": 3, "percent_off": "10" });
    for (field, value) in change.as_object().unwrap() {
        of[field] = value.clone();
    }
    json!({ "bundles": [of] })
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_rule_has_its_message_that_names_the_field() {
    let zone = |name: &str, price: Value| json!({ "prices": [{ "zone": name, "price": price }] });
    let twice = json!({ "name": "Adult", "prices": [] });
    let many = |item: &Value, n: usize| Value::from(vec![item.clone(); n]);
    let other_id = Uuid::from_u128(99);
    for (offer, field) in [
        (with_type(&json!({ "name": "" })), "ticket_types[0].name"),
        (
            with_type(&json!({ "name": " Adult" })),
            "ticket_types[0].name",
        ),
        (
            with_type(&json!({ "name": "Adult\u{a0}" })),
            "ticket_types[0].name",
        ),
        (
            with_type(&json!({ "name": "x".repeat(101) })),
            "ticket_types[0].name",
        ),
        (
            with_type(&json!({ "description": "" })),
            "ticket_types[0].description",
        ),
        (with_type(&json!({ "min": 101 })), "ticket_types[0].min"),
        (with_type(&json!({ "max": 101 })), "ticket_types[0].max"),
        (with_type(&json!({ "max": 0 })), "ticket_types[0].max"),
        (
            with_type(&json!({ "min": 3, "max": 2 })),
            "ticket_types[0].max",
        ),
        (
            with_type(&json!({
                "on_sale_from": "2030-01-01T00:00:00Z", "on_sale_until": "2030-01-01T00:00:00Z",
            })),
            "ticket_types[0].on_sale_until",
        ),
        (
            with_type(&json!({ "seat_kinds": [] })),
            "ticket_types[0].seat_kinds",
        ),
        (
            with_type(&json!({ "seat_kinds": ["ordinary", "ordinary"] })),
            "ticket_types[0].seat_kinds[1]",
        ),
        (
            with_type(&zone("Zone 7", thb(1))),
            "ticket_types[0].prices[0].zone",
        ),
        (
            with_type(&zone("Zone 0", thb(-1))),
            "ticket_types[0].prices[0].price.amount",
        ),
        (
            with_type(&zone("Zone 0", thb(1_000_000_000_001))),
            "ticket_types[0].prices[0].price.amount",
        ),
        (
            with_type(&zone("Zone 0", json!({ "amount": 1, "currency": "USD" }))),
            "ticket_types[0].prices[0].price.currency",
        ),
        (
            with_type(&json!({ "prices": [{ "price": thb(1) }] })),
            "ticket_types[0].prices[0].zone",
        ),
        (
            with_type(&json!({ "prices": [{ "zone_id": other_id, "price": thb(1) }] })),
            "ticket_types[0].prices[0].zone_id",
        ),
        (
            with_type(
                &json!({ "prices": [{ "zone": "Zone 0", "zone_id": other_id, "price": thb(1) }] }),
            ),
            "ticket_types[0].prices[0].zone_id",
        ),
        (
            with_type(&json!({ "prices": [
                { "zone": "Zone 0", "price": thb(1) }, { "zone": "Zone 0", "price": thb(2) },
            ] })),
            "ticket_types[0].prices[1].zone",
        ),
        (
            json!({ "ticket_types": [twice, twice] }),
            "ticket_types[1].name",
        ),
        (json!({ "ticket_types": many(&twice, 65) }), "ticket_types"),
        (
            json!({ "ticket_types": [
                { "name": "Adult", "prices": many(&json!({ "zone": "Zone 0", "price": thb(1) }), 4_097) },
            ] }),
            "ticket_types",
        ),
        (
            with_phase(&json!({ "name": "a\u{202e}b" })),
            "phases[0].name",
        ),
        (
            with_phase(&json!({ "percent_off": "0" })),
            "phases[0].percent_off",
        ),
        (
            with_phase(&json!({ "price": thb(1) })),
            "phases[0].percent_off",
        ),
        (
            with_phase(&json!({ "percent_off": null })),
            "phases[0].price",
        ),
        (
            with_phase(&json!({ "percent_off": null, "price": thb(-1) })),
            "phases[0].price.amount",
        ),
        (with_phase(&json!({ "places": 0 })), "phases[0].places"),
        (with_phase(&json!({ "zones": [] })), "phases[0].zones"),
        (
            with_phase(&json!({ "zones": ["Zone 0", "Zone 0"] })),
            "phases[0].zones[1]",
        ),
        (
            with_phase(&json!({ "ticket_types": [] })),
            "phases[0].ticket_types",
        ),
        (
            with_phase(&json!({ "ticket_types": ["Adult"] })),
            "phases[0].ticket_types[0]",
        ),
        (
            with_phase(&json!({ "ticket_types": ["Standard", "Standard"] })),
            "phases[0].ticket_types[1]",
        ),
        (
            with_phase(&json!({ "from": "2030-01-01T00:00:01Z", "until": "2030-01-01T00:00:00Z" })),
            "phases[0].until",
        ),
        (
            json!({ "phases": many(&json!({ "name": "a", "percent_off": "1" }), 33) }),
            "phases",
        ),
        (with_bundle(&json!({ "places": 1 })), "bundles[0].places"),
        (with_bundle(&json!({ "places": 101 })), "bundles[0].places"),
        (
            with_bundle(&json!({ "percent_off": 0 })),
            "bundles[0].percent_off",
        ),
        (
            with_bundle(&json!({ "zones": ["nowhere"] })),
            "bundles[0].zones[0]",
        ),
        (
            json!({ "bundles": many(&json!({ "name": "a", "places": 2, "percent_off": 1 }), 17) }),
            "bundles",
        ),
        (
            json!({ "fees": { "per_place": thb(-1) } }),
            "fees.per_place.amount",
        ),
        (
            json!({ "fees": { "per_order": { "amount": 1, "currency": "EUR" } } }),
            "fees.per_order.currency",
        ),
        (json!({ "zones": [{ "zone": "nowhere" }] }), "zones[0].zone"),
        (
            json!({ "zones": [{ "zone": "Zone 0" }, { "zone": "Zone 0" }] }),
            "zones[1].zone",
        ),
    ] {
        let error = read_offer(&offer).unwrap_err();
        let details = error.details().unwrap();
        assert_eq!(details["field"], field, "{offer}: {}", error.detail());
    }
    // The lists that are just not too long pass.
    assert!(read_offer(&with_type(&json!({ "min": 100, "max": 100 }))).is_ok());
    assert!(
        read_offer(&with_bundle(
            &json!({ "places": 100, "percent_off": "100" })
        ))
        .is_ok()
    );
}

#[test]
fn an_offer_is_in_one_currency_and_a_new_show_names_the_field_in_its_own_body() {
    let mut zones = show().zones;
    zones[1].currency = "USD".to_owned();
    let request: OfferRequest = serde_json::from_value(json!({ "tax_percent": 7 })).unwrap();
    let error = read("offer.", &request, &zones, &OfferRow::default()).unwrap_err();
    assert_eq!(error.details().unwrap()["field"], "offer");
    let request: OfferRequest = serde_json::from_value(json!({ "tax_percent": 0 })).unwrap();
    assert!(read("offer.", &request, &zones, &OfferRow::default()).is_ok());
    let request: OfferRequest =
        serde_json::from_value(with_phase(&json!({ "zones": ["nowhere"] }))).unwrap();
    let mut known = OfferRow::default();
    known.number(&names(&request));
    let error = read("offer.", &request, &show().zones, &known).unwrap_err();
    assert_eq!(
        error.details().unwrap()["field"],
        "offer.phases[0].zones[0]"
    );
}

#[test]
fn a_show_that_has_given_out_all_numbers_says_so() {
    let mut known = OfferRow::default();
    let used: Vec<String> = (0..70).map(|n| format!("Type {n}")).collect();
    known.number(&OfferNames {
        types: used,
        ..OfferNames::default()
    });
    let request: OfferRequest = serde_json::from_value(with_type(&json!({}))).unwrap();
    known.number(&names(&request));
    let error = read("", &request, &show().zones, &known).unwrap_err();
    assert_eq!(error.details().unwrap()["field"], "ticket_types[0].name");
    assert!(error.detail().contains("given out all numbers"));
}
