use onsale_schemas::Command;
use onsale_schemas::command::Currency;
use onsale_schemas::rejection::InvalidReason;

use super::super::places::invalid;
use super::*;
use crate::limits::Limits;
use crate::testing::{HOLD_MS, Machine, NOW, event_id, general, open, seated, show_id, user_id};

fn reserve(show: u8, zone: u16, pick: Pick) -> Reserve {
    Reserve {
        show: show_id(show),
        user: user_id(1),
        zone,
        pick,
        expected_unit_price: Some(99),
    }
}

fn seats(list: &[u32]) -> Pick {
    Pick::Seats(list.into())
}

/// One booking of the user fills table, limit and zone; the price seen is always wrong and the
/// sale is not open before 1,000: every case has its own fault and all later ones.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn refusals_in_order_of_precedence() {
    let mut m = Machine::with_limits(Limits {
        bookings_max: 1,
        ..Limits::default()
    });
    let zones = || vec![seated(&[4]), general(1), seated(&[2])];
    for show in [1, 2] {
        m.run_open(open(show, zones()));
    }
    m.amend(show_id(1), |amend| amend.max_tickets_per_user = Some(1));
    m.reserve_seats(1, 1, 0, &[1]);
    m.run_ok(Command::CancelShow { show: show_id(2) });
    m.amend(show_id(1), |amend| {
        amend.sale_opens_at_ms = Some(NOW + 10);
        amend.sale_closes_at_ms = Some(NOW + 20);
    });
    let hundred_and_one: Vec<u32> = (0..101).map(|i| i / 2).collect();
    let cases = [
        (9, 9, seats(&[]), invalid(InvalidReason::NothingAsked)),
        (
            9,
            9,
            Pick::General { quantity: 0 },
            invalid(InvalidReason::NothingAsked),
        ),
        (
            9,
            9,
            Pick::BestAvailable {
                quantity: 0,
                together: true,
            },
            invalid(InvalidReason::NothingAsked),
        ),
        (
            9,
            9,
            seats(&hundred_and_one),
            invalid(InvalidReason::TooMany),
        ),
        (
            9,
            9,
            Pick::General { quantity: 101 },
            invalid(InvalidReason::TooMany),
        ),
        (
            9,
            9,
            seats(&[77, 5, 77]),
            invalid(InvalidReason::DuplicateSeat),
        ),
        (9, 9, seats(&[77, 1]), Rejection::UnknownShow),
        (2, 9, seats(&[77, 1]), Rejection::ShowCancelled),
        (1, 9, seats(&[77, 1]), invalid(InvalidReason::UnknownZone)),
        (
            1,
            1,
            seats(&[77, 1]),
            invalid(InvalidReason::WrongAdmission),
        ),
        (
            1,
            1,
            Pick::BestAvailable {
                quantity: 5,
                together: true,
            },
            invalid(InvalidReason::WrongAdmission),
        ),
        (
            1,
            0,
            Pick::General { quantity: 5 },
            invalid(InvalidReason::WrongAdmission),
        ),
        (1, 0, seats(&[1, 4]), invalid(InvalidReason::UnknownSeat)),
        (1, 2, seats(&[3]), invalid(InvalidReason::UnknownSeat)),
        (
            1,
            0,
            seats(&[1]),
            Rejection::SaleNotOpen {
                opens_at_ms: NOW + 10,
            },
        ),
    ];
    for (show, zone, pick, expected) in cases {
        m.expect_refusal(Command::Reserve(reserve(show, zone, pick)), expected);
    }
    m.advance(10);
    let taken = || reserve(1, 0, seats(&[1, 0]));
    m.expect_refusal(
        Command::Reserve(taken()),
        Rejection::PriceChanged { unit_price: 100 },
    );
    m.advance(10);
    m.expect_refusal(Command::Reserve(taken()), Rejection::SaleClosed);
    m.amend(show_id(1), |amend| amend.sale_closes_at_ms = Some(NOW + 99));
    let right_price = |mut command: Reserve| {
        command.expected_unit_price = Some(100);
        Command::Reserve(command)
    };
    m.expect_refusal(
        right_price(taken()),
        Rejection::MaxPerUserExceeded {
            limit: 1,
            current: 1,
        },
    );
    let by_another = |mut command: Reserve| {
        command.user = user_id(2);
        command.expected_unit_price = None;
        Command::Reserve(command)
    };
    m.amend(show_id(1), |amend| amend.max_tickets_per_user = Some(0));
    m.expect_refusal(
        by_another(taken()),
        Rejection::SeatUnavailable {
            seats: [1].as_slice().into(),
        },
    );
    let stock = |available, not_together| Rejection::InsufficientStock {
        available,
        not_together,
    };
    let best = |quantity, together| reserve(1, 0, Pick::BestAvailable { quantity, together });
    m.expect_refusal(by_another(best(3, true)), stock(3, true));
    m.expect_refusal(by_another(best(4, true)), stock(3, false));
    m.expect_refusal(by_another(best(4, false)), stock(3, false));
    m.expect_refusal(
        by_another(reserve(1, 1, Pick::General { quantity: 2 })),
        stock(1, false),
    );
    m.expect_refusal(
        by_another(reserve(1, 0, seats(&[0]))),
        Rejection::Full {
            table: FullTable::Bookings,
        },
    );
}

