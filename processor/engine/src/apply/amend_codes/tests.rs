use onsale_schemas::Command;
use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::offer::Offer;

use super::*;
use crate::examples::{create, general_of, order, places, start, terms};
use crate::testing::{show_id, staff};

fn amend(group: u32, terms: CodeTerms) -> Command {
    Command::AmendCodes(Box::new(AmendCodes {
        show: show_id(1),
        group,
        terms,
    }))
}

fn off(off_bp: u16, uses_max: u32) -> CodeTerms {
    CodeTerms {
        uses_max,
        ..terms(Some(Discount::OffBp(off_bp)))
    }
}

#[test]
fn refusals_in_order_of_precedence() {
    let mut m = start(vec![general_of(100, 9)], Offer::default());
    m.run_ok(create(1, off(1, 0), &[1]));
    m.expect_refusal_by(staff(Some(20)), amend(9, off(0, 0)), Rejection::UnknownShow);
    m.expect_refusal(amend(9, off(0, 0)), invalid(InvalidReason::Code));
    m.expect_refusal(amend(9, off(1, 0)), Rejection::UnknownCode);
    m.run_by(staff(Some(10)), amend(1, off(2, 0)));
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.expect_refusal(amend(9, off(0, 0)), Rejection::ShowCancelled);
}

#[test]
fn counts_for_the_next_orders_only() {
    let mut m = start(vec![general_of(100, 9)], Offer::default());
    m.run_ok(create(1, off(1_000, 0), &[1]));
    let again = || order(1, &[places(0, 1)], Some(1));
    let held: Vec<u64> = (0..2).map(|_| m.hold(again()).booking).collect();
    m.run_ok(amend(1, off(5_000, 2)));
    let used_up = Rejection::CodeRefused {
        why: onsale_schemas::rejection::CodeRefusal::UsedUp,
    };
    m.expect_refusal(again(), used_up.clone());
    // Fewer than are taken: none is granted until they are fewer than the maximum.
    m.run_ok(amend(1, off(5_000, 1)));
    m.run_ok(Command::Return { booking: held[0] });
    m.expect_refusal(again(), used_up);
    m.run_ok(Command::Return { booking: held[1] });
    assert_eq!(m.hold(again()).total, 50);
}
