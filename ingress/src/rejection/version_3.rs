//! Refusals of machine version 3.

use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::{BookingId, Offset, Rejection, ZoneIndex};
use serde_json::json;
use uuid::Uuid;

use super::{insufficient_stock, labels};
use crate::charts::Chart;
use crate::error::{ApiError, Code};
use crate::values::{Instant, Money};

/// As the one of its parent, for refusals of version 3.
pub(super) fn to_error(rejection: &Rejection, chart: Option<&Chart>) -> ApiError {
    match rejection {
        Rejection::TypeNotOffered { zone, ticket_type } => ApiError::new(
            Code::TypeNotOffered,
            "This kind of ticket is not sold in this zone. Nothing was reserved.",
        )
        .with_details(json!({ "zone_id": zone_id(chart, *zone), "ticket_type": ticket_type })),
        Rejection::CodeRefused { why } => code_refused(*why),
        Rejection::AccessCodeRequired { zone, ticket_type } => ApiError::new(
            Code::AccessCodeRequired,
            "These tickets are sold with an access code only. Nothing was reserved.",
        )
        .with_details(json!({ "zone_id": zone_id(chart, *zone), "ticket_type": ticket_type })),
        Rejection::TypeNotOnSale {
            ticket_type,
            opens_at_ms,
        } => type_not_on_sale(*ticket_type, opens_at_ms.map(Instant)),
        Rejection::TypeQuantity {
            ticket_type,
            asked,
            min,
            max,
        } => ApiError::new(Code::TypeQuantity, bounds(*asked, *min, *max)).with_details(json!({
            "ticket_type": ticket_type, "asked": asked, "min": min, "max": max,
        })),
        Rejection::WrongSeatKind { ticket_type, seats } => ApiError::new(
            Code::WrongSeatKind,
            "This kind of ticket is not for seats of this kind. Nothing was reserved.",
        )
        .with_details(json!({ "ticket_type": ticket_type, "seats": labels(seats, chart) })),
        Rejection::CompanionAlone {
            companions,
            allowed,
        } => ApiError::new(
            Code::CompanionAlone,
            "Companion seats go with accessible seats of the same booking. Nothing was changed.",
        )
        .with_details(json!({ "companions": companions, "allowed": allowed })),
        Rejection::TotalChanged { total, currency } => ApiError::new(
            Code::PriceChanged,
            "The price has changed since you saw it. Nothing was reserved.",
        )
        .with_details(json!({ "total_price": Money::new(*total, currency.as_str()) })),
        Rejection::SeatInOwnHold { seats, own } => ApiError::new(
            Code::SeatUnavailable,
            "Some of these seats are not available, and you hold some of them yourself. Nothing was \
             changed.",
        )
        .with_details(json!({
            "seats": labels(seats, chart), "own_bookings": bookings(chart, own),
        })),
        Rejection::LeavesSingleSeat { seats, own } => ApiError::new(
            Code::LeavesSingleSeat,
            "With this choice single seats would be left over. Take them too, or choose others. \
             Nothing was reserved.",
        )
        .with_details(json!({
            "seats": labels(seats, chart), "own_bookings": bookings(chart, own),
        })),
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
            "The booking is held and not confirmed. Nothing was changed.",
        ),
        Rejection::PlacesNotOfBooking { seats, line } => ApiError::new(
            Code::PlacesNotOfBooking,
            "Some of these places are not of the booking. Nothing was changed.",
        )
        .with_details(json!({ "seats": labels(seats, chart), "line": line })),
        Rejection::LayoutChanged { now } => ApiError::new(
            Code::LayoutChanged,
            "The show has other places than expected. Look at it again. Nothing was changed.",
        )
        .with_details(json!({ "now": now })),
        _ => ApiError::internal("a refusal of version 3 was expected"),
    }
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

