//! Second factors: what a proof opens, once, and how often codes may be tried.

use onsale_private::{KeyId, LookupHash, LookupKey, Sealed};
use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    Erasure, LinkCondition, Linking, Mandate, Membership, Purpose, Requirement, SessionEnd,
    SessionRow, TokenHash, UserRole, UserRow,
};
use onsale_store::audit::{Actor, AuditEntry, Unaudited};
use onsale_store::factor::{
    ATTEMPTS_MAX, Added, Attempt, ChallengeRow, CodePace, Consent, Factors, FactorsReset,
    PASSKEYS_PER_USER_MAX, PasskeyRow, Proof, Proven, Removed, Shown, SignedCeremony, TotpRow,
    Tried,
};
use onsale_store::job::JobFilter;
use onsale_store::notice::{Notice, NoticeJob};
use onsale_store::store::{Resealed, SealedColumn};
use uuid::Uuid;

use crate::accounts::{DAY_MS, NOW_MS, add, open, opera, password, session, token, user};
use crate::build::id;
use crate::harness::{Bench, contract};
use crate::identities::{identity, told};

contract!(
    an_app_is_in_use_once_it_is_confirmed,
    another_app_takes_the_place_of_the_first,
    no_session_opens_without_a_proof,
    a_code_of_a_time_step_is_good_once,
    a_recovery_code_is_good_once,
    of_two_uses_of_a_proof_at_once_one_is_good,
    codes_are_counted_on_challenge_and_account,
    a_recovery_code_counts_for_its_challenge_alone,
    codes_in_a_session_count_for_it_alone,
    codes_count_anew_when_an_app_is_set_up,
    a_passkey_signs_once_for_a_ceremony_and_keeps_its_counter,
    a_passkey_is_of_one_account,
    a_passkey_that_was_sealed_again_signs_with_the_same_ceremony,
    the_end_of_all_sessions_ends_what_waits_for_a_code,
    recovery_codes_go_with_the_last_factor,
    factors_change_by_the_password_and_in_a_session_that_hold,
    a_reset_removes_everything_and_tells_the_person,
    another_password_ends_what_waits_for_a_code,
    a_reset_ends_factors_that_may_be_another_persons,
    whom_a_provider_vouches_for_is_asked_for_no_strangers_factor,
    a_provider_ends_no_factor_of_who_owns_the_address,
    an_erased_account_has_no_factor,
    staff_without_a_factor_is_listed,
    factors_are_sealed_again,
    challenges_are_bounded_and_forgotten,
);

const PACE: CodePace = CodePace {
    burst: 8,
    one_per_ms: 1_000,
};

fn by() -> Unaudited {
    Unaudited::Unattended
}

fn sealed(text: &str) -> Sealed {
    Sealed::from_stored(text.as_bytes().to_vec())
}

fn code(number: u8) -> LookupHash {
    let key = LookupKey::from_bytes(&[7; 32]).unwrap();
    key.hash("recovery code", &[number])
}

fn codes() -> Vec<LookupHash> {
    vec![code(1), code(2)]
}

fn notice() -> NoticeJob {
    Notice::TotpAdded.job(id(1), NOW_MS).unwrap()
}

/// As user 1 in session 1.
fn mandate() -> Mandate {
    Mandate {
        user_id: id(1),
        session_id: session(1, 1).session_id,
        requires: Requirement::Account,
        at_ms: NOW_MS + 1,
    }
}

fn consent() -> Consent {
    Consent {
        mandate: mandate(),
        password: Some(password(1)),
    }
}

fn app(number: u64) -> TotpRow {
    TotpRow {
        factor_id: id(0x700 + number),
        user_id: id(1),
        secret: sealed("sealed secret"),
        created_at_ms: NOW_MS,
        confirmed_at_ms: None,
        last_step: None,
    }
}

fn passkey(number: u8, of_user: u64) -> PasskeyRow {
    PasskeyRow {
        passkey_id: id(0x800 + u64::from(number)),
        user_id: id(of_user),
        credential_hash: [number; 32],
        credential: sealed("sealed credential"),
        name: Some(sealed("sealed name")),
        created_at_ms: NOW_MS,
        last_used_at_ms: None,
    }
}

