//! Sessions, and what ends them.

use onsale_store::StoreError;
use onsale_store::account::{SESSIONS_PER_USER_MAX, SessionEnd, SessionRow, SessionStep, UserRole};
use onsale_store::audit::Unaudited;
use onsale_store::retention::Kind;
use onsale_store::store::Decided;

use super::{DAY_MS, NOW_MS, add, address, ended, open, password, session};
use crate::build::id;
use crate::harness::{Bench, contract};
use crate::retention::forgotten;

contract!(
    a_password_ends_the_other_sessions,
    another_hash_of_the_same_password_ends_nothing,
    a_session_opens_only_with_the_password_of_now,
    a_disabled_account_has_no_sessions_and_gets_none,
    a_step_is_what_the_caller_decides_under_the_lock,
    two_steps_at_once_follow_one_another,
    an_account_has_a_bounded_number_of_sessions,
    sessions_are_forgotten_when_they_are_old,
);

async fn a_password_ends_the_other_sessions(bench: Bench) {
    add(&bench, 1).await;
    add(&bench, 2).await;
    let (kept, ends) = (open(&bench, 1, 1).await, open(&bench, 2, 1).await);
    let others = open(&bench, 3, 2).await;
    let keep = Some(kept.session_id);
    let set = async |new: u64, instead_of: u64| {
        let instead_of = password(instead_of);
        bench
            .store
            .set_password(
                id(1),
                &password(new),
                Some(&instead_of),
                keep,
                NOW_MS + 5,
                Unaudited::Unattended,
            )
            .await
            .unwrap()
    };
    assert!(set(2, 1).await);
    assert!(!set(3, 1).await, "the first change came before");
    let row = bench.store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.password, Some(password(2)));
    assert_eq!(ended(&bench, &kept).await, None);
    assert_eq!(ended(&bench, &others).await, None);
    let why = Some((NOW_MS + 5, SessionEnd::Password));
    assert_eq!(ended(&bench, &ends).await, why);
}

async fn another_hash_of_the_same_password_ends_nothing(bench: Bench) {
    add(&bench, 1).await;
    let opened = open(&bench, 1, 1).await;
    let store = &bench.store;
    let rehash = async |before: u64, after: u64| {
        let (before, after) = (password(before), password(after));
        let kept = store.rehash_password(id(1), &before, &after).await;
        kept.unwrap();
        store.user(id(1)).await.unwrap().unwrap().password
    };
    assert_eq!(rehash(1, 2).await, Some(password(2)));
    assert_eq!(rehash(1, 3).await, Some(password(2)), "another by now");
    assert_eq!(ended(&bench, &opened).await, None);
}

async fn a_session_opens_only_with_the_password_of_now(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let old = password(9);
    let row = session(1, 1);
    let opened = store.open_session(&row, Some(&old), Unaudited::Unattended);
    assert!(!opened.await.unwrap());
    let row = session(1, 9);
    let opened = store.open_session(&row, None, Unaudited::Unattended);
    assert!(!opened.await.unwrap(), "there is no such account");
    let opened = open(&bench, 1, 1).await;
    assert_eq!(
        store.session(opened.session_id).await.unwrap(),
        Some(opened)
    );
    assert!(store.has_signed_in_from(id(1), address(99)).await.unwrap());
    assert!(!store.has_signed_in_from(id(1), address(98)).await.unwrap());
}

async fn a_disabled_account_has_no_sessions_and_gets_none(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let opened = open(&bench, 1, 1).await;
    let set = async |disabled: bool| {
        let row = store.set_user_disabled(id(1), disabled, NOW_MS + 1, Unaudited::Unattended);
        row.await.unwrap().unwrap()
    };
    assert!(!set(true).await.is_active());
    assert_eq!(
        ended(&bench, &opened).await,
        Some((NOW_MS + 1, SessionEnd::Disabled))
    );
    let (row, shown) = (session(2, 1), password(1));
    let again = store.open_session(&row, Some(&shown), Unaudited::Unattended);
    assert!(!again.await.unwrap());
    assert!(set(false).await.is_active());
    open(&bench, 2, 1).await;
    assert!(!store.has_admin().await.unwrap());
    let role = store.set_user_role(id(1), UserRole::Admin, NOW_MS + 2, Unaudited::Unattended);
    assert_eq!(role.await.unwrap().unwrap().role, UserRole::Admin);
    assert!(store.has_admin().await.unwrap());
    assert_eq!(
        ended(&bench, &session(2, 1)).await.unwrap().1,
        SessionEnd::Role
    );
    // Of two, one may go.
    add(&bench, 2).await;
    let raised = store.set_user_role(id(2), UserRole::Admin, NOW_MS + 2, Unaudited::Unattended);
    raised.await.unwrap().unwrap();
    assert!(!set(true).await.is_active());
    assert!(store.has_admin().await.unwrap());
}

