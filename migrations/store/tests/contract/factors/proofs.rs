//! What a proof opens, once.

use onsale_store::factor::{Proof, Proven, Shown};
use onsale_store::notice::Notice;

use super::{
    by, challenge, code, consent, factors, issue, mails, open_with, shown, totp, with_app,
};
use crate::accounts::{NOW_MS, password, session};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    no_session_opens_without_a_proof,
    a_code_of_a_time_step_is_good_once,
    a_recovery_code_is_good_once,
    of_two_uses_of_a_proof_at_once_one_is_good,
);

async fn no_session_opens_without_a_proof(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    for shown in [Some(&password(1)), None] {
        let opened = store.open_session(&session(2, 1), shown, by()).await;
        assert!(!opened.unwrap(), "whichever way it signs in");
    }
    let hash = issue(&bench, 1).await;
    let found = store.challenge(hash, NOW_MS).await.unwrap();
    assert_eq!(found, Some(challenge(1)));
    let late = store.challenge(hash, NOW_MS + 300_000).await.unwrap();
    assert_eq!(late, None);
    let unknown = open_with(&bench, 2, Some([9; 32]), totp(101)).await;
    assert_eq!(unknown, Proven::Gone);
    assert_eq!(
        open_with(&bench, 2, Some(hash), totp(101)).await,
        Proven::Opened
    );
    let opened = session(2, 1);
    let (session_id, at_ms) = (opened.session_id, opened.created_at_ms);
    let proven = store.proven_at(id(1), session_id, at_ms).await;
    assert_eq!(proven.unwrap(), Some(at_ms));
    let again = open_with(&bench, 3, Some(hash), totp(102)).await;
    assert_eq!(again, Proven::Gone, "a challenge is answered once");
    let hash = issue(&bench, 2).await;
    let other = store
        .open_proven_session(
            &session(3, 1),
            Some(&password(2)),
            Some(hash),
            totp(103),
            by(),
        )
        .await;
    assert_eq!(other.unwrap(), Proven::Gone, "another password by now");
}

async fn a_code_of_a_time_step_is_good_once(bench: Bench) {
    with_app(&bench).await;
    let hash = issue(&bench, 1).await;
    for (step, expected) in [
        // That of the confirmation.
        (100, Proven::Used),
        (99, Proven::Used),
        (102, Proven::Opened),
    ] {
        let opened = open_with(&bench, step, Some(hash), totp(step)).await;
        assert_eq!(opened, expected, "{step}");
    }
    let hash = issue(&bench, 2).await;
    for (step, expected) in [
        (102, Proven::Used),
        (101, Proven::Used),
        (103, Proven::Opened),
    ] {
        let opened = open_with(&bench, 200 + step, Some(hash), totp(step)).await;
        assert_eq!(opened, expected, "{step}");
    }
}

async fn a_recovery_code_is_good_once(bench: Bench) {
    with_app(&bench).await;
    let recovery = |number: u8| Shown {
        notice: Some(Notice::RecoveryCodeUsed.job(id(1), NOW_MS).unwrap()),
        ..shown(Proof::RecoveryCode(code(number)))
    };
    let hash = issue(&bench, 1).await;
    let before = mails(&bench).await;
    assert_eq!(
        open_with(&bench, 2, Some(hash), recovery(9)).await,
        Proven::Used
    );
    assert_eq!(mails(&bench).await, before);
    assert_eq!(
        open_with(&bench, 2, Some(hash), recovery(1)).await,
        Proven::Opened
    );
    assert_eq!(mails(&bench).await, before + 1);
    let hash = issue(&bench, 2).await;
    assert_eq!(
        open_with(&bench, 3, Some(hash), recovery(1)).await,
        Proven::Used
    );
    assert_eq!(factors(&bench).await.recovery_codes, 1);
    let others = vec![code(3), code(4), code(5)];
    let replaced = bench.store.replace_recovery_codes(others, consent(), by());
    assert!(replaced.await.unwrap());
    assert_eq!(factors(&bench).await.recovery_codes, 3);
    assert_eq!(
        open_with(&bench, 3, Some(hash), recovery(2)).await,
        Proven::Used
    );
    assert_eq!(
        open_with(&bench, 3, Some(hash), recovery(5)).await,
        Proven::Opened
    );
}

async fn of_two_uses_of_a_proof_at_once_one_is_good(bench: Bench) {
    with_app(&bench).await;
    let (one, other) = (issue(&bench, 1).await, issue(&bench, 2).await);
    let first = tokio::spawn({
        let bench = bench.clone();
        async move { open_with(&bench, 2, Some(one), totp(101)).await }
    });
    let second = open_with(&bench, 3, Some(other), totp(101)).await;
    let first = first.await.unwrap();
    let opened = [first, second];
    assert!(opened.contains(&Proven::Opened), "{opened:?}");
    assert!(opened.contains(&Proven::Used), "{opened:?}");
}