#[test]
fn every_lost_seat_is_listed_in_the_order_asked_for() {
    let mut m = Machine::new();
    m.run_open(open(1, vec![seated(&[8])]));
    let hold = m.reserve_seats(1, 1, 0, &[3, 5]);
    m.run_ok(m.confirm(hold, "p"));
    m.reserve_seats(1, 2, 0, &[1]);
    m.expect_refusal(
        m.seats(1, 3, 0, &[5, 0, 1, 3]),
        Rejection::SeatUnavailable {
            seats: [5, 1, 3].as_slice().into(),
        },
    );
}

#[test]
fn an_outcome_tells_everything() {
    let mut m = Machine::new();
    m.run_open(open(1, vec![seated(&[8]), seated(&[8])]));
    let offset = m.partition.next_offset();
    let outcome = m.run_ok(m.seats(1, 1, 1, &[15, 8]));
    assert_eq!(
        outcome,
        Outcome::Reserved(Reserved {
            booking: offset,
            show: show_id(1),
            event: event_id(1),
            user: user_id(1),
            zone: 1,
            seats: [15, 8].as_slice().into(),
            quantity: 2,
            unit_price: 100,
            currency: Currency(*b"THB"),
            expires_at_ms: NOW + u64::from(HOLD_MS),
        })
    );
}

