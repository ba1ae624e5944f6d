//! Accounts, sessions, one-time tokens, tenants and their members.

use onsale_private::{KeyId, LookupHash, LookupKey, Sealed};
use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    Acceptance, ApiKeyRow, Erasure, LinkPace, Membership, MembershipChange, NewInvitation,
    OneTimeToken, PasswordHash, ProfileChange, Purpose, SESSIONS_PER_USER_MAX, SealedEmail,
    SessionEnd, SessionRow, SessionStep, TenantChange, TenantRow, UserRole, UserRow,
};
use onsale_store::audit::{Actor, AuditEntry, AuditFilter, Unaudited};
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::store::{
    API_KEYS_PER_TENANT_MAX, Decided, INVITATIONS_PER_TENANT_MAX, Resealed, SealedColumn,
};
use uuid::Uuid;

use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    an_account_is_found_by_its_address_and_no_two_have_one,
    a_proof_is_there_with_its_account_and_its_mail,
    a_profile_changes_field_by_field,
    a_password_ends_the_other_sessions,
    another_hash_of_the_same_password_ends_nothing,
    a_session_opens_only_with_the_password_of_now,
    a_disabled_account_has_no_sessions_and_gets_none,
    a_step_is_what_the_caller_decides_under_the_lock,
    two_steps_at_once_follow_one_another,
    an_account_has_a_bounded_number_of_sessions,
    sessions_are_forgotten_when_they_are_old,
    a_token_is_good_once_and_for_its_purpose,
    a_token_for_another_address_proves_nothing,
    a_reset_sets_the_password_and_ends_all_sessions,
    a_newer_token_leaves_an_older_one_good_until_one_is_used,
    of_two_links_that_are_used_at_once_one_is_good,
    an_account_is_sent_tokens_at_a_pace,
    a_tenant_keeps_its_last_owner,
    an_invitation_is_good_once_and_for_its_address,
    a_tenant_has_a_bounded_number_of_invitations_and_keys,
    a_tenant_is_renamed,
    a_key_is_found_by_its_hash_until_it_is_revoked,
    values_of_other_keys_are_sealed_again_where_they_are_what_was_read,
    an_erased_account_holds_nothing_personal,
    the_first_admin_is_added_once,
    the_lookup_key_is_kept_once,
    what_changes_leaves_an_entry,
);

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
pub(crate) const DAY_MS: u64 = 86_400_000;

fn sealed(text: &str) -> Sealed {
    Sealed::from_stored(text.as_bytes().to_vec())
}

fn address(number: u64) -> LookupHash {
    let key = LookupKey::from_bytes(&[7; 32]).unwrap();
    key.hash("email", &number.to_be_bytes())
}

pub(crate) fn user(number: u64) -> UserRow {
    UserRow {
        user_id: id(number),
        role: UserRole::Buyer,
        email: Some(SealedEmail {
            sealed: sealed("sealed e-mail"),
            hash: address(number),
        }),
        email_verified_at_ms: None,
        name: Some(sealed("sealed name")),
        phone: None,
        password: Some(password(1)),
        locale: Some("th".to_owned()),
        created_at_ms: NOW_MS,
        disabled_at_ms: None,
        erased_at_ms: None,
    }
}

pub(crate) fn password(number: u64) -> PasswordHash {
    PasswordHash::new(format!("b1$hash-{number}"))
}

pub(crate) fn session(number: u64, of_user: u64) -> SessionRow {
    SessionRow {
        session_id: id(0x1000 + number),
        user_id: id(of_user),
        tenant_id: None,
        family_hash: [1; 32],
        token_hash: [2; 32],
        previous: None,
        rotated_at_ms: NOW_MS,
        created_at_ms: NOW_MS + number,
        expires_at_ms: NOW_MS + 7 * DAY_MS,
        ended: None,
        agent: Some(sealed("sealed agent")),
        address: None,
        address_hash: Some(address(99)),
    }
}

pub(crate) fn token(number: u8, purpose: Purpose, of_user: u64) -> OneTimeToken {
    OneTimeToken {
        token_hash: [number; 32],
        purpose,
        user_id: Some(id(of_user)),
        email_hash: Some(address(of_user)),
        invited: None,
        issued_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + DAY_MS,
    }
}

