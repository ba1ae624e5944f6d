//! Turns refusals of the log into answers.

use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Command, Rejection, SeatIndex, ZoneIndex};
use serde_json::json;

use crate::charts::Chart;
use crate::error::{ApiError, Code, RETRY_AFTER_BUSY_SECONDS};
use crate::values::{Instant, Money};

mod version_3;

/// The answer to a refusal. `chart` and `zone` give seats their labels and prices their currency;
/// without them seats are named by their ids.
pub(crate) fn to_error(
    rejection: &Rejection,
    chart: Option<&Chart>,
    zone: Option<u16>,
) -> ApiError {
    match rejection {
        Rejection::UnknownShow => ApiError::not_found("show"),
        Rejection::UnknownBooking => ApiError::not_found("booking"),
        Rejection::SeatUnavailable { seats } => seat_unavailable(labels(seats, chart)),
        Rejection::InsufficientStock {
            available,
            not_together,
        } => insufficient_stock(*available, *not_together),
        Rejection::MaxPerUserExceeded { limit, current } => max_per_user(*limit, *current),
        Rejection::SaleNotOpen { opens_at_ms } => {
            let opens_at = Instant(*opens_at_ms);
            ApiError::new(Code::SaleNotOpen, format!("The sale begins at {opens_at}."))
                .with_details(json!({ "opens_at": opens_at }))
        }
        Rejection::SaleClosed => ApiError::new(Code::SaleClosed, "The sale is over."),
        Rejection::PriceChanged { unit_price } => {
            let zone = zone.and_then(|zone| chart.and_then(|chart| chart.zone(zone)));
            let currency = zone.map(|zone| zone.currency.as_str());
            let price = Money::new(*unit_price, currency.unwrap_or("???"));
            let now = match currency {
                Some(_) => format!(": it is {price} now"),
                None => String::new(),
            };
            ApiError::new(
                Code::PriceChanged,
                format!("The price has changed since you saw it{now}. Nothing was reserved."),
            )
            .with_details(json!({ "unit_price": price }))
        }
        Rejection::AlreadyConfirmed => ApiError::new(
            Code::AlreadyConfirmed,
            "The booking is already confirmed. Its buyer cannot give it back; the event's \
             organizer and the staff of its tenant can cancel it.",
        ),
        Rejection::AlreadyCancelled => {
            ApiError::new(Code::AlreadyCancelled, "The booking is already cancelled.")
        }
        Rejection::ShowCancelled => ApiError::new(Code::ShowCancelled, "The show is cancelled."),
        Rejection::ReservationExpired => ApiError::new(
            Code::ReservationExpired,
            "The reservation has expired and its places are free for others.",
        ),
        Rejection::IdempotencyKeyReused => ApiError::new(
            Code::IdempotencyKeyReused,
            "This idempotency key was used for a request with another body.",
        ),
        Rejection::ShowExists => ApiError::new(
            Code::ValidationError,
            "The show is already open with other values.",
        ),
        Rejection::Invalid { reason } => invalid(*reason),
        Rejection::Full { .. } => ApiError::new(
            Code::Overloaded,
            "This part of the system is full. Nothing was changed; try again later.",
        )
        .retry_after(RETRY_AFTER_BUSY_SECONDS),
        Rejection::PaymentReferenceUsed => ApiError::new(
            Code::PaymentReferenceUsed,
            "This payment reference belongs to another booking.",
        ),
        Rejection::AmountDiffers { total, currency } => ApiError::new(
            Code::AmountMismatch,
            format!(
                "The amount is not the booking's total of {}. Nothing was confirmed.",
                Money::new(*total, currency.as_str())
            ),
        )
        .with_details(json!({ "total_price": Money::new(*total, currency.as_str()) })),
        Rejection::CoolingDown { until_ms } => {
            let until = Instant(*until_ms);
            ApiError::new(
                Code::CoolingDown,
                format!(
                    "Several of your holds for this event ended without payment. You can reserve \
                     again from {until}."
                ),
            )
            .with_details(json!({ "until": until }))
        }
        Rejection::TypeNotOffered { .. }
        | Rejection::CodeRefused { .. }
        | Rejection::AccessCodeRequired { .. }
        | Rejection::TypeNotOnSale { .. }
        | Rejection::TypeQuantity { .. }
        | Rejection::WrongSeatKind { .. }
        | Rejection::CompanionAlone { .. }
        | Rejection::TotalChanged { .. }
        | Rejection::SeatInOwnHold { .. }
        | Rejection::LeavesSingleSeat { .. }
        | Rejection::InsufficientStockOf { .. }
        | Rejection::CodeExists { .. }
        | Rejection::UnknownCode
        | Rejection::NotConfirmed
        | Rejection::PlacesNotOfBooking { .. }
        | Rejection::LayoutChanged { .. } => version_3::to_error(rejection, chart),
    }
}

