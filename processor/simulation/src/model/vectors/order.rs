//! The refusals of an order: each step lifts just the rule that refused before it, so each refusal
//! wins over all that come after it.

use super::*;
use crate::model::testing::{confirm, rejected, show_of};
use onsale_schemas::command::CurrencyError;
use onsale_schemas::rejection::{FullTable, InvalidReason};

const OPENS_MS: u64 = 10_000;
const TYPE_FROM_MS: u64 = 20_000;

/// Zone 0 has a row of 8 with seat 6 accessible and 7 for a companion, where no seat may be left
/// alone; zone 1 has three places and needs a code.
fn hall() -> OpenShowV3 {
    let places = zone(500, b"THB", Admission::General { capacity: 3 });
    let mut limited = ticket_type(1);
    limited.from_ms = TYPE_FROM_MS;
    limited.min = 2;
    limited.kinds = 0b101;
    let offer = Offer {
        types: vec![ticket_type(0), limited],
        prices: vec![price_of(1, 900)],
        zones: vec![
            ZoneRule {
                zone: 0,
                no_single_seats: true,
                code_only: false,
            },
            ZoneRule {
                zone: 1,
                no_single_seats: false,
                code_only: true,
            },
        ],
        ..Offer::default()
    };
    let mut open = opening(vec![seated(&[8]), places], offer);
    let special = [(6, SeatKind::Accessible), (7, SeatKind::Companion)];
    open.plans = vec![ZonePlan {
        zone: 0,
        rows: vec![RowPlan {
            special: special
                .into_iter()
                .map(|(first, kind)| Special {
                    first,
                    count: 1,
                    kind,
                })
                .collect(),
            ..RowPlan::default()
        }],
    }];
    open.companions_per_accessible = 1;
    open.show.show.sale_opens_at_ms = OPENS_MS;
    open.show.show.max_tickets_per_user = 6;
    open
}

#[test]
fn what_is_no_order_is_refused_before_the_show_is_looked_for() {
    let mut script = machine(limits());
    let one = || places(9, 1);
    let with_types = |types: &[(TicketTypeId, u32)]| {
        let pick = PickV2::General { quantity: 2 };
        vec![item(9, pick, types)]
    };
    for (items, reason) in [
        (vec![], InvalidReason::NothingAsked),
        (vec![one(), places(9, 0)], InvalidReason::NothingAsked),
        (vec![one(); 17], InvalidReason::TooMany),
        (vec![places(9, 100), one()], InvalidReason::TooMany),
        (vec![places(9, u32::MAX); 2], InvalidReason::TooMany),
        (
            vec![named(&[1, 2]), named(&[3, 1])],
            InvalidReason::DuplicateSeat,
        ),
        (with_types(&[(64, 2)]), InvalidReason::Types),
        (with_types(&[(1, 1), (1, 1)]), InvalidReason::Types),
        (with_types(&[(1, 2), (2, 0)]), InvalidReason::Types),
        (with_types(&[(1, 1)]), InvalidReason::Types),
        (with_types(&[(1, u32::MAX), (2, 3)]), InvalidReason::Types),
    ] {
        assert_eq!(order(&mut script, 1, items, None), rejected(reason));
    }
    let unknown = refused(Rejection::UnknownShow);
    assert_eq!(order(&mut script, 1, with_types(&[(1, 2)]), None), unknown);
}

#[test]
fn zones_and_types_before_currencies_before_codes() -> Result<(), CurrencyError> {
    let mut script = machine(limits());
    let mut mixed = show_of(SHOW, vec![seated(&[8]), general(5, b"THB")]);
    mixed.zones[1].currency = "USD".parse()?;
    script.run(Command::OpenShow(mixed));
    let wrong = [
        (vec![places(7, 1)], InvalidReason::UnknownZone),
        (vec![places(0, 1)], InvalidReason::WrongAdmission),
        (vec![named(&[8])], InvalidReason::UnknownSeat),
    ];
    for (mut items, reason) in wrong {
        // Item by item: what is wrong with the second one does not show.
        items.push(places(9, 1));
        assert_eq!(
            order(&mut script, 1, items, Some(code(9))),
            rejected(reason)
        );
    }
    let both = |ticket_type| {
        let second = PickV2::General { quantity: 1 };
        vec![named(&[0]), item(1, second, &[(ticket_type, 1)])]
    };
    let not_offered = Rejection::TypeNotOffered {
        zone: 1,
        ticket_type: 3,
    };
    assert_eq!(
        order(&mut script, 1, both(3), Some(code(9))),
        refused(not_offered)
    );
    assert_eq!(
        order(&mut script, 1, both(0), Some(code(9))),
        rejected(InvalidReason::MixedCurrencies)
    );
    script.run(Command::CancelShow {
        show: show_id(SHOW),
    });
    assert_eq!(
        order(&mut script, 1, vec![places(7, 1)], None),
        refused(Rejection::ShowCancelled)
    );
    Ok(())
}