fn mail(key: &str) -> NewJob {
    NewJob {
        kind: "mail.send",
        key: key.to_owned(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    }
}

fn actor(of_user: u64) -> Actor {
    Actor {
        id: Some(id(of_user)),
        role: "buyer".to_owned(),
        tenant_id: None,
        request_id: None,
    }
}

fn verified(user: Uuid) -> AuditEntry {
    Actor::command_line().did("account.verify", "user", user)
}

pub(crate) async fn add(bench: &Bench, number: u64) {
    let store = &bench.store;
    let unattended = Unaudited::Unattended;
    store
        .add_user(&user(number), None, unattended)
        .await
        .unwrap();
}

pub(crate) async fn open(bench: &Bench, number: u64, of_user: u64) -> SessionRow {
    let session = session(number, of_user);
    let opened = bench
        .store
        .open_session(&session, Some(&password(1)), Unaudited::Unattended)
        .await
        .unwrap();
    assert!(opened);
    session
}

/// Why and when a session has ended.
async fn ended(bench: &Bench, session: &SessionRow) -> Option<(u64, SessionEnd)> {
    let row = bench.store.session(session.session_id).await.unwrap();
    row.unwrap().ended
}

async fn an_account_is_found_by_its_address_and_no_two_have_one(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    assert_eq!(store.user(id(1)).await.unwrap(), Some(user(1)));
    assert_eq!(
        store.user_by_email(address(1)).await.unwrap(),
        Some(user(1))
    );
    assert_eq!(store.user_by_email(address(2)).await.unwrap(), None);
    let twin = UserRow {
        user_id: id(2),
        ..user(1)
    };
    let error = store.add_user(&twin, None, Unaudited::Unattended).await;
    assert!(
        matches!(error, Err(StoreError::Exists("account"))),
        "{error:?}"
    );
    assert_eq!(store.user(id(2)).await.unwrap(), None);
}

async fn a_proof_is_there_with_its_account_and_its_mail(bench: Bench) {
    let store = &bench.store;
    let proof = || Some((token(1, Purpose::VerifyEmail, 1), mail("verify 1")));
    let unattended = Unaudited::Unattended;
    store.add_user(&user(1), proof(), unattended).await.unwrap();
    let twin = UserRow {
        user_id: id(2),
        ..user(1)
    };
    store
        .add_user(
            &twin,
            Some((token(2, Purpose::VerifyEmail, 2), mail("2"))),
            unattended,
        )
        .await
        .unwrap_err();
    let filter = JobFilter {
        limit: 10,
        ..JobFilter::default()
    };
    let jobs = store.jobs(&filter).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].key, "verify 1");
    let found = store.one_time_token([1; 32], Purpose::VerifyEmail, NOW_MS);
    assert!(found.await.unwrap().is_some());
    let missing = store.one_time_token([2; 32], Purpose::VerifyEmail, NOW_MS);
    assert!(missing.await.unwrap().is_none());
}

async fn a_profile_changes_field_by_field(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let change = ProfileChange {
        name: None,
        phone: Some(Some(sealed("sealed phone"))),
        locale: Some(None),
    };
    let changed = store.change_profile(id(1), &change, Unaudited::Unattended);
    let changed = changed.await.unwrap().unwrap();
    let expected = UserRow {
        phone: Some(sealed("sealed phone")),
        locale: None,
        ..user(1)
    };
    assert_eq!(changed, expected);
    assert_eq!(store.user(id(1)).await.unwrap(), Some(expected));
    let nobody = store.change_profile(id(9), &change, Unaudited::Unattended);
    assert_eq!(nobody.await.unwrap(), None);
}

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
    let role = store.set_user_role(id(1), UserRole::Admin, NOW_MS + 2, Unaudited::Unattended);
    assert_eq!(role.await.unwrap().unwrap().role, UserRole::Admin);
    assert!(store.has_admin().await.unwrap());
    assert_eq!(
        ended(&bench, &session(2, 1)).await.unwrap().1,
        SessionEnd::Role
    );
    set(true).await;
    assert!(!store.has_admin().await.unwrap());
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
    assert_eq!(store.forget_sessions(NOW_MS + 1).await.unwrap(), 0);
    assert_eq!(store.forget_sessions(NOW_MS + 2).await.unwrap(), 1);
    assert_eq!(store.session(old.session_id).await.unwrap(), None);
    let all = store.end_sessions(id(1), None, SessionEnd::Logout, NOW_MS + 3, by());
    assert_eq!(all.await.unwrap(), 1);
    assert_eq!(
        store.forget_sessions(NOW_MS + 30 * DAY_MS).await.unwrap(),
        1
    );
}

