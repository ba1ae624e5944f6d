//! What a basket asks for, as the log takes it.

use std::collections::{BTreeMap, HashSet};

use onsale_schemas::limits::{ITEMS_PER_ORDER_MAX, TICKETS_PER_BOOKING_MAX, TYPES_PER_SHOW_MAX};
use onsale_schemas::order::{Item, PickV2};
use onsale_schemas::{TicketTypeId, ZoneIndex};
use serde_json::Value;

use super::basket::{Basket, BasketItem};
use super::places::{Asked, pick};
use crate::charts::Chart;
use crate::error::ApiError;

/// The items of a basket: one for places of one zone.
///
/// # Errors
/// What is wrong with which field (`items[2].seats[0]`). An unknown zone or ticket type may be one that was given
/// since the chart was read, see [`Basket::names_unknown`].
pub(in crate::routes) fn items(chart: &Chart, basket: &Basket) -> Result<Vec<Item>, ApiError> {
    let items = match &basket.items {
        None => vec![item(chart, "", &plain(basket))?],
        Some(items) => several(chart, basket, items)?,
    };
    let places = items
        .iter()
        .map(|item| item.pick.places())
        .fold(0, u32::saturating_add);
    // Of one item this was said of its own field.
    if places > TICKETS_PER_BOOKING_MAX {
        return Err(ApiError::invalid(
            "items",
            places,
            &format!("at most {TICKETS_PER_BOOKING_MAX} places in all"),
        ));
    }
    each_seat_once(chart, &items)?;
    one_currency(chart, &items)?;
    Ok(items)
}

/// What stands beside the items of a basket that has none.
fn plain(basket: &Basket) -> Asked<'_> {
    Asked {
        zone_id: basket.zone_id,
        seats: basket.seats.as_deref(),
        quantity: basket.quantity,
        together: basket.together,
        kind: None,
        ticket_type: basket.ticket_type.as_deref(),
        ticket_types: None,
    }
}

fn several(chart: &Chart, basket: &Basket, items: &[BasketItem]) -> Result<Vec<Item>, ApiError> {
    let beside = [
        ("zone_id", basket.zone_id.is_some()),
        ("seats", basket.seats.is_some()),
        ("quantity", basket.quantity.is_some()),
        ("together", basket.together.is_some()),
        ("ticket_type", basket.ticket_type.is_some()),
    ];
    if let Some((field, _)) = beside.iter().find(|(_, is_given)| *is_given) {
        return Err(ApiError::wrong(
            field,
            Value::Null,
            "can only be given without items; each item has its own",
            "no value",
        ));
    }
    if !(1..=ITEMS_PER_ORDER_MAX).contains(&items.len()) {
        return Err(ApiError::invalid(
            "items",
            items.len(),
            &format!("1 to {ITEMS_PER_ORDER_MAX} items"),
        ));
    }
    items
        .iter()
        .enumerate()
        .map(|(place, given)| {
            let asked = Asked {
                zone_id: given.zone_id,
                seats: given.seats.as_deref(),
                quantity: given.quantity,
                together: given.together,
                kind: given.kind.map(Into::into),
                ticket_type: given.ticket_type.as_deref(),
                ticket_types: given.ticket_types.as_ref(),
            };
            item(chart, &format!("items[{place}]."), &asked)
        })
        .collect()
}

/// One item, whose fields are named with `prefix`.
fn item(chart: &Chart, prefix: &str, asked: &Asked<'_>) -> Result<Item, ApiError> {
    let counted = match asked.ticket_types {
        Some(counted) => Some(types_of(chart, prefix, asked, counted)?),
        None => None,
    };
    let places: Option<u32> = counted
        .as_ref()
        .map(|types| types.iter().map(|(_, places)| *places).sum());
    if let Some(places) = places
        && places > TICKETS_PER_BOOKING_MAX
    {
        return Err(ApiError::invalid(
            &format!("{prefix}ticket_types"),
            places,
            &format!("at most {TICKETS_PER_BOOKING_MAX} places in all"),
        ));
    }
    let (zone, pick) = match (asked.seats, asked.quantity, places) {
        // The types say how many.
        (None, None, Some(places)) => {
            let asked = Asked {
                quantity: Some(places),
                ..*asked
            };
            pick(chart, prefix, &asked)?
        }
        _ => pick(chart, prefix, asked)?,
    };
    if let Some(places) = places
        && places != pick.places()
    {
        return Err(ApiError::invalid(
            &format!("{prefix}ticket_types"),
            places,
            &format!("numbers that add up to the {} places", pick.places()),
        ));
    }
    let types = match (counted, asked.ticket_type) {
        (Some(types), _) => types,
        (None, Some(name)) => {
            let field = format!("{prefix}ticket_type");
            vec![(type_of(chart, &field, name)?, pick.places())]
        }
        (None, None) => Vec::new(),
    };
    Ok(Item {
        zone: zone.index,
        pick,
        types,
    })
}

