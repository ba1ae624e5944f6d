use super::*;
use crate::model::testing::release;
use onsale_schemas::code::EndedCodes;

/// Example 14: a code that counts once, held by user 1 at seat 0 until the hold ends.
fn once() -> (Script, Offset) {
    let mut script = house(opening(vec![seated(&[9])], Offer::default()));
    let mut once = terms(Some(Discount::OffBp(1_000)));
    once.uses_max = 1;
    with_code(&mut script, once);
    let (booking, total) = granted(&mut script, 1, vec![named(&[0])], Some(code(1)));
    assert_eq!(total, 900);
    (script, booking)
}

#[test]
fn e14_the_last_use_is_granted_once() {
    let (mut script, first) = once();
    let end = script.now + u64::from(HOLD_MS);
    script.now = end - 1;
    assert_eq!(
        order(&mut script, 2, vec![named(&[3])], Some(code(1))),
        code_refused(CodeRefusal::UsedUp)
    );
    script.now = end;
    let record = script.record(Command::ReserveV2(ask(2, vec![named(&[3])], Some(code(1)))));
    assert_eq!(record.expired.len(), 1);
    assert!(matches!(record.outcome, Outcome::ReservedV2(_)));
    script.now = end + 1;
    assert_eq!(
        script.run(pay(first, None)),
        refused(Rejection::ReservationExpired)
    );
    assert_eq!(live(&script.model), 1);
}

#[test]
fn e26_a_presale() {
    let mut open = opening(
        vec![general(10, b"THB"), general(10, b"THB")],
        Offer::default(),
    );
    open.show.show.sale_opens_at_ms = 11_000;
    let mut script = house(open);
    let mut presale = terms(None);
    presale.presale = true;
    presale.from_ms = 10_500;
    presale.scope.zones = vec![0];
    with_code(&mut script, presale);
    let not_open = refused(Rejection::SaleNotOpen {
        opens_at_ms: 11_000,
    });
    script.now = 10_499;
    assert_eq!(
        order(&mut script, 1, vec![places(0, 1)], Some(code(1))),
        code_refused(CodeRefusal::NotYet { from_ms: 10_500 })
    );
    script.now = 10_500;
    held(&mut script, 1, vec![places(0, 1)], Some(code(1)));
    let both = vec![places(0, 1), places(1, 1)];
    assert_eq!(order(&mut script, 1, both, Some(code(1))), not_open);
    assert_eq!(order(&mut script, 1, vec![places(0, 1)], None), not_open);
}

#[test]
fn e33_uses_of_one_user() {
    let mut script = house(opening(vec![general(10, b"THB")], Offer::default()));
    let mut own = terms(Some(Discount::OffBp(1_000)));
    own.uses_per_user_max = 1;
    with_code(&mut script, own);
    let first = held(&mut script, 1, vec![places(0, 1)], Some(code(1)));
    assert_eq!(
        order(&mut script, 1, vec![places(0, 1)], Some(code(1))),
        code_refused(CodeRefusal::UsedUpByUser)
    );
    held(&mut script, 2, vec![places(0, 1)], Some(code(1)));
    script.run(release(first.booking));
    held(&mut script, 1, vec![places(0, 1)], Some(code(1)));
}

#[test]
fn e34_a_code_that_ended() {
    for group in [false, true] {
        let (mut script, first) = once();
        let which = if group {
            EndedCodes::Group(1)
        } else {
            EndedCodes::Code(code(1))
        };
        let ended = script.run(Command::EndCodes {
            show: show_id(SHOW),
            which,
        });
        let show = show_id(SHOW);
        assert_eq!(ended, Outcome::CodesEnded { show, ended: 1 });
        script.now += u64::from(HOLD_MS) + 1;
        assert_eq!(
            order(&mut script, 2, vec![named(&[3])], Some(code(1))),
            code_refused(CodeRefusal::Unknown)
        );
        let paid = script.run(pay(first, Some(900)));
        assert!(matches!(paid, Outcome::ConfirmedV2(it) if it.revived && it.total == 900));
    }
}

/// Uses belong to the code as it was created.
#[test]
fn a_code_that_is_created_again_begins_anew() {
    let (mut script, first) = once();
    let which = EndedCodes::Code(code(1));
    script.run(Command::EndCodes {
        show: show_id(SHOW),
        which,
    });
    let mut once = terms(Some(Discount::OffBp(1_000)));
    once.uses_max = 1;
    with_code(&mut script, once);
    let (second, _) = granted(&mut script, 2, vec![named(&[3])], Some(code(1)));
    assert_eq!(
        order(&mut script, 3, vec![named(&[6])], Some(code(1))),
        code_refused(CodeRefusal::UsedUp)
    );
    script.run(release(first));
    assert_eq!(
        order(&mut script, 3, vec![named(&[6])], Some(code(1))),
        code_refused(CodeRefusal::UsedUp)
    );
    script.run(release(second));
    granted(&mut script, 3, vec![named(&[6])], Some(code(1)));
}

/// A booking from before needs no use of the code that was created again, however few there are.
#[test]
fn a_late_confirmation_does_not_ask_for_a_use_of_the_new_code() {
    let mut script = house(opening(vec![seated(&[9])], Offer::default()));
    with_code(&mut script, terms(Some(Discount::OffBp(1_000))));
    let (sold, _) = granted(&mut script, 1, vec![named(&[0])], Some(code(1)));
    script.run(pay(sold, None));
    let (late, _) = granted(&mut script, 2, vec![named(&[3])], Some(code(1)));
    script.now += u64::from(HOLD_MS);
    script.run(Command::EndCodes {
        show: show_id(SHOW),
        which: EndedCodes::Group(1),
    });
    let mut once = terms(Some(Discount::OffBp(1_000)));
    once.uses_max = 1;
    with_code(&mut script, once);
    granted(&mut script, 3, vec![named(&[6])], Some(code(1)));
    let paid = script.run(pay(late, Some(900)));
    assert!(matches!(paid, Outcome::ConfirmedV2(it) if it.revived));
}