/// Hands a session on to another token.
fn rotate(to: u8) -> SessionStep {
    SessionStep::Rotate {
        token_hash: [to; 32],
        salt: [to; 16],
        expires_at_ms: NOW_MS + 8 * DAY_MS,
    }
}

fn decided<T>(step: SessionStep, value: T) -> Decided<T> {
    Decided {
        step,
        audit: Unaudited::Automatic.into(),
        value,
    }
}

async fn a_step_is_what_the_caller_decides_under_the_lock(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let opened = open(&bench, 1, 1).await;
    let key = opened.session_id;
    let step = store.step_session(key, NOW_MS + 1, |row| decided(rotate(3), row.token_hash));
    assert_eq!(step.await.unwrap(), Some([2; 32]));
    let rotated = SessionRow {
        token_hash: [3; 32],
        previous: Some(([2; 32], [3; 16])),
        rotated_at_ms: NOW_MS + 1,
        expires_at_ms: NOW_MS + 8 * DAY_MS,
        ..opened
    };
    assert_eq!(store.session(key).await.unwrap(), Some(rotated.clone()));
    let step = store.step_session(key, NOW_MS + 2, |_| decided(SessionStep::Keep, ()));
    step.await.unwrap().unwrap();
    assert_eq!(store.session(key).await.unwrap(), Some(rotated.clone()));
    let end = SessionStep::End(SessionEnd::Reuse);
    let step = store.step_session(key, NOW_MS + 3, move |_| decided(end, ()));
    step.await.unwrap().unwrap();
    let why = Some((NOW_MS + 3, SessionEnd::Reuse));
    assert_eq!(ended(&bench, &rotated).await, why);
    let step = store.step_session(key, NOW_MS + 4, |_| decided(rotate(4), ()));
    assert!(matches!(step.await, Err(StoreError::Invalid(_))));
    let step = store.step_session(id(9), NOW_MS, |_| decided(SessionStep::Keep, ()));
    assert_eq!(step.await.unwrap(), None);
    assert_eq!(store.sessions_of(id(1), NOW_MS).await.unwrap(), []);
}

async fn two_steps_at_once_follow_one_another(bench: Bench) {
    add(&bench, 1).await;
    let key = open(&bench, 1, 1).await.session_id;
    let store = &bench.store;
    let step = |to: u8| {
        store.step_session(key, NOW_MS + 1, move |row| {
            let step = if row.previous.is_none() {
                rotate(to)
            } else {
                SessionStep::Keep
            };
            decided(step, step != SessionStep::Keep)
        })
    };
    let (one, other) = tokio::join!(step(3), step(4));
    let first: Vec<bool> = [one, other].map(|took| took.unwrap().unwrap()).into();
    assert_eq!(first.iter().filter(|took| **took).count(), 1, "{first:?}");
}

async fn an_account_has_a_bounded_number_of_sessions(bench: Bench) {
    add(&bench, 1).await;
    let count = u64::from(SESSIONS_PER_USER_MAX);
    for number in 0..count + 2 {
        open(&bench, number, 1).await;
    }
    let live = bench.store.sessions_of(id(1), NOW_MS).await.unwrap();
    assert_eq!(u64::try_from(live.len()).unwrap(), count);
    let oldest = live.last().unwrap().session_id;
    assert_eq!(oldest, session(2, 1).session_id);
    let why = ended(&bench, &session(0, 1)).await.unwrap().1;
    assert_eq!(why, SessionEnd::TooMany);
}

async fn sessions_are_forgotten_when_they_are_old(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let (old, young) = (open(&bench, 1, 1).await, open(&bench, 2, 1).await);
    let by = || Unaudited::Unattended;
    let one = store.end_session(id(1), old.session_id, SessionEnd::Logout, NOW_MS + 1, by());
    assert!(one.await.unwrap());
    let again = store.end_session(id(1), old.session_id, SessionEnd::Logout, NOW_MS + 2, by());
    assert!(!again.await.unwrap());
    let others = store.end_session(
        id(2),
        young.session_id,
        SessionEnd::Logout,
        NOW_MS + 2,
        by(),
    );
    assert!(!others.await.unwrap(), "another account's");
    let kept_ms = 30 * DAY_MS;
    let forgotten = async |now_ms| forgotten(store, Kind::Sessions, now_ms).await;
    assert_eq!(forgotten(NOW_MS + 1 + kept_ms).await, 0);
    assert_eq!(forgotten(NOW_MS + 2 + kept_ms).await, 1);
    assert_eq!(store.session(old.session_id).await.unwrap(), None);
    let all = store.end_sessions(id(1), None, SessionEnd::Logout, NOW_MS + 3, by());
    assert_eq!(all.await.unwrap(), 1);
    assert_eq!(forgotten(NOW_MS + 2 * kept_ms).await, 1);
}
