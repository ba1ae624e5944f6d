use onsale_schemas::Command;
use onsale_schemas::code::Discount;
use onsale_schemas::offer::Offer;
use onsale_schemas::rejection::CodeRefusal;

use super::*;
use crate::examples::{code, create, end_code, general_of, order, places, start, terms};
use crate::testing::{show_id, staff};

#[test]
fn refusals_in_order_of_precedence() {
    let mut m = start(vec![general_of(100, 9)], Offer::default());
    let off = terms(Some(Discount::OffBp(1)));
    m.run_ok(create(1, off.clone(), &[1, 2]));
    let end = |which| Command::EndCodes {
        show: show_id(1),
        which,
    };
    let group = |number| end(EndedCodes::Group(number));
    m.expect_refusal_by(staff(Some(20)), group(1), Rejection::UnknownShow);
    for command in [group(2), end_code(3)] {
        m.expect_refusal(command, Rejection::UnknownCode);
    }
    let ended = |ended| Outcome::CodesEnded {
        show: show_id(1),
        ended,
    };
    assert_eq!(m.run_ok(end_code(1)), ended(1));
    m.expect_refusal(end_code(1), Rejection::UnknownCode);
    assert_eq!(m.run_ok(end_code(2)), ended(1));
    // A group without codes remains, with its terms.
    m.expect_refusal(
        create(1, terms(Some(Discount::OffBp(2))), &[1]),
        Rejection::CodeExists {
            group: 1,
            code: None,
        },
    );
    assert_eq!(m.run_ok(group(1)), ended(0));
    m.expect_refusal(group(1), Rejection::UnknownCode);
    m.run_ok(create(1, terms(Some(Discount::OffBp(2))), &[1, 2, 4]));
    assert_eq!(m.run_ok(group(1)), ended(3));
    assert!(m.partition.state.find_code(0, &code(4)).is_none());
    m.partition.self_check().unwrap();
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.expect_refusal(group(1), Rejection::ShowCancelled);
}

#[test]
fn what_ended_stays_ended() {
    let mut m = start(vec![general_of(100, 9)], Offer::default());
    let off = terms(Some(Discount::OffBp(1)));
    m.run_ok(create(1, off.clone(), &[1]));
    m.run_ok(Command::EndCodes {
        show: show_id(1),
        which: EndedCodes::Group(1),
    });
    // The number of the group is free again, its code is not back.
    m.run_ok(create(1, off, &[2]));
    m.expect_refusal(
        order(1, &[places(0, 1)], Some(1)),
        Rejection::CodeRefused {
            why: CodeRefusal::Unknown,
        },
    );
    m.hold(order(1, &[places(0, 1)], Some(2)));
    assert_eq!(m.partition.stats().codes, 1);
    m.run_ok(Command::CancelShow { show: show_id(1) });
    assert_eq!(m.partition.stats().codes, 0);
    m.partition.self_check().unwrap();
}
