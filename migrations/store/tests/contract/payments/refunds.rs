//! Refunds: never more than was taken, whoever asks at once.

use onsale_store::StoreError;
use onsale_store::payment::{
    Account, Moved, NewRefund, Payment, PaymentState, Posting, Refund, RefundOf, RefundOpened,
    RefundState,
};

use super::{AMOUNT, OPENED_MS, job_keys, moved, new_payment, opened, paid};
use crate::build::{id, user_id};
use crate::harness::{Bench, contract};

contract!(
    a_refund_is_opened_once,
    together_they_are_never_more_than_was_taken,
    of_many_at_once_no_more_is_given_than_was_taken,
    one_that_is_done_counts_with_its_payment,
    one_that_comes_back_from_the_bank_counts_no_more,
    staff_decides_on_no_more_than_is_left,
    only_what_is_paid_is_given_back,
    those_that_nobody_looks_at_are_found,
);

pub(crate) fn new_refund(number: u64, of: &Payment, amount: i64) -> NewRefund {
    NewRefund {
        id: id(0xbe00 + number),
        payment: of.id,
        of: RefundOf::Places(vec![0, 2]),
        amount,
        compensation: 0,
        rule: "more_than_7_days".to_owned(),
        reason: Some("Cannot come".to_owned()),
        asked_by: Some(user_id(7)),
        is_approved: true,
    }
}

pub(crate) async fn refund_of(bench: &Bench, new: &NewRefund) -> Refund {
    match bench.store.open_refund(new, OPENED_MS + 50).await.unwrap() {
        RefundOpened::New(refund) => refund,
        other => panic!("{other:?}"),
    }
}

/// Moves it into that state; what it is then.
pub(crate) async fn in_state(bench: &Bench, before: &Refund, state: RefundState) -> Refund {
    let after = Refund {
        state,
        wake_at_ms: None,
        updated_at_ms: before.updated_at_ms + 10,
        ..before.clone()
    };
    let made = bench
        .store
        .move_refund(before, &after, &moved(None), None)
        .await;
    assert!(made.unwrap());
    bench.store.refund(before.id).await.unwrap().unwrap()
}

async fn payment(bench: &Bench, of: &Payment) -> Payment {
    bench.store.payment(of.id).await.unwrap().unwrap()
}

async fn a_refund_is_opened_once(bench: Bench) {
    let store = &bench.store;
    let of = paid(store, 1, 5).await;
    let new = new_refund(1, &of, 100);
    let refund = refund_of(&bench, &new).await;
    assert_eq!((refund.number, refund.version), (1, 1));
    assert_eq!(
        (refund.tenant, refund.state),
        (id(1), RefundState::Approved)
    );
    assert_eq!(refund.of, RefundOf::Places(vec![0, 2]));
    assert_eq!(store.refund(new.id).await.unwrap().as_ref(), Some(&refund));
    let key = format!("{}:1", new.id);
    assert_eq!(job_keys(store, "refund.step").await, [key.as_str()]);
    // The same call again.
    assert_eq!(refund_of(&bench, &new).await, refund);
    let other = NewRefund {
        of: RefundOf::Amount,
        ..new.clone()
    };
    let refused = store.open_refund(&other, OPENED_MS).await.unwrap_err();
    assert!(matches!(refused, StoreError::Exists(_)), "{refused}");
    // What staff has to decide has no job.
    let asked = NewRefund {
        is_approved: false,
        of: RefundOf::Booking,
        ..new_refund(2, &of, 100)
    };
    let asked = refund_of(&bench, &asked).await;
    assert_eq!((asked.number, asked.state), (2, RefundState::Requested));
    assert_eq!(asked.wake_at_ms, None);
    assert_eq!(job_keys(store, "refund.step").await.len(), 1);
    let all = store.refunds_of_payment(of.id).await.unwrap();
    assert_eq!(all, [refund, asked.clone()]);
    let requested = Some(RefundState::Requested);
    let of_tenant = store.refunds_of_tenant(id(1), requested, None, 9).await;
    assert_eq!(of_tenant.unwrap(), [asked]);
    let moves = store.moves_of_refund(new.id).await.unwrap();
    assert_eq!(moves.len(), 1);
    assert_eq!(moves[0].after, RefundState::Approved);
    assert!(
        !moves[0].reason.contains("Cannot come"),
        "not a person's words"
    );
}

