use onsale_schemas::code::{CodeTerms, Discount, EndedCodes};
use onsale_schemas::offer::Offer;
use onsale_schemas::{Command, Rejection};

use super::*;
use crate::examples::{
    THB, code, create, end_code, general_of, in_currency, opening, order, places, scope, start,
    terms,
};
use crate::limits::Limits;
use crate::testing::{Machine, show_id, staff};

fn off(off_bp: u16) -> CodeTerms {
    terms(Some(Discount::OffBp(off_bp)))
}

fn numbered(group: u32, numbers: std::ops::Range<u32>) -> Command {
    let Command::CreateCodes(mut command) = create(group, off(1), &[]) else {
        panic!("codes");
    };
    command.codes = numbers
        .map(|n| {
            let mut bytes = [0xff; 16];
            bytes[..4].copy_from_slice(&n.to_le_bytes());
            CodeHash::from_bytes(bytes)
        })
        .collect();
    Command::CreateCodes(command)
}

fn end_group(group: u32) -> Command {
    Command::EndCodes {
        show: show_id(1),
        which: EndedCodes::Group(group),
    }
}

fn machine(codes_max: u32) -> Machine {
    let mut m = Machine::with_limits(Limits {
        codes_max,
        machine_version_known: 3,
        ..Limits::default()
    });
    m.raise_to_third();
    m.run_ok(opening(
        vec![general_of(100, 9)],
        vec![],
        0,
        Offer::default(),
    ));
    m
}

#[test]
fn refusals_in_order_of_precedence() {
    let mut m = machine(3);
    m.run_ok(create(1, off(1), &[1, 2]));
    m.run_ok(create(2, off(1), &[3]));
    let nothing = off(0);
    let exists = |group, n: Option<u8>| Rejection::CodeExists {
        group,
        code: n.map(code),
    };
    m.expect_refusal_by(
        staff(Some(20)),
        create(1, nothing.clone(), &[]),
        invalid(InvalidReason::NothingAsked),
    );
    m.expect_refusal(numbered(1, 0..10_001), invalid(InvalidReason::TooMany));
    m.expect_refusal_by(
        staff(Some(20)),
        create(1, nothing.clone(), &[3]),
        Rejection::UnknownShow,
    );
    m.expect_refusal(create(1, nothing, &[3]), invalid(InvalidReason::Code));
    m.expect_refusal(create(1, off(2), &[3]), exists(1, None));
    m.expect_refusal(create(1, off(1), &[9, 2, 3, 1]), exists(2, Some(3)));
    m.expect_refusal(create(3, off(1), &[9, 2, 3]), exists(1, Some(2)));
    let full = Rejection::Full {
        table: FullTable::Codes,
    };
    m.expect_refusal(create(3, off(1), &[9]), full.clone());
    // What is known already needs no room.
    let outcome = m.run_ok(create(1, off(1), &[2, 1, 2]));
    assert_eq!(
        outcome,
        Outcome::CodesCreated {
            show: show_id(1),
            group: 1,
            created: 0,
            known: 3
        }
    );
    m.run_ok(end_code(3));
    let outcome = m.run_ok(create(1, off(1), &[4, 4, 2]));
    assert_eq!(
        outcome,
        Outcome::CodesCreated {
            show: show_id(1),
            group: 1,
            created: 1,
            known: 2
        }
    );
    m.expect_refusal(create(2, off(1), &[5]), full);
    m.partition.self_check().unwrap();
    m.run_ok(Command::CancelShow { show: show_id(1) });
    m.expect_refusal(create(1, off(0), &[3]), Rejection::ShowCancelled);
    m.partition.self_check().unwrap();
}

#[test]
fn a_show_has_so_many_groups_and_codes() {
    let mut m = machine(1_000_000);
    for group in 0..1_024 {
        m.run_ok(numbered(group, group..group + 1));
    }
    m.expect_refusal(
        numbered(1_024, 5_000..5_001),
        invalid(InvalidReason::TooMany),
    );
    for from in (2_000..100_976).step_by(10_000) {
        let after = (from + 10_000).min(100_976);
        m.run_ok(numbered(7, from..after));
    }
    m.expect_refusal(
        numbered(7, 200_000..200_001),
        invalid(InvalidReason::TooMany),
    );
    assert_eq!(m.partition.state.codes.live, 100_000);
    // A group ends at once, and its memory is swept in portions.
    m.run_ok(end_group(7));
    assert_eq!(m.partition.state.codes.live, 1_023);
    m.expect_refusal(
        order(1, &[places(0, 1)], Some(1)),
        Rejection::CodeRefused {
            why: onsale_schemas::rejection::CodeRefusal::Unknown,
        },
    );
    m.partition.self_check().unwrap();
    while m.partition.state.codes.stale > 0 {
        let before = m.partition.state.codes.stale;
        m.tick();
        assert!(before - m.partition.state.codes.stale <= 1_024);
    }
    m.partition.self_check().unwrap();
}

/// Codes that end all the time take no more memory than those that may be there.
#[test]
fn creating_and_ending_again_and_again_is_bounded() {
    let mut m = machine(1_000_000);
    m.run_ok(numbered(2, 20_000..22_000));
    for _ in 0..40 {
        m.run_ok(numbered(1, 0..3_000));
        m.run_ok(end_group(1));
    }
    assert!(m.partition.state.codes.all().count() <= 2_000 + 4 * 3_000);
    m.partition.self_check().unwrap();
}

#[test]
fn terms_keep_to_their_rules() {
    let thb = Discount::Amount(1, THB);
    let usd = in_currency(b"USD", general_of(1, 1)).currency;
    let base = || terms(None);
    let cases = [
        (false, base()),
        (
            true,
            CodeTerms {
                presale: true,
                ..base()
            },
        ),
        (
            true,
            CodeTerms {
                opens: true,
                ..base()
            },
        ),
        (false, off(0)),
        (true, off(10_000)),
        (false, off(10_001)),
        (true, terms(Some(thb))),
        (false, terms(Some(Discount::Amount(0, THB)))),
        (true, terms(Some(Discount::Amount(1_000_000_000_000, THB)))),
        (false, terms(Some(Discount::Amount(1_000_000_000_001, THB)))),
        (false, terms(Some(Discount::Amount(1, usd)))),
        (
            false,
            CodeTerms {
                from_ms: 5,
                until_ms: 5,
                ..off(1)
            },
        ),
        (
            true,
            CodeTerms {
                scope: scope(&[0], u64::MAX),
                ..off(1)
            },
        ),
        (
            false,
            CodeTerms {
                scope: scope(&[1], 0),
                ..off(1)
            },
        ),
        (
            false,
            CodeTerms {
                scope: scope(&[0, 0], 0),
                ..off(1)
            },
        ),
    ];
    for (i, (valid, terms)) in cases.into_iter().enumerate() {
        let mut m = start(vec![general_of(100, 9)], Offer::default());
        let command = create(1, terms, &[1]);
        if valid {
            m.run_ok(command);
        } else {
            m.expect_refusal(command, invalid(InvalidReason::Code));
        }
        assert_eq!(m.partition.state.codes.live, u32::from(valid), "case {i}");
    }
    // An amount is in the currency of every zone.
    let zones = vec![general_of(1, 1), in_currency(b"USD", general_of(1, 1))];
    let mut m = start(zones, Offer::default());
    m.expect_refusal(
        create(1, terms(Some(thb)), &[1]),
        invalid(InvalidReason::Code),
    );
    m.run_ok(create(1, off(1), &[1]));
}
