use onsale_schemas::Command;
use onsale_schemas::command::{BlockPlaces, SeatBlock};
use onsale_schemas::offer::Offer;

use super::*;
use crate::examples::{general_of, in_currency, order, places, seated, seats, start};
use crate::testing::{Machine, show_id, staff};

fn add(expected: u32, addition: Addition) -> Command {
    Command::AddSeats(Box::new(AddSeats {
        show: show_id(1),
        expected,
        addition,
    }))
}

fn rows(zone: u16, rows: &[u16], plans: Vec<RowPlan>) -> Addition {
    Addition::Rows {
        zone,
        rows: rows.to_vec(),
        plans,
    }
}

fn capacity(zone: u16, places: u32) -> Addition {
    Addition::Capacity { zone, places }
}

fn zone(layout: ZoneLayout) -> Addition {
    Addition::Zone {
        layout,
        plan: vec![],
    }
}

fn machine() -> Machine {
    start(vec![seated(&[6]), general_of(100, 4)], Offer::default())
}

#[test]
fn refusals_in_order_of_precedence() {
    let mut m = machine();
    let layout = || invalid(InvalidReason::Layout);
    let changed = |now| Rejection::LayoutChanged { now };
    let dear = |zone: ZoneLayout| ZoneLayout {
        unit_price: -1,
        ..zone
    };
    let usd = |zone| in_currency(b"USD", zone);
    let bad_plan = || {
        vec![RowPlan {
            focus: 99,
            ..RowPlan::default()
        }]
    };
    for addition in [rows(9, &[], bad_plan()), capacity(9, 0)] {
        m.expect_refusal_by(
            staff(Some(20)),
            add(0, addition),
            invalid(InvalidReason::NothingAsked),
        );
    }
    let later = add(0, rows(9, &[0], bad_plan()));
    m.expect_refusal_by(staff(Some(20)), later.clone(), Rejection::UnknownShow);
    let cases = [
        (later.clone(), invalid(InvalidReason::UnknownZone)),
        (
            add(0, rows(1, &[0], bad_plan())),
            invalid(InvalidReason::WrongAdmission),
        ),
        (
            add(0, capacity(0, u32::MAX)),
            invalid(InvalidReason::WrongAdmission),
        ),
        (add(0, rows(0, &[0], bad_plan())), changed(6)),
        (add(0, capacity(1, u32::MAX)), changed(4)),
        (add(0, zone(dear(usd(general_of(1, 0))))), changed(2)),
        (add(6, rows(0, &[0], vec![])), layout()),
        (add(6, rows(0, &[1_025], vec![])), layout()),
        (add(6, rows(0, &[1; 2_048], vec![])), layout()),
        (add(6, rows(0, &[1_024; 250], vec![])), layout()),
        (add(6, rows(0, &[5, 5], bad_plan())), layout()),
        (add(6, rows(0, &[5], bad_plan())), layout()),
        (add(4, capacity(1, 9_999_997)), layout()),
        (add(2, zone(dear(usd(general_of(1, 0))))), layout()),
        (add(2, zone(dear(usd(seated(&[]))))), layout()),
        (
            add(2, zone(dear(usd(general_of(1, 1))))),
            invalid(InvalidReason::OutOfRange),
        ),
        (
            add(2, zone(usd(general_of(1, 1)))),
            invalid(InvalidReason::MixedCurrencies),
        ),
    ];
    for (command, expected) in cases {
        m.expect_refusal(command, expected);
    }
    m.run_by(staff(Some(10)), add(4, capacity(1, 9_999_996)));
    m.partition.self_check().unwrap();
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.expect_refusal(later, Rejection::ShowCancelled);
}

#[test]
fn a_zone_has_so_many_additions() {
    let mut m = machine();
    for n in 0..16 {
        m.run_ok(add(6 + n, rows(0, &[1], vec![])));
    }
    m.expect_refusal(
        add(22, rows(0, &[1], vec![])),
        invalid(InvalidReason::Layout),
    );
    m.run_ok(add(2, zone(seated(&[3]))));
    m.run_ok(add(25, rows(2, &[1], vec![])));
    m.partition.self_check().unwrap();
}

/// A zone that came to nothing can have places again.
#[test]
fn what_was_taken_away_counts_for_seats_and_not_for_capacity() {
    let mut m = machine();
    let take = |zone, places| {
        Command::TakeSeats(SeatBlock {
            show: show_id(1),
            zone,
            places,
        })
    };
    m.run_ok(take(1, BlockPlaces::Quantity(4)));
    m.run_ok(take(0, BlockPlaces::Seats((0..6).collect())));
    m.expect_refusal(
        order(1, &[places(1, 1)], None),
        Rejection::InsufficientStock {
            available: 0,
            not_together: false,
        },
    );
    let mut image = Vec::new();
    m.partition.encode_image(&mut image).unwrap();
    let limits = m.partition.state.limits;
    let back = crate::Partition::decode_image(m.partition.id(), limits, &image).unwrap();
    back.self_check().unwrap();
    m.run_ok(add(0, capacity(1, 2)));
    m.hold_plain(order(1, &[places(1, 2)], None));
    m.run_ok(add(6, rows(0, &[2], vec![])));
    m.hold_plain(order(1, &[seats(0, &[6, 7])], None));
    m.partition.self_check().unwrap();
}