/// The answer to a refusal to put places back on sale.
pub(crate) fn of_unblocking(
    rejection: &Rejection,
    chart: Option<&Chart>,
    zone: Option<u16>,
) -> ApiError {
    match rejection {
        Rejection::SeatUnavailable { seats } => ApiError::new(
            Code::SeatUnavailable,
            "Some of these seats are not blocked. Nothing was changed.",
        )
        .with_details(json!({ "seats": labels(seats, chart) })),
        Rejection::InsufficientStock { available, .. } => ApiError::new(
            Code::InsufficientStock,
            format!("Only {available} places are blocked. Nothing was changed."),
        )
        .with_details(json!({ "available": available, "not_together": false })),
        other => to_error(other, chart, zone),
    }
}

/// The answer to a refusal of `asked`, which says whose places it is about; `chart` is of its show.
pub(crate) fn of_command(
    rejection: &Rejection,
    asked: &Command,
    chart: Option<&Chart>,
) -> ApiError {
    match asked {
        Command::Unblock(block) => of_unblocking(rejection, chart, Some(block.zone)),
        Command::Block(block) | Command::TakeSeats(block) => {
            to_error(rejection, chart, Some(block.zone))
        }
        Command::Reserve(reserve) => to_error(rejection, chart, Some(reserve.zone)),
        _ => to_error(rejection, chart, None),
    }
}

fn labels(seats: &[SeatIndex], chart: Option<&Chart>) -> Vec<String> {
    let label = |seat: &SeatIndex| {
        chart
            .and_then(|chart| chart.label(*seat))
            .unwrap_or_else(|| crate::charts::seat_id(*seat))
    };
    seats.iter().map(label).collect()
}

/// The seats with these labels are not available.
pub(crate) fn seat_unavailable(labels: Vec<String>) -> ApiError {
    ApiError::new(
        Code::SeatUnavailable,
        "Some of these seats are not available. Nothing was changed.",
    )
    .with_details(json!({ "seats": labels }))
}

/// The buyer would have more than `limit` tickets of the event.
pub(crate) fn max_per_user(limit: u16, current: u32) -> ApiError {
    ApiError::new(
        Code::MaxPerUserExceeded,
        format!("At most {limit} tickets per buyer; you hold or own {current}."),
    )
    .with_details(json!({ "limit": limit, "current": current }))
}

/// Only `available` places are left.
pub(crate) fn insufficient_stock(available: u32, not_together: bool) -> ApiError {
    let detail = if not_together {
        "Not enough adjacent seats are left. Nothing was reserved."
    } else {
        "Not enough places are left. Nothing was changed."
    };
    ApiError::new(Code::InsufficientStock, detail)
        .with_details(json!({ "available": available, "not_together": not_together }))
}

/// Says of which item of an order of several a refusal is.
pub(crate) fn of_item(refusal: ApiError, item: usize, chart: &Chart, zone: ZoneIndex) -> ApiError {
    let zone_id = chart.zone(zone).map(|zone| zone.zone_id);
    refusal
        .with_detail("item", json!(item))
        .with_detail("zone_id", json!(zone_id))
}

