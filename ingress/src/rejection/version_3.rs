//! Refusals of machine version 3, in the names that a buyer knows: of seats, zones and ticket types.

use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::{BookingId, Offset, Rejection, SeatIndex, TicketTypeId, ZoneIndex};
use serde_json::json;
use uuid::Uuid;

use super::{insufficient_stock, labels};
use crate::charts::Chart;
use crate::error::{ApiError, Code};
use crate::text;
use crate::values::{Instant, Money};

/// Seats and bookings that a sentence names; all of them are in the details.
const NAMED_MAX: usize = 10;

/// As the one of its parent, for refusals of version 3.
pub(super) fn to_error(rejection: &Rejection, chart: Option<&Chart>) -> ApiError {
    match rejection {
        Rejection::TypeNotOffered { zone, ticket_type } => {
            not_offered(chart, *zone, *ticket_type)
        }
        Rejection::CodeRefused { why } => code_refused(*why),
        Rejection::AccessCodeRequired { zone, ticket_type } => {
            let (name, place) = (type_name(chart, *ticket_type), zone_name(chart, *zone));
            ApiError::new(
                Code::AccessCodeRequired,
                format!(
                    "{name} tickets in {place} are sold only with an access code that opens them: send \
                     it as `code`. Nothing was reserved."
                ),
            )
            .with_details(json!({ "zone_id": zone_id(chart, *zone), "ticket_type": name }))
        }
        Rejection::TypeNotOnSale {
            ticket_type,
            opens_at_ms,
        } => type_not_on_sale(&type_name(chart, *ticket_type), opens_at_ms.map(Instant)),
        Rejection::TypeQuantity {
            ticket_type,
            asked,
            min,
            max,
        } => {
            let name = type_name(chart, *ticket_type);
            ApiError::new(Code::TypeQuantity, bounds(&name, *asked, *min, *max)).with_details(
                json!({ "ticket_type": name, "asked": asked, "min": min, "max": max }),
            )
        }
        Rejection::WrongSeatKind { ticket_type, seats } => {
            wrong_seat_kind(chart, *ticket_type, seats)
        }
        Rejection::CompanionAlone {
            companions,
            allowed,
        } => ApiError::new(
            Code::CompanionAlone,
            format!(
                "Companion seats go with accessible seats of the same booking: this one would have \
                 {companions} and may have {allowed}. Nothing was changed."
            ),
        )
        .with_details(json!({ "companions": companions, "allowed": allowed })),
        Rejection::TotalChanged { total, currency } => {
            let total = Money::new(*total, currency.as_str());
            ApiError::new(
                Code::PriceChanged,
                format!(
                    "The price has changed since you saw it: the total is {total} now. Nothing was \
                     reserved."
                ),
            )
            .with_details(json!({ "total_price": total }))
        }
        Rejection::SeatInOwnHold { seats, own } => ApiError::new(
            Code::SeatUnavailable,
            format!(
                "Some of these seats are not available, and you hold some of them yourself{}: pay for \
                 that booking, or give it back first. Nothing was changed.",
                in_bookings(chart, own)
            ),
        )
        .with_details(json!({
            "seats": labels(seats, chart), "own_bookings": bookings(chart, own),
        })),
        Rejection::LeavesSingleSeat { seats, own } => leaves_single_seat(chart, seats, own),
        Rejection::InsufficientStockOf {
            item,
            zone,
            available,
            not_together,
        } => insufficient_stock(*available, *not_together)
            .with_detail("item", json!(item))
            .with_detail("zone_id", json!(zone_id(chart, *zone))),
        // The code itself is known here by its hash only.
        Rejection::CodeExists { group, code } => {
            let detail = if code.is_some() {
                "One of these codes belongs to another group. Nothing was changed."
            } else {
                "The group has other terms. Nothing was changed."
            };
            ApiError::new(Code::CodeExists, detail).with_details(json!({ "group": group }))
        }
        Rejection::UnknownCode => ApiError::not_found("code"),
        Rejection::NotConfirmed => ApiError::new(
            Code::NotConfirmed,
            "The booking is held and not confirmed: cancel it as a whole, or wait until it is paid. \
             Nothing was changed.",
        ),
        Rejection::PlacesNotOfBooking { seats, line } => not_of_booking(chart, seats, *line),
        Rejection::LayoutChanged { now } => ApiError::new(
            Code::LayoutChanged,
            "The show has other places than expected. Look at it again. Nothing was changed.",
        )
        .with_details(json!({ "now": now })),
        _ => ApiError::internal("a refusal of version 3 was expected"),
    }
}

fn not_offered(chart: Option<&Chart>, zone: ZoneIndex, ticket_type: TicketTypeId) -> ApiError {
    let (name, place) = (type_name(chart, ticket_type), zone_name(chart, zone));
    // Who names no type asks for type 0.
    let hint = if ticket_type == 0 {
        " Name another ticket type."
    } else {
        ""
    };
    ApiError::new(
        Code::TypeNotOffered,
        format!("{name} tickets are not sold in {place}.{hint} Nothing was reserved."),
    )
    .with_details(json!({ "zone_id": zone_id(chart, zone), "ticket_type": name }))
}

fn wrong_seat_kind(
    chart: Option<&Chart>,
    ticket_type: TicketTypeId,
    seats: &[SeatIndex],
) -> ApiError {
    let name = type_name(chart, ticket_type);
    let detail = match named(seats, chart) {
        Some(seats) => format!("{name} tickets are not for seats like {seats}."),
        None => format!("{name} tickets are not for seats of the kind that was asked for."),
    };
    ApiError::new(
        Code::WrongSeatKind,
        format!("{detail} Choose other seats or another kind of ticket. Nothing was reserved."),
    )
    .with_details(json!({ "ticket_type": name, "seats": labels(seats, chart) }))
}