async fn together_they_are_never_more_than_was_taken(bench: Bench) {
    let store = &bench.store;
    let of = paid(store, 1, 5).await;
    let first = refund_of(&bench, &new_refund(1, &of, AMOUNT - 100)).await;
    let second = new_refund(2, &of, 101);
    let more = store.open_refund(&second, OPENED_MS).await.unwrap();
    assert_eq!(more, RefundOpened::TooMuch { left: 100 });
    // What is refused is left again, what comes on top of it is not of what was taken.
    in_state(&bench, &first, RefundState::Refused).await;
    let second = NewRefund {
        compensation: AMOUNT * 2,
        ..second
    };
    let second = refund_of(&bench, &second).await;
    assert_eq!(second.number, 2);
    // What went back at the gateway by hand is gone.
    let by_hand = Payment {
        refunded: 1_000,
        ..of.clone()
    };
    let made = store.move_payment(&of, &by_hand, &moved(None), None).await;
    assert!(made.unwrap());
    let third = new_refund(3, &of, AMOUNT);
    let more = store.open_refund(&third, OPENED_MS).await.unwrap();
    let left = AMOUNT - 101 - 1_000;
    assert_eq!(more, RefundOpened::TooMuch { left });
    let third = new_refund(3, &of, left);
    assert_eq!(refund_of(&bench, &third).await.number, 3);
}

async fn of_many_at_once_no_more_is_given_than_was_taken(bench: Bench) {
    let of = paid(&bench.store, 1, 5).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..12 {
        let (store, of) = (bench.store.clone(), of.clone());
        calls.spawn(async move {
            let new = new_refund(number, &of, AMOUNT / 3);
            store.open_refund(&new, OPENED_MS).await.unwrap()
        });
    }
    let answers = calls.join_all().await;
    let given = answers
        .iter()
        .filter(|answer| matches!(answer, RefundOpened::New(_)));
    assert_eq!(given.count(), 3, "{answers:?}");
    let refunds = bench.store.refunds_of_payment(of.id).await.unwrap();
    let numbers: Vec<u32> = refunds.iter().map(|refund| refund.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

async fn one_that_is_done_counts_with_its_payment(bench: Bench) {
    let store = &bench.store;
    let of = paid(store, 1, 5).await;
    let first = refund_of(&bench, &new_refund(1, &of, 600)).await;
    let second = refund_of(&bench, &new_refund(2, &of, 400)).await;
    let done = Refund {
        state: RefundState::Done,
        object: Some("re_1".to_owned()),
        updated_at_ms: OPENED_MS + 99,
        ..first.clone()
    };
    let posting = Posting::new("refund:1", Account::Refunds, Account::Gateway, 600);
    let moved_with = Moved {
        event: Some("payment.refunded"),
        ..moved(Some(posting.clone()))
    };
    let made = store.move_refund(&first, &done, &moved_with, None).await;
    assert!(made.unwrap());
    let again = store.move_refund(&first, &done, &moved_with, None).await;
    assert!(!again.unwrap(), "another was faster");
    let after = payment(&bench, &of).await;
    assert_eq!((after.refunded, after.version), (600, of.version + 1));
    assert_eq!(after.state, PaymentState::Succeeded);
    assert_eq!(after.updated_at_ms, OPENED_MS + 99);
    let moves = store.moves_of_payment(of.id).await.unwrap();
    let last = moves.last().unwrap();
    assert_eq!((last.refunded, last.version), (600, after.version));
    assert_eq!(last.before, Some(PaymentState::Succeeded));
    let posted = store.postings_of_payment(of.id).await.unwrap();
    assert!(posted.iter().any(|entry| entry.posting == posting));
    let found = store.refund_by_object("stripe", "re_1").await.unwrap();
    assert_eq!(found.unwrap().id, first.id);
    assert_eq!(store.refund_by_object("cash", "re_1").await.unwrap(), None);
    // The gateway has said of the payment what the refund has not yet.
    let read = Payment {
        refunded: 1_000,
        ..after.clone()
    };
    let made = store.move_payment(&after, &read, &moved(None), None).await;
    assert!(made.unwrap());
    in_state(&bench, &second, RefundState::Done).await;
    assert_eq!(payment(&bench, &of).await.refunded, 1_000);
}

async fn one_that_comes_back_from_the_bank_counts_no_more(bench: Bench) {
    let of = paid(&bench.store, 1, 5).await;
    let first = refund_of(&bench, &new_refund(1, &of, 600)).await;
    let second = refund_of(&bench, &new_refund(2, &of, 400)).await;
    let first = in_state(&bench, &first, RefundState::Done).await;
    in_state(&bench, &second, RefundState::Done).await;
    assert_eq!(payment(&bench, &of).await.refunded, 1_000);
    in_state(&bench, &first, RefundState::NeedsOperator).await;
    assert_eq!(payment(&bench, &of).await.refunded, 400);
    // It is reserved still.
    let more = new_refund(3, &of, AMOUNT);
    let more = bench.store.open_refund(&more, OPENED_MS).await.unwrap();
    let left = AMOUNT - 1_000;
    assert_eq!(more, RefundOpened::TooMuch { left });
}

async fn staff_decides_on_no_more_than_is_left(bench: Bench) {
    let store = &bench.store;
    let of = paid(store, 1, 5).await;
    refund_of(&bench, &new_refund(1, &of, 1_000)).await;
    let asked = NewRefund {
        is_approved: false,
        ..new_refund(2, &of, 500)
    };
    let asked = refund_of(&bench, &asked).await;
    let approved = |amount| Refund {
        state: RefundState::Approved,
        amount,
        ..asked.clone()
    };
    let too_much = approved(AMOUNT - 999);
    let refused = store
        .move_refund(&asked, &too_much, &moved(None), None)
        .await;
    let refused = refused.unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains(&format!("at most the {}", AMOUNT - 1_000)),
        "{said}"
    );
    assert_eq!(store.refund(asked.id).await.unwrap(), Some(asked.clone()));
    let all_there_is = approved(AMOUNT - 1_000);
    let made = store
        .move_refund(&asked, &all_there_is, &moved(None), None)
        .await;
    assert!(made.unwrap());
    let refund = store.refund(asked.id).await.unwrap().unwrap();
    assert_eq!((refund.amount, refund.version), (AMOUNT - 1_000, 2));
    // One that was refused counts again when it is taken up, so there has to be room.
    let refund = in_state(&bench, &refund, RefundState::Refused).await;
    refund_of(&bench, &new_refund(3, &of, 1)).await;
    let again = Refund {
        state: RefundState::Approved,
        ..refund.clone()
    };
    let refused = store.move_refund(&refund, &again, &moved(None), None).await;
    assert!(refused.is_err());
    let changed = Refund {
        of: RefundOf::Booking,
        ..refund.clone()
    };
    let refused = store
        .move_refund(&refund, &changed, &moved(None), None)
        .await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("changes what it is"), "{said}");
}