/// The edge lets none of these through, so one that comes back deserves a precise message.
fn invalid(reason: InvalidReason) -> ApiError {
    let (field, expected) = match reason {
        InvalidReason::NothingAsked => ("quantity", "at least one place"),
        InvalidReason::TooMany => ("quantity", "fewer places"),
        InvalidReason::DuplicateSeat => ("seats", "each seat once"),
        InvalidReason::UnknownZone => ("zone_id", "a zone of the show"),
        InvalidReason::UnknownSeat => ("seats", "seats of the zone"),
        InvalidReason::WrongAdmission => (
            "seats",
            "seats in a seated zone, a quantity in general admission",
        ),
        InvalidReason::Layout => ("zones", "a layout within the limits"),
        InvalidReason::OutOfRange => ("body", "times, lengths and prices within their limits"),
        InvalidReason::PaymentReference => ("payment_reference", "1 to 128 bytes"),
        InvalidReason::Document => ("zones", "shorter names and labels"),
        InvalidReason::Types => (
            "items",
            "ticket types that add up to the places of each item",
        ),
        InvalidReason::Offer => ("offer", "an offer within its rules and limits"),
        InvalidReason::Code => ("terms", "terms of codes within their rules and limits"),
        InvalidReason::MixedCurrencies => ("currency", "one currency for all of it"),
    };
    ApiError::new(
        Code::ValidationError,
        format!("{field}: expected {expected}"),
    )
    .with_details(json!({ "field": field, "expected": expected }))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::SeatList;
    use onsale_schemas::command::Currency;
    use onsale_schemas::rejection::FullTable;

    use super::*;

    /// Every refusal with what a client reads of it.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn every_refusal_says_what_happened_and_what_to_do() {
        let seats = SeatList::from_iter([3, 4]);
        let refused = |reason| Rejection::Invalid { reason };
        for (rejection, code, detail, details) in [
            (
                Rejection::UnknownShow,
                "NOT_FOUND",
                "There is no such show.",
                json!(null),
            ),
            (
                Rejection::UnknownBooking,
                "NOT_FOUND",
                "There is no such booking.",
                json!(null),
            ),
            (
                Rejection::SeatUnavailable { seats },
                "SEAT_UNAVAILABLE",
                "Some of these seats are not available. Nothing was changed.",
                json!({"seats": ["seat:3", "seat:4"]}),
            ),
            (
                Rejection::InsufficientStock {
                    available: 5,
                    not_together: true,
                },
                "INSUFFICIENT_STOCK",
                "Not enough adjacent seats are left. Nothing was reserved.",
                json!({"available": 5, "not_together": true}),
            ),
            (
                Rejection::InsufficientStock {
                    available: 5,
                    not_together: false,
                },
                "INSUFFICIENT_STOCK",
                "Not enough places are left. Nothing was changed.",
                json!({"available": 5, "not_together": false}),
            ),
            (
                Rejection::MaxPerUserExceeded {
                    limit: 4,
                    current: 3,
                },
                "MAX_PER_USER_EXCEEDED",
                "At most 4 tickets per buyer; you hold or own 3.",
                json!({"limit": 4, "current": 3}),
            ),
            (
                Rejection::SaleNotOpen { opens_at_ms: 0 },
                "SALE_NOT_OPEN",
                "The sale begins at 1970-01-01T00:00:00.000Z.",
                json!({"opens_at": "1970-01-01T00:00:00.000Z"}),
            ),
            (
                Rejection::SaleClosed,
                "SALE_CLOSED",
                "The sale is over.",
                json!(null),
            ),
            (
                Rejection::PriceChanged { unit_price: 7 },
                "PRICE_CHANGED",
                "The price has changed since you saw it. Nothing was reserved.",
                json!({"unit_price": {"amount": 7, "currency": "???"}}),
            ),
            (
                Rejection::AlreadyConfirmed,
                "ALREADY_CONFIRMED",
                "The booking is already confirmed. Its buyer cannot give it back; the event's \
                 organizer and the staff of its tenant can cancel it.",
                json!(null),
            ),
            (
                Rejection::AlreadyCancelled,
                "ALREADY_CANCELLED",
                "The booking is already cancelled.",
                json!(null),
            ),
            (
                Rejection::ShowCancelled,
                "SHOW_CANCELLED",
                "The show is cancelled.",
                json!(null),
            ),
            (
                Rejection::ReservationExpired,
                "RESERVATION_EXPIRED",
                "The reservation has expired and its places are free for others.",
                json!(null),
            ),
            (
                Rejection::IdempotencyKeyReused,
                "IDEMPOTENCY_KEY_REUSED",
                "This idempotency key was used for a request with another body.",
                json!(null),
            ),
            (
                Rejection::ShowExists,
                "VALIDATION_ERROR",
                "The show is already open with other values.",
                json!(null),
            ),
            (
                refused(InvalidReason::PaymentReference),
                "VALIDATION_ERROR",
                "payment_reference: expected 1 to 128 bytes",
                json!({"field": "payment_reference", "expected": "1 to 128 bytes"}),
            ),
            (
                Rejection::Full {
                    table: FullTable::Bookings,
                },
                "OVERLOADED",
                "This part of the system is full. Nothing was changed; try again later.",
                json!(null),
            ),
            (
                Rejection::PaymentReferenceUsed,
                "PAYMENT_REFERENCE_USED",
                "This payment reference belongs to another booking.",
                json!(null),
            ),
            (
                Rejection::AmountDiffers {
                    total: 500,
                    currency: Currency(*b"THB"),
                },
                "AMOUNT_MISMATCH",
                "The amount is not the booking's total of 5.00 THB. Nothing was confirmed.",
                json!({"total_price": {"amount": 500, "currency": "THB"}}),
            ),
            (
                Rejection::CoolingDown { until_ms: 1_000 },
                "COOLING_DOWN",
                "Several of your holds for this event ended without payment. You can reserve again \
                 from 1970-01-01T00:00:01.000Z.",
                json!({"until": "1970-01-01T00:00:01.000Z"}),
            ),
        ] {
            let error = to_error(&rejection, None, None);
            assert_eq!((error.code().as_str(), rejection.code()), (code, code));
            assert_eq!(error.detail(), detail);
            assert_eq!(error.details().unwrap_or(&json!(null)), &details, "{code}");
        }
    }
}
