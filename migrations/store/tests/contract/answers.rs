//! Answers of calls about accounts, remembered under an idempotency key.

use onsale_private::KeyId;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_store::Scope;
use onsale_store::account::{Erasure, Mandate, Requirement};
use onsale_store::account_answer::{AccountAnswer, AnswerKey, Begun, LastAnswer, RUNNING_MS, Turn};
use onsale_store::audit::{Actor, Unaudited};
use onsale_store::store::{Resealed, SealedColumn};
use uuid::Uuid;

use crate::accounts::{NOW_MS, password, sealed, session, user};
use crate::build::id;
use crate::guests::guest;
use crate::harness::{Bench, contract, on_postgres};

contract!(
    an_answer_is_remembered_under_its_key,
    a_key_is_of_one_request_while_it_is_remembered,
    one_at_a_time_does_what_was_asked,
    a_turn_that_has_passed_on_remembers_nothing,
    an_owner_has_a_bounded_number_of_keys,
    answers_are_forgotten_and_erased,
    the_answer_to_an_erasure_is_all_that_is_left,
    answers_are_sealed_again,
    a_right_is_compared_again,
);

/// Keys that an owner may have.
const KEYS_MAX: u32 = 3;

/// A key of an account.
pub(crate) fn key(number: u64, of_user: u64) -> AnswerKey {
    AnswerKey {
        answer_id: id(0x5000 + number),
        owner_id: id(of_user),
        fingerprint: [7; 32],
    }
}

async fn begin(bench: &Bench, key: AnswerKey, at_ms: u64) -> Begun {
    let begun = bench.store.begin_account_answer(key, KEYS_MAX, at_ms);
    begun.await.unwrap()
}