#[test]
fn codes_in_their_order_and_before_everything_of_the_sale() {
    let mut script = house(hall());
    let ask = |script: &mut Script| order(script, 1, vec![places(1, 1)], Some(code(1)));
    assert_eq!(ask(&mut script), code_refused(CodeRefusal::Unknown));
    let mut strict = terms(Some(Discount::OffBp(1)));
    strict.from_ms = 3_000;
    strict.until_ms = 4_000;
    strict.scope.zones = vec![0];
    with_code(&mut script, strict);
    let not_yet = CodeRefusal::NotYet { from_ms: 3_000 };
    assert_eq!(ask(&mut script), code_refused(not_yet));
    script.now = 4_000;
    assert_eq!(ask(&mut script), code_refused(CodeRefusal::Over));
    script.now = 3_999;
    // Machine time does not go back.
    assert_eq!(ask(&mut script), code_refused(CodeRefusal::Over));
    let amend = |script: &mut Script, terms| {
        let amend = onsale_schemas::code::AmendCodes {
            show: show_id(SHOW),
            group: 1,
            terms,
        };
        script.run(Command::AmendCodes(Box::new(amend)))
    };
    let mut open = terms(Some(Discount::OffBp(1)));
    open.scope.zones = vec![0];
    amend(&mut script, open.clone());
    assert_eq!(ask(&mut script), code_refused(CodeRefusal::NotApplicable));
    open.scope.zones.clear();
    amend(&mut script, open.clone());
    let closed = Rejection::AccessCodeRequired {
        zone: 1,
        ticket_type: 0,
    };
    assert_eq!(ask(&mut script), refused(closed));
    open.opens = true;
    amend(&mut script, open.clone());
    let not_open = Rejection::SaleNotOpen {
        opens_at_ms: OPENS_MS,
    };
    assert_eq!(ask(&mut script), refused(not_open));
    open.presale = true;
    open.uses_max = 1;
    open.uses_per_user_max = 1;
    amend(&mut script, open);
    held(&mut script, 1, vec![places(1, 1)], Some(code(1)));
    assert_eq!(ask(&mut script), code_refused(CodeRefusal::UsedUp));
}

#[test]
fn types_kinds_companions_price_limit_seats_stock_and_table() {
    let mut script = house(hall());
    script.now = OPENS_MS;
    let (other, _) = granted(&mut script, 2, vec![named(&[0, 1])], None);
    script.run(confirm(other, "p"));
    // Fills the table: the show of the script, and two bookings.
    script.model.limits.bookings_max = 2;
    let (own, _) = granted(&mut script, 1, vec![named(&[2, 3])], None);

    let adult = |list: &[SeatIndex]| {
        let count = u32::try_from(list.len()).unwrap();
        item(0, PickV2::Seats(seats(list)), &[(1, count)])
    };
    let ask = |script: &mut Script, items: Vec<Item>, expected| {
        let mut asked = ask(1, items, None);
        asked.expected_total = expected;
        script.run(Command::ReserveV2(asked))
    };
    let wrong = Some(1);
    let closed = Rejection::TypeNotOnSale {
        ticket_type: 1,
        opens_at_ms: Some(TYPE_FROM_MS),
    };
    assert_eq!(ask(&mut script, vec![adult(&[6])], wrong), refused(closed));
    script.now = TYPE_FROM_MS;
    let too_few = Rejection::TypeQuantity {
        ticket_type: 1,
        asked: 1,
        min: 2,
        max: 0,
    };
    assert_eq!(ask(&mut script, vec![adult(&[6])], wrong), refused(too_few));
    let wrong_kind = Rejection::WrongSeatKind {
        ticket_type: 1,
        seats: seats(&[6]),
    };
    assert_eq!(
        ask(&mut script, vec![adult(&[7, 6])], wrong),
        refused(wrong_kind)
    );
    let alone = Rejection::CompanionAlone {
        companions: 1,
        allowed: 0,
    };
    assert_eq!(
        ask(&mut script, vec![adult(&[7, 3])], wrong),
        refused(alone)
    );
    let five = vec![named(&[0, 2, 4, 6, 7])];
    let changed = Rejection::TotalChanged {
        total: 5_000,
        currency: Currency(*b"THB"),
    };
    assert_eq!(ask(&mut script, five.clone(), wrong), refused(changed));
    let limit = Rejection::MaxPerUserExceeded {
        limit: 6,
        current: 2,
    };
    assert_eq!(ask(&mut script, five, Some(5_000)), refused(limit));
    let in_own = Rejection::SeatInOwnHold {
        seats: seats(&[0, 2]),
        own: vec![own],
    };
    assert_eq!(
        ask(&mut script, vec![named(&[0, 2, 4])], None),
        refused(in_own)
    );
    let lost = Rejection::SeatUnavailable { seats: seats(&[0]) };
    assert_eq!(ask(&mut script, vec![named(&[0, 4])], None), refused(lost));
    // Seats 4 and 5 are a run of two: one of them leaves one, which is waived; best available for
    // an accessible place that is named already finds none.
    let short = Rejection::InsufficientStockOf {
        item: 1,
        zone: 0,
        available: 0,
        not_together: false,
    };
    let items = vec![named(&[4, 6]), best(1, SeatKind::Accessible)];
    assert_eq!(ask(&mut script, items, None), refused(short));
    let table = FullTable::Bookings;
    assert_eq!(
        ask(&mut script, vec![named(&[4])], None),
        refused(Rejection::Full { table })
    );
}

/// A single seat is said before stock that is short.
#[test]
fn single_seats_before_stock() {
    let mut script = house(hall());
    script.now = OPENS_MS;
    let items = vec![named(&[1]), best(9, SeatKind::Ordinary)];
    let mut free = script.model.show(show_id(SHOW)).unwrap().clone();
    free.max_tickets_per_user = 0;
    script.model.shows.insert(free);
    let alone = Rejection::LeavesSingleSeat {
        seats: seats(&[0]),
        own: Vec::new(),
    };
    assert_eq!(order(&mut script, 1, items, None), refused(alone));
}
