//! Validity and refusals of the commands of version 3 that hold nothing.

use super::*;
use crate::model::testing::{rejected, show_of};
use onsale_schemas::code::{AmendCodes, EndedCodes};
use onsale_schemas::command::{BlockPlaces, SeatBlock};
use onsale_schemas::envelope::Staff;
use onsale_schemas::offer::SetOffer;
use onsale_schemas::order::ReturnPlaces;
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::seating::{AddSeats, Addition};
use onsale_schemas::{Entry, ShowId, UserId, codec};

fn script() -> Script {
    house(opening(
        vec![seated(&[5]), general(9, b"THB")],
        Offer::default(),
    ))
}

fn set(offer: Offer) -> Command {
    Command::SetOffer(Box::new(SetOffer {
        show: show_id(SHOW),
        offer,
    }))
}

fn create(show: ShowId, group: u32, terms: CodeTerms, codes: Vec<CodeHash>) -> Command {
    Command::CreateCodes(Box::new(CreateCodes {
        show,
        group,
        terms,
        codes,
    }))
}

type Change = fn(&mut Offer);

/// An offer that is as large as one may be in every respect, and what must not be changed in it.
#[test]
fn offers_at_their_limits_and_beyond() {
    const MOST: i64 = onsale_schemas::limits::UNIT_PRICE_MAX_MINOR;
    let full = || Offer {
        types: (0..64).map(ticket_type).collect(),
        prices: (0..64).map(|id| price_of(id, MOST)).collect(),
        phases: (0..32)
            .map(|id| phase(id, 0, PhasePrice::OffBp(10_000)))
            .collect(),
        bundles: (0..16).map(|id| bundle(id, 100, 10_000)).collect(),
        fees: Fees {
            place: MOST,
            place_bp: 10_000,
            order: MOST,
            tax_bp: 10_000,
        },
        tax_bp: 10_000,
        zones: vec![ZoneRule {
            zone: 1,
            no_single_seats: true,
            code_only: true,
        }],
    };
    let wrong: &[Change] = &[
        |o| o.types.push(ticket_type(64)),
        |o| o.types.swap(3, 4),
        |o| (o.types[5].min, o.types[5].max) = (3, 2),
        |o| o.types[5].kinds = 8,
        |o| (o.types[5].from_ms, o.types[5].until_ms) = (7, 7),
        |o| o.prices[0].price = -1,
        |o| o.prices[63].price = MOST + 1,
        |o| o.prices[63].zone = 2,
        |o| o.prices.swap(0, 1),
        |o| {
            o.types.remove(9);
        },
        |o| o.phases.push(phase(32, 0, PhasePrice::OffBp(1))),
        |o| o.phases[3].id = 4,
        |o| o.phases[3].price = PhasePrice::OffBp(0),
        |o| o.phases[3].price = PhasePrice::OffBp(10_001),
        |o| o.phases[3].price = PhasePrice::Fixed(-1),
        |o| o.phases[3].price = PhasePrice::Fixed(MOST + 1),
        |o| o.phases[3].until_ms = 0,
        |o| o.phases[3].scope.zones = vec![2],
        |o| o.phases[3].scope.zones = vec![1, 0],
        |o| o.bundles.push(bundle(16, 2, 1)),
        |o| o.bundles[3].id = 4,
        |o| o.bundles[3].places = 1,
        |o| o.bundles[3].places = 101,
        |o| o.bundles[3].off_bp = 0,
        |o| o.bundles[3].scope.zones = vec![0, 0],
        |o| o.fees.place = -1,
        |o| o.fees.order = MOST + 1,
        |o| o.fees.place_bp = 10_001,
        |o| o.fees.tax_bp = 10_001,
        |o| o.tax_bp = 10_001,
        |o| o.zones[0].zone = 2,
        |o| {
            let twin = o.zones[0];
            o.zones.push(twin);
        },
    ];
    let show = show_id(SHOW);
    assert_eq!(script().run(set(full())), Outcome::OfferSet { show });
    for (number, change) in wrong.iter().enumerate() {
        let mut offer = full();
        change(&mut offer);
        let got = script().run(set(offer.clone()));
        assert_eq!(got, rejected(InvalidReason::Offer), "change {number}");
        let open = opening(vec![seated(&[5]), general(9, b"THB")], offer);
        let got = machine(limits()).run(Command::OpenShowV3(Box::new(open)));
        assert_eq!(got, rejected(InvalidReason::Offer), "change {number}");
    }
    // Without types, prices are of type 0.
    let mut script = script();
    for (id, want) in [(0, true), (1, false)] {
        let offer = Offer {
            prices: vec![price_of(id, 1)],
            ..Offer::default()
        };
        assert_eq!(script.run(set(offer)) == Outcome::OfferSet { show }, want);
    }
}