async fn a_token_is_good_once_and_for_its_purpose(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let issued = token(1, Purpose::VerifyEmail, 1);
    let job = Some(mail("verify 1"));
    let unattended = Unaudited::Unattended;
    store
        .issue_one_time_token(&issued, job, unattended)
        .await
        .unwrap();
    let new = password(2);
    let wrong = store.reset_password([1; 32], &new, NOW_MS, verified);
    assert_eq!(wrong.await.unwrap(), None, "for another purpose");
    let late = store.verify_email([1; 32], NOW_MS + DAY_MS, verified);
    assert_eq!(late.await.unwrap(), None, "too late");
    let good = store.one_time_token([1; 32], Purpose::VerifyEmail, NOW_MS + 1);
    assert_eq!(good.await.unwrap(), Some(issued));
    let verify = || store.verify_email([1; 32], NOW_MS + 1, verified);
    let (one, other) = tokio::join!(verify(), verify());
    let used: Vec<Uuid> = [one, other]
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(used, [id(1)], "once");
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.email_verified_at_ms, Some(NOW_MS + 1));
    let good = store.one_time_token([1; 32], Purpose::VerifyEmail, NOW_MS + 1);
    assert_eq!(good.await.unwrap(), None);
    let forgotten = store.forget_one_time_tokens(NOW_MS + DAY_MS + 1);
    assert_eq!(forgotten.await.unwrap(), 1);
}

async fn a_token_for_another_address_proves_nothing(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let other = OneTimeToken {
        email_hash: Some(address(5)),
        ..token(1, Purpose::VerifyEmail, 1)
    };
    let unattended = Unaudited::Unattended;
    store
        .issue_one_time_token(&other, None, unattended)
        .await
        .unwrap();
    let verify = store.verify_email([1; 32], NOW_MS + 1, verified);
    assert_eq!(verify.await.unwrap(), None);
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.email_verified_at_ms, None);
}

async fn a_reset_sets_the_password_and_ends_all_sessions(bench: Bench) {
    add(&bench, 1).await;
    let opened = open(&bench, 1, 1).await;
    let store = &bench.store;
    let reset = token(1, Purpose::ResetPassword, 1);
    let unattended = Unaudited::Unattended;
    store
        .issue_one_time_token(&reset, None, unattended)
        .await
        .unwrap();
    let new = password(2);
    let done = store.reset_password([1; 32], &new, NOW_MS + 1, verified);
    assert_eq!(done.await.unwrap(), Some(id(1)));
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.password, Some(password(2)));
    assert_eq!(row.email_verified_at_ms, Some(NOW_MS + 1));
    let why = Some((NOW_MS + 1, SessionEnd::Password));
    assert_eq!(ended(&bench, &opened).await, why);
}

async fn a_newer_token_leaves_an_older_one_good_until_one_is_used(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    for number in [1, 2] {
        let issued = token(number, Purpose::ResetPassword, 1);
        let unattended = Unaudited::Unattended;
        store
            .issue_one_time_token(&issued, None, unattended)
            .await
            .unwrap();
    }
    let is_good = async |number: u8| {
        let found = store.one_time_token([number; 32], Purpose::ResetPassword, NOW_MS + 1);
        found.await.unwrap().is_some()
    };
    assert!(is_good(1).await && is_good(2).await);
    let new = password(2);
    let done = store.reset_password([1; 32], &new, NOW_MS + 1, verified);
    assert_eq!(done.await.unwrap(), Some(id(1)));
    assert!(!is_good(2).await);
}

async fn of_two_links_that_are_used_at_once_one_is_good(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    for number in [1, 2] {
        let issued = token(number, Purpose::ResetPassword, 1);
        let unattended = Unaudited::Unattended;
        let issued = store.issue_one_time_token(&issued, None, unattended);
        issued.await.unwrap();
    }
    let (two, three) = (password(2), password(3));
    let (one, other) = tokio::join!(
        store.reset_password([1; 32], &two, NOW_MS + 1, verified),
        store.reset_password([2; 32], &three, NOW_MS + 1, verified),
    );
    let used: Vec<Uuid> = [one, other]
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(used, [id(1)]);
}