#[test]
fn best_seats_come_together_or_split() {
    let mut m = Machine::new();
    m.run_open(open(1, vec![seated(&[3, 3])]));
    m.reserve_seats(1, 1, 0, &[1]);
    let mut best = |user, quantity, together| {
        let command = Command::Reserve(Reserve {
            user: user_id(user),
            expected_unit_price: None,
            ..reserve(1, 0, Pick::BestAvailable { quantity, together })
        });
        match m.run(command) {
            Outcome::Reserved(reserved) => reserved.seats.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(best(2, 1, true), [0]);
    assert_eq!(best(3, 4, false), [2, 3, 4, 5]);
}

#[test]
fn the_limit_counts_over_all_shows_of_the_event_and_not_beyond() {
    let mut m = Machine::new();
    for (show, event) in [(1, 7), (2, 7), (3, 8)] {
        m.run_open(crate::testing::open_of(show, event, vec![general(50)]));
    }
    m.reserve_general(1, 1, 0, 2);
    let sale = m.reserve_general(2, 1, 0, 1);
    m.run_ok(m.confirm(sale, "p"));
    let over = Rejection::MaxPerUserExceeded {
        limit: 4,
        current: 3,
    };
    m.expect_refusal(m.general(2, 1, 0, 2), over);
    m.reserve_general(3, 1, 0, 4);
    m.reserve_general(2, 1, 0, 1);
    // Expired holds no longer count; the sale does.
    m.advance(u64::from(HOLD_MS));
    let over = Rejection::MaxPerUserExceeded {
        limit: 4,
        current: 1,
    };
    m.expect_refusal(m.general(1, 1, 0, 4), over);
    m.run_ok(Command::Return { booking: sale });
    m.reserve_general(1, 1, 0, 4);
}

#[test]
fn holds_run_out_to_the_millisecond_before_the_command_is_looked_at() {
    let mut m = Machine::new();
    m.run_open(open(1, vec![seated(&[2])]));
    let hold = m.reserve_seats(1, 1, 0, &[1, 0]);
    m.advance(u64::from(HOLD_MS) - 1);
    m.expect_refusal(
        m.seats(1, 2, 0, &[0]),
        Rejection::SeatUnavailable {
            seats: [0].as_slice().into(),
        },
    );
    assert_eq!(m.partition.next_expiry_ms(), Some(NOW + u64::from(HOLD_MS)));
    m.advance(1);
    m.run_ok(m.seats(1, 2, 0, &[0]));
    let record = m.records.last().unwrap();
    assert_eq!(record.expired.len(), 1);
    assert_eq!(record.expired[0].booking, hold);
    assert_eq!(&record.expired[0].seats[..], [1, 0]);
}

fn second() -> Machine {
    let mut m = Machine::second();
    m.run_ok(crate::testing::open_v2(1, 7, 10));
    m
}

/// Lets a hold end unpaid, at the machine's time.
fn let_end(m: &mut Machine, user: u32) {
    m.reserve_general(1, user, 0, 1);
    m.advance(u64::from(HOLD_MS));
    m.tick();
}

#[test]
fn a_cool_down_follows_the_second_hold_that_ends_unpaid() {
    let mut m = second();
    let_end(&mut m, 1);
    for factor in [1, 2, 4, 8, 8] {
        let_end(&mut m, 1);
        let until_ms = m.now + 60_000 * factor;
        m.expect_refusal(m.general(1, 1, 0, 1), Rejection::CoolingDown { until_ms });
        // Other users and other events are not affected.
        m.reserve_general(1, 100 + u32::try_from(factor).unwrap(), 0, 1);
        m.now = until_ms - 1;
        m.expect_refusal(m.general(1, 1, 0, 1), Rejection::CoolingDown { until_ms });
        m.advance(1);
        m.partition.self_check().unwrap();
    }
    m.reserve_general(1, 1, 0, 1);
}

#[test]
fn the_limit_is_looked_at_before_the_cool_down_and_seats_after() {
    let mut m = second();
    for _ in 0..2 {
        m.reserve_general(1, 1, 0, 1);
    }
    m.advance(u64::from(HOLD_MS));
    let until_ms = m.now + 60_000;
    m.expect_refusal(
        m.general(1, 1, 0, 5),
        Rejection::MaxPerUserExceeded {
            limit: 4,
            current: 0,
        },
    );
    m.amend(show_id(1), |amend| amend.max_tickets_per_user = Some(0));
    m.expect_refusal(m.general(1, 1, 0, 60), Rejection::CoolingDown { until_ms });
    m.expect_refusal(
        m.general(1, 2, 0, 60),
        Rejection::InsufficientStock {
            available: 50,
            not_together: false,
        },
    );
}

#[test]
fn it_holds_for_all_shows_of_the_event_and_only_shows_with_one_count() {
    let mut m = second();
    m.run_open(crate::testing::open_of(2, 7, vec![general(50)]));
    m.run_ok(crate::testing::open_v2(3, 8, 10));
    for _ in 0..3 {
        m.reserve_general(2, 1, 0, 1);
    }
    m.advance(u64::from(HOLD_MS));
    let_end(&mut m, 1);
    m.reserve_general(2, 1, 0, 1);
    let_end(&mut m, 1);
    let until_ms = m.now + 60_000;
    for show in [1, 2] {
        m.expect_refusal(
            m.general(show, 1, 0, 1),
            Rejection::CoolingDown { until_ms },
        );
    }
    m.reserve_general(3, 1, 0, 1);
}

#[test]
fn unpaid_holds_are_forgotten_an_hour_after_the_last() {
    let mut m = second();
    let_end(&mut m, 1);
    // Keeps the user's counter alive.
    let sale = m.reserve_general(1, 1, 0, 1);
    m.run_ok(m.confirm(sale, "p"));
    let_end(&mut m, 1);
    let ended = m.now;
    m.now = ended + onsale_schemas::limits::ENDED_BOOKING_KEPT_MS - u64::from(HOLD_MS);
    let_end(&mut m, 1);
    let_end(&mut m, 1);
    let until_ms = m.now + 60_000;
    m.expect_refusal(m.general(1, 1, 0, 1), Rejection::CoolingDown { until_ms });
}