#[test]
fn plans_at_their_limits_and_beyond() {
    let special = |first, count, kind| Special { first, count, kind };
    let of = |focus, gaps: &[u16], special: &[Special]| RowPlan {
        rank: 9,
        focus,
        gaps: gaps.to_vec(),
        special: special.to_vec(),
    };
    let accessible = |first, count| special(first, count, SeatKind::Accessible);
    let cases = [
        (
            vec![of(10, &[1, 4], &[accessible(0, 2), accessible(2, 3)])],
            true,
        ),
        (vec![], false),
        (vec![RowPlan::default(); 2], false),
        (vec![of(11, &[], &[])], false),
        (vec![of(0, &[0], &[])], false),
        (vec![of(0, &[5], &[])], false),
        (vec![of(0, &[2, 2], &[])], false),
        (vec![of(0, &[], &[accessible(0, 0)])], false),
        (vec![of(0, &[], &[accessible(4, 2)])], false),
        (
            vec![of(0, &[], &[accessible(2, 1), accessible(0, 1)])],
            false,
        ),
        (
            vec![of(0, &[], &[accessible(0, 2), accessible(1, 1)])],
            false,
        ),
        (
            vec![of(0, &[], &[special(0, 1, SeatKind::Ordinary)])],
            false,
        ),
        (vec![of(0, &[], &[accessible(u16::MAX, u16::MAX)])], false),
    ];
    for (number, (rows, opens)) in cases.into_iter().enumerate() {
        let mut open = opening(vec![seated(&[5])], Offer::default());
        open.plans = vec![ZonePlan { zone: 0, rows }];
        let got = machine(limits()).run(Command::OpenShowV3(Box::new(open)));
        let is_open = matches!(got, Outcome::ShowOpened { .. });
        assert_eq!(is_open, opens, "case {number}: {got:?}");
        assert!(opens || got == rejected(InvalidReason::Layout));
    }
    for zones in [&[1][..], &[2], &[0, 0]] {
        let mut open = opening(vec![seated(&[5]), general(9, b"THB")], Offer::default());
        let plan = |&zone: &u16| ZonePlan {
            zone,
            rows: vec![RowPlan::default()],
        };
        open.plans = zones.iter().map(plan).collect();
        let got = machine(limits()).run(Command::OpenShowV3(Box::new(open)));
        assert_eq!(got, rejected(InvalidReason::Layout), "{zones:?}");
    }
    let mut open = opening(vec![seated(&[5])], Offer::default());
    open.companions_per_accessible = 9;
    let got = machine(limits()).run(Command::OpenShowV3(Box::new(open)));
    assert_eq!(got, rejected(InvalidReason::OutOfRange));
}

#[test]
fn codes_are_created_amended_and_ended() {
    let mut script = machine(ModelLimits {
        codes_max: 3,
        ..limits()
    });
    let open = opening(vec![seated(&[5])], Offer::default());
    script.run(Command::OpenShowV3(Box::new(open)));
    let show = show_id(SHOW);
    let valid = || terms(Some(Discount::OffBp(10_000)));
    let created = |group, created, known| Outcome::CodesCreated {
        show,
        group,
        created,
        known,
    };
    let empty = create(show_id(9), 1, valid(), vec![]);
    assert_eq!(script.run(empty), rejected(InvalidReason::NothingAsked));
    let many = create(show_id(9), 1, valid(), vec![code(1); 10_001]);
    assert_eq!(script.run(many), rejected(InvalidReason::TooMany));
    let unknown = create(show_id(9), 1, valid(), vec![code(1)]);
    assert_eq!(script.run(unknown), refused(Rejection::UnknownShow));
    let wrong: &[fn(&mut CodeTerms)] = &[
        |t| t.discount = None,
        |t| t.discount = Some(Discount::OffBp(0)),
        |t| t.discount = Some(Discount::OffBp(10_001)),
        |t| t.discount = Some(Discount::Amount(0, Currency(*b"THB"))),
        |t| t.discount = Some(Discount::Amount(1, Currency(*b"USD"))),
        |t| t.until_ms = 0,
        |t| t.scope.zones = vec![1],
    ];
    for change in wrong {
        let mut terms = valid();
        change(&mut terms);
        let asked = create(show, 1, terms, vec![code(1)]);
        assert_eq!(script.run(asked), rejected(InvalidReason::Code));
    }
    let first = || create(show, 1, valid(), vec![code(1), code(2), code(1)]);
    assert_eq!(script.run(first()), created(1, 2, 1));
    assert_eq!(script.run(first()), created(1, 0, 3));
    let mut other = valid();
    other.uses_max = 1;
    let exists = |group, code| refused(Rejection::CodeExists { group, code });
    let asked = create(show, 1, other.clone(), vec![code(3)]);
    assert_eq!(script.run(asked), exists(1, None));
    let asked = create(show, 2, other.clone(), vec![code(3), code(2), code(1)]);
    assert_eq!(script.run(asked), exists(1, Some(code(2))));
    let asked = create(show, 2, other.clone(), vec![code(3), code(4)]);
    let table = FullTable::Codes;
    assert_eq!(script.run(asked), refused(Rejection::Full { table }));
    let asked = create(show, 2, other.clone(), vec![code(3)]);
    assert_eq!(script.run(asked), created(2, 1, 0));

    let amend = |group| {
        Command::AmendCodes(Box::new(AmendCodes {
            show,
            group,
            terms: other.clone(),
        }))
    };
    assert_eq!(script.run(amend(3)), refused(Rejection::UnknownCode));
    assert_eq!(
        script.run(amend(1)),
        Outcome::CodesAmended { show, group: 1 }
    );
    let end = |which| Command::EndCodes { show, which };
    for which in [EndedCodes::Group(3), EndedCodes::Code(code(9))] {
        assert_eq!(script.run(end(which)), refused(Rejection::UnknownCode));
    }
    let ended = |ended| Outcome::CodesEnded { show, ended };
    assert_eq!(script.run(end(EndedCodes::Code(code(3)))), ended(1));
    assert_eq!(script.run(end(EndedCodes::Group(2))), ended(0));
    assert_eq!(script.run(end(EndedCodes::Group(1))), ended(2));
    // Codes of a cancelled show do not count any more.
    script.run(create(show, 1, valid(), vec![code(1), code(2), code(3)]));
    script.run(Command::CancelShow { show });
    let mut next = opening(vec![seated(&[5])], Offer::default());
    next.show.show.show = show_id(3);
    script.run(Command::OpenShowV3(Box::new(next)));
    let asked = create(show_id(3), 1, valid(), vec![code(1)]);
    assert!(matches!(script.run(asked), Outcome::CodesCreated { .. }));
    let cancelled = refused(Rejection::ShowCancelled);
    assert_eq!(script.run(first()), cancelled);
    assert_eq!(script.run(amend(1)), cancelled);
    assert_eq!(script.run(set(Offer::default())), cancelled);
}

