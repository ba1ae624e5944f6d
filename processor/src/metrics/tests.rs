//! Refusals are counted under the names that everybody else has for them.

use onsale_schemas::rejection::{FullTable, InvalidReason};
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
