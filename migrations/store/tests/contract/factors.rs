//! Second factors: what a proof opens, once, and how often codes may be tried.

mod attempts;
mod passkeys;
mod proofs;
mod strangers;

use onsale_private::{KeyId, LookupHash, LookupKey, Sealed};
use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    Erasure, Mandate, Membership, Requirement, SessionEnd, SessionRow, TokenHash, UserRole, UserRow,
};
use onsale_store::audit::{Actor, AuditEntry, Unaudited};
use onsale_store::factor::{
    Added, ChallengeRow, CodePace, Consent, Factors, FactorsReset, PasskeyRow, Proof, Proven,
    Removed, Shown, SignedCeremony, TotpRow,
};
use onsale_store::job::JobFilter;
use onsale_store::notice::{Notice, NoticeJob};
use onsale_store::store::{Resealed, SealedColumn};
use uuid::Uuid;

use crate::accounts::{NOW_MS, add, open, opera, password, session, user};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    an_app_is_in_use_once_it_is_confirmed,
    another_app_takes_the_place_of_the_first,
    recovery_codes_go_with_the_last_factor,
    factors_change_by_the_password_and_in_a_session_that_hold,
    a_reset_removes_everything_and_tells_the_person,
    an_erased_account_has_no_factor,
    staff_without_a_factor_is_listed,
    factors_are_sealed_again,
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
    let listed = store.listed_user(id(1)).await.unwrap().unwrap();
    assert!(listed.has_second_factor);
    let used = factors(&bench).await;
    let expected = TotpRow {
        confirmed_at_ms: Some(NOW_MS + 1),
        last_step: Some(100),
        ..app(1)
    };
    assert_eq!((used.totp, used.setting_up), (Some(expected), None));
    assert_eq!(used.recovery_codes, 2);
    assert_eq!(ended(&bench, &other).await, Some(SessionEnd::Factor));
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
    // Who has none keeps the sessions, and there is nothing to tell or to write down.
    let next = open(&bench, 2, 1).await;
    let entries = "SELECT CAST(COUNT(*) AS text) FROM audit";
    let written = bench.texts(entries).await;
    assert_eq!(reset(1).await, Some(nothing));
    assert_eq!(ended(&bench, &next).await, None);
    assert_eq!(mails(&bench).await, before + 1);
    assert_eq!(bench.texts(entries).await, written);
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

async fn an_erased_account_has_no_factor(bench: Bench) {
    with_app(&bench).await;
    add_key(&bench, 1, 1).await.unwrap();
    issue(&bench, 1).await;
    let shown = password(1);
    let erased = bench
        .store
        .erase_user(id(1), Some(&shown), None, None, NOW_MS + 5, of_erasure)
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
