//! What machine version 1 has.

use onsale_schemas::command::{
    Admission, AmendShow, BlockPlaces, Confirm, OpenShow, Pick, Reserve, SeatBlock, ZoneLayout,
};
use onsale_schemas::envelope::TraceContext;
use onsale_schemas::outcome::{
    BlockChange, Confirmed, EndedBooking, Outcome, OutcomeRecord, Replayed, Reserved,
};
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{Actor, Command, Envelope, NodeName, Rejection, SeatList};

use super::{EVENT, REQUEST, SHOW, USER, envelope, record, thb};

#[expect(clippy::too_many_lines, reason = "one of each")]
pub(super) fn commands() -> Vec<(&'static str, Envelope)> {
    let seats = SeatList::from(&[1, 300, 70_000][..]);
    let zones = vec![
        ZoneLayout {
            unit_price: 250_000,
            currency: thb(),
            admission: Admission::Seated { rows: vec![20, 21] },
        },
        ZoneLayout {
            unit_price: 0,
            currency: thb(),
            admission: Admission::General { capacity: 1_000 },
        },
    ];
    let reserve = |pick| {
        Command::Reserve(Reserve {
            show: SHOW,
            user: USER,
            zone: 1,
            pick,
            expected_unit_price: None,
        })
    };
    let block = |places| SeatBlock {
        show: SHOW,
        zone: 2,
        places,
    };
    vec![
        (
            "open_show",
            envelope(Command::OpenShow(OpenShow {
                show: SHOW,
                event: EVENT,
                max_tickets_per_user: 4,
                sale_opens_at_ms: 1_700_000_000_000,
                sale_closes_at_ms: 1_700_000_100_000,
                hold_ms: 600_000,
                zones,
            })),
        ),
        (
            "amend_show",
            envelope(Command::AmendShow(AmendShow {
                show: SHOW,
                max_tickets_per_user: Some(6),
                sale_opens_at_ms: None,
                sale_closes_at_ms: Some(5),
                hold_ms: None,
                prices: vec![(0, 100), (1, -1)],
            })),
        ),
        ("close_show", envelope(Command::CloseShow { show: SHOW })),
        ("cancel_show", envelope(Command::CancelShow { show: SHOW })),
        (
            "reserve_seats",
            envelope(reserve(Pick::Seats(seats.clone()))),
        ),
        (
            "reserve_best",
            envelope(reserve(Pick::BestAvailable {
                quantity: 2,
                together: true,
            })),
        ),
        (
            "reserve_general",
            Envelope {
                request_id: Some(REQUEST),
                idempotency: Some(0x0102_0304_0506_0708),
                trace: Some(TraceContext {
                    trace_id: [0x55; 16],
                    span_id: [0x66; 8],
                    flags: 1,
                }),
                command: Command::Reserve(Reserve {
                    show: SHOW,
                    user: USER,
                    zone: 1,
                    pick: Pick::General { quantity: 3 },
                    expected_unit_price: Some(99),
                }),
                by: None,
            },
        ),
        (
            "confirm",
            envelope(Command::Confirm(Confirm {
                booking: 77,
                by: Actor::Staff,
                payment_reference: "pi_1".to_owned(),
            })),
        ),
        (
            "release",
            envelope(Command::Release {
                booking: 77,
                by: Actor::Buyer(USER),
            }),
        ),
        (
            "extend",
            envelope(Command::Extend {
                booking: 77,
                by_ms: 60_000,
            }),
        ),
        ("return", envelope(Command::Return { booking: 77 })),
        (
            "block",
            envelope(Command::Block(block(BlockPlaces::Seats(seats)))),
        ),
        (
            "unblock",
            envelope(Command::Unblock(block(BlockPlaces::Quantity(9)))),
        ),
        ("tick", Envelope::machine(Command::Tick { epoch: 3 })),
        (
            "claim",
            Envelope::machine(Command::Claim {
                node: NodeName("node-1".to_owned()),
                epoch: 4,
            }),
        ),
        (
            "barrier",
            Envelope::machine(Command::Barrier { machine_version: 1 }),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "one of each")]
pub(super) fn outcomes() -> Vec<(&'static str, OutcomeRecord)> {
    let seats = SeatList::from(&[1, 2][..]);
    let ended = EndedBooking {
        booking: 5,
        show: SHOW,
        user: USER,
        zone: 1,
        seats: seats.clone(),
        quantity: 2,
    };
    let change = BlockChange {
        show: SHOW,
        zone: 0,
        seats: seats.clone(),
        quantity: 2,
    };
    let rejected = |rejection| record(Outcome::Rejected(rejection));
    vec![
        (
            "nothing",
            OutcomeRecord {
                offset: 0,
                previous: None,
                log_time_ms: 7,
                request_id: None,
                replay_of: None,
                expired: vec![ended.clone()],
                outcome: Outcome::Nothing,
            },
        ),
        (
            "show_opened",
            record(Outcome::ShowOpened {
                show: SHOW,
                event: EVENT,
            }),
        ),
        ("show_amended", record(Outcome::ShowAmended { show: SHOW })),
        ("show_closed", record(Outcome::ShowClosed { show: SHOW })),
        (
            "show_cancelled",
            record(Outcome::ShowCancelled { show: SHOW }),
        ),
        (
            "reserved",
            OutcomeRecord {
                replay_of: Some(Replayed {
                    offset: 9,
                    log_time_ms: 8,
                }),
                ..record(Outcome::Reserved(Reserved {
                    booking: 1_000,
                    show: SHOW,
                    event: EVENT,
                    user: USER,
                    zone: 1,
                    seats: seats.clone(),
                    quantity: 2,
                    unit_price: 250_000,
                    currency: thb(),
                    expires_at_ms: 1_700_000_600_000,
                }))
            },
        ),
        (
            "confirmed",
            record(Outcome::Confirmed(Confirmed {
                booking: 5,
                show: SHOW,
                user: USER,
                zone: 1,
                seats: seats.clone(),
                quantity: 2,
                payment_reference: "pi_1".to_owned(),
                confirmed_at_ms: 6,
                first: true,
                revived: false,
            })),
        ),
        (
            "released",
            record(Outcome::Released {
                booking: ended,
                was_confirmed: true,
            }),
        ),
        (
            "extended",
            record(Outcome::Extended {
                booking: 5,
                show: SHOW,
                user: USER,
                expires_at_ms: 9,
            }),
        ),
        ("blocked", record(Outcome::Blocked(change.clone()))),
        ("unblocked", record(Outcome::Unblocked(change))),
        (
            "claimed",
            record(Outcome::Claimed {
                node: NodeName("node-1".to_owned()),
                epoch: 4,
            }),
        ),
        (
            "barrier_passed",
            record(Outcome::BarrierPassed { machine_version: 1 }),
        ),
        ("rejected_01", rejected(Rejection::UnknownShow)),
        ("rejected_02", rejected(Rejection::UnknownBooking)),
        (
            "rejected_03",
            rejected(Rejection::SeatUnavailable { seats }),
        ),
        (
            "rejected_04",
            rejected(Rejection::InsufficientStock {
                available: 3,
                not_together: true,
            }),
        ),
        (
            "rejected_05",
            rejected(Rejection::MaxPerUserExceeded {
                limit: 4,
                current: 3,
            }),
        ),
        (
            "rejected_06",
            rejected(Rejection::SaleNotOpen { opens_at_ms: 9 }),
        ),
        ("rejected_07", rejected(Rejection::SaleClosed)),
        (
            "rejected_08",
            rejected(Rejection::PriceChanged { unit_price: 5 }),
        ),
        ("rejected_09", rejected(Rejection::AlreadyConfirmed)),
        ("rejected_10", rejected(Rejection::AlreadyCancelled)),
        ("rejected_11", rejected(Rejection::ShowCancelled)),
        ("rejected_12", rejected(Rejection::ReservationExpired)),
        ("rejected_13", rejected(Rejection::IdempotencyKeyReused)),
        ("rejected_14", rejected(Rejection::ShowExists)),
        (
            "rejected_15",
            rejected(Rejection::Invalid {
                reason: InvalidReason::UnknownSeat,
            }),
        ),
        (
            "rejected_16",
            rejected(Rejection::Full {
                table: FullTable::Idempotency,
            }),
        ),
    ]
}