fn totp(step: u64) -> Shown {
    shown(Proof::Totp {
        factor_id: app(1).factor_id,
        step,
    })
}

fn shown(proof: Proof) -> Shown {
    Shown {
        proof,
        counted_ms: PACE.one_per_ms,
        notice: None,
    }
}

fn challenge(number: u8) -> ChallengeRow {
    ChallengeRow {
        challenge_hash: [number; 32],
        user_id: id(1),
        tenant_id: Some(Uuid::nil()),
        expires_at_ms: NOW_MS + 300_000,
    }
}

async fn issue(bench: &Bench, number: u8) -> TokenHash {
    let challenge = challenge(number);
    let issued = bench.store.issue_challenge(&challenge, by()).await;
    assert!(issued.unwrap());
    challenge.challenge_hash
}

async fn factors(bench: &Bench) -> Factors {
    bench.store.factors_of(id(1)).await.unwrap()
}

async fn set_up(bench: &Bench, number: u64) -> Added {
    let store = &bench.store;
    assert!(
        store
            .set_up_totp(&app(number), consent(), by())
            .await
            .unwrap()
    );
    let factor = app(number).factor_id;
    store
        .confirm_totp(factor, 100, codes(), notice(), mandate(), by())
        .await
        .unwrap()
}

/// User 1, whose address is known to be its own.
async fn add_verified(bench: &Bench) {
    let row = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        address_owned_at_ms: Some(NOW_MS),
        ..user(1)
    };
    bench.store.add_user(&row, None, by()).await.unwrap();
}

/// The same with an authenticator app, in session 1.
async fn with_app(bench: &Bench) {
    add_verified(bench).await;
    open(bench, 1, 1).await;
    assert_eq!(set_up(bench, 1).await, Added::Added { with_codes: true });
}

async fn open_with(
    bench: &Bench,
    number: u64,
    challenge: Option<TokenHash>,
    shown: Shown,
) -> Proven {
    let row = session(number, 1);
    bench
        .store
        .open_proven_session(&row, Some(&password(1)), challenge, shown, by())
        .await
        .unwrap()
}

async fn ended(bench: &Bench, session: &SessionRow) -> Option<SessionEnd> {
    let row = bench.store.session(session.session_id).await.unwrap();
    row.unwrap().ended.map(|(_, why)| why)
}

async fn mails(bench: &Bench) -> usize {
    let filter = JobFilter {
        limit: 100,
        ..JobFilter::default()
    };
    bench.store.jobs(&filter).await.unwrap().len()
}

async fn an_app_is_in_use_once_it_is_confirmed(bench: Bench) {
    add_verified(&bench).await;
    let store = &bench.store;
    open(&bench, 1, 1).await;
    let other = open(&bench, 2, 1).await;
    assert!(store.set_up_totp(&app(1), consent(), by()).await.unwrap());
    assert!(!store.has_second_factor(id(1)).await.unwrap());
    let begun = factors(&bench).await;
    assert_eq!((begun.totp, begun.setting_up), (None, Some(app(1))));
    // Until then people sign in as before.
    open(&bench, 3, 1).await;
    let confirm = async |number: u64| {
        let factor = app(number).factor_id;
        let confirmed = store.confirm_totp(factor, 100, codes(), notice(), mandate(), by());
        confirmed.await.unwrap()
    };
    assert_eq!(confirm(2).await, Added::Gone);
    assert_eq!(confirm(1).await, Added::Added { with_codes: true });
    assert_eq!(confirm(1).await, Added::Gone);
    assert!(store.has_second_factor(id(1)).await.unwrap());
    let used = factors(&bench).await;
    let expected = TotpRow {
        confirmed_at_ms: Some(NOW_MS + 1),
        last_step: Some(100),
        ..app(1)
    };
    assert_eq!((used.totp, used.setting_up), (Some(expected), None));
    assert_eq!(used.recovery_codes, 2);
    assert_eq!(ended(&bench, &other).await, Some(SessionEnd::Logout));
    let own = session(1, 1);
    assert_eq!(ended(&bench, &own).await, None);
    let proven = async |at_ms: u64| {
        let proven = store.proven_at(id(1), own.session_id, at_ms);
        proven.await.unwrap()
    };
    assert_eq!(proven(NOW_MS + 1).await, Some(NOW_MS + 1));
    assert_eq!(proven(own.expires_at_ms).await, None, "it has expired");
    assert_eq!(mails(&bench).await, 1);
    let why = SessionEnd::Logout;
    let end = store.end_session(id(1), own.session_id, why, NOW_MS + 2, by());
    assert!(end.await.unwrap());
    assert_eq!(proven(NOW_MS + 2).await, None, "it has ended");
}

