//! Golden bytes: what existing logs contain. A test that fails here says that a running
//! installation could no longer read its own log. Never change an expectation: add a new version of
//! the kind.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

use onsale_schemas::codec::{self, CodecError};
use onsale_schemas::command::{
    Admission, AmendEvent, AmendShow, BlockPlaces, ClaimReference, Confirm, ConfirmV2, Currency,
    Describe, OpenShow, OpenShowV2, Pick, Reserve, SeatBlock, Subject, ZoneLayout,
};
use onsale_schemas::envelope::TraceContext;
use onsale_schemas::outcome::{
    BlockChange, Confirmed, EndedBooking, Outcome, OutcomeRecord, Replayed, Reserved,
};
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{
    Actor, Command, Envelope, EventId, NodeName, PartitionId, ReferenceHash, Rejection, RequestId,
    SeatList, ShowId, Staff, TenantId, UserId,
};

const SHOW: ShowId = ShowId::from_bytes([0x11; 16]);
const EVENT: EventId = EventId::from_bytes([0x22; 16]);
const USER: UserId = UserId::from_bytes([0x33; 16]);
const TENANT: TenantId = TenantId::from_bytes([0x88; 16]);
const REQUEST: RequestId = RequestId::from_bytes([0x44; 16]);

fn thb() -> Currency {
    "THB".parse().unwrap()
}

fn envelope(command: Command) -> Envelope {
    Envelope {
        request_id: Some(REQUEST),
        idempotency: None,
        trace: None,
        command,
        by: None,
    }
}

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

#[expect(clippy::too_many_lines, reason = "one of each")]
fn commands() -> Vec<(&'static str, Envelope)> {
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

#[expect(clippy::too_many_lines, reason = "one of each")]
fn outcomes() -> Vec<(&'static str, OutcomeRecord)> {
    let seats = SeatList::from(&[1, 2][..]);
    let ended = EndedBooking {
        booking: 5,
        show: SHOW,
        user: USER,
        zone: 1,
        seats: seats.clone(),
        quantity: 2,
    };
    let record = |outcome| OutcomeRecord {
        offset: 1_000,
        previous: Some(999),
        log_time_ms: 1_700_000_000_000,
        request_id: Some(REQUEST),
        replay_of: None,
        expired: Vec::new(),
        outcome,
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares with the file beside this one; `ONSALE_WRITE_GOLDEN=1` appends what is missing there
/// but never changes a line.
#[test]
fn every_kind_has_the_bytes_it_always_had() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden_bytes.txt");
    let mut golden = std::fs::read_to_string(&path).unwrap_or_default();
    let commands = commands();
    let outcomes = outcomes();
    let encoded = commands
        .iter()
        .map(|(name, value)| (format!("command {name}"), codec::encode(value).unwrap()))
        .chain(
            outcomes
                .iter()
                .map(|(name, value)| (format!("outcome {name}"), codec::encode(value).unwrap())),
        );
    for (name, bytes) in encoded {
        let line = format!("{name} {}\n", hex(&bytes));
        match golden
            .lines()
            .find(|known| known.rsplit_once(' ').unwrap().0 == name)
        {
            Some(known) => assert_eq!(known, line.trim_end(), "the bytes of {name} changed"),
            None if std::env::var_os("ONSALE_WRITE_GOLDEN").is_some() => golden.push_str(&line),
            None => panic!("{name} has no golden bytes yet: run with ONSALE_WRITE_GOLDEN=1"),
        }
    }
    if std::env::var_os("ONSALE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, golden).unwrap();
    }
    for (_, envelope) in &commands {
        assert_eq!(
            &codec::decode::<Envelope>(&codec::encode(envelope).unwrap()).unwrap(),
            envelope
        );
    }
    for (_, record) in &outcomes {
        assert_eq!(
            &codec::decode::<OutcomeRecord>(&codec::encode(record).unwrap()).unwrap(),
            record
        );
        let head = codec::decode_outcome_head(&codec::encode(record).unwrap()).unwrap();
        assert_eq!(
            (
                head.offset,
                head.previous,
                head.log_time_ms,
                head.request_id
            ),
            (
                record.offset,
                record.previous,
                record.log_time_ms,
                record.request_id
            )
        );
    }
}

#[test]
fn rejection_numbers_are_for_ever() {
    let numbers: Vec<u16> = outcomes()
        .into_iter()
        .filter_map(|(_, record)| match record.outcome {
            Outcome::Rejected(rejection) => Some(rejection.number()),
            _ => None,
        })
        .collect();
    assert_eq!(numbers, (1..=19).collect::<Vec<u16>>());
}

#[test]
fn every_truncation_and_every_extra_byte_is_an_error() {
    for (name, envelope) in commands() {
        let bytes = codec::encode(&envelope).unwrap();
        for length in 0..bytes.len() {
            assert!(
                codec::decode::<Envelope>(&bytes[..length]).is_err(),
                "{name} cut to {length}"
            );
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(
            codec::decode::<Envelope>(&longer),
            Err(CodecError::TrailingBytes(1))
        ));
    }
}

#[test]
fn kind_version_and_size_are_checked() {
    let bytes = codec::encode(&Envelope::machine(Command::Tick { epoch: 1 })).unwrap();
    assert!(matches!(
        codec::decode::<OutcomeRecord>(&bytes),
        Err(CodecError::Kind { .. })
    ));
    let mut later = bytes.clone();
    later[1] = 3;
    assert!(matches!(
        codec::decode::<Envelope>(&later),
        Err(CodecError::Version { found: 3, .. })
    ));
    let huge = Envelope::machine(Command::Claim {
        node: NodeName("x".repeat(2 << 20)),
        epoch: 1,
    });
    let mut out = b"kept".to_vec();
    assert!(matches!(
        codec::encode_into(&huge, &mut out),
        Err(CodecError::TooLarge(_))
    ));
    assert_eq!(out, b"kept");
}

/// A forged length must be refused before it allocates; the codec's limit does that.
#[test]
fn a_forged_length_does_not_allocate() {
    // Envelope: no request, no key, no trace, command 4 (Reserve), show, user, zone, Pick::Seats
    // with a length of 2^63.
    let mut bytes = vec![0x01, 0x01, 0, 0, 0, 4];
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&[0, 0]);
    bytes.push(253);
    bytes.extend_from_slice(&(1u64 << 63).to_le_bytes());
    assert!(codec::decode::<Envelope>(&bytes).is_err());
}

proptest::proptest! {
    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        let mut framed = vec![0x01, 0x01];
        framed.extend_from_slice(&bytes);
        let _ = codec::decode::<Envelope>(&framed);
        framed[0] = 0x02;
        let _ = codec::decode::<OutcomeRecord>(&framed);
        let _ = codec::decode_outcome_head(&framed);
    }
}