/// How many of which type, in the order of the show's types.
fn types_of(
    chart: &Chart,
    prefix: &str,
    asked: &Asked<'_>,
    counted: &BTreeMap<String, u32>,
) -> Result<Vec<(TicketTypeId, u32)>, ApiError> {
    let field = format!("{prefix}ticket_types");
    if asked.ticket_type.is_some() {
        return Err(ApiError::wrong(
            &field,
            Value::Null,
            "can only be given without ticket_type",
            "either ticket_type or ticket_types, not both",
        ));
    }
    if !(1..=TYPES_PER_SHOW_MAX).contains(&counted.len()) {
        return Err(ApiError::invalid(
            &field,
            counted.len(),
            &format!("1 to {TYPES_PER_SHOW_MAX} ticket types"),
        ));
    }
    let mut types: Vec<(TicketTypeId, u32)> = Vec::with_capacity(counted.len());
    for (name, places) in counted {
        let field = format!("{field}.{name}");
        let id = type_of(chart, &field, name)?;
        if !(1..=TICKETS_PER_BOOKING_MAX).contains(places) {
            return Err(ApiError::invalid(
                &field,
                places,
                &format!("1 to {TICKETS_PER_BOOKING_MAX}"),
            ));
        }
        // Names that differ only in how they are typed.
        if types.iter().any(|(known, _)| *known == id) {
            return Err(ApiError::invalid(&field, name, "each ticket type once"));
        }
        types.push((id, *places));
    }
    types.sort_unstable();
    Ok(types)
}

fn type_of(chart: &Chart, field: &str, name: &str) -> Result<TicketTypeId, ApiError> {
    chart.offer.type_by_name(name).ok_or_else(|| {
        let listed = chart.offer.listed_types();
        let expected = match (chart.offer.has_types(), listed.is_empty()) {
            (false, _) => "no value: the show has one kind of ticket".to_owned(),
            (true, true) => "the name of a ticket type of the show".to_owned(),
            (true, false) => format!("the name of a ticket type of the show ({listed})"),
        };
        ApiError::invalid(field, name, &expected)
    })
}

/// Refuses a seat that a later item names again. Within an item it was compared before.
fn each_seat_once(chart: &Chart, items: &[Item]) -> Result<(), ApiError> {
    if items.len() < 2 {
        return Ok(());
    }
    let mut seen = HashSet::new();
    for (place, item) in items.iter().enumerate() {
        let PickV2::Seats(seats) = &item.pick else {
            continue;
        };
        for (at, seat) in seats.iter().enumerate() {
            if !seen.insert(*seat) {
                return Err(ApiError::invalid(
                    &format!("items[{place}].seats[{at}]"),
                    chart.label(*seat),
                    "each seat once",
                ));
            }
        }
    }
    Ok(())
}

/// An order is paid in one currency.
fn one_currency(chart: &Chart, items: &[Item]) -> Result<(), ApiError> {
    let Some(first) = items.first().and_then(|item| currency(chart, item.zone)) else {
        return Ok(());
    };
    for (place, item) in items.iter().enumerate() {
        if let Some(other) = currency(chart, item.zone)
            && other != first
        {
            return Err(ApiError::invalid(
                &format!("items[{place}]"),
                other,
                &format!("zones of one currency, that of the first item ({first})"),
            ));
        }
    }
    Ok(())
}

/// The currency that a zone is sold in.
pub(in crate::routes) fn currency(chart: &Chart, zone: ZoneIndex) -> Option<&str> {
    chart.zone(zone).map(|zone| zone.currency.as_str())
}