async fn another_app_takes_the_place_of_the_first(bench: Bench) {
    with_app(&bench).await;
    let first = factors(&bench).await;
    assert!(
        bench
            .store
            .set_up_totp(&app(2), consent(), by())
            .await
            .unwrap()
    );
    assert_eq!(
        factors(&bench).await.totp,
        first.totp,
        "until it is confirmed"
    );
    assert_eq!(set_up(&bench, 3).await, Added::Added { with_codes: false });
    let second = factors(&bench).await;
    assert_eq!(second.totp.unwrap().factor_id, app(3).factor_id);
    assert_eq!(second.setting_up, None);
    assert_eq!(second.recovery_codes, 2);
    let old = issue(&bench, 1).await;
    assert_eq!(
        open_with(&bench, 5, Some(old), totp(500)).await,
        Proven::Used
    );
}

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

fn signed(ceremony: u64, from: &str, to: &str) -> Shown {
    shown(Proof::Passkey(SignedCeremony {
        passkey_id: passkey(1, 1).passkey_id,
        from: sealed(from),
        to: sealed(to),
        ceremony_id: id(ceremony),
        ceremony_expires_at_ms: NOW_MS + 300_000,
    }))
}

async fn add_key(bench: &Bench, number: u8, ceremony: u64) -> Result<Added, StoreError> {
    let ceremony = (id(ceremony), NOW_MS + 300_000);
    let row = passkey(number, 1);
    bench
        .store
        .add_passkey(&row, ceremony, codes(), notice(), mandate(), by())
        .await
}

async fn a_passkey_signs_once_for_a_ceremony_and_keeps_its_counter(bench: Bench) {
    add(&bench, 1).await;
    open(&bench, 1, 1).await;
    let store = &bench.store;
    let added = add_key(&bench, 1, 1).await.unwrap();
    assert_eq!(added, Added::Added { with_codes: true });
    assert!(store.has_second_factor(id(1)).await.unwrap());
    let found = store.passkey([1; 32]).await.unwrap();
    assert_eq!(found, Some(passkey(1, 1)));
    assert_eq!(store.passkey([2; 32]).await.unwrap(), None);
    let sign = |ceremony, from, to| signed(ceremony, from, to);
    let first = sign(2, "sealed credential", "counter 2");
    assert_eq!(
        open_with(&bench, 2, None, first.clone()).await,
        Proven::Opened
    );
    assert_eq!(open_with(&bench, 3, None, first).await, Proven::Used);
    let old = sign(3, "sealed credential", "counter 3");
    assert_eq!(open_with(&bench, 3, None, old).await, Proven::Used);
    let next = sign(3, "counter 2", "counter 3");
    assert_eq!(open_with(&bench, 3, None, next).await, Proven::Opened);
    let row = store.passkey([1; 32]).await.unwrap().unwrap();
    assert_eq!(row.credential, sealed("counter 3"));
    assert_eq!(row.last_used_at_ms, Some(session(3, 1).created_at_ms));
    // A ceremony that was used for signing in registers nothing.
    assert_eq!(add_key(&bench, 2, 3).await.unwrap(), Added::Gone);
}

