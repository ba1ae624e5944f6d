//! Offers, terms, items and lines in words and values.

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::offer::Offer;
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::outcome::{Line, PriceRule};
use onsale_schemas::seating::SeatKind;
use serde_json::{Value, json};

use super::{Described, counted, index_words, said};
use crate::money;

fn kind_word(kind: SeatKind) -> &'static str {
    match kind {
        SeatKind::Ordinary => "ordinary",
        SeatKind::Accessible => "accessible",
        SeatKind::Companion => "companion",
    }
}

pub(super) fn item_json(item: &Item) -> Value {
    let (zone, types) = (item.zone, &item.types);
    match &item.pick {
        PickV2::Seats(seats) => json!({ "zone": zone, "types": types, "seats": &seats[..] }),
        PickV2::BestAvailable {
            quantity,
            together,
            kind,
        } => json!({
            "zone": zone, "types": types, "best": quantity, "together": together,
            "seat_kind": kind_word(*kind),
        }),
        PickV2::General { quantity } => {
            json!({ "zone": zone, "types": types, "quantity": quantity })
        }
    }
}

pub(super) fn item_words(item: &Item) -> String {
    match &item.pick {
        PickV2::Seats(seats) => index_words(seats),
        PickV2::BestAvailable {
            quantity,
            together,
            kind,
        } => {
            let how = if *together { " together" } else { "" };
            format!("the best {quantity} {}{how}", kind_word(*kind))
        }
        PickV2::General { quantity } => format!("{quantity}"),
    }
}

pub(super) fn lines_json(lines: &[Line]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| {
            let (rule, phase) = match line.rule {
                PriceRule::Zone => ("zone", None),
                PriceRule::Type => ("type", None),
                PriceRule::Phase(id) => ("phase", Some(id)),
            };
            json!({
                "zone": line.zone, "ticket_type": line.ticket_type, "seats": &line.seats[..],
                "quantity": line.quantity, "rule": rule, "phase": phase,
                "list_price": line.list_price, "bundle": line.bundle,
                "bundle_off": line.bundle_off, "code_off": line.code_off,
                "unit_price": line.unit_price, "unit_fee": line.unit_fee,
                "unit_tax": line.unit_tax,
            })
        })
        .collect();
    json!(lines)
}

pub(super) fn offer(described: Described, offer: &Offer) -> Described {
    if offer.is_empty() {
        return described.put("offer", Value::Null, "no offer".to_owned());
    }
    let words = format!(
        "{}, {}, {}, {}",
        counted(offer.types.len(), "ticket type", "ticket types"),
        counted(offer.prices.len(), "price", "prices"),
        counted(offer.phases.len(), "phase", "phases"),
        counted(offer.bundles.len(), "bundle", "bundles"),
    );
    let fees = &offer.fees;
    let value = json!({
        "types": offer.types.len(), "prices": offer.prices.len(),
        "phases": offer.phases.len(), "bundles": offer.bundles.len(),
        "zone_rules": offer.zones.len(), "tax_bp": offer.tax_bp,
        "fees": {
            "place": fees.place, "place_bp": fees.place_bp, "order": fees.order,
            "tax_bp": fees.tax_bp,
        },
    });
    described.put("offer", value, words)
}

pub(super) fn terms(described: Described, terms: &CodeTerms) -> Described {
    let (discount, words) = match terms.discount {
        Some(Discount::OffBp(bp)) => (
            json!({ "off_bp": bp }),
            format!("{}.{:02} % off", bp / 100, bp % 100),
        ),
        Some(Discount::Amount(amount, currency)) => (
            json!({ "amount": amount, "currency": currency.as_str() }),
            format!("{} off", money::shown(amount, currency.as_str())),
        ),
        None => (Value::Null, String::new()),
    };
    described
        .put("discount", discount, words)
        .put(
            "presale",
            json!(terms.presale),
            said(terms.presale, "presale"),
        )
        .put("opens", json!(terms.opens), said(terms.opens, "opens"))
        .put("uses_max", json!(terms.uses_max), String::new())
        .put(
            "uses_per_user_max",
            json!(terms.uses_per_user_max),
            String::new(),
        )
        .put("places_max", json!(terms.places_max), String::new())
        .put("from_ms", json!(terms.from_ms), String::new())
        .put("until_ms", json!(terms.until_ms), String::new())
}
