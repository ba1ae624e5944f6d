use onsale_schemas::code::{AmendCodes, CodeTerms, Discount};
use onsale_schemas::offer::{Offer, TicketType, ZoneRule};
use onsale_schemas::order::PickV2;
use onsale_schemas::rejection::{CodeRefusal, FullTable, InvalidReason};
use onsale_schemas::seating::{RowPlan, SeatKind, Special, ZonePlan};
use onsale_schemas::{Command, Rejection};

use super::super::places::invalid;
use crate::examples::{
    THB, best, code, create, expecting, general_of, in_currency, opening, order, places, scope,
    seated, seats, set_offer, terms, ticket_type, type_price, typed,
};
use crate::limits::Limits;
use crate::testing::{Machine, show_id};

fn machine(bookings_max: u32) -> Machine {
    let mut m = Machine::with_limits(Limits {
        bookings_max,
        machine_version_known: 3,
        ..Limits::default()
    });
    m.now = 0;
    m.raise_to_third();
    m
}

/// Of a show without an offer: at every step the faults before it are lifted.
#[test]
fn refusals_before_the_code_in_order() {
    let mut m = machine(9);
    let zones = || {
        vec![
            seated(&[4]),
            general_of(100, 9),
            in_currency(b"USD", general_of(1, 9)),
        ]
    };
    m.run_ok(opening(zones(), vec![], 0, Offer::default()));
    m.amend(show_id(1), |amend| amend.sale_opens_at_ms = Some(1_000));
    let one = |zone, pick, types: &[(u8, u32)]| typed(zone, pick, types);
    let general = |quantity| PickV2::General { quantity };
    let usd = || places(2, 1);
    let cases = [
        (vec![], InvalidReason::NothingAsked),
        (
            vec![seats(9, &[7, 7]), places(9, 100), places(0, 0)],
            InvalidReason::NothingAsked,
        ),
        (
            vec![seats(9, &[7, 7]), places(9, u32::MAX)],
            InvalidReason::TooMany,
        ),
        (vec![places(9, 1); 17], InvalidReason::TooMany),
        (
            vec![
                seats(9, &[7]),
                seats(0, &[7]),
                one(9, general(2), &[(64, 2)]),
            ],
            InvalidReason::DuplicateSeat,
        ),
        (
            vec![places(9, 1), one(9, general(2), &[(64, 2)])],
            InvalidReason::Types,
        ),
        (
            vec![one(9, general(2), &[(1, 1), (1, 1)])],
            InvalidReason::Types,
        ),
        (
            vec![one(9, general(2), &[(1, 2), (2, 0)])],
            InvalidReason::Types,
        ),
        (
            vec![one(9, general(2), &[(1, 1), (2, u32::MAX)])],
            InvalidReason::Types,
        ),
        (
            vec![one(9, general(1), &[(1, 1)]), usd()],
            InvalidReason::UnknownZone,
        ),
        (
            vec![one(0, general(1), &[(1, 1)]), usd()],
            InvalidReason::WrongAdmission,
        ),
        (
            vec![best(1, 1, true, SeatKind::Ordinary), usd()],
            InvalidReason::WrongAdmission,
        ),
        (
            vec![
                typed(0, PickV2::Seats([7][..].into()), &[(1, 1)]),
                places(9, 1),
            ],
            InvalidReason::UnknownSeat,
        ),
        (vec![places(1, 1), usd()], InvalidReason::MixedCurrencies),
    ];
    for (items, reason) in cases {
        // The shape is looked at before the show, everything else behind it.
        let command = order(1, &items, Some(9));
        m.expect_refusal(command, invalid(reason));
    }
    m.expect_refusal(
        order(1, &[one(1, general(1), &[(1, 1)]), usd()], Some(9)),
        Rejection::TypeNotOffered {
            zone: 1,
            ticket_type: 1,
        },
    );
    m.expect_refusal(
        order(1, &[places(1, 1)], Some(9)),
        Rejection::CodeRefused {
            why: CodeRefusal::Unknown,
        },
    );
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.expect_refusal(order(1, &[places(9, 1)], Some(9)), Rejection::ShowCancelled);
    let mut empty = machine(9);
    empty.expect_refusal(order(1, &[places(9, 1)], None), Rejection::UnknownShow);
    empty.expect_refusal(order(1, &[], None), invalid(InvalidReason::NothingAsked));
}

const NOW: u64 = 700_000;

/// The faults that an order can have once its items are those of the show, in order.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
enum Fault {
    Unknown,
    NotYet,
    Over,
    NotApplicable,
    UsedUp,
    UsedUpByUser,
    AccessCode,
    NotOpen,
    Closed,
    TypeWindow,
    TypeQuantity,
    Kind,
    Companion,
    Total,
    MaxPerUser,
    CoolingDown,
    OwnHold,
    SingleSeat,
    Stock,
    Full,
    Nothing,
}

