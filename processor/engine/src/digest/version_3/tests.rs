//! Every field counts.

use onsale_schemas::outcome::BlockChange;
use onsale_schemas::{EventId, SeatList, ShowId, UserId};

use super::*;

const SHOW: ShowId = ShowId::from_bytes([1; 16]);
const OTHER: ShowId = ShowId::from_bytes([9; 16]);
const USER: UserId = UserId::from_bytes([2; 16]);

fn line() -> Line {
    Line {
        zone: 1,
        ticket_type: 2,
        seats: [4, 5].as_slice().into(),
        quantity: 2,
        rule: PriceRule::Type,
        list_price: 10,
        bundle: None,
        bundle_off: 11,
        code_off: 12,
        unit_price: 13,
        unit_fee: 14,
        unit_tax: 15,
    }
}

fn part() -> ZonePlaces {
    ZonePlaces {
        zone: 1,
        seats: [4, 5].as_slice().into(),
        quantity: 2,
    }
}

fn reserved() -> ReservedV2 {
    ReservedV2 {
        booking: 9,
        show: SHOW,
        event: EventId::from_bytes([3; 16]),
        user: USER,
        lines: vec![line()],
        order_fee: 20,
        order_fee_tax: 21,
        total: 22,
        tax: 23,
        currency: Currency(*b"THB"),
        code: Some(CodeHash::from_bytes([4; 16])),
        expires_at_ms: 77,
    }
}

fn confirmed() -> ConfirmedV2 {
    ConfirmedV2 {
        booking: 9,
        show: SHOW,
        user: USER,
        parts: vec![part()],
        total: 22,
        currency: Currency(*b"THB"),
        payment_reference: "p".to_owned(),
        confirmed_at_ms: 70,
        first: true,
        revived: false,
    }
}

fn released() -> ReleasedV2 {
    ReleasedV2 {
        booking: 9,
        show: SHOW,
        user: USER,
        parts: vec![part()],
        was_confirmed: false,
    }
}

fn returned() -> PlacesReturned {
    PlacesReturned {
        booking: 9,
        show: SHOW,
        user: USER,
        parts: vec![part()],
        refund_price: 30,
        refund_fees: 31,
        lines: vec![line()],
        order_fee: 20,
        order_fee_tax: 21,
        total: 22,
        tax: 23,
        currency: Currency(*b"THB"),
        ended: false,
    }
}

/// The value, and copies with one field changed each.
macro_rules! variants {
    ($value:expr, $wrap:expr, $($field:ident = $changed:expr),+ $(,)?) => {{
        let mut all = vec![$wrap($value)];
        $(
            let mut changed = $value;
            changed.$field = $changed;
            all.push($wrap(changed));
        )+
        all
    }};
}

fn lines() -> Vec<Line> {
    variants!(
        line(),
        std::convert::identity,
        zone = 2,
        ticket_type = 3,
        seats = [5, 4].as_slice().into(),
        quantity = 3,
        rule = PriceRule::Zone,
        rule = PriceRule::Phase(0),
        rule = PriceRule::Phase(1),
        list_price = 100,
        bundle = Some(0),
        bundle = Some(1),
        bundle_off = 100,
        code_off = 100,
        unit_price = 100,
        unit_fee = 100,
        unit_tax = 100,
    )
}

fn parts() -> Vec<ZonePlaces> {
    variants!(
        part(),
        std::convert::identity,
        zone = 2,
        seats = SeatList::new(),
        quantity = 3,
    )
}

/// Digests of all of them, of which no two are the same.
fn check(outcomes: &[Outcome]) {
    let mut digests: Vec<u64> = outcomes
        .iter()
        .map(|outcome| {
            let mut digest = Digest::new();
            digest.any_outcome(outcome);
            digest.0
        })
        .collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), outcomes.len());
}

#[test]
fn every_field_of_an_order_counts() {
    let wrap = |value: ReservedV2| Outcome::ReservedV2(Box::new(value));
    let mut all = variants!(
        reserved(),
        wrap,
        booking = 10,
        show = OTHER,
        event = EventId::from_bytes([9; 16]),
        user = UserId::from_bytes([9; 16]),
        lines = Vec::new(),
        lines = vec![line(), line()],
        order_fee = 100,
        order_fee_tax = 100,
        total = 100,
        tax = 100,
        currency = Currency(*b"USD"),
        code = None,
        code = Some(CodeHash::from_bytes([5; 16])),
        expires_at_ms = 78,
    );
    // The first one is the line as it is.
    all.extend(lines().into_iter().skip(1).map(|line| {
        wrap(ReservedV2 {
            lines: vec![line],
            ..reserved()
        })
    }));
    let wrap = Outcome::ConfirmedV2;
    all.extend(variants!(
        confirmed(),
        wrap,
        booking = 10,
        show = OTHER,
        user = UserId::from_bytes([9; 16]),
        total = 100,
        currency = Currency(*b"USD"),
        payment_reference = "q".to_owned(),
        confirmed_at_ms = 71,
        first = false,
        revived = true,
    ));
    all.extend(parts().into_iter().skip(1).map(|part| {
        wrap(ConfirmedV2 {
            parts: vec![part],
            ..confirmed()
        })
    }));
    check(&all);
}

#[test]
fn every_field_of_what_is_given_back_counts() {
    let mut all = variants!(
        released(),
        Outcome::ReleasedV2,
        booking = 10,
        show = OTHER,
        user = UserId::from_bytes([9; 16]),
        parts = Vec::new(),
        was_confirmed = true,
    );
    let wrap = |value: PlacesReturned| Outcome::PlacesReturned(Box::new(value));
    all.extend(variants!(
        returned(),
        wrap,
        booking = 10,
        show = OTHER,
        user = UserId::from_bytes([9; 16]),
        parts = Vec::new(),
        refund_price = 100,
        refund_fees = 100,
        lines = Vec::new(),
        order_fee = 100,
        order_fee_tax = 100,
        total = 100,
        tax = 100,
        currency = Currency(*b"USD"),
        ended = true,
    ));
    check(&all);
}