fn add(expected: u32, addition: Addition) -> Command {
    Command::AddSeats(Box::new(AddSeats {
        show: show_id(SHOW),
        expected,
        addition,
    }))
}

fn rows(zone: ZoneIndex, rows: &[u16]) -> Addition {
    Addition::Rows {
        zone,
        rows: rows.to_vec(),
        plans: Vec::new(),
    }
}

#[test]
fn additions_in_their_order() {
    let mut script = script();
    let capacity = |zone, places| Addition::Capacity { zone, places };
    let new_zone = |layout| Addition::Zone {
        layout,
        plan: Vec::new(),
    };
    let mut bad_price = seated(&[1]);
    bad_price.unit_price = -1;
    let euro = zone(1, b"EUR", Admission::General { capacity: 1 });
    let mut bad_euro = euro.clone();
    bad_euro.unit_price = -1;
    let changed = |now| refused(Rejection::LayoutChanged { now });
    for (number, (command, want)) in [
        (add(7, rows(9, &[])), rejected(InvalidReason::NothingAsked)),
        (
            add(7, capacity(9, 0)),
            rejected(InvalidReason::NothingAsked),
        ),
        (add(7, rows(9, &[0])), rejected(InvalidReason::UnknownZone)),
        (
            add(7, rows(1, &[0])),
            rejected(InvalidReason::WrongAdmission),
        ),
        (
            add(7, capacity(0, 1)),
            rejected(InvalidReason::WrongAdmission),
        ),
        (add(7, rows(0, &[0])), changed(5)),
        (add(7, capacity(1, u32::MAX)), changed(1_000)),
        (add(7, new_zone(seated(&[]))), changed(2)),
        (add(5, rows(0, &[0])), rejected(InvalidReason::Layout)),
        (add(5, rows(0, &[1_025])), rejected(InvalidReason::Layout)),
        (
            add(1_000, capacity(1, u32::MAX)),
            rejected(InvalidReason::Layout),
        ),
        (
            add(2, new_zone(seated(&[]))),
            rejected(InvalidReason::Layout),
        ),
        (
            add(2, new_zone(bad_price)),
            rejected(InvalidReason::OutOfRange),
        ),
        (
            add(2, new_zone(bad_euro)),
            rejected(InvalidReason::OutOfRange),
        ),
        (
            add(2, new_zone(euro)),
            rejected(InvalidReason::MixedCurrencies),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(script.run(command), want, "case {number}");
    }
    for number in 0..17 {
        let got = script.run(add(5 + number, rows(0, &[1])));
        if number < 16 {
            assert!(matches!(got, Outcome::SeatsAdded { .. }), "{got:?}");
        } else {
            assert_eq!(
                got,
                rejected(InvalidReason::Layout),
                "one addition too many"
            );
        }
    }
}

#[test]
fn places_are_taken_away_for_good() {
    let mut script = script();
    let take = |zone, places| {
        Command::TakeSeats(SeatBlock {
            show: show_id(SHOW),
            zone,
            places,
        })
    };
    let places_of = |list: &[SeatIndex]| BlockPlaces::Seats(seats(list));
    granted(&mut script, 1, vec![named(&[3])], None);
    let lost = refused(Rejection::SeatUnavailable { seats: seats(&[3]) });
    assert_eq!(script.run(take(0, places_of(&[4, 3]))), lost);
    script.run(Command::Block(SeatBlock {
        show: show_id(SHOW),
        zone: 0,
        places: places_of(&[1]),
    }));
    let taken = script.run(take(0, places_of(&[1, 0])));
    assert!(matches!(taken, Outcome::SeatsTaken(it) if it.quantity == 2));
    let unknown = rejected(InvalidReason::UnknownSeat);
    assert_eq!(script.run(take(0, places_of(&[1]))), unknown);
    let unblock = Command::Unblock(SeatBlock {
        show: show_id(SHOW),
        zone: 0,
        places: places_of(&[1]),
    });
    assert_eq!(script.run(unblock), unknown);
    let short = super::super::testing::short(1_000);
    assert_eq!(script.run(take(1, BlockPlaces::Quantity(1_001))), short);
    script.run(take(1, BlockPlaces::Quantity(1_000)));
    let none = super::super::testing::short(0);
    assert_eq!(order(&mut script, 1, vec![places(1, 1)], None), none);
}

/// Staff of another tenant does not learn of a show or booking.
#[test]
fn the_tenant_is_looked_at_for_all_but_orders() {
    let mut script = script();
    let (booking, _) = granted(&mut script, 1, vec![named(&[3])], None);
    script.run(pay(booking, None));
    let mut by_stranger = |command: Command| {
        let envelope = onsale_schemas::Envelope {
            by: Some(Staff {
                user: UserId::from_bytes([1; 16]),
                tenant: Some(TenantId::from_bytes([8; 16])),
            }),
            request_id: Some(onsale_schemas::RequestId::from_bytes([7; 16])),
            ..onsale_schemas::Envelope::machine(command)
        };
        let payload = codec::encode(&envelope).unwrap();
        script.apply(&payload).unwrap().outcome
    };
    let block = SeatBlock {
        show: show_id(SHOW),
        zone: 0,
        places: BlockPlaces::Seats(seats(&[4])),
    };
    let amend = AmendCodes {
        show: show_id(SHOW),
        group: 1,
        terms: terms(None),
    };
    let again = opening(vec![seated(&[5])], Offer::default());
    for command in [
        Command::OpenShowV3(Box::new(again)),
        set(Offer::default()),
        create(show_id(SHOW), 1, terms(None), vec![code(1)]),
        Command::AmendCodes(Box::new(amend)),
        Command::EndCodes {
            show: show_id(SHOW),
            which: EndedCodes::Group(1),
        },
        add(5, rows(0, &[1])),
        Command::TakeSeats(block),
    ] {
        let got = by_stranger(command);
        assert_eq!(got, refused(Rejection::UnknownShow));
    }
    let places = Command::ReturnPlaces(ReturnPlaces {
        booking,
        seats: seats(&[3]),
        places: Vec::new(),
    });
    assert_eq!(by_stranger(places), refused(Rejection::UnknownBooking));
    let ordered = by_stranger(Command::ReserveV2(ask(1, vec![named(&[4])], None)));
    assert!(matches!(ordered, Outcome::Reserved(_)), "{ordered:?}");
}

/// Below version 3 a record with one of its commands is one that does not decode.
#[test]
fn nothing_acts_before_the_barrier() {
    let mut script = Script::with(ModelLimits {
        machine_version_known: 3,
        ..limits()
    });
    let mut open = show_of(SHOW, vec![seated(&[5])]);
    open.hold_ms = HOLD_MS;
    script.run(Command::OpenShow(open));
    for version in [1, 2] {
        script.machine(Command::Barrier {
            machine_version: version,
        });
        let envelope = onsale_schemas::Envelope {
            request_id: Some(onsale_schemas::RequestId::from_bytes([7; 16])),
            ..onsale_schemas::Envelope::machine(set(Offer::default()))
        };
        let payload = codec::encode(&envelope).unwrap();
        let record = script.model.apply(Entry {
            offset: script.model.next_offset(),
            log_time_ms: script.now,
            payload: &payload,
        });
        assert_eq!(record, None, "version {version}");
    }
    script.machine(Command::Barrier { machine_version: 3 });
    let show = show_id(SHOW);
    assert_eq!(
        script.run(set(Offer::default())),
        Outcome::OfferSet { show }
    );
}
