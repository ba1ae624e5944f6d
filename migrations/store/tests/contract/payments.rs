//! Payments: opened one at a time, moved by compare-and-set, with history, books and jobs.

mod books;
mod disputes;
mod kept;
mod listed;
mod notices;
pub(crate) mod refunds;
mod seen;

use onsale_schemas::command::Currency;
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::payment::{
    ATTEMPTS_MAX, Account, Moved, NewPayment, Opened, Payment, PaymentState, Posting,
};
use onsale_store::{Store, StoreError};
use uuid::Uuid;

use crate::build::{booking_id, event_id, id, show_id, user_id};
use crate::harness::{Bench, contract};

contract!(
    a_payment_is_opened_once,
    one_payment_of_a_booking_is_under_way,
    of_many_at_once_one_is_opened,
    a_booking_has_so_many_payments,
    what_does_not_fit_is_not_opened,
    a_move_writes_all_that_follows_or_nothing,
    of_many_moves_at_once_one_is_made,
    what_a_payment_is_stays_and_its_sums_make_sense,
    nothing_comes_to_life_beside_another,
);

/// When the payments of these tests are opened.
pub(crate) const OPENED_MS: u64 = 1_760_000_500_000;
pub(crate) const AMOUNT: i64 = 3_600;
/// What became known to others of a payment that has succeeded.
const SUCCESS: &str = "payment.success";

/// Payment `number` of the booking at that offset, by user 7 of tenant 1.
pub(crate) fn new_payment(number: u64, booking: u64) -> NewPayment {
    NewPayment {
        id: id(0x9a00 + number),
        tenant: id(1),
        event: event_id(1),
        show: show_id(1),
        booking: booking_id(booking),
        user: user_id(7),
        amount: AMOUNT,
        currency: Currency(*b"THB"),
        method: "card".to_owned(),
        gateway: "stripe".to_owned(),
        hold_ends_ms: OPENED_MS + 600_000,
        deadline_ms: OPENED_MS + 570_000,
    }
}