async fn an_account_is_sent_tokens_at_a_pace(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let pace = LinkPace {
        within_ms: DAY_MS,
        short_pauses: 2,
        short_pause_ms: 10,
        long_pause_ms: 100,
    };
    let issue = async |number: u8, after_ms: u64, of_user: u64| {
        let issued = OneTimeToken {
            issued_at_ms: NOW_MS + after_ms,
            ..token(number, Purpose::ResetPassword, of_user)
        };
        let entry = verified(id(of_user));
        let sent = store.issue_at_pace(&issued, mail(&number.to_string()), pace, entry);
        sent.await.unwrap()
    };
    assert!(!issue(9, 0, 9).await, "there is no such account");
    assert!(issue(1, 0, 1).await);
    assert!(!issue(2, 9, 1).await);
    assert!(issue(3, 10, 1).await);
    assert!(!issue(4, 109, 1).await, "the pause is long now");
    assert!(issue(5, 110, 1).await);
    // Who uses one has the mailbox, and may ask for another at once.
    let new = password(2);
    let done = store.reset_password([5; 32], &new, NOW_MS + 111, verified);
    assert_eq!(done.await.unwrap(), Some(id(1)));
    assert!(issue(6, 112, 1).await);
    let disabled = store.set_user_disabled(id(1), true, NOW_MS, Unaudited::Unattended);
    disabled.await.unwrap();
    assert!(!issue(7, 5_000, 1).await);
    let filter = JobFilter {
        limit: 10,
        ..JobFilter::default()
    };
    assert_eq!(store.jobs(&filter).await.unwrap().len(), 4);
    let filter = AuditFilter {
        limit: 10,
        ..AuditFilter::default()
    };
    let entries = store.audit(&filter).await.unwrap();
    assert_eq!(entries.len(), 9, "who asks in vain is written down, too");
}

async fn a_tenant_keeps_its_last_owner(bench: Bench) {
    let store = &bench.store;
    let tenant = TenantRow {
        tenant_id: id(50),
        slug: "opera".to_owned(),
        name: "Opera".to_owned(),
        created_at_ms: NOW_MS,
        closed_at_ms: None,
    };
    let member = |number: u64, role| Membership {
        tenant_id: id(50),
        user_id: id(number),
        role,
        created_at_ms: NOW_MS + number,
    };
    let by = || Unaudited::Unattended;
    add(&bench, 1).await;
    add(&bench, 2).await;
    let owner = member(1, MemberRole::Owner);
    store.add_tenant(&tenant, Some(&owner), by()).await.unwrap();
    let twin = TenantRow {
        tenant_id: id(51),
        ..tenant.clone()
    };
    let error = store.add_tenant(&twin, None, by()).await;
    assert!(
        matches!(error, Err(StoreError::Exists("tenant"))),
        "{error:?}"
    );
    assert_eq!(
        store.tenant_by_slug("opera").await.unwrap(),
        Some(tenant.clone())
    );
    assert_eq!(store.tenant(id(50)).await.unwrap(), Some(tenant));
    assert_eq!(store.memberships_of(id(1)).await.unwrap(), [owner]);

    use MembershipChange::{Changed, LastOwner, NotThere};
    let set = async |number, role| {
        let row = member(number, role);
        store.set_member(&row, NOW_MS + 9, by()).await.unwrap()
    };
    let remove = async |number| {
        let removed = store.remove_member(id(50), id(number), NOW_MS + 9, by());
        removed.await.unwrap()
    };
    assert_eq!(set(1, MemberRole::Manager).await, LastOwner);
    assert_eq!(remove(1).await, LastOwner);
    assert_eq!(remove(2).await, NotThere);
    let opened = open(&bench, 1, 2).await;
    assert_eq!(set(2, MemberRole::Owner).await, Changed);
    assert_eq!(
        ended(&bench, &opened).await,
        Some((NOW_MS + 9, SessionEnd::Role))
    );
    let (one, other) = tokio::join!(remove(1), remove(2));
    let mut results = [one, other];
    results.sort_by_key(|result| *result == LastOwner);
    assert_eq!(results, [Changed, LastOwner], "one of the two stays");
}

pub(crate) fn opera(number: u64) -> TenantRow {
    TenantRow {
        tenant_id: id(number),
        slug: format!("opera-{number}"),
        name: "Opera".to_owned(),
        created_at_ms: NOW_MS,
        closed_at_ms: None,
    }
}