fn code_refused(why: CodeRefusal) -> ApiError {
    let refused = |reason: &'static str, detail: &'static str| {
        ApiError::new(Code::CodeRefused, detail).with_details(json!({ "reason": reason }))
    };
    match why {
        CodeRefusal::Unknown => refused(
            "unknown",
            "The show has no such code. Nothing was reserved.",
        ),
        CodeRefusal::NotYet { from_ms } => {
            let from = Instant(from_ms);
            ApiError::new(
                Code::CodeRefused,
                format!("The code counts from {from} on. Nothing was reserved."),
            )
            .with_details(json!({ "reason": "not_yet", "from": from }))
        }
        CodeRefusal::Over => refused("over", "The code counts no more. Nothing was reserved."),
        CodeRefusal::NotApplicable => refused(
            "not_applicable",
            "The code is for none of these places. Nothing was reserved.",
        ),
        CodeRefusal::UsedUp => refused(
            "used_up",
            "The code is used up. It counts again when a reservation with it ends unpaid. Nothing was \
             reserved.",
        ),
        CodeRefusal::UsedUpByUser => refused(
            "used_up_by_user",
            "You have used the code as often as one buyer may. Nothing was reserved.",
        ),
    }
}

fn type_not_on_sale(name: &str, opens_at: Option<Instant>) -> ApiError {
    let detail = match &opens_at {
        Some(at) => format!("{name} tickets are on sale from {at} on. Nothing was reserved."),
        None => format!("{name} tickets are not on sale any more. Nothing was reserved."),
    };
    ApiError::new(Code::TypeNotOnSale, detail)
        .with_details(json!({ "ticket_type": name, "opens_at": opens_at }))
}

fn bounds(name: &str, asked: u32, min: u8, max: u8) -> String {
    let allowed = match (min, max) {
        (0 | 1, max) => format!("at most {max} {name} tickets"),
        (min, 0) => format!("at least {min} {name} tickets, or none"),
        (min, max) => format!("at least {min} and at most {max} {name} tickets, or none"),
    };
    format!("An order has {allowed}; this one has {asked}. Nothing was reserved.")
}

fn leaves_single_seat(chart: Option<&Chart>, seats: &[SeatIndex], own: &[Offset]) -> ApiError {
    let alone = named(seats, chart).unwrap_or_default();
    let held = if own.is_empty() {
        String::new()
    } else {
        let held = in_bookings(chart, own);
        format!(
            " Next to them you hold seats yourself{held}; give that booking back to choose anew."
        )
    };
    ApiError::new(
        Code::LeavesSingleSeat,
        format!(
            "With this choice single seats would be left over: {alone}. Take them too, or choose \
             others.{held} Nothing was reserved."
        ),
    )
    .with_details(json!({
        "seats": labels(seats, chart), "own_bookings": bookings(chart, own),
    }))
}

fn not_of_booking(chart: Option<&Chart>, seats: &[SeatIndex], line: Option<u8>) -> ApiError {
    let detail = match (named(seats, chart), line) {
        (Some(seats), _) => format!("The booking does not have {seats}. Nothing was changed."),
        (None, Some(line)) => format!(
            "Line {line} of the booking has not so many places without a name. Nothing was changed."
        ),
        (None, None) => {
            "Some of these places are not of the booking. Nothing was changed.".to_owned()
        }
    };
    ApiError::new(Code::PlacesNotOfBooking, detail)
        .with_details(json!({ "seats": labels(seats, chart), "line": line }))
}

/// The first of these seats by their labels; `None` where there is none.
fn named(seats: &[SeatIndex], chart: Option<&Chart>) -> Option<String> {
    let shown = labels(seats.get(..NAMED_MAX).unwrap_or(seats), chart).join(", ");
    match seats.len() {
        0 => None,
        all if all > NAMED_MAX => Some(format!("{shown} and {} more", all - NAMED_MAX)),
        _ => Some(shown),
    }
}

/// A ticket type by its name; without a chart by its number.
fn type_name(chart: Option<&Chart>, ticket_type: TicketTypeId) -> String {
    match chart {
        Some(chart) => text::cut(chart.offer.type_name(ticket_type)).into_owned(),
        None => format!("Type {ticket_type}"),
    }
}

fn zone_name(chart: Option<&Chart>, zone: ZoneIndex) -> String {
    match chart.and_then(|chart| chart.zone(zone)) {
        Some(zone) => text::cut(&zone.name).into_owned(),
        None => "this zone".to_owned(),
    }
}

fn zone_id(chart: Option<&Chart>, zone: ZoneIndex) -> Option<Uuid> {
    chart
        .and_then(|chart| chart.zone(zone))
        .map(|zone| zone.zone_id)
}

/// The bookings at these offsets; without a chart nobody knows their partition.
fn bookings(chart: Option<&Chart>, offsets: &[Offset]) -> Vec<Uuid> {
    let Some(chart) = chart else {
        return Vec::new();
    };
    offsets
        .iter()
        .map(|offset| BookingId::new(chart.partition, *offset).as_uuid())
        .collect()
}

/// Which bookings, in brackets; nothing where they are not known.
fn in_bookings(chart: Option<&Chart>, offsets: &[Offset]) -> String {
    let offsets = offsets.get(..NAMED_MAX).unwrap_or(offsets);
    let ids: Vec<String> = bookings(chart, offsets)
        .iter()
        .map(Uuid::to_string)
        .collect();
    if ids.is_empty() {
        String::new()
    } else {
        format!(" (booking {})", ids.join(", "))
    }
}

#[cfg(test)]
mod tests;
