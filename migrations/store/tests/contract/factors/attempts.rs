//! How often codes may be tried, and what ends the wait for one.

use onsale_store::account::{Purpose, SessionEnd, TokenHash};
use onsale_store::factor::{
    ATTEMPTS_MAX, Attempt, ChallengeRow, CodePace, Proof, Proven, Shown, Tried,
};
use uuid::Uuid;

use super::{
    PACE, add_key, app, by, challenge, code, consent, issue, mandate, of_user, open_with, set_up,
    shown, totp, with_app,
};
use crate::accounts::{DAY_MS, NOW_MS, add, open, password, session, token};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    codes_are_counted_on_challenge_and_account,
    a_recovery_code_counts_for_its_challenge_alone,
    codes_in_a_session_count_for_it_alone,
    codes_count_anew_when_an_app_is_set_up,
    the_end_of_all_sessions_ends_what_waits_for_a_code,
    another_password_ends_what_waits_for_a_code,
    challenges_are_bounded_and_forgotten,
);

async fn codes_are_counted_on_challenge_and_account(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let count = async |hash: TokenHash, at_ms: u64| {
        let tried = Tried::OnChallenge(hash);
        store.count_code(id(1), tried, PACE, at_ms).await.unwrap()
    };
    let counted = |is_last| Attempt::Counted { is_last };
    let first = issue(&bench, 1).await;
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(count(first, NOW_MS).await, counted(false));
    }
    assert_eq!(count(first, NOW_MS).await, Attempt::Gone);
    assert_eq!(count([9; 32], NOW_MS).await, Attempt::Gone);
    // Another challenge is no way to more than the account allows.
    let second = issue(&bench, 2).await;
    assert_eq!(count(second, NOW_MS).await, counted(false));
    assert_eq!(count(second, NOW_MS).await, counted(false));
    assert_eq!(count(second, NOW_MS).await, counted(true));
    assert_eq!(
        count(second, NOW_MS).await,
        Attempt::Wait { wait_ms: 1_000 }
    );
    assert_eq!(count(second, NOW_MS + 1_000).await, counted(true));
    // What was right is not counted.
    let third = issue(&bench, 3).await;
    assert_eq!(count(third, NOW_MS + 2_000).await, counted(true));
    assert_eq!(
        open_with(&bench, 2, Some(third), totp(101)).await,
        Proven::Opened
    );
    let fourth = issue(&bench, 4).await;
    assert_eq!(count(fourth, NOW_MS + 2_000).await, counted(true));
    let late = count(fourth, NOW_MS + 300_000).await;
    assert_eq!(late, Attempt::Gone, "it has expired");
}

async fn a_recovery_code_counts_for_its_challenge_alone(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let count = async |tried: Tried| {
        let counted = store.count_code(id(1), tried, PACE, NOW_MS);
        counted.await.unwrap()
    };
    // Someone who knows the password has tried as many codes of the app as may be.
    for number in 1..=2u8 {
        let hash = issue(&bench, number).await;
        for _ in 0..PACE.burst / 2 {
            count(Tried::OnChallenge(hash)).await;
        }
    }
    let hash = issue(&bench, 3).await;
    let waits = Attempt::Wait { wait_ms: 1_000 };
    assert_eq!(count(Tried::OnChallenge(hash)).await, waits);
    let counted = Attempt::Counted { is_last: false };
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(count(Tried::RecoveryOnChallenge(hash)).await, counted);
    }
    let more = count(Tried::RecoveryOnChallenge(hash)).await;
    assert_eq!(more, Attempt::Gone);
    let hash = issue(&bench, 4).await;
    assert_eq!(count(Tried::RecoveryOnChallenge(hash)).await, counted);
    let recovery = Shown {
        counted_ms: 0,
        ..shown(Proof::RecoveryCode(code(1)))
    };
    let opened = open_with(&bench, 2, Some(hash), recovery).await;
    assert_eq!(opened, Proven::Opened);
    let hash = issue(&bench, 5).await;
    assert_eq!(count(Tried::OnChallenge(hash)).await, waits);
}

async fn codes_count_anew_when_an_app_is_set_up(bench: Bench) {
    add(&bench, 1).await;
    open(&bench, 1, 1).await;
    let store = &bench.store;
    let set_up = async |number: u64| {
        let app = app(number);
        let begun = store.set_up_totp(&app, consent(), by());
        assert!(begun.await.unwrap());
    };
    set_up(1).await;
    let count = async || {
        let tried = Tried::InSession(session(1, 1).session_id);
        let counted = store.count_code(id(1), tried, PACE, NOW_MS + 1);
        counted.await.unwrap()
    };
    let counted = Attempt::Counted { is_last: false };
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(count().await, counted);
    }
    assert_eq!(count().await, Attempt::Gone);
    set_up(2).await;
    assert_eq!(count().await, counted);
}

