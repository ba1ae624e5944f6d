//! Accounts, sessions, one-time tokens, tenants and their members.

mod address_changes;
mod gains;
mod links;
mod listed;
mod resets;
mod sessions;
mod tenants;

use onsale_private::{KeyId, LookupHash, LookupKey, Sealed};
use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    Erasure, Membership, OneTimeToken, PasswordHash, ProfileChange, Purpose, SealedEmail,
    SessionEnd, SessionRow, TenantRow, UserRole, UserRow,
};
use onsale_store::audit::{Actor, AuditEntry, AuditFilter, Unaudited};
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::store::{Resealed, SealedColumn};
use uuid::Uuid;

use crate::build::id;
use crate::harness::{Bench, contract};

pub(crate) use self::tenants::{api_key, invitation, opera};

contract!(
    an_account_is_found_by_its_address_and_no_two_have_one,
    a_proof_is_there_with_its_account_and_its_mail,
    a_profile_changes_field_by_field,
    values_of_other_keys_are_sealed_again_where_they_are_what_was_read,
    an_erased_account_holds_nothing_personal,
    the_first_admin_is_added_once,
    the_lookup_key_is_kept_once,
    what_changes_leaves_an_entry,
);

pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
pub(crate) const DAY_MS: u64 = 86_400_000;

pub(crate) fn sealed(text: &str) -> Sealed {
    Sealed::from_stored(text.as_bytes().to_vec())
}

pub(crate) fn address(number: u64) -> LookupHash {
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
        address_owned_at_ms: None,
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
        origin: None,
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
    let owner_of_address = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        address_owned_at_ms: Some(NOW_MS),
        ..user(1)
    };
    let added = store.add_user(&owner_of_address, None, by());
    added.await.unwrap();
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
        let erasure = store.erase_user(id(1), Some(&shown), None, None, NOW_MS + 5, erased);
        erasure.await.unwrap()
    };
    assert_eq!(erase(2).await, Erasure::NotThere, "another password");
    assert_eq!(erase(1).await, Erasure::LastOwner);
    let row = store.user(id(1)).await.unwrap();
    assert_eq!(row, Some(owner_of_address));
    store.set_member(&owner(2), NOW_MS, by()).await.unwrap();
    let done = Erasure::Erased {
        sessions: 1,
        memberships: 1,
        guests: 0,
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