pub(crate) fn invitation(number: u8, to: u64, role: MemberRole) -> NewInvitation {
    NewInvitation {
        invitation_id: id(3_000 + u64::from(number)),
        token: OneTimeToken {
            user_id: None,
            invited: Some((id(50), role)),
            ..token(number, Purpose::Invitation, to)
        },
        address: sealed("sealed address"),
        invited_by: None,
    }
}

async fn an_invitation_is_good_once_and_for_its_address(bench: Bench) {
    let store = &bench.store;
    let by = || Unaudited::Unattended;
    add(&bench, 1).await;
    add(&bench, 2).await;
    store.add_tenant(&opera(50), None, by()).await.unwrap();
    let invite = async |number: u8, role| {
        let row = invitation(number, 1, role);
        let invited = store.invite(&row, mail(&number.to_string()), by());
        assert!(invited.await.unwrap());
    };
    let accept = async |number: u8, user: u64| {
        let audit = move |_: &Membership| verified(id(user));
        let accepted = store.accept_invitation([number; 32], id(user), NOW_MS + 1, audit);
        accepted.await.unwrap()
    };
    invite(1, MemberRole::Scanner).await;
    invite(2, MemberRole::Owner).await;
    assert_eq!(
        accept(1, 1).await,
        Acceptance::NotGood,
        "a newer one was sent"
    );
    assert_eq!(accept(2, 2).await, Acceptance::OtherAddress);
    let owner = Membership {
        tenant_id: id(50),
        user_id: id(1),
        role: MemberRole::Owner,
        created_at_ms: NOW_MS + 1,
    };
    assert_eq!(accept(2, 1).await, Acceptance::Accepted(owner));
    assert_eq!(accept(2, 1).await, Acceptance::NotGood, "used");
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.email_verified_at_ms, Some(NOW_MS + 1));
    invite(3, MemberRole::Scanner).await;
    assert_eq!(accept(3, 1).await, Acceptance::LastOwner);
    let members = store.members_of(id(50), 9).await.unwrap();
    assert_eq!(members, [(owner, row)]);
}

async fn a_tenant_has_a_bounded_number_of_invitations_and_keys(bench: Bench) {
    let store = &bench.store;
    let by = || Unaudited::Unattended;
    store.add_tenant(&opera(50), None, by()).await.unwrap();
    let max = u8::try_from(INVITATIONS_PER_TENANT_MAX).unwrap();
    for number in 0..=max {
        let row = invitation(number, u64::from(number), MemberRole::Scanner);
        let invited = store.invite(&row, mail(&number.to_string()), by()).await;
        assert_eq!(invited.unwrap(), number < max, "{number}");
    }
    let max = u8::try_from(API_KEYS_PER_TENANT_MAX).unwrap();
    for number in 0..=max {
        let added = store.add_api_key(&api_key(number), by()).await;
        assert_eq!(added.unwrap(), number < max, "{number}");
    }
}

async fn a_tenant_is_renamed(bench: Bench) {
    let store = &bench.store;
    let by = || Unaudited::Unattended;
    for number in [50, 51] {
        store.add_tenant(&opera(number), None, by()).await.unwrap();
    }
    let change = |slug: &str| TenantChange {
        slug: Some(slug.to_owned()),
        name: None,
    };
    let taken = store.change_tenant(id(50), &change("opera-51"), by()).await;
    assert!(
        matches!(taken, Err(StoreError::Exists("tenant"))),
        "{taken:?}"
    );
    let renamed = TenantRow {
        slug: "grand-opera".to_owned(),
        ..opera(50)
    };
    let done = store
        .change_tenant(id(50), &change("grand-opera"), by())
        .await;
    assert_eq!(done.unwrap(), Some(renamed.clone()));
    assert_eq!(store.tenant(id(50)).await.unwrap(), Some(renamed));
    let nobody = store.change_tenant(id(52), &change("x"), by()).await;
    assert_eq!(nobody.unwrap(), None);
}

pub(crate) fn api_key(number: u8) -> ApiKeyRow {
    ApiKeyRow {
        key_id: id(2_000 + u64::from(number)),
        tenant_id: id(50),
        name: "import".to_owned(),
        key_hash: [number; 32],
        scopes: "manage_events read_sales".to_owned(),
        created_by: Some(id(1)),
        created_at_ms: NOW_MS,
        expires_at_ms: (number > 1).then_some(NOW_MS + DAY_MS),
        last_used_at_ms: None,
        revoked_at_ms: None,
    }
}