/// Zone 0 has a row of 12 whose seat 10 is for a companion, zone 1 three places. A hold of user 1
/// has seat 8. All faults from the first one on are there.
fn world(first: Fault) -> (Machine, Command) {
    let has = |fault| first <= fault;
    let mut m = machine(if has(Fault::Full) { 4 } else { 5 });
    let row = RowPlan {
        special: vec![Special {
            first: 10,
            count: 1,
            kind: SeatKind::Companion,
        }],
        ..RowPlan::default()
    };
    let plan = ZonePlan {
        zone: 0,
        rows: vec![row],
    };
    let mut open = opening(
        vec![seated(&[12]), general_of(100, 3)],
        vec![plan],
        1,
        Offer::default(),
    );
    if let Command::OpenShowV3(open) = &mut open
        && has(Fault::CoolingDown)
    {
        open.show.cooldown_ms = 450_000;
    }
    m.run_ok(open);
    let good = CodeTerms {
        opens: true,
        ..terms(Some(Discount::OffBp(1_000)))
    };
    m.run_ok(create(1, good.clone(), &[1]));
    for seat in [0, 1] {
        m.hold_plain(order(1, &[seats(0, &[seat])], None));
    }
    m.now = 599_999;
    let own = m.hold(order(1, &[seats(0, &[8])], Some(1))).booking;
    m.now = 600_000;
    m.tick();
    assert_eq!(m.records.last().unwrap().expired.len(), 2);
    m.hold(order(2, &[seats(0, &[11])], Some(1)));
    m.now = NOW;
    let amended = CodeTerms {
        opens: !has(Fault::AccessCode),
        uses_max: if has(Fault::UsedUp) { 2 } else { 0 },
        uses_per_user_max: u16::from(has(Fault::UsedUpByUser)),
        from_ms: if has(Fault::NotYet) { NOW + 1 } else { 0 },
        until_ms: match first {
            Fault::Over => NOW,
            _ => u64::MAX,
        },
        scope: scope(&[], u64::from(has(Fault::NotApplicable))),
        ..good
    };
    m.run_ok(Command::AmendCodes(Box::new(AmendCodes {
        show: show_id(1),
        group: 1,
        terms: amended,
    })));
    m.run_ok(set_offer(offer(first)));
    m.amend(show_id(1), |amend| {
        amend.max_tickets_per_user = has(Fault::MaxPerUser).then_some(1);
        if has(Fault::NotOpen) {
            amend.sale_opens_at_ms = Some(NOW + 1);
        } else if first == Fault::Closed {
            amend.sale_closes_at_ms = Some(NOW);
        }
    });
    let mut named = vec![2, 3];
    for (fault, seat) in [
        (Fault::Companion, 10),
        (Fault::OwnHold, 8),
        (Fault::SingleSeat, 6),
    ] {
        if has(fault) {
            named.push(seat);
        }
    }
    let quantity = if has(Fault::Stock) { 4 } else { 1 };
    let asked = u32::try_from(named.len()).unwrap();
    let items = [
        typed(0, PickV2::Seats(named.as_slice().into()), &[(1, asked)]),
        typed(1, PickV2::General { quantity }, &[(1, quantity)]),
    ];
    let with = if has(Fault::Unknown) { 9 } else { 1 };
    let seen = has(Fault::Total).then_some(1);
    assert!(m.booking(own).expires_at_ms > NOW);
    (m, expecting(1, &items, Some(with), seen))
}

fn offer(first: Fault) -> Offer {
    let has = |fault| first <= fault;
    let known = TicketType {
        min: if has(Fault::TypeQuantity) { 50 } else { 0 },
        from_ms: if has(Fault::TypeWindow) { NOW + 1 } else { 0 },
        kinds: u8::from(has(Fault::Kind)),
        ..ticket_type(1)
    };
    Offer {
        types: vec![known],
        prices: vec![type_price(0, 1, 100), type_price(1, 1, 100)],
        zones: vec![ZoneRule {
            zone: 0,
            no_single_seats: true,
            code_only: true,
        }],
        ..Offer::default()
    }
}

