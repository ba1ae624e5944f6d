//! What machine version 3 added.

pub(super) mod refusals;

use onsale_schemas::code::{AmendCodes, CodeTerms, CreateCodes, Discount, EndedCodes};
use onsale_schemas::command::{
    Admission, BlockPlaces, OpenShow, OpenShowV2, SeatBlock, ZoneLayout,
};
use onsale_schemas::offer::{
    Bundle, Fees, Offer, Phase, PhasePrice, Scope, SetOffer, TicketType, TypePrice, ZoneRule,
};
use onsale_schemas::order::{Item, PickV2, ReserveV2, ReturnPlaces};
use onsale_schemas::outcome::{
    BlockChange, ConfirmedV2, Line, Outcome, PlacesReturned, PriceRule, ReleasedV2, ReservedV2,
    ZonePlaces,
};
use onsale_schemas::seating::{
    AddSeats, Addition, OpenShowV3, RowPlan, SeatKind, Special, ZonePlan,
};
use onsale_schemas::{CodeHash, Command, Envelope, OutcomeRecord, SeatList};

use super::{EVENT, SHOW, TENANT, USER, envelope, record, thb};

const CODE: CodeHash = CodeHash::from_bytes([0x99; 16]);

fn row_plan() -> RowPlan {
    RowPlan {
        rank: 300,
        focus: 9,
        gaps: vec![4, 8],
        special: vec![
            Special {
                first: 0,
                count: 2,
                kind: SeatKind::Accessible,
            },
            Special {
                first: 2,
                count: 1,
                kind: SeatKind::Companion,
            },
        ],
    }
}

fn offer() -> Offer {
    let scope = Scope {
        zones: vec![0, 300],
        types: 1 << 63 | 1,
    };
    Offer {
        types: vec![TicketType {
            id: 1,
            min: 2,
            max: 4,
            from_ms: 1_700_000_000_000,
            until_ms: u64::MAX,
            code_only: true,
            kinds: 3,
        }],
        prices: vec![TypePrice {
            zone: 0,
            ticket_type: 1,
            price: 120_000,
        }],
        phases: vec![
            Phase {
                id: 1,
                scope: scope.clone(),
                from_ms: 0,
                until_ms: 5,
                places: 200,
                price: PhasePrice::Fixed(90_000),
            },
            Phase {
                id: 2,
                scope: Scope::default(),
                from_ms: 5,
                until_ms: 6,
                places: 0,
                price: PhasePrice::OffBp(1_000),
            },
        ],
        bundles: vec![Bundle {
            id: 7,
            scope,
            places: 3,
            off_bp: 1_000,
        }],
        fees: Fees {
            place: 2_000,
            place_bp: 300,
            order: 1_500,
            tax_bp: 700,
        },
        tax_bp: 701,
        zones: vec![ZoneRule {
            zone: 2,
            no_single_seats: true,
            code_only: false,
        }],
    }
}

fn terms(discount: Option<Discount>) -> CodeTerms {
    CodeTerms {
        discount,
        presale: true,
        opens: false,
        uses_max: 70_000,
        uses_per_user_max: 300,
        places_max: 2,
        from_ms: 1,
        until_ms: u64::MAX,
        scope: Scope {
            zones: vec![1],
            types: 2,
        },
    }
}

fn add(addition: Addition) -> Envelope {
    envelope(Command::AddSeats(Box::new(AddSeats {
        show: SHOW,
        expected: 70_000,
        addition,
    })))
}

#[expect(clippy::too_many_lines, reason = "one of each")]
pub(super) fn commands() -> Vec<(&'static str, Envelope)> {
    let seats = SeatList::from(&[1, 300, 70_000][..]);
    vec![
        (
            "open_show_v3",
            envelope(Command::OpenShowV3(Box::new(OpenShowV3 {
                show: OpenShowV2 {
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
                            admission: Admission::Seated { rows: vec![9, 10] },
                        }],
                    },
                    tenant: TENANT,
                    cooldown_ms: 60_000,
                },
                plans: vec![ZonePlan {
                    zone: 0,
                    rows: vec![row_plan(), RowPlan::default()],
                }],
                companions_per_accessible: 1,
                offer: offer(),
            }))),
        ),
        (
            "set_offer",
            envelope(Command::SetOffer(Box::new(SetOffer {
                show: SHOW,
                offer: Offer::default(),
            }))),
        ),
        (
            "create_codes",
            envelope(Command::CreateCodes(Box::new(CreateCodes {
                show: SHOW,
                group: 3,
                terms: terms(Some(Discount::OffBp(1_500))),
                codes: vec![CODE, CodeHash::from_bytes([0xaa; 16])],
            }))),
        ),
        (
            "amend_codes",
            envelope(Command::AmendCodes(Box::new(AmendCodes {
                show: SHOW,
                group: 3,
                terms: terms(Some(Discount::Amount(6_000, thb()))),
            }))),
        ),
        (
            "amend_codes_no_discount",
            envelope(Command::AmendCodes(Box::new(AmendCodes {
                show: SHOW,
                group: 3,
                terms: terms(None),
            }))),
        ),
        (
            "end_codes_group",
            envelope(Command::EndCodes {
                show: SHOW,
                which: EndedCodes::Group(70_000),
            }),
        ),
        (
            "end_codes_code",
            envelope(Command::EndCodes {
                show: SHOW,
                which: EndedCodes::Code(CODE),
            }),
        ),
        (
            "reserve_v2",
            envelope(Command::ReserveV2(ReserveV2 {
                show: SHOW,
                user: USER,
                items: vec![
                    Item {
                        zone: 0,
                        pick: PickV2::Seats(seats.clone()),
                        types: vec![(1, 2), (2, 1)],
                    },
                    Item {
                        zone: 1,
                        pick: PickV2::BestAvailable {
                            quantity: 2,
                            together: true,
                            kind: SeatKind::Companion,
                        },
                        types: Vec::new(),
                    },
                    Item {
                        zone: 300,
                        pick: PickV2::General { quantity: 3 },
                        types: vec![(63, 3)],
                    },
                ],
                code: Some(CODE),
                expected_total: Some(252_228),
            })),
        ),
        (
            "return_places",
            envelope(Command::ReturnPlaces(ReturnPlaces {
                booking: 77,
                seats: seats.clone(),
                places: vec![(0, 1), (2, 300)],
            })),
        ),
        (
            "add_seats_rows",
            add(Addition::Rows {
                zone: 1,
                rows: vec![3, 300],
                plans: vec![row_plan(), RowPlan::default()],
            }),
        ),
        (
            "add_seats_capacity",
            add(Addition::Capacity {
                zone: 2,
                places: 1_000,
            }),
        ),
        (
            "add_seats_zone",
            add(Addition::Zone {
                layout: ZoneLayout {
                    unit_price: 5,
                    currency: thb(),
                    admission: Admission::Seated { rows: vec![9] },
                },
                plan: vec![row_plan()],
            }),
        ),
        (
            "take_seats",
            envelope(Command::TakeSeats(SeatBlock {
                show: SHOW,
                zone: 2,
                places: BlockPlaces::Seats(seats),
            })),
        ),
    ]
}

