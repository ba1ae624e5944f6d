//! Refusals are counted under the names that everybody else has for them.

use onsale_schemas::rejection::{CodeRefusal, FullTable, InvalidReason};
use onsale_schemas::{OutcomeRecord, Rejection, SeatList};
use prometheus::{Encoder as _, Registry, TextEncoder};

use super::*;

/// One of each.
fn rejections() -> Vec<Rejection> {
    vec![
        Rejection::UnknownShow,
        Rejection::UnknownBooking,
        Rejection::SeatUnavailable {
            seats: SeatList::new(),
        },
        Rejection::InsufficientStock {
            available: 0,
            not_together: false,
        },
        Rejection::MaxPerUserExceeded {
            limit: 1,
            current: 1,
        },
        Rejection::SaleNotOpen { opens_at_ms: 1 },
        Rejection::SaleClosed,
        Rejection::PriceChanged { unit_price: 1 },
        Rejection::AlreadyConfirmed,
        Rejection::AlreadyCancelled,
        Rejection::ShowCancelled,
        Rejection::ReservationExpired,
        Rejection::IdempotencyKeyReused,
        Rejection::ShowExists,
        Rejection::Invalid {
            reason: InvalidReason::TooMany,
        },
        Rejection::Full {
            table: FullTable::Shows,
        },
        Rejection::PaymentReferenceUsed,
        Rejection::AmountDiffers {
            total: 1,
            currency: "THB".parse().unwrap(),
        },
        Rejection::CoolingDown { until_ms: 1 },
    ]
    .into_iter()
    .chain(rejections_of_version_3())
    .collect()
}

fn rejections_of_version_3() -> Vec<Rejection> {
    let (zone, ticket_type) = (0, 1);
    vec![
        Rejection::TypeNotOffered { zone, ticket_type },
        Rejection::CodeRefused {
            why: CodeRefusal::UsedUp,
        },
        Rejection::AccessCodeRequired { zone, ticket_type },
        Rejection::TypeNotOnSale {
            ticket_type,
            opens_at_ms: None,
        },
        Rejection::TypeQuantity {
            ticket_type,
            asked: 1,
            min: 2,
            max: 4,
        },
        Rejection::WrongSeatKind {
            ticket_type,
            seats: SeatList::new(),
        },
        Rejection::CompanionAlone {
            companions: 1,
            allowed: 0,
        },
        Rejection::TotalChanged {
            total: 1,
            currency: "THB".parse().unwrap(),
        },
        Rejection::SeatInOwnHold {
            seats: SeatList::new(),
            own: vec![1],
        },
        Rejection::LeavesSingleSeat {
            seats: SeatList::new(),
            own: Vec::new(),
        },
        Rejection::InsufficientStockOf {
            item: 1,
            zone,
            available: 1,
            not_together: false,
        },
        Rejection::CodeExists {
            group: 1,
            code: None,
        },
        Rejection::UnknownCode,
        Rejection::NotConfirmed,
        Rejection::PlacesNotOfBooking {
            seats: SeatList::new(),
            line: Some(0),
        },
        Rejection::LayoutChanged { now: 1 },
    ]
}

#[test]
fn refusals_are_counted_under_the_code_that_clients_see() {
    let numbers: Vec<_> = rejections().iter().map(Rejection::number).collect();
    let all = 1..u16::try_from(REJECTIONS.len()).unwrap();
    assert_eq!(numbers, all.collect::<Vec<_>>());
    for rejection in rejections() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let code = rejection.code();
        metrics.count_outcome(&OutcomeRecord {
            offset: 1,
            previous: None,
            log_time_ms: 1,
            request_id: None,
            replay_of: None,
            expired: Vec::new(),
            outcome: Outcome::Rejected(rejection),
        });
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&registry.gather(), &mut text)
            .unwrap();
        let text = String::from_utf8(text).unwrap();
        let counted: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("onsale_outcomes_total") && line.ends_with(" 1"))
            .collect();
        let label = code.to_ascii_lowercase();
        let expected = format!("onsale_outcomes_total{{code=\"rejected_{label}\"}} 1");
        assert_eq!(counted, [expected.as_str()]);
    }
}