async fn codes_in_a_session_count_for_it_alone(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let own = session(1, 1).session_id;
    let count = async |user: u64, session: Uuid| {
        let tried = Tried::InSession(session);
        store
            .count_code(id(user), tried, PACE, NOW_MS)
            .await
            .unwrap()
    };
    let counted = Attempt::Counted { is_last: false };
    for _ in 0..ATTEMPTS_MAX {
        assert_eq!(count(1, own).await, counted);
    }
    assert_eq!(count(1, own).await, Attempt::Gone);
    add(&bench, 2).await;
    assert_eq!(count(2, own).await, Attempt::Gone, "of another");
    // Whoever has the token keeps nobody from signing in.
    let hash = issue(&bench, 1).await;
    let tried = Tried::OnChallenge(hash);
    let attempt = store.count_code(id(1), tried, PACE, NOW_MS).await;
    assert_eq!(attempt.unwrap(), counted);
    // A right code begins the count anew.
    let step_up = store.prove_session(mandate(), totp(101), by());
    assert!(step_up.await.unwrap());
    assert_eq!(count(1, own).await, counted);
    let again = store.prove_session(mandate(), totp(101), by());
    assert!(!again.await.unwrap());
}

async fn the_end_of_all_sessions_ends_what_waits_for_a_code(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let end_all = async |at_ms| {
        let ended = store.end_sessions(id(1), None, SessionEnd::Operator, at_ms, by());
        ended.await.unwrap()
    };
    assert_eq!(end_all(NOW_MS + 2).await, 1);
    // Somebody who knows the password, while no session is left.
    let hash = issue(&bench, 1).await;
    assert_eq!(end_all(NOW_MS + 3).await, 0);
    assert_eq!(store.challenge(hash, NOW_MS + 3).await.unwrap(), None);
    let late = open_with(&bench, 2, Some(hash), totp(101)).await;
    assert_eq!(late, Proven::Gone);
    assert_eq!(end_all(NOW_MS + 4).await, 0, "there is nothing left");
}

async fn another_password_ends_what_waits_for_a_code(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let hash = issue(&bench, 1).await;
    let tried = Tried::OnChallenge(hash);
    for _ in 0..ATTEMPTS_MAX {
        store.count_code(id(1), tried, PACE, NOW_MS).await.unwrap();
    }
    let new = password(2);
    let set = store.set_password(id(1), &new, None, None, NOW_MS, by());
    assert!(set.await.unwrap());
    assert_eq!(store.challenge(hash, NOW_MS).await.unwrap(), None);
    assert!(store.has_second_factor(id(1)).await.unwrap());
    let narrow = CodePace {
        burst: u64::from(ATTEMPTS_MAX),
        ..PACE
    };
    let count = async |number: u8| {
        let tried = Tried::OnChallenge(issue(&bench, number).await);
        store
            .count_code(id(1), tried, narrow, NOW_MS)
            .await
            .unwrap()
    };
    let waits = Attempt::Wait { wait_ms: 1_000 };
    assert_eq!(count(2).await, waits, "whoever set it knew the old one");
    // Nor is a link a way to more: who reads the mail need not have the factor.
    let link = token(1, Purpose::ResetPassword, 1);
    store.issue_one_time_token(&link, None, by()).await.unwrap();
    let new = password(3);
    let reset = store.reset_password([1; 32], &new, NOW_MS + 1, of_user);
    assert_eq!(reset.await.unwrap(), Some(id(1)));
    assert_eq!(count(3).await, waits, "a link gives no more");
    assert!(store.has_second_factor(id(1)).await.unwrap(), "it stays");
}

async fn challenges_are_bounded_and_forgotten(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    for number in 1..=12u8 {
        let challenge = ChallengeRow {
            expires_at_ms: NOW_MS + u64::from(number),
            ..challenge(number)
        };
        assert!(store.issue_challenge(&challenge, by()).await.unwrap());
    }
    let is_there = async |number: u8| {
        let found = store.challenge([number; 32], NOW_MS).await.unwrap();
        found.is_some()
    };
    assert!(!is_there(1).await && !is_there(2).await);
    assert!(is_there(3).await && is_there(12).await);
    let forgotten = store.forget_challenges(NOW_MS + 12).await.unwrap();
    assert_eq!(forgotten, 9);
    assert!(is_there(12).await);
    add_key(&bench, 1, 1).await.unwrap();
    let forgotten = store.forget_challenges(NOW_MS + DAY_MS).await.unwrap();
    // The challenges ended with the other sessions when the passkey was added: its ceremony is left.
    assert_eq!(forgotten, 1);
    let disabled = store.set_user_disabled(id(1), true, NOW_MS, by());
    disabled.await.unwrap().unwrap();
    let issued = store.issue_challenge(&challenge(20), by()).await;
    assert!(!issued.unwrap());
}