fn lines() -> Vec<Line> {
    let adult = Line {
        zone: 0,
        ticket_type: 1,
        seats: SeatList::from(&[1, 2][..]),
        quantity: 2,
        rule: PriceRule::Phase(9),
        list_price: 120_000,
        bundle: Some(7),
        bundle_off: 12_000,
        code_off: 16_200,
        unit_price: 91_800,
        unit_fee: 4_754,
        unit_tax: 6_317,
    };
    let other = |rule| Line {
        zone: 300,
        ticket_type: 2,
        seats: SeatList::new(),
        quantity: 1,
        rule,
        list_price: 60_000,
        bundle: None,
        bundle_off: 0,
        code_off: 0,
        unit_price: 60_000,
        unit_fee: 0,
        unit_tax: 0,
    };
    vec![adult, other(PriceRule::Type), other(PriceRule::Zone)]
}

fn parts() -> Vec<ZonePlaces> {
    vec![
        ZonePlaces {
            zone: 0,
            seats: SeatList::from(&[1, 2][..]),
            quantity: 2,
        },
        ZonePlaces {
            zone: 300,
            seats: SeatList::new(),
            quantity: 2,
        },
    ]
}

#[expect(clippy::too_many_lines, reason = "one of each")]
pub(super) fn outcomes() -> Vec<(&'static str, OutcomeRecord)> {
    vec![
        (
            "reserved_v2",
            record(Outcome::ReservedV2(Box::new(ReservedV2 {
                booking: 1_000,
                show: SHOW,
                event: EVENT,
                user: USER,
                lines: lines(),
                order_fee: 1_500,
                order_fee_tax: 98,
                total: 252_228,
                tax: 16_502,
                currency: thb(),
                code: Some(CODE),
                expires_at_ms: 1_700_000_600_000,
            }))),
        ),
        (
            "confirmed_v2",
            record(Outcome::ConfirmedV2(ConfirmedV2 {
                booking: 5,
                show: SHOW,
                user: USER,
                parts: parts(),
                total: 252_228,
                currency: thb(),
                payment_reference: "pi_1".to_owned(),
                confirmed_at_ms: 6,
                first: true,
                revived: false,
            })),
        ),
        (
            "released_v2",
            record(Outcome::ReleasedV2(ReleasedV2 {
                booking: 5,
                show: SHOW,
                user: USER,
                parts: parts(),
                was_confirmed: true,
            })),
        ),
        ("offer_set", record(Outcome::OfferSet { show: SHOW })),
        (
            "codes_created",
            record(Outcome::CodesCreated {
                show: SHOW,
                group: 3,
                created: 9_999,
                known: 1,
            }),
        ),
        (
            "codes_amended",
            record(Outcome::CodesAmended {
                show: SHOW,
                group: 3,
            }),
        ),
        (
            "codes_ended",
            record(Outcome::CodesEnded {
                show: SHOW,
                ended: 10_000,
            }),
        ),
        (
            "places_returned",
            record(Outcome::PlacesReturned(Box::new(PlacesReturned {
                booking: 5,
                show: SHOW,
                user: USER,
                parts: parts(),
                refund_price: 91_800,
                refund_fees: 4_754,
                lines: lines(),
                order_fee: 1_500,
                order_fee_tax: 98,
                total: 155_674,
                tax: 10_185,
                currency: thb(),
                ended: false,
            }))),
        ),
        (
            "seats_added",
            record(Outcome::SeatsAdded {
                show: SHOW,
                zone: 2,
                first_seat: 70_000,
                places: 11,
            }),
        ),
        (
            "seats_taken",
            record(Outcome::SeatsTaken(BlockChange {
                show: SHOW,
                zone: 0,
                seats: SeatList::from(&[1, 2][..]),
                quantity: 2,
            })),
        ),
    ]
}