async fn a_passkey_is_of_one_account(bench: Bench) {
    add(&bench, 1).await;
    open(&bench, 1, 1).await;
    for number in 1..=PASSKEYS_PER_USER_MAX {
        let key = u8::try_from(number).unwrap();
        let with_codes = number == 1;
        let added = add_key(&bench, key, number.into()).await.unwrap();
        assert_eq!(added, Added::Added { with_codes });
    }
    assert_eq!(add_key(&bench, 200, 200).await.unwrap(), Added::TooMany);
    assert_eq!(factors(&bench).await.passkeys.len(), 20);
    add(&bench, 2).await;
    open(&bench, 2, 2).await;
    let of_another = Mandate {
        user_id: id(2),
        session_id: session(2, 2).session_id,
        ..mandate()
    };
    let twin = PasskeyRow {
        passkey_id: id(0x900),
        ..passkey(1, 2)
    };
    let ceremony = (id(300), NOW_MS + 300_000);
    let taken = bench
        .store
        .add_passkey(&twin, ceremony, codes(), notice(), of_another, by())
        .await;
    assert!(
        matches!(taken, Err(StoreError::Exists("passkey"))),
        "{taken:?}"
    );
    assert!(!bench.store.has_second_factor(id(2)).await.unwrap());
}

async fn a_passkey_that_was_sealed_again_signs_with_the_same_ceremony(bench: Bench) {
    add(&bench, 1).await;
    open(&bench, 1, 1).await;
    add_key(&bench, 1, 1).await.unwrap();
    let read = bench.store.passkey([1; 32]).await.unwrap().unwrap();
    let anew = Resealed {
        row: read.passkey_id,
        from: read.credential.clone(),
        to: sealed("sealed anew"),
    };
    let column = SealedColumn::PasskeyCredential;
    assert_eq!(bench.store.reseal(column, vec![anew]).await.unwrap(), 1);
    let first = signed(2, "sealed credential", "counter 2");
    assert_eq!(open_with(&bench, 2, None, first).await, Proven::Used);
    // By this the caller knows that nothing was used up, and that the passkey is to be read again.
    let row = bench.store.passkey([1; 32]).await.unwrap().unwrap();
    assert_eq!(row.last_used_at_ms, read.last_used_at_ms);
    assert_eq!(row.credential, sealed("sealed anew"));
    let again = signed(2, "sealed anew", "counter 2");
    assert_eq!(open_with(&bench, 2, None, again).await, Proven::Opened);
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

async fn recovery_codes_go_with_the_last_factor(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let added = add_key(&bench, 1, 1).await.unwrap();
    assert_eq!(added, Added::Added { with_codes: false });
    let remove = async |factor: Removed| {
        let removed = store.remove_factor(factor, consent(), notice(), by());
        removed.await.unwrap()
    };
    let key = Removed::Passkey(passkey(1, 1).passkey_id);
    assert!(remove(Removed::Totp).await);
    assert!(!remove(Removed::Totp).await);
    assert_eq!(factors(&bench).await.recovery_codes, 2);
    assert!(!remove(Removed::Passkey(id(9))).await);
    assert!(remove(key).await);
    assert_eq!(factors(&bench).await, Factors::default());
    let codes = store.replace_recovery_codes(codes(), consent(), by());
    assert!(!codes.await.unwrap(), "codes alone are no factor");
    open(&bench, 5, 1).await;
}

async fn factors_change_by_the_password_and_in_a_session_that_hold(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let other = Consent {
        password: Some(password(2)),
        ..consent()
    };
    let begun = store.set_up_totp(&app(2), other.clone(), by()).await;
    assert!(!begun.unwrap());
    let removed = store.remove_factor(Removed::Totp, other, notice(), by());
    assert!(!removed.await.unwrap());
    let why = SessionEnd::Logout;
    let own = session(1, 1).session_id;
    let end = store.end_session(id(1), own, why, NOW_MS + 1, by());
    assert!(end.await.unwrap());
    let withdrawn = |result: Result<bool, StoreError>| {
        assert!(
            matches!(result, Err(StoreError::RightWithdrawn)),
            "{result:?}"
        );
    };
    withdrawn(store.set_up_totp(&app(2), consent(), by()).await);
    let removed = store.remove_factor(Removed::Totp, consent(), notice(), by());
    withdrawn(removed.await);
    withdrawn(store.replace_recovery_codes(codes(), consent(), by()).await);
    withdrawn(store.prove_session(mandate(), totp(101), by()).await);
    assert!(add_key(&bench, 1, 1).await.is_err());
    assert!(store.has_second_factor(id(1)).await.unwrap());
}

async fn a_reset_removes_everything_and_tells_the_person(bench: Bench) {
    with_app(&bench).await;
    add_key(&bench, 1, 1).await.unwrap();
    let store = &bench.store;
    let before = mails(&bench).await;
    let reset = async |user: u64| {
        let notice = Notice::FactorsReset.job(id(user), NOW_MS).unwrap();
        let entry = |_: &FactorsReset| entry();
        let reset = store.reset_factors(id(user), notice, NOW_MS + 2, entry);
        reset.await.unwrap()
    };
    let removed = FactorsReset {
        totp: 1,
        passkeys: 1,
        recovery_codes: 2,
        sessions: 1,
    };
    assert_eq!(reset(1).await, Some(removed));
    assert_eq!(factors(&bench).await, Factors::default());
    let own = session(1, 1);
    assert_eq!(ended(&bench, &own).await, Some(SessionEnd::Operator));
    assert_eq!(mails(&bench).await, before + 1);
    let nothing = FactorsReset {
        totp: 0,
        passkeys: 0,
        recovery_codes: 0,
        sessions: 0,
    };
    assert_eq!(reset(1).await, Some(nothing));
    assert_eq!(mails(&bench).await, before + 1, "there is nothing to tell");
    assert_eq!(reset(9).await, None);
}

fn entry() -> AuditEntry {
    Actor::command_line().did("factor.try", "user", id(1))
}

fn of_user(_user: Uuid) -> AuditEntry {
    entry()
}

fn of_erasure(_erasure: &Erasure) -> AuditEntry {
    entry()
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

/// An account that someone has registered, with everything that they can set up for themselves, and that waits at its
/// second step.
async fn of_a_stranger(bench: &Bench, row: &UserRow) -> TokenHash {
    bench.store.add_user(row, None, by()).await.unwrap();
    open(bench, 1, 1).await;
    assert_eq!(set_up(bench, 1).await, Added::Added { with_codes: true });
    add_key(bench, 1, 1).await.unwrap();
    issue(bench, 1).await
}

/// Nothing that someone else has set up opens the account of user 1, which is that of who reads its mail.
async fn is_the_readers(bench: &Bench, waiting: TokenHash) {
    let store = &bench.store;
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert!(row.owns_address());
    assert_eq!(factors(bench).await, Factors::default());
    assert!(!store.has_second_factor(id(1)).await.unwrap());
    assert_eq!(store.passkey([1; 32]).await.unwrap(), None);
    assert_eq!(store.challenge(waiting, NOW_MS + 1).await.unwrap(), None);
    let why = ended(bench, &session(1, 1)).await;
    assert_eq!(why, Some(SessionEnd::Password));
}

async fn a_reset_ends_factors_that_may_be_another_persons(bench: Bench) {
    let waiting = of_a_stranger(&bench, &user(1)).await;
    assert_eq!(mails(&bench).await, 0, "nobody has verified the address");
    let store = &bench.store;
    let link = token(1, Purpose::ResetPassword, 1);
    store.issue_one_time_token(&link, None, by()).await.unwrap();
    let new = password(2);
    let reset = store.reset_password([1; 32], &new, NOW_MS + 1, of_user);
    assert_eq!(reset.await.unwrap(), Some(id(1)));
    is_the_readers(&bench, waiting).await;
    assert_eq!(
        mails(&bench).await,
        3,
        "of the app, of the passkey, and of the password"
    );
    // Its person is asked for none.
    let theirs = session(2, 1);
    let opened = store.open_session(&theirs, Some(&new), by());
    assert!(opened.await.unwrap());
}

async fn whom_a_provider_vouches_for_is_asked_for_no_strangers_factor(bench: Bench) {
    // The owner of the address has followed the link of a mail that it did not ask for.
    let row = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        ..user(1)
    };
    let waiting = of_a_stranger(&bench, &row).await;
    let before = mails(&bench).await;
    let of_address = LinkCondition::VerifiedAddress(row.email.unwrap().hash);
    let elsewhere = identity(1, 1);
    let linking = bench
        .store
        .link_identity(&elsewhere, of_address, told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    is_the_readers(&bench, waiting).await;
    assert_eq!(mails(&bench).await, before + 3, "of the link, too");
}

async fn a_provider_ends_no_factor_of_who_owns_the_address(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let row = store.user(id(1)).await.unwrap().unwrap();
    let of_address = LinkCondition::VerifiedAddress(row.email.unwrap().hash);
    let elsewhere = identity(1, 1);
    let linking = store.link_identity(&elsewhere, of_address, told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    assert!(store.has_second_factor(id(1)).await.unwrap());
    assert_eq!(ended(&bench, &session(1, 1)).await, None);
}

async fn an_erased_account_has_no_factor(bench: Bench) {
    with_app(&bench).await;
    add_key(&bench, 1, 1).await.unwrap();
    issue(&bench, 1).await;
    let shown = password(1);
    let erased = bench
        .store
        .erase_user(id(1), Some(&shown), None, NOW_MS + 5, of_erasure)
        .await;
    assert!(matches!(erased.unwrap(), Erasure::Erased { .. }));
    assert_eq!(factors(&bench).await, Factors::default());
    for left in [
        "SELECT 'totp' FROM totp_factors",
        "SELECT 'passkey' FROM passkeys",
        "SELECT 'code' FROM recovery_codes",
        "SELECT 'challenge' FROM sign_in_challenges",
        "SELECT 'attempts' FROM code_attempts",
    ] {
        assert_eq!(bench.texts(left).await, Vec::<String>::new(), "{left}");
    }
}

async fn staff_without_a_factor_is_listed(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    for number in 2..=5 {
        add(&bench, number).await;
    }
    let tenant = opera(50);
    store.add_tenant(&tenant, None, by()).await.unwrap();
    // Buyer 3 is none of the staff.
    for number in [1, 4, 5] {
        let member = Membership {
            tenant_id: tenant.tenant_id,
            user_id: id(number),
            role: MemberRole::Scanner,
            created_at_ms: NOW_MS,
        };
        store.set_member(&member, NOW_MS, by()).await.unwrap();
    }
    let raised = store.set_user_role(id(2), UserRole::Admin, NOW_MS, by());
    raised.await.unwrap().unwrap();
    let listed = async |admins_alone: bool, limit: u32| {
        let rows = store.staff_without_factor(admins_alone, limit);
        let rows = rows.await.unwrap().into_iter();
        rows.map(|row| row.user_id).collect::<Vec<_>>()
    };
    assert_eq!(listed(false, 10).await, [id(2), id(4), id(5)]);
    assert_eq!(listed(false, 2).await, [id(2), id(4)]);
    assert_eq!(listed(true, 10).await, [id(2)]);
    let disabled = store.set_user_disabled(id(4), true, NOW_MS, by());
    disabled.await.unwrap().unwrap();
    assert_eq!(listed(false, 10).await, [id(2), id(5)]);
}

async fn factors_are_sealed_again(bench: Bench) {
    with_app(&bench).await;
    add_key(&bench, 1, 1).await.unwrap();
    let current = KeyId::from_bytes([0; 4]);
    for (column, row) in [
        (SealedColumn::TotpSecret, app(1).factor_id),
        (SealedColumn::PasskeyCredential, passkey(1, 1).passkey_id),
        (SealedColumn::PasskeyName, passkey(1, 1).passkey_id),
    ] {
        let store = &bench.store;
        let old = store
            .sealed_by_others(column, current, Uuid::nil(), 10)
            .await
            .unwrap();
        assert_eq!(old.len(), 1, "{column:?}");
        assert_eq!(old[0].row, row);
        let anew = Resealed {
            row,
            from: old[0].sealed.clone(),
            to: sealed("x\0\0\0\0 sealed anew"),
        };
        assert_eq!(store.reseal(column, vec![anew]).await.unwrap(), 1);
        let left = store
            .sealed_by_others(column, current, Uuid::nil(), 10)
            .await;
        assert_eq!(left.unwrap(), [], "{column:?}");
    }
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