fn expected(fault: Fault, m: &Machine) -> Rejection {
    let own = vec![m.partition.bookings().nth(2).unwrap().booking];
    let refused = |why| Rejection::CodeRefused { why };
    match fault {
        Fault::Unknown => refused(CodeRefusal::Unknown),
        Fault::NotYet => refused(CodeRefusal::NotYet { from_ms: NOW + 1 }),
        Fault::Over => refused(CodeRefusal::Over),
        Fault::NotApplicable => refused(CodeRefusal::NotApplicable),
        Fault::UsedUp => refused(CodeRefusal::UsedUp),
        Fault::UsedUpByUser => refused(CodeRefusal::UsedUpByUser),
        Fault::AccessCode => Rejection::AccessCodeRequired {
            zone: 0,
            ticket_type: 1,
        },
        Fault::NotOpen => Rejection::SaleNotOpen {
            opens_at_ms: NOW + 1,
        },
        Fault::Closed => Rejection::SaleClosed,
        Fault::TypeWindow => Rejection::TypeNotOnSale {
            ticket_type: 1,
            opens_at_ms: Some(NOW + 1),
        },
        Fault::TypeQuantity => Rejection::TypeQuantity {
            ticket_type: 1,
            asked: 9,
            min: 50,
            max: 0,
        },
        Fault::Kind => Rejection::WrongSeatKind {
            ticket_type: 1,
            seats: [10][..].into(),
        },
        Fault::Companion => Rejection::CompanionAlone {
            companions: 1,
            allowed: 0,
        },
        Fault::Total => Rejection::TotalChanged {
            total: 8 * 90,
            currency: THB,
        },
        Fault::MaxPerUser => Rejection::MaxPerUserExceeded {
            limit: 1,
            current: 1,
        },
        Fault::CoolingDown => Rejection::CoolingDown {
            until_ms: 600_000 + 450_000,
        },
        Fault::OwnHold => Rejection::SeatInOwnHold {
            seats: [8][..].into(),
            own,
        },
        Fault::SingleSeat => Rejection::LeavesSingleSeat {
            seats: [7][..].into(),
            own,
        },
        Fault::Stock => Rejection::InsufficientStockOf {
            item: 1,
            zone: 1,
            available: 3,
            not_together: false,
        },
        Fault::Full => Rejection::Full {
            table: FullTable::Bookings,
        },
        Fault::Nothing => unreachable!("granted"),
    }
}

#[test]
fn refusals_from_the_code_on_in_order() {
    for fault in [
        Fault::Unknown,
        Fault::NotYet,
        Fault::Over,
        Fault::NotApplicable,
        Fault::UsedUp,
        Fault::UsedUpByUser,
        Fault::AccessCode,
        Fault::NotOpen,
        Fault::Closed,
        Fault::TypeWindow,
        Fault::TypeQuantity,
        Fault::Kind,
        Fault::Companion,
        Fault::Total,
        Fault::MaxPerUser,
        Fault::CoolingDown,
        Fault::OwnHold,
        Fault::SingleSeat,
        Fault::Stock,
        Fault::Full,
    ] {
        let (mut m, command) = world(fault);
        let refused = expected(fault, &m);
        let before: Vec<_> = m.partition.bookings().collect();
        m.expect_refusal(command, refused);
        // A refusal changes nothing.
        assert!(m.partition.bookings().eq(before), "{fault:?}");
        m.partition.self_check().unwrap();
    }
    let (mut m, command) = world(Fault::Nothing);
    assert_eq!(m.hold(command).total, 3 * 90);
}

#[test]
fn a_repetition_takes_no_second_use() {
    let mut m = machine(9);
    m.run_ok(opening(
        vec![general_of(100, 9)],
        vec![],
        0,
        Offer::default(),
    ));
    let twice = CodeTerms {
        uses_max: 2,
        ..terms(Some(Discount::OffBp(1_000)))
    };
    m.run_ok(create(1, twice, &[1]));
    let command = order(1, &[places(0, 1)], Some(1));
    let first = m.idempotent(1, 5, command.clone());
    let again = m.idempotent(1, 5, command.clone());
    assert_eq!(again.outcome, first.outcome);
    assert!(again.replay_of.is_some());
    m.hold(command.clone());
    m.expect_refusal(
        command,
        Rejection::CodeRefused {
            why: CodeRefusal::UsedUp,
        },
    );
    assert_eq!(code(1), onsale_schemas::CodeHash::from_bytes([1; 16]));
}

#[test]
fn counts_as_unreadable_before_its_version() {
    let mut m = Machine::at(0);
    m.apply_machine(Command::Barrier { machine_version: 2 });
    m.run_ok(Command::OpenShowV2(crate::examples::show_of(vec![
        general_of(100, 9),
    ])));
    let records = m.records.len();
    for command in [
        order(1, &[places(0, 1)], None),
        set_offer(Offer {
            tax_bp: 1,
            ..Offer::default()
        }),
        create(1, terms(Some(Discount::OffBp(1))), &[1]),
        crate::examples::give_back(0, &[1], &[]),
    ] {
        m.apply_as(None, command);
    }
    assert_eq!(m.records.len(), records);
    assert_eq!(m.partition.stats().available, 9);
    m.raise_to_third();
    m.hold_plain(order(1, &[places(0, 1)], None));
}