#[test]
fn every_field_of_what_staff_does_counts() {
    let (group, created, known, ended) = (1, 2, 3, 4);
    let created_in = |show, group, created, known| Outcome::CodesCreated {
        show,
        group,
        created,
        known,
    };
    let added = |show, zone, first_seat, places| Outcome::SeatsAdded {
        show,
        zone,
        first_seat,
        places,
    };
    check(&[
        Outcome::OfferSet { show: SHOW },
        Outcome::OfferSet { show: OTHER },
        created_in(SHOW, group, created, known),
        created_in(OTHER, group, created, known),
        created_in(SHOW, 9, created, known),
        created_in(SHOW, group, 9, known),
        created_in(SHOW, group, created, 9),
        Outcome::CodesAmended { show: SHOW, group },
        Outcome::CodesAmended { show: OTHER, group },
        Outcome::CodesAmended {
            show: SHOW,
            group: 9,
        },
        Outcome::CodesEnded { show: SHOW, ended },
        Outcome::CodesEnded { show: OTHER, ended },
        Outcome::CodesEnded {
            show: SHOW,
            ended: 9,
        },
        added(SHOW, 1, 2, 3),
        added(OTHER, 1, 2, 3),
        added(SHOW, 9, 2, 3),
        added(SHOW, 1, 9, 3),
        added(SHOW, 1, 2, 9),
        Outcome::SeatsTaken(BlockChange {
            show: SHOW,
            zone: 1,
            seats: [4].as_slice().into(),
            quantity: 1,
        }),
        Outcome::Blocked(BlockChange {
            show: SHOW,
            zone: 1,
            seats: [4].as_slice().into(),
            quantity: 1,
        }),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_field_of_a_refusal_counts() {
    let seats = |list: &[u32]| SeatList::from(list);
    let offered = |zone, ticket_type| Rejection::TypeNotOffered { zone, ticket_type };
    let on_sale = |ticket_type, opens_at_ms| Rejection::TypeNotOnSale {
        ticket_type,
        opens_at_ms,
    };
    let quantity = |ticket_type, asked, min, max| Rejection::TypeQuantity {
        ticket_type,
        asked,
        min,
        max,
    };
    let kind = |ticket_type, list: &[u32]| Rejection::WrongSeatKind {
        ticket_type,
        seats: seats(list),
    };
    let alone = |companions, allowed| Rejection::CompanionAlone {
        companions,
        allowed,
    };
    let total = |total, currency| Rejection::TotalChanged { total, currency };
    let own = |list: &[u32], own: &[Offset]| Rejection::SeatInOwnHold {
        seats: seats(list),
        own: own.to_vec(),
    };
    let stock = |item, zone, available, not_together| Rejection::InsufficientStockOf {
        item,
        zone,
        available,
        not_together,
    };
    let exists = |group, code: Option<[u8; 16]>| Rejection::CodeExists {
        group,
        code: code.map(CodeHash::from_bytes),
    };
    let places = |list: &[u32], line| Rejection::PlacesNotOfBooking {
        seats: seats(list),
        line,
    };
    let refused = |why| Rejection::CodeRefused { why };
    let rejections = vec![
        offered(1, 2),
        offered(3, 2),
        offered(1, 3),
        Rejection::AccessCodeRequired {
            zone: 1,
            ticket_type: 2,
        },
        refused(CodeRefusal::Unknown),
        refused(CodeRefusal::NotYet { from_ms: 0 }),
        refused(CodeRefusal::NotYet { from_ms: 1 }),
        refused(CodeRefusal::Over),
        refused(CodeRefusal::NotApplicable),
        refused(CodeRefusal::UsedUp),
        refused(CodeRefusal::UsedUpByUser),
        on_sale(1, None),
        on_sale(1, Some(0)),
        on_sale(1, Some(1)),
        on_sale(2, None),
        quantity(1, 2, 3, 4),
        quantity(9, 2, 3, 4),
        quantity(1, 9, 3, 4),
        quantity(1, 2, 9, 4),
        quantity(1, 2, 3, 9),
        kind(1, &[1]),
        kind(2, &[1]),
        kind(1, &[2]),
        alone(1, 0),
        alone(2, 0),
        alone(1, 1),
        total(1, Currency(*b"THB")),
        total(2, Currency(*b"THB")),
        total(1, Currency(*b"USD")),
        own(&[1], &[9]),
        own(&[2], &[9]),
        own(&[1], &[8]),
        own(&[1], &[]),
        Rejection::LeavesSingleSeat {
            seats: seats(&[1]),
            own: vec![9],
        },
        stock(1, 2, 3, false),
        stock(9, 2, 3, false),
        stock(1, 9, 3, false),
        stock(1, 2, 9, false),
        stock(1, 2, 3, true),
        exists(1, None),
        exists(2, None),
        exists(1, Some([1; 16])),
        exists(1, Some([2; 16])),
        Rejection::UnknownCode,
        Rejection::NotConfirmed,
        places(&[], None),
        places(&[], Some(0)),
        places(&[], Some(1)),
        places(&[1], None),
        Rejection::LayoutChanged { now: 1 },
        Rejection::LayoutChanged { now: 2 },
    ];
    let outcomes: Vec<Outcome> = rejections.into_iter().map(Outcome::Rejected).collect();
    check(&outcomes);
}
