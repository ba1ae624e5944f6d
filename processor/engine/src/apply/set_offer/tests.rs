use onsale_schemas::offer::{Offer, PhasePrice};
use onsale_schemas::{Command, Rejection};

use super::*;
use crate::examples::{
    general_of, opening, order, phase, places, rules, set_offer, start, ticket_type,
};
use crate::testing::{Machine, show_id, staff};

#[test]
fn refusals_in_order_of_precedence() {
    let mut m = start(vec![general_of(100, 9)], Offer::default());
    let bad = || {
        set_offer(Offer {
            tax_bp: 10_001,
            ..Offer::default()
        })
    };
    m.expect_refusal_by(staff(Some(20)), bad(), Rejection::UnknownShow);
    m.expect_refusal(bad(), invalid(InvalidReason::Offer));
    m.run_by(staff(Some(10)), set_offer(Offer::default()));
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.expect_refusal_by(staff(Some(20)), bad(), Rejection::UnknownShow);
    m.expect_refusal(bad(), Rejection::ShowCancelled);
    let mut empty = Machine::at(0);
    empty.raise_to_third();
    empty.expect_refusal(bad(), Rejection::UnknownShow);
}

#[test]
fn takes_the_place_of_the_whole_offer_and_phases_go_on() {
    let cheap = |places| Offer {
        phases: vec![phase(7, places, PhasePrice::Fixed(60))],
        ..Offer::default()
    };
    let mut m = start(vec![general_of(100, 9)], cheap(2));
    let held = m.hold(order(1, &[places(0, 1)], None));
    let typed = Offer {
        types: vec![ticket_type(0)],
        ..Offer::default()
    };
    m.run_ok(set_offer(typed));
    assert_eq!(
        m.hold_plain(order(1, &[places(0, 1)], None)).unit_price,
        100
    );
    m.run_ok(set_offer(cheap(2)));
    let next = m.hold(order(1, &[places(0, 2)], None));
    let split = rules(&next.lines);
    assert_eq!((split[0].0, split[0].1, split[1].1), (1, 60, 100));
    // Bookings keep their lines, also when nothing is offered any more.
    m.run_ok(set_offer(Offer::default()));
    let confirmed = m.run_ok(m.confirm(held.booking, "p"));
    assert!(matches!(confirmed, onsale_schemas::Outcome::ConfirmedV2(sold) if sold.total == 60));
    // Fewer places than are live take nothing away, and give none.
    m.run_ok(set_offer(cheap(1)));
    assert_eq!(
        m.hold_plain(order(1, &[places(0, 1)], None)).unit_price,
        100
    );
    m.partition.self_check().unwrap();
}

#[test]
fn a_show_of_an_older_command_may_have_one() {
    let mut m = Machine::at(0);
    m.raise_to_third();
    m.run_ok(Command::OpenShowV2(crate::examples::show_of(vec![
        general_of(100, 9),
    ])));
    m.run_ok(set_offer(Offer {
        phases: vec![phase(1, 0, PhasePrice::OffBp(5_000))],
        ..Offer::default()
    }));
    assert_eq!(m.hold(order(1, &[places(0, 1)], None)).total, 50);
    // Opening it again with the same values is the same answer.
    m.run_ok(Command::OpenShowV2(crate::examples::show_of(vec![
        general_of(100, 9),
    ])));
    m.expect_refusal(
        opening(vec![general_of(100, 9)], vec![], 0, Offer::default()),
        Rejection::ShowExists,
    );
}
