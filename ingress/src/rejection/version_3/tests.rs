use onsale_schemas::command::Currency;
use onsale_schemas::{CodeHash, SeatList, TenantId};
use onsale_store::catalog::{ChartRow, RowSeats, ZoneAdmission};
use serde_json::Value;

use super::*;
use crate::charts::show_of;

fn check(rejection: &Rejection, code: &str, detail: &str, details: &Value) {
    let error = crate::rejection::to_error(rejection, None, None);
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
            "Type 2 tickets are not sold in this zone. Nothing was reserved.",
            json!({"zone_id": null, "ticket_type": "Type 2"}),
        ),
        (
            Rejection::AccessCodeRequired { zone, ticket_type },
            "ACCESS_CODE_REQUIRED",
            "Type 2 tickets in this zone are sold only with an access code that opens them: send it as \
             `code`. Nothing was reserved.",
            json!({"zone_id": null, "ticket_type": "Type 2"}),
        ),
        (
            Rejection::TypeNotOnSale {
                ticket_type,
                opens_at_ms: Some(1_000),
            },
            "TYPE_NOT_ON_SALE",
            "Type 2 tickets are on sale from 1970-01-01T00:00:01.000Z on. Nothing was reserved.",
            json!({"ticket_type": "Type 2", "opens_at": "1970-01-01T00:00:01.000Z"}),
        ),
        (
            Rejection::TypeNotOnSale {
                ticket_type,
                opens_at_ms: None,
            },
            "TYPE_NOT_ON_SALE",
            "Type 2 tickets are not on sale any more. Nothing was reserved.",
            json!({"ticket_type": "Type 2", "opens_at": null}),
        ),
        (
            Rejection::TypeQuantity {
                ticket_type,
                asked: 5,
                min: 2,
                max: 4,
            },
            "TYPE_QUANTITY",
            "An order has at least 2 and at most 4 Type 2 tickets, or none; this one has 5. Nothing was \
             reserved.",
            json!({"ticket_type": "Type 2", "asked": 5, "min": 2, "max": 4}),
        ),
        (
            Rejection::TypeQuantity {
                ticket_type,
                asked: 1,
                min: 2,
                max: 0,
            },
            "TYPE_QUANTITY",
            "An order has at least 2 Type 2 tickets, or none; this one has 1. Nothing was reserved.",
            json!({"ticket_type": "Type 2", "asked": 1, "min": 2, "max": 0}),
        ),
        (
            Rejection::WrongSeatKind {
                ticket_type,
                seats: seats.clone(),
            },
            "WRONG_SEAT_KIND",
            "Type 2 tickets are not for seats like seat:3, seat:4. Choose other seats or another kind of \
             ticket. Nothing was reserved.",
            json!({"ticket_type": "Type 2", "seats": ["seat:3", "seat:4"]}),
        ),
        (
            Rejection::CompanionAlone {
                companions: 1,
                allowed: 0,
            },
            "COMPANION_ALONE",
            "Companion seats go with accessible seats of the same booking: this one would have 1 and may \
             have 0. Nothing was changed.",
            json!({"companions": 1, "allowed": 0}),
        ),
        (
            Rejection::TotalChanged {
                total: 290_000,
                currency: Currency(*b"THB"),
            },
            "PRICE_CHANGED",
            "The price has changed since you saw it: the total is 2,900.00 THB now. Nothing was reserved.",
            json!({"total_price": {"amount": 290_000, "currency": "THB"}}),
        ),
        (
            Rejection::SeatInOwnHold {
                seats: seats.clone(),
                own: vec![9],
            },
            "SEAT_UNAVAILABLE",
            "Some of these seats are not available, and you hold some of them yourself: pay for that \
             booking, or give it back first. Nothing was changed.",
            json!({"seats": ["seat:3", "seat:4"], "own_bookings": []}),
        ),
        (
            Rejection::LeavesSingleSeat {
                seats: seats.clone(),
                own: Vec::new(),
            },
            "LEAVES_SINGLE_SEAT",
            "With this choice single seats would be left over: seat:3, seat:4. Take them too, or choose \
             others. Nothing was reserved.",
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
            "The booking is held and not confirmed: cancel it as a whole, or wait until it is paid. \
             Nothing was changed.",
            json!(null),
        ),
        (
            Rejection::PlacesNotOfBooking { seats, line: None },
            "PLACES_NOT_OF_BOOKING",
            "The booking does not have seat:3, seat:4. Nothing was changed.",
            json!({"seats": ["seat:3", "seat:4"], "line": null}),
        ),
        (
            Rejection::PlacesNotOfBooking {
                seats: SeatList::new(),
                line: Some(1),
            },
            "PLACES_NOT_OF_BOOKING",
            "Line 1 of the booking has not so many places without a name. Nothing was changed.",
            json!({"seats": [], "line": 1}),
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

/// With a chart a buyer reads names, and own holds by the ids of their bookings.
#[test]
fn with_a_chart_seats_zones_and_own_bookings_have_their_names() {
    let rows = vec![ChartRow {
        name: "A".to_owned(),
        seats: RowSeats::Count(20),
        plan: onsale_schemas::seating::RowPlan::default(),
    }];
    let show = show_of(vec![ZoneAdmission::Seated { rows }]);
    let chart = Chart::new(&show, TenantId::from_bytes([8; 16]));
    let own = BookingId::new(chart.partition, 9).as_uuid();
    let error = |rejection| crate::rejection::to_error(&rejection, Some(&chart), None);
    let single = error(Rejection::LeavesSingleSeat {
        seats: SeatList::from_iter(2..14),
        own: vec![9],
    });
    let detail = single.detail();
    assert!(
        detail.contains("A-3, A-4, A-5, A-6, A-7, A-8, A-9, A-10, A-11, A-12 and 2 more"),
        "{detail}"
    );
    assert!(detail.contains(&own.to_string()), "{detail}");
    let details = single.details().unwrap();
    assert_eq!(details["own_bookings"], json!([own]));
    assert_eq!(details["seats"].as_array().unwrap().len(), 12);
    let held = error(Rejection::SeatInOwnHold {
        seats: SeatList::from_iter([0]),
        own: vec![9],
    });
    assert!(held.detail().contains(&format!("(booking {own})")));
    let elsewhere = error(Rejection::TypeNotOffered {
        zone: 0,
        ticket_type: 7,
    });
    assert!(
        elsewhere.detail().contains("in Zone 0"),
        "{}",
        elsewhere.detail()
    );
    assert_eq!(
        elsewhere.details().unwrap()["zone_id"],
        json!(chart.zones[0].zone_id)
    );
}