async fn only_what_is_paid_is_given_back(bench: Bench) {
    let store = &bench.store;
    let pending = opened(store, &new_payment(1, 5)).await;
    let new = new_refund(1, &pending, 1);
    let found = store.open_refund(&new, OPENED_MS).await.unwrap();
    assert_eq!(found, RefundOpened::NotPaid(pending.clone()));
    let nowhere = NewRefund {
        payment: id(77),
        ..new.clone()
    };
    let refused = store.open_refund(&nowhere, OPENED_MS).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotThere(_)), "{refused}");
    for (wrong, field) in [
        (
            NewRefund {
                amount: -1,
                ..new.clone()
            },
            "amount is -1",
        ),
        (
            NewRefund {
                of: RefundOf::Places(Vec::new()),
                ..new.clone()
            },
            "places",
        ),
        (
            NewRefund {
                of: RefundOf::Amount,
                amount: 0,
                ..new.clone()
            },
            "amount",
        ),
        (
            NewRefund {
                of: RefundOf::Places(vec![1_000_000; 9_000]),
                ..new.clone()
            },
            "places of a refund has",
        ),
    ] {
        let refused = store.open_refund(&wrong, OPENED_MS).await.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
        assert!(refused.to_string().contains(field), "{refused}");
    }
    assert_eq!(store.refunds_of_payment(pending.id).await.unwrap(), []);
}

async fn those_that_nobody_looks_at_are_found(bench: Bench) {
    let store = &bench.store;
    let of = paid(store, 1, 5).await;
    let approved = refund_of(&bench, &new_refund(1, &of, 10)).await;
    let asked = NewRefund {
        is_approved: false,
        ..new_refund(2, &of, 10)
    };
    refund_of(&bench, &asked).await;
    let done = refund_of(&bench, &new_refund(3, &of, 10)).await;
    in_state(&bench, &done, RefundState::Done).await;
    let stuck = store.stuck_refunds(OPENED_MS + 51, 9).await.unwrap();
    assert_eq!(stuck, [approved]);
    let stuck = store.stuck_refunds(OPENED_MS + 50, 9).await.unwrap();
    assert_eq!(stuck, []);
}