async fn a_key_is_found_by_its_hash_until_it_is_revoked(bench: Bench) {
    let store = &bench.store;
    let by = || Unaudited::Unattended;
    store.add_tenant(&opera(50), None, by()).await.unwrap();
    for number in [1, 2] {
        assert!(store.add_api_key(&api_key(number), by()).await.unwrap());
    }
    assert_eq!(store.api_key([1; 32]).await.unwrap(), Some(api_key(1)));
    assert_eq!(store.api_key([9; 32]).await.unwrap(), None);
    let id_of_first = api_key(1).key_id;
    for (at_ms, noted_ms) in [(5, 5), (59_000, 5), (61_000, 61_000)] {
        let used = store.note_api_key_used(id_of_first, NOW_MS + at_ms);
        used.await.unwrap();
        let row = store.api_key([1; 32]).await.unwrap().unwrap();
        assert_eq!(row.last_used_at_ms, Some(NOW_MS + noted_ms));
    }
    let revoke = async |tenant| {
        let revoked = store.revoke_api_key(id(tenant), id_of_first, NOW_MS + 7, by());
        revoked.await.unwrap()
    };
    assert_eq!(revoke(51).await, None, "of another tenant");
    assert_eq!(revoke(50).await, Some([1; 32]));
    assert_eq!(revoke(50).await, None);
    let row = store.api_key([1; 32]).await.unwrap().unwrap();
    assert!(!row.is_live(NOW_MS + 8));
    assert!(!api_key(2).is_live(NOW_MS + DAY_MS) && api_key(2).is_live(NOW_MS));
    let listed = store.api_keys_of(id(50), NOW_MS, 9).await.unwrap();
    assert_eq!(listed, [api_key(2)]);
}

async fn values_of_other_keys_are_sealed_again_where_they_are_what_was_read(bench: Bench) {
    let store = &bench.store;
    add(&bench, 1).await;
    add(&bench, 2).await;
    let column = SealedColumn::UserName;
    // As `sealed name` begins: the second to the fifth byte.
    let (old, new) = (KeyId::from_bytes(*b"eale"), KeyId::from_bytes(*b"newk"));
    assert_eq!(store.sealing_keys(column).await.unwrap(), [(old, 2)]);
    let by_others = async |after: Uuid| {
        let values = store.sealed_by_others(column, new, after, 1).await.unwrap();
        values.first().map(|value| value.row)
    };
    let first = by_others(Uuid::nil()).await.unwrap();
    let second = by_others(first).await.unwrap();
    assert_eq!(by_others(second).await, None);
    let anew = |row: Uuid, from: &str| Resealed {
        row,
        from: sealed(from),
        to: sealed("xnewk"),
    };
    let values = vec![anew(first, "sealed name"), anew(second, "another name")];
    assert_eq!(store.reseal(column, values).await.unwrap(), 1);
    assert_eq!(
        store.sealing_keys(column).await.unwrap(),
        [(old, 1), (new, 1)]
    );
    assert_eq!(by_others(Uuid::nil()).await, Some(second));
}

async fn an_erased_account_holds_nothing_personal(bench: Bench) {
    let store = &bench.store;
    let by = || Unaudited::Unattended;
    let erased = |_: &Erasure| verified(id(1));
    add(&bench, 1).await;
    add(&bench, 2).await;
    let tenant = TenantRow {
        tenant_id: id(50),
        slug: "opera".to_owned(),
        name: "Opera".to_owned(),
        created_at_ms: NOW_MS,
        closed_at_ms: None,
    };
    let owner = |number| Membership {
        tenant_id: id(50),
        user_id: id(number),
        role: MemberRole::Owner,
        created_at_ms: NOW_MS,
    };
    let first = owner(1);
    store.add_tenant(&tenant, Some(&first), by()).await.unwrap();
    open(&bench, 1, 1).await;
    let link = token(3, Purpose::VerifyEmail, 1);
    store.issue_one_time_token(&link, None, by()).await.unwrap();
    let erase = async |shown| {
        let shown = password(shown);
        let erasure = store.erase_user(id(1), Some(&shown), NOW_MS + 5, erased);
        erasure.await.unwrap()
    };
    assert_eq!(erase(2).await, Erasure::NotThere, "another password");
    assert_eq!(erase(1).await, Erasure::LastOwner);
    assert_eq!(store.user(id(1)).await.unwrap(), Some(user(1)));
    store.set_member(&owner(2), NOW_MS, by()).await.unwrap();
    let done = Erasure::Erased {
        sessions: 1,
        memberships: 1,
        identities: 0,
    };
    assert_eq!(erase(1).await, done);
    let left = UserRow {
        email: None,
        name: None,
        password: None,
        locale: None,
        erased_at_ms: Some(NOW_MS + 5),
        ..user(1)
    };
    assert_eq!(store.user(id(1)).await.unwrap(), Some(left));
    assert_eq!(store.kept_sessions_of(id(1), 9).await.unwrap(), []);
    assert_eq!(store.memberships_of(id(1)).await.unwrap(), []);
    let purpose = Purpose::VerifyEmail;
    let found = store
        .one_time_token([3; 32], purpose, NOW_MS)
        .await
        .unwrap();
    assert_eq!(found, None);
    assert_eq!(erase(1).await, Erasure::NotThere, "once");
    // The address is free again.
    let again = UserRow {
        user_id: id(3),
        ..user(1)
    };
    store.add_user(&again, None, by()).await.unwrap();
}