async fn turn(bench: &Bench, key: AnswerKey, at_ms: u64) -> Turn {
    match begin(bench, key, at_ms).await {
        Begun::Yours(turn) => turn,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn answer() -> AccountAnswer {
    AccountAnswer {
        status: 201,
        sealed: Some(sealed("\u{1}aaaa sealed answer")),
    }
}

async fn keep(bench: &Bench, turn: Turn, answer: &AccountAnswer) -> bool {
    let kept = bench.store.keep_account_answer(turn, answer).await;
    kept.unwrap()
}

async fn an_answer_is_remembered_under_its_key(bench: Bench) {
    let without = AccountAnswer {
        sealed: None,
        ..answer()
    };
    for (number, answer) in [(1, answer()), (2, without)] {
        let begun = turn(&bench, key(number, 1), NOW_MS).await;
        assert!(keep(&bench, begun, &answer).await);
        let later = NOW_MS + IDEMPOTENCY_WINDOW_MS - 1;
        let found = begin(&bench, key(number, 1), later).await;
        assert_eq!(found, Begun::Done(answer));
    }
    // Nothing was done in this one.
    let begun = turn(&bench, key(3, 1), NOW_MS).await;
    bench.store.drop_account_turn(begun).await.unwrap();
    turn(&bench, key(3, 1), NOW_MS).await;
}

async fn a_key_is_of_one_request_while_it_is_remembered(bench: Bench) {
    let other = AnswerKey {
        fingerprint: [8; 32],
        ..key(1, 1)
    };
    let begun = turn(&bench, key(1, 1), NOW_MS).await;
    assert_eq!(begin(&bench, other, NOW_MS).await, Begun::OtherRequest);
    keep(&bench, begun, &answer()).await;
    assert_eq!(begin(&bench, other, NOW_MS).await, Begun::OtherRequest);
    turn(&bench, other, NOW_MS + IDEMPOTENCY_WINDOW_MS).await;
}

/// Has a turn end so much later, or earlier where it is negative.
async fn shift(bench: &Bench, by_ms: i64) {
    let sql = format!("UPDATE account_answers SET running_until_ms = running_until_ms + {by_ms}");
    bench.tamper(&sql).await;
}

/// As long as a turn lasts.
const TURN_MS: i64 = 60_000;

async fn one_at_a_time_does_what_was_asked(bench: Bench) {
    let before_ms = bench.store.clock_ms().await.unwrap();
    // The clocks of nodes do not matter, not even one of many years ago.
    let begun = turn(&bench, key(1, 1), NOW_MS).await;
    let after_ms = bench.store.clock_ms().await.unwrap();
    assert!((before_ms + RUNNING_MS..=after_ms + RUNNING_MS).contains(&begun.until_ms));
    for at_ms in [NOW_MS - 3_600_000, NOW_MS, NOW_MS + 3_600_000] {
        match begin(&bench, key(1, 1), at_ms).await {
            Begun::Running(left_ms) => assert!((1..=RUNNING_MS).contains(&left_ms), "{left_ms}"),
            other => panic!("{other:?}"),
        }
    }
    shift(&bench, -TURN_MS).await;
    let next = turn(&bench, key(1, 1), NOW_MS).await;
    assert!(next.until_ms >= begun.until_ms);
    // One that was begun by a clock that was ahead is over.
    shift(&bench, 2 * 3_600_000).await;
    turn(&bench, key(1, 1), NOW_MS).await;
    // Of several at once one begins.
    let (one, other, third) = tokio::join!(
        begin(&bench, key(2, 1), NOW_MS),
        begin(&bench, key(2, 1), NOW_MS),
        begin(&bench, key(2, 1), NOW_MS),
    );
    let begun = [one, other, third];
    let turns = begun.iter().filter(|one| matches!(one, Begun::Yours(_)));
    assert_eq!(turns.count(), 1, "{begun:?}");
}

async fn a_turn_that_has_passed_on_remembers_nothing(bench: Bench) {
    let slow = turn(&bench, key(1, 1), NOW_MS).await;
    // Another millisecond than the next one's.
    shift(&bench, -2 * TURN_MS).await;
    let slow = Turn {
        until_ms: slow.until_ms - 2 * RUNNING_MS,
        ..slow
    };
    let next = turn(&bench, key(1, 1), NOW_MS).await;
    assert!(!keep(&bench, slow, &answer()).await);
    bench.store.drop_account_turn(slow).await.unwrap();
    let running = begin(&bench, key(1, 1), NOW_MS).await;
    assert!(matches!(running, Begun::Running(_)), "{running:?}");
    assert!(keep(&bench, next, &answer()).await);
    assert!(!keep(&bench, next, &answer()).await, "once");
}

async fn an_owner_has_a_bounded_number_of_keys(bench: Bench) {
    for number in 1..=u64::from(KEYS_MAX) {
        turn(&bench, key(number, 1), NOW_MS + number).await;
    }
    let oldest_ends_ms = NOW_MS + 1 + IDEMPOTENCY_WINDOW_MS;
    let more = begin(&bench, key(9, 1), NOW_MS + 9).await;
    assert_eq!(more, Begun::TooMany(oldest_ends_ms));
    turn(&bench, key(10, 2), NOW_MS + 9).await;
    // A known key is no new one.
    let known = begin(&bench, key(1, 1), NOW_MS + 9).await;
    assert!(matches!(known, Begun::Running(_)), "{known:?}");
    turn(&bench, key(9, 1), oldest_ends_ms).await;
}

async fn answers_are_forgotten_and_erased(bench: Bench) {
    let store = &bench.store;
    for number in 1..=3 {
        turn(&bench, key(number, 1), NOW_MS + number).await;
    }
    assert_eq!(store.forget_account_answers(NOW_MS + 1).await.unwrap(), 0);
    assert_eq!(store.forget_account_answers(NOW_MS + 3).await.unwrap(), 2);
    let unattended = Unaudited::Unattended;
    store.add_user(&user(1), None, unattended).await.unwrap();
    let visitor = guest(5, 5);
    store.add_guest(&visitor, unattended).await.unwrap();
    let of_guest = AnswerKey {
        owner_id: visitor.guest_id,
        ..key(4, 1)
    };
    turn(&bench, of_guest, NOW_MS).await;
    turn(&bench, key(5, 2), NOW_MS).await;
    let erased = store.erase_guest(visitor.guest_id, None, NOW_MS, unattended);
    assert!(erased.await.unwrap());
    erase_user(&bench, None).await;
    let left = store.forget_account_answers(NOW_MS * 2).await.unwrap();
    assert_eq!(left, 1, "somebody else's");
}

/// Erases user 1.
async fn erase_user(bench: &Bench, last: Option<LastAnswer>) {
    let shown = password(1);
    let audit = |_: &Erasure| Actor::command_line().did("account.erase", "user", id(1));
    let store = &bench.store;
    let erased = store.erase_user(id(1), Some(&shown), None, last, NOW_MS + 5, audit);
    assert!(matches!(erased.await.unwrap(), Erasure::Erased { .. }));
}

async fn the_answer_to_an_erasure_is_all_that_is_left(bench: Bench) {
    let store = &bench.store;
    let unattended = Unaudited::Unattended;
    store.add_user(&user(1), None, unattended).await.unwrap();
    let visitor = guest(5, 5);
    store.add_guest(&visitor, unattended).await.unwrap();
    let of_guest = |number| AnswerKey {
        owner_id: visitor.guest_id,
        ..key(number, 1)
    };
    // What was answered before, and what is being done beside it, go.
    for earlier in [key(1, 1), of_guest(2)] {
        let begun = turn(&bench, earlier, NOW_MS).await;
        keep(&bench, begun, &answer()).await;
    }
    let beside = turn(&bench, key(3, 1), NOW_MS).await;
    let last = |number| LastAnswer {
        answer_id: key(number, 1).answer_id,
        answer: AccountAnswer {
            status: 200,
            sealed: Some(sealed("\u{1}aaaa sealed: it is done")),
        },
    };
    let turns = [
        turn(&bench, key(8, 1), NOW_MS).await,
        turn(&bench, of_guest(9), NOW_MS).await,
    ];
    let erased = store.erase_guest(visitor.guest_id, Some(last(9)), NOW_MS + 5, unattended);
    assert!(erased.await.unwrap());
    erase_user(&bench, Some(last(8))).await;
    assert!(!keep(&bench, beside, &answer()).await);
    for (turn, key) in turns.into_iter().zip([key(8, 1), of_guest(9)]) {
        // It was remembered with the erasure, so nothing is to be remembered after it.
        assert!(!keep(&bench, turn, &answer()).await);
        let number = if key.owner_id == id(1) { 8 } else { 9 };
        let found = begin(&bench, key, NOW_MS + 6).await;
        assert_eq!(found, Begun::Done(last(number).answer), "{number}");
        let other = AnswerKey {
            fingerprint: [8; 32],
            ..key
        };
        assert_eq!(begin(&bench, other, NOW_MS + 6).await, Begun::OtherRequest);
    }
    let of_nobody = "SELECT CAST(COUNT(*) AS text) FROM account_answers WHERE owner_id = answer_id";
    assert_eq!(bench.texts(of_nobody).await, ["2"]);
    let left = store.forget_account_answers(NOW_MS * 2).await.unwrap();
    assert_eq!(left, 2, "and nothing else");
}

async fn answers_are_sealed_again(bench: Bench) {
    let store = &bench.store;
    let begun = turn(&bench, key(1, 1), NOW_MS).await;
    keep(&bench, begun, &answer()).await;
    let column = SealedColumn::AccountAnswer;
    let current = KeyId::from_bytes([0; 4]);
    let others = async || {
        let found = store.sealed_by_others(column, current, Uuid::nil(), 10);
        found.await.unwrap()
    };
    let found = others().await;
    let [old] = &found[..] else {
        panic!("one value");
    };
    assert_eq!(column.place(old.row).row, begun.answer_id);
    let anew = Resealed {
        row: old.row,
        from: old.sealed.clone(),
        to: sealed("\u{1}\0\0\0\0 sealed anew"),
    };
    assert_eq!(store.reseal(column, vec![anew]).await.unwrap(), 1);
    assert_eq!(others().await, []);
}

#[tokio::test]
async fn an_answer_is_its_owners() {
    on_postgres(|bench| async move {
        let begun = turn(&bench, key(1, 1), NOW_MS).await;
        keep(&bench, begun, &answer()).await;
        let store = bench.store.for_callers();
        for (user, seen) in [(1, 1), (2, 0)] {
            let scope = Scope::Caller {
                tenant: None,
                user: Some(id(user)),
            };
            let found = scope.cover(store.sealing_keys(SealedColumn::AccountAnswer));
            assert_eq!(found.await.unwrap().len(), seen, "{user}");
        }
    })
    .await;
}

async fn a_right_is_compared_again(bench: Bench) {
    let store = &bench.store;
    let unattended = Unaudited::Unattended;
    store.add_user(&user(1), None, unattended).await.unwrap();
    let row = session(1, 1);
    let shown = password(1);
    let opened = store.open_session(&row, Some(&shown), unattended);
    assert!(opened.await.unwrap());
    let by = |requires| Mandate {
        user_id: id(1),
        session_id: row.session_id,
        requires,
        at_ms: NOW_MS + 2,
    };
    for (requires, holds) in [
        (Requirement::Account, true),
        (Requirement::Admin, false),
        (Requirement::OwnsAddress, false),
    ] {
        let found = store.still_holds(by(requires)).await.unwrap();
        assert_eq!(found, holds, "{requires:?}");
    }
}
