//! Its refusals.

use onsale_schemas::rejection::{CodeRefusal, FullTable, InvalidReason};
use onsale_schemas::{Outcome, OutcomeRecord, Rejection, SeatList};

use super::CODE;
use crate::{record, thb};

/// One of each, by number.
#[expect(clippy::too_many_lines, reason = "one of each")]
pub(in super::super) fn numbered() -> Vec<(&'static str, OutcomeRecord)> {
    let seats = SeatList::from(&[1, 2][..]);
    let rejections = [
        (
            "rejected_20",
            Rejection::TypeNotOffered {
                zone: 300,
                ticket_type: 2,
            },
        ),
        (
            "rejected_21",
            Rejection::CodeRefused {
                why: CodeRefusal::NotYet { from_ms: 500 },
            },
        ),
        (
            "rejected_22",
            Rejection::AccessCodeRequired {
                zone: 1,
                ticket_type: 2,
            },
        ),
        (
            "rejected_23",
            Rejection::TypeNotOnSale {
                ticket_type: 1,
                opens_at_ms: Some(1_000),
            },
        ),
        (
            "rejected_24",
            Rejection::TypeQuantity {
                ticket_type: 1,
                asked: 5,
                min: 2,
                max: 4,
            },
        ),
        (
            "rejected_25",
            Rejection::WrongSeatKind {
                ticket_type: 1,
                seats: seats.clone(),
            },
        ),
        (
            "rejected_26",
            Rejection::CompanionAlone {
                companions: 1,
                allowed: 0,
            },
        ),
        (
            "rejected_27",
            Rejection::TotalChanged {
                total: 290_000,
                currency: thb(),
            },
        ),
        (
            "rejected_28",
            Rejection::SeatInOwnHold {
                seats: seats.clone(),
                own: vec![9, 70_000],
            },
        ),
        (
            "rejected_29",
            Rejection::LeavesSingleSeat {
                seats: seats.clone(),
                own: vec![9],
            },
        ),
        (
            "rejected_30",
            Rejection::InsufficientStockOf {
                item: 1,
                zone: 300,
                available: 1,
                not_together: true,
            },
        ),
        (
            "rejected_31",
            Rejection::CodeExists {
                group: 3,
                code: Some(CODE),
            },
        ),
        ("rejected_32", Rejection::UnknownCode),
        ("rejected_33", Rejection::NotConfirmed),
        (
            "rejected_34",
            Rejection::PlacesNotOfBooking {
                seats,
                line: Some(2),
            },
        ),
        ("rejected_35", Rejection::LayoutChanged { now: 11 }),
    ];
    rejections
        .into_iter()
        .map(|(name, rejection)| (name, record(Outcome::Rejected(rejection))))
        .collect()
}

/// New values inside of kinds that there were before.
pub(in super::super) fn values() -> Vec<(&'static str, OutcomeRecord)> {
    let refused = |why| record(Outcome::Rejected(Rejection::CodeRefused { why }));
    let invalid = |reason| record(Outcome::Rejected(Rejection::Invalid { reason }));
    let table = FullTable::Codes;
    vec![
        ("code_unknown", refused(CodeRefusal::Unknown)),
        ("code_over", refused(CodeRefusal::Over)),
        ("code_not_applicable", refused(CodeRefusal::NotApplicable)),
        ("code_used_up", refused(CodeRefusal::UsedUp)),
        ("code_used_up_by_user", refused(CodeRefusal::UsedUpByUser)),
        ("invalid_types", invalid(InvalidReason::Types)),
        ("invalid_offer", invalid(InvalidReason::Offer)),
        ("invalid_code", invalid(InvalidReason::Code)),
        (
            "invalid_mixed_currencies",
            invalid(InvalidReason::MixedCurrencies),
        ),
        (
            "full_codes",
            record(Outcome::Rejected(Rejection::Full { table })),
        ),
    ]
}