pub(crate) async fn opened(store: &Store, new: &NewPayment) -> Payment {
    match store.open_payment(new, OPENED_MS).await.unwrap() {
        Opened::New(payment) => payment,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn moved(posting: Option<Posting>) -> Moved {
    Moved {
        reason: "the gateway has said so".to_owned(),
        posting,
        event: None,
    }
}

/// Moves it as long as it is as it was; what it is then.
pub(crate) async fn turned(store: &Store, before: &Payment, after: Payment) -> Payment {
    let made = store.move_payment(before, &after, &moved(None), None).await;
    assert!(made.unwrap());
    store.payment(before.id).await.unwrap().unwrap()
}

pub(crate) async fn in_state(store: &Store, before: &Payment, state: PaymentState) -> Payment {
    let wake_at_ms = before.wake_at_ms.filter(|_| !state.is_final());
    let after = Payment {
        state,
        wake_at_ms,
        ..before.clone()
    };
    turned(store, before, after).await
}

/// A payment that has succeeded, with what it has taken in the books.
pub(crate) async fn paid(store: &Store, number: u64, booking: u64) -> Payment {
    let before = opened(store, &new_payment(number, booking)).await;
    let after = Payment {
        state: PaymentState::Succeeded,
        captured: AMOUNT,
        wake_at_ms: None,
        object: Some(format!("pi_{number}")),
        ..before.clone()
    };
    let sale = Posting::new("capture", Account::Gateway, Account::Sales, AMOUNT);
    let succeeded = Moved {
        event: Some(SUCCESS),
        ..moved(Some(sale))
    };
    let made = store.move_payment(&before, &after, &succeeded, None).await;
    assert!(made.unwrap());
    store.payment(before.id).await.unwrap().unwrap()
}

/// Keys of all jobs of a kind.
pub(crate) async fn job_keys(store: &Store, kind: &str) -> Vec<String> {
    let filter = JobFilter {
        kind: Some(kind.to_owned()),
        limit: 1_000,
        ..JobFilter::default()
    };
    let jobs = store.jobs(&filter).await.unwrap();
    let mut keys: Vec<String> = jobs.into_iter().map(|job| job.key).collect();
    keys.sort();
    keys
}

fn step(payment: Uuid, version: i64) -> NewJob {
    NewJob {
        kind: "payment.step",
        key: format!("{payment}:{version}"),
        payload: "{}".to_owned(),
        delay_ms: 5,
        attempts_max: 3,
    }
}

async fn a_payment_is_opened_once(bench: Bench) {
    let store = &bench.store;
    let new = new_payment(1, 5);
    let payment = opened(store, &new).await;
    assert_eq!((payment.attempt, payment.version), (1, 1));
    assert_eq!(payment.state, PaymentState::Pending);
    assert_eq!(payment.wake_at_ms, Some(OPENED_MS));
    let stored = store.payment(new.id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&payment));
    let key = format!("{}:1", new.id);
    assert_eq!(job_keys(store, "payment.step").await, [key.as_str()]);
    let moves = store.moves_of_payment(new.id).await.unwrap();
    assert_eq!(moves.len(), 1);
    assert_eq!(
        (moves[0].before, moves[0].after),
        (None, PaymentState::Pending)
    );
    // The same call again, whatever became of it since.
    let cancelling = in_state(store, &payment, PaymentState::Cancelling).await;
    assert_eq!(
        store.open_payment(&new, OPENED_MS + 9).await.unwrap(),
        Opened::New(cancelling)
    );
    for other in [
        NewPayment {
            amount: 1,
            ..new.clone()
        },
        NewPayment {
            booking: booking_id(6),
            ..new.clone()
        },
    ] {
        let refused = store.open_payment(&other, OPENED_MS).await.unwrap_err();
        assert!(matches!(refused, StoreError::Exists(_)), "{refused}");
    }
    assert_eq!(store.payment(id(77)).await.unwrap(), None);
}

async fn one_payment_of_a_booking_is_under_way(bench: Bench) {
    let store = &bench.store;
    let first = opened(store, &new_payment(1, 5)).await;
    let second = new_payment(2, 5);
    for state in PaymentState::ALL {
        let first = store.payment(first.id).await.unwrap().unwrap();
        if !state.is_live() {
            continue;
        }
        let first = in_state(store, &first, state).await;
        let expected = if state == PaymentState::Succeeded {
            Opened::AlreadyPaid(first)
        } else {
            Opened::InProgress(first)
        };
        let found = store.open_payment(&second, OPENED_MS).await.unwrap();
        assert_eq!(found, expected, "{state:?}");
    }
    let first = store.payment(first.id).await.unwrap().unwrap();
    in_state(store, &first, PaymentState::Failed).await;
    let second = opened(store, &second).await;
    assert_eq!(second.attempt, 2);
    // Of another booking nothing is known.
    assert_eq!(opened(store, &new_payment(3, 6)).await.attempt, 1);
    let tried = store.payments_of_booking(booking_id(5)).await.unwrap();
    let ids: Vec<Uuid> = tried.iter().map(|payment| payment.id).collect();
    assert_eq!(ids, [first.id, second.id]);
}

async fn of_many_at_once_one_is_opened(bench: Bench) {
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..12 {
        let store = bench.store.clone();
        calls.spawn(async move {
            let opened = store.open_payment(&new_payment(number, 5), OPENED_MS).await;
            opened.unwrap()
        });
    }
    let answers = calls.join_all().await;
    let new: Vec<&Payment> = answers
        .iter()
        .filter_map(|answer| match answer {
            Opened::New(payment) => Some(payment),
            _ => None,
        })
        .collect();
    assert_eq!(new.len(), 1, "{answers:?}");
    for answer in &answers {
        assert!(
            matches!(answer, Opened::New(payment) | Opened::InProgress(payment)
                if payment.id == new[0].id),
            "{answer:?}"
        );
    }
    assert_eq!(job_keys(&bench.store, "payment.step").await.len(), 1);
}

async fn a_booking_has_so_many_payments(bench: Bench) {
    let store = &bench.store;
    for number in 0..u64::from(ATTEMPTS_MAX) {
        let payment = opened(store, &new_payment(number, 5)).await;
        in_state(store, &payment, PaymentState::Failed).await;
    }
    let more = store.open_payment(&new_payment(99, 5), OPENED_MS).await;
    assert_eq!(more.unwrap(), Opened::TooMany);
}

async fn what_does_not_fit_is_not_opened(bench: Bench) {
    let store = &bench.store;
    let new = new_payment(1, 5);
    for (wrong, field) in [
        (
            NewPayment {
                amount: -1,
                ..new.clone()
            },
            "amount is -1",
        ),
        (
            NewPayment {
                method: String::new(),
                ..new.clone()
            },
            "method has 0 bytes",
        ),
        (
            NewPayment {
                gateway: "g".repeat(33),
                ..new.clone()
            },
            "gateway has 33 bytes",
        ),
        (
            NewPayment {
                deadline_ms: u64::MAX,
                ..new.clone()
            },
            "deadline_ms",
        ),
    ] {
        let refused = store.open_payment(&wrong, OPENED_MS).await.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
        assert!(refused.to_string().contains(field), "{refused}");
    }
    assert_eq!(store.payment(new.id).await.unwrap(), None);
    // Nothing is due: a booking that costs nothing.
    let free = NewPayment { amount: 0, ..new };
    assert_eq!(opened(store, &free).await.amount, 0);
}

async fn a_move_writes_all_that_follows_or_nothing(bench: Bench) {
    let store = &bench.store;
    let before = opened(store, &new_payment(1, 5)).await;
    let after = Payment {
        state: PaymentState::Paid,
        object: Some("pi_1".to_owned()),
        next_action: Some("{\"redirect\":\"a\\u0000b\"}".to_owned()),
        failure: Some("late".to_owned()),
        captured: AMOUNT,
        hold_ends_ms: before.hold_ends_ms + 7,
        extended_ms: 7,
        deadline_ms: before.deadline_ms + 7,
        tries: 3,
        wake_at_ms: Some(OPENED_MS + 60_000),
        asked_at_ms: Some(OPENED_MS + 1),
        cancel_asked_at_ms: Some(OPENED_MS + 2),
        updated_at_ms: OPENED_MS + 3,
        ..before.clone()
    };
    let came = Posting::new("paid", Account::Gateway, Account::OwedToBuyers, AMOUNT);
    let moved = Moved {
        reason: "x".repeat(900),
        posting: Some(came.clone()),
        event: Some("payment.seen"),
    };
    let job = || Some(step(before.id, 2));
    let made = store.move_payment(&before, &after, &moved, job()).await;
    assert!(made.unwrap());
    let stored = store.payment(before.id).await.unwrap().unwrap();
    let expected = Payment {
        version: 2,
        ..after.clone()
    };
    assert_eq!(stored, expected);
    let moves = store.moves_of_payment(before.id).await.unwrap();
    let last = moves.last().unwrap();
    assert_eq!((last.version, last.at_ms), (2, OPENED_MS + 3));
    assert_eq!(last.before, Some(PaymentState::Pending));
    assert_eq!((last.after, last.captured), (PaymentState::Paid, AMOUNT));
    assert_eq!(last.reason.len(), 500, "cut");
    assert_eq!(last.event.as_deref(), Some("payment.seen"));
    assert_eq!(job_keys(store, "payment.step").await.len(), 2);
    let posted = store.postings_of_payment(before.id).await.unwrap();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].posting, came);

    // Who is late changes nothing.
    let late = Payment {
        state: PaymentState::Failed,
        ..before.clone()
    };
    let other = Moved {
        posting: Some(Posting::new("other", Account::Cash, Account::Sales, 1)),
        ..moved.clone()
    };
    let made = store
        .move_payment(&before, &late, &other, Some(step(before.id, 9)))
        .await;
    assert!(!made.unwrap());
    let unknown = Payment {
        id: id(77),
        ..before.clone()
    };
    let made = store.move_payment(&unknown, &unknown, &other, None).await;
    assert!(!made.unwrap());
    // What cannot be posted moves nothing.
    let wrong = Moved {
        posting: Some(Posting::new("paid", Account::Gateway, Account::Sales, 1)),
        ..moved.clone()
    };
    let refused = store
        .move_payment(&stored, &late_of(&stored), &wrong, None)
        .await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Exists(_)), "{refused}");
    let uneven = Moved {
        posting: Some(Posting {
            what: "uneven".to_owned(),
            lines: vec![(Account::Gateway, 5), (Account::Sales, -4)],
        }),
        ..moved
    };
    let refused = store
        .move_payment(&stored, &late_of(&stored), &uneven, None)
        .await;
    let refused = refused.unwrap_err();
    assert!(
        refused.to_string().contains("does not balance"),
        "{refused}"
    );
    assert_eq!(store.payment(before.id).await.unwrap(), Some(stored));
    assert_eq!(job_keys(store, "payment.step").await.len(), 2);
    assert_eq!(store.postings_of_payment(before.id).await.unwrap(), posted);
    assert_eq!(store.moves_of_payment(before.id).await.unwrap(), moves);
}