fn type_not_on_sale(ticket_type: u8, opens_at: Option<Instant>) -> ApiError {
    let detail = match &opens_at {
        Some(at) => format!("This kind of ticket is on sale from {at} on. Nothing was reserved."),
        None => "This kind of ticket is not on sale any more. Nothing was reserved.".to_owned(),
    };
    ApiError::new(Code::TypeNotOnSale, detail)
        .with_details(json!({ "ticket_type": ticket_type, "opens_at": opens_at }))
}

fn bounds(asked: u32, min: u8, max: u8) -> String {
    let most = match max {
        0 => String::new(),
        max => format!(" and at most {max}"),
    };
    format!(
        "An order has at least {min}{most} of this kind of ticket, or none; this one has {asked}. \
         Nothing was reserved."
    )
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

#[cfg(test)]
mod tests {
    use onsale_schemas::command::Currency;
    use onsale_schemas::{CodeHash, SeatList};
    use serde_json::Value;

    use super::*;

    fn check(rejection: &Rejection, code: &str, detail: &str, details: &Value) {
        let error = super::super::to_error(rejection, None, None);
        assert_eq!((error.code().as_str(), rejection.code()), (code, code));
        assert_eq!(error.detail(), detail);
        assert_eq!(error.details().unwrap_or(&Value::Null), details, "{code}");
    }

    #[test]
    fn a_refused_code_says_why() {
        for (why, detail, details) in [
            (
                CodeRefusal::Unknown,
                "The show has no such code. Nothing was reserved.",
                json!({"reason": "unknown"}),
            ),
            (
                CodeRefusal::NotYet { from_ms: 1_000 },
                "The code counts from 1970-01-01T00:00:01.000Z on. Nothing was reserved.",
                json!({"reason": "not_yet", "from": "1970-01-01T00:00:01.000Z"}),
            ),
            (
                CodeRefusal::Over,
                "The code counts no more. Nothing was reserved.",
                json!({"reason": "over"}),
            ),
            (
                CodeRefusal::NotApplicable,
                "The code is for none of these places. Nothing was reserved.",
                json!({"reason": "not_applicable"}),
            ),
            (
                CodeRefusal::UsedUp,
                "The code is used up. It counts again when a reservation with it ends unpaid. Nothing \
                 was reserved.",
                json!({"reason": "used_up"}),
            ),
            (
                CodeRefusal::UsedUpByUser,
                "You have used the code as often as one buyer may. Nothing was reserved.",
                json!({"reason": "used_up_by_user"}),
            ),
        ] {
            check(
                &Rejection::CodeRefused { why },
                "CODE_REFUSED",
                detail,
                &details,
            );
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn every_refusal_says_what_happened_and_what_to_do() {
        let seats = SeatList::from_iter([3, 4]);
        let (zone, ticket_type) = (0, 2);
        for (rejection, code, detail, details) in [
            (
                Rejection::TypeNotOffered { zone, ticket_type },
                "TYPE_NOT_OFFERED",
                "This kind of ticket is not sold in this zone. Nothing was reserved.",
                json!({"zone_id": null, "ticket_type": 2}),
            ),
            (
                Rejection::AccessCodeRequired { zone, ticket_type },
                "ACCESS_CODE_REQUIRED",
                "These tickets are sold with an access code only. Nothing was reserved.",
                json!({"zone_id": null, "ticket_type": 2}),
            ),
            (
                Rejection::TypeNotOnSale {
                    ticket_type,
                    opens_at_ms: Some(1_000),
                },
                "TYPE_NOT_ON_SALE",
                "This kind of ticket is on sale from 1970-01-01T00:00:01.000Z on. Nothing was reserved.",
                json!({"ticket_type": 2, "opens_at": "1970-01-01T00:00:01.000Z"}),
            ),
            (
                Rejection::TypeNotOnSale {
                    ticket_type,
                    opens_at_ms: None,
                },
                "TYPE_NOT_ON_SALE",
                "This kind of ticket is not on sale any more. Nothing was reserved.",
                json!({"ticket_type": 2, "opens_at": null}),
            ),
            (
                Rejection::TypeQuantity {
                    ticket_type,
                    asked: 5,
                    min: 2,
                    max: 4,
                },
                "TYPE_QUANTITY",
                "An order has at least 2 and at most 4 of this kind of ticket, or none; this one has 5. \
                 Nothing was reserved.",
                json!({"ticket_type": 2, "asked": 5, "min": 2, "max": 4}),
            ),
            (
                Rejection::TypeQuantity {
                    ticket_type,
                    asked: 1,
                    min: 2,
                    max: 0,
                },
                "TYPE_QUANTITY",
                "An order has at least 2 of this kind of ticket, or none; this one has 1. Nothing was \
                 reserved.",
                json!({"ticket_type": 2, "asked": 1, "min": 2, "max": 0}),
            ),
            (
                Rejection::WrongSeatKind {
                    ticket_type,
                    seats: seats.clone(),
                },
                "WRONG_SEAT_KIND",
                "This kind of ticket is not for seats of this kind. Nothing was reserved.",
                json!({"ticket_type": 2, "seats": ["seat:3", "seat:4"]}),
            ),
            (
                Rejection::CompanionAlone {
                    companions: 1,
                    allowed: 0,
                },
                "COMPANION_ALONE",
                "Companion seats go with accessible seats of the same booking. Nothing was changed.",
                json!({"companions": 1, "allowed": 0}),
            ),
            (
                Rejection::TotalChanged {
                    total: 290_000,
                    currency: Currency(*b"THB"),
                },
                "PRICE_CHANGED",
                "The price has changed since you saw it. Nothing was reserved.",
                json!({"total_price": {"amount": 290_000, "currency": "THB"}}),
            ),
            (
                Rejection::SeatInOwnHold {
                    seats: seats.clone(),
                    own: vec![9],
                },
                "SEAT_UNAVAILABLE",
                "Some of these seats are not available, and you hold some of them yourself. Nothing was \
                 changed.",
                json!({"seats": ["seat:3", "seat:4"], "own_bookings": []}),
            ),
            (
                Rejection::LeavesSingleSeat {
                    seats: seats.clone(),
                    own: Vec::new(),
                },
                "LEAVES_SINGLE_SEAT",
                "With this choice single seats would be left over. Take them too, or choose others. \
                 Nothing was reserved.",
                json!({"seats": ["seat:3", "seat:4"], "own_bookings": []}),
            ),
            (
                Rejection::InsufficientStockOf {
                    item: 1,
                    zone,
                    available: 1,
                    not_together: false,
                },
                "INSUFFICIENT_STOCK",
                "Not enough places are left. Nothing was changed.",
                json!({"available": 1, "not_together": false, "item": 1, "zone_id": null}),
            ),
            (
                Rejection::CodeExists {
                    group: 3,
                    code: None,
                },
                "CODE_EXISTS",
                "The group has other terms. Nothing was changed.",
                json!({"group": 3}),
            ),
            (
                Rejection::CodeExists {
                    group: 3,
                    code: Some(CodeHash::from_bytes([1; 16])),
                },
                "CODE_EXISTS",
                "One of these codes belongs to another group. Nothing was changed.",
                json!({"group": 3}),
            ),
            (
                Rejection::UnknownCode,
                "NOT_FOUND",
                "There is no such code.",
                json!(null),
            ),
            (
                Rejection::NotConfirmed,
                "NOT_CONFIRMED",
                "The booking is held and not confirmed. Nothing was changed.",
                json!(null),
            ),
            (
                Rejection::PlacesNotOfBooking { seats, line: None },
                "PLACES_NOT_OF_BOOKING",
                "Some of these places are not of the booking. Nothing was changed.",
                json!({"seats": ["seat:3", "seat:4"], "line": null}),
            ),
            (
                Rejection::LayoutChanged { now: 11 },
                "LAYOUT_CHANGED",
                "The show has other places than expected. Look at it again. Nothing was changed.",
                json!({"now": 11}),
            ),
        ] {
            check(&rejection, code, detail, &details);
        }
    }
}