async fn the_first_admin_is_added_once(bench: Bench) {
    let store = &bench.store;
    let by = || Unaudited::Unattended;
    let link = |number: u8| OneTimeToken {
        user_id: None,
        email_hash: None,
        ..token(number, Purpose::FirstAdmin, 0)
    };
    for number in [1, 2] {
        let token = link(number);
        store
            .issue_one_time_token(&token, None, by())
            .await
            .unwrap();
    }
    let admin = |number| UserRow {
        role: UserRole::Admin,
        ..user(number)
    };
    let add_admin = async |token_number: u8, number: u64| {
        let row = admin(number);
        let proof = (
            token(100 + token_number, Purpose::VerifyEmail, number),
            mail(&number.to_string()),
        );
        let hash = [token_number; 32];
        let added = store.add_first_admin(hash, &row, proof, NOW_MS + 1, by());
        added.await
    };
    assert!(!add_admin(9, 1).await.unwrap(), "a guess");
    add(&bench, 5).await;
    let taken = add_admin(1, 5).await;
    assert!(
        matches!(taken, Err(StoreError::Exists("account"))),
        "{taken:?}"
    );
    assert!(!store.has_admin().await.unwrap());
    // The links of two nodes at once.
    let (one, other) = tokio::join!(add_admin(1, 1), add_admin(2, 2));
    let added = [one.unwrap(), other.unwrap()];
    assert_eq!(added.iter().filter(|added| **added).count(), 1, "{added:?}");
    assert!(store.has_admin().await.unwrap());
}

async fn the_lookup_key_is_kept_once(bench: Bench) {
    let store = &bench.store;
    assert_eq!(store.lookup_key().await.unwrap(), None);
    let (first, second) = (sealed("first"), sealed("second"));
    assert_eq!(store.keep_lookup_key(&first, NOW_MS).await.unwrap(), first);
    assert_eq!(store.keep_lookup_key(&second, NOW_MS).await.unwrap(), first);
    let anew = sealed("anew");
    assert!(!store.reseal_lookup_key(&second, &anew).await.unwrap());
    assert!(store.reseal_lookup_key(&first, &anew).await.unwrap());
    assert_eq!(store.lookup_key().await.unwrap(), Some(anew));
}

async fn what_changes_leaves_an_entry(bench: Bench) {
    let store = &bench.store;
    let by = actor(1);
    let did = |action| by.did(action, "user", id(1));
    store
        .add_user(&user(1), None, did("account.register"))
        .await
        .unwrap();
    store
        .open_session(&session(1, 1), Some(&password(1)), did("session.open"))
        .await
        .unwrap();
    store
        .open_session(&session(2, 1), Some(&password(7)), did("session.open"))
        .await
        .unwrap();
    store
        .end_sessions(
            id(1),
            None,
            SessionEnd::Logout,
            NOW_MS + 1,
            did("session.end"),
        )
        .await
        .unwrap();
    store
        .end_sessions(
            id(1),
            None,
            SessionEnd::Logout,
            NOW_MS + 2,
            did("session.end"),
        )
        .await
        .unwrap();
    let filter = AuditFilter {
        actor_id: Some(id(1)),
        limit: 10,
        ..AuditFilter::default()
    };
    let rows = store.audit(&filter).await.unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["session.end", "session.open", "account.register"]);
}