fn late_of(payment: &Payment) -> Payment {
    Payment {
        state: PaymentState::Failed,
        ..payment.clone()
    }
}

async fn of_many_moves_at_once_one_is_made(bench: Bench) {
    let before = opened(&bench.store, &new_payment(1, 5)).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..12u32 {
        let (store, before) = (bench.store.clone(), before.clone());
        calls.spawn(async move {
            let after = Payment {
                tries: number,
                ..before.clone()
            };
            let job = Some(step(before.id, i64::from(number) + 100));
            let made = store.move_payment(&before, &after, &moved(None), job).await;
            made.unwrap()
        });
    }
    let made = calls.join_all().await;
    assert_eq!(made.into_iter().filter(|made| *made).count(), 1);
    let stored = bench.store.payment(before.id).await.unwrap().unwrap();
    assert_eq!(stored.version, 2);
    assert_eq!(job_keys(&bench.store, "payment.step").await.len(), 2);
}

async fn what_a_payment_is_stays_and_its_sums_make_sense(bench: Bench) {
    let store = &bench.store;
    let before = opened(store, &new_payment(1, 5)).await;
    let with = |change: fn(&mut Payment)| {
        let mut after = before.clone();
        change(&mut after);
        after
    };
    for (after, said) in [
        (with(|payment| payment.amount = 1), "changes what it is"),
        (
            with(|payment| payment.user = user_id(8)),
            "changes what it is",
        ),
        (with(|payment| payment.captured = -1), "captured is -1"),
        (
            with(|payment| payment.refunded = 1),
            "at most the 0 that were captured",
        ),
        (
            with(|payment| payment.object = Some("o".repeat(256))),
            "object has 256 bytes",
        ),
        (
            with(|payment| payment.next_action = Some("{".to_owned())),
            "next_action is no JSON",
        ),
        (
            with(|payment| payment.wake_at_ms = Some(u64::MAX)),
            "wake_at_ms",
        ),
    ] {
        let refused = store
            .move_payment(&before, &after, &moved(None), None)
            .await;
        let refused = refused.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
        assert!(refused.to_string().contains(said), "{refused}");
    }
    assert_eq!(store.payment(before.id).await.unwrap(), Some(before));
}

async fn nothing_comes_to_life_beside_another(bench: Bench) {
    let store = &bench.store;
    let first = opened(store, &new_payment(1, 5)).await;
    let first = in_state(store, &first, PaymentState::TimedOut).await;
    opened(store, &new_payment(2, 5)).await;
    // Its money has come after all.
    let paid = Payment {
        state: PaymentState::Paid,
        ..first.clone()
    };
    let refused = store.move_payment(&first, &paid, &moved(None), None).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Exists(_)), "{refused}");
    // It buys nothing and goes back.
    in_state(store, &first, PaymentState::Refunding).await;
}
