//! What machine version 2 added.

use onsale_schemas::command::{
    Admission, AmendEvent, ClaimReference, Confirm, ConfirmV2, Describe, OpenShow, OpenShowV2,
    Subject, ZoneLayout,
};
use onsale_schemas::outcome::{Outcome, OutcomeRecord};
use onsale_schemas::{Actor, Command, Envelope, PartitionId, ReferenceHash, Rejection, Staff};

use super::{EVENT, SHOW, TENANT, USER, envelope, record, thb};

fn claim_reference() -> ClaimReference {
    ClaimReference {
        reference: ReferenceHash::from_bytes([0x77; 16]),
        partition: PartitionId(3),
        booking: 77,
    }
}

fn describe() -> Describe {
    Describe {
        subject: Subject::Show {
            show: SHOW,
            event: EVENT,
        },
        document: vec![1, 2, 3],
    }
}

pub(super) fn commands() -> Vec<(&'static str, Envelope)> {
    vec![
        (
            "open_show_v2",
            envelope(Command::OpenShowV2(OpenShowV2 {
                show: OpenShow {
                    show: SHOW,
                    event: EVENT,
                    max_tickets_per_user: 4,
                    sale_opens_at_ms: 1_700_000_000_000,
                    sale_closes_at_ms: 1_700_000_100_000,
                    hold_ms: 600_000,
                    zones: vec![ZoneLayout {
                        unit_price: 100,
                        currency: thb(),
                        admission: Admission::General { capacity: 9 },
                    }],
                },
                tenant: TENANT,
                cooldown_ms: 60_000,
            })),
        ),
        (
            "amend_event",
            envelope(Command::AmendEvent(AmendEvent {
                event: EVENT,
                max_tickets_per_user: 2,
            })),
        ),
        (
            "cancel_event",
            envelope(Command::CancelEvent { event: EVENT }),
        ),
        (
            "confirm_v2",
            Envelope {
                by: Some(Staff {
                    user: USER,
                    tenant: Some(TENANT),
                }),
                ..envelope(Command::ConfirmV2(ConfirmV2 {
                    confirm: Confirm {
                        booking: 77,
                        by: Actor::Staff,
                        payment_reference: "pi_1".to_owned(),
                    },
                    paid: Some((500_000, thb())),
                }))
            },
        ),
        (
            "claim_reference",
            envelope(Command::ClaimReference(claim_reference())),
        ),
        ("describe", envelope(Command::Describe(describe()))),
        (
            "reset_clock",
            Envelope {
                by: Some(Staff {
                    user: USER,
                    tenant: None,
                }),
                ..envelope(Command::ResetClock)
            },
        ),
    ]
}

pub(super) fn outcomes() -> Vec<(&'static str, OutcomeRecord)> {
    let rejected = |rejection| record(Outcome::Rejected(rejection));
    vec![
        ("rejected_17", rejected(Rejection::PaymentReferenceUsed)),
        (
            "rejected_18",
            rejected(Rejection::AmountDiffers {
                total: 500_000,
                currency: thb(),
            }),
        ),
        (
            "rejected_19",
            rejected(Rejection::CoolingDown { until_ms: 9 }),
        ),
        (
            "event_amended",
            record(Outcome::EventAmended {
                event: EVENT,
                max_tickets_per_user: 2,
            }),
        ),
        (
            "event_cancelled",
            record(Outcome::EventCancelled { event: EVENT }),
        ),
        (
            "reference_claimed",
            record(Outcome::ReferenceClaimed(claim_reference())),
        ),
        ("described", record(Outcome::Described(describe()))),
        (
            "clock_reset",
            record(Outcome::ClockReset {
                from_ms: 31_536_000_000,
                to_ms: 1_000,
            }),
        ),
    ]
}
