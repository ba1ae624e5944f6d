//! Rights that were withdrawn, and what is left of them: invitations, keys, links.

use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    Acceptance, Act, ApiKeyRow, Erasure, Mandate, Membership, MembershipChange, NewInvitation,
    Purpose, Requirement, SessionEnd, SessionRow, TenantChange, UserRole, UserRow,
};
use onsale_store::audit::{Actor, AuditEntry, Unaudited};
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::mail;
use onsale_store::store::KEPT_API_KEYS_PER_TENANT_MAX;
use uuid::Uuid;

use crate::accounts::{
    DAY_MS, NOW_MS, add, api_key, invitation, open, opera, password, session, token, user,
};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_right_is_compared_with_what_holds,
    a_right_of_an_ended_session_changes_nothing,
    an_invitation_is_listed_until_it_is_withdrawn,
    an_invitation_ends_with_a_change_of_role,
    what_a_person_invited_goes_with_its_right_to,
    a_removed_member_is_not_made_one_by_a_change,
    an_owner_who_cannot_sign_in_is_not_the_last_one,
    a_link_that_sets_a_password_ends_when_it_is_set,
    good_keys_are_listed_first_and_old_ones_forgotten,
    a_tenant_keeps_a_bounded_number_of_keys,
    an_erased_account_leaves_no_invitation,
    one_membership_of_many_is_found,
    changes_of_people_at_once_wait_for_one_another,
);

const TENANT: u64 = 50;

fn by() -> Unaudited {
    Unaudited::Unattended
}

fn entry() -> AuditEntry {
    Actor::command_line().did("right.try", "user", id(1))
}

// Entries of audits that are given something to write down.

fn of_user(_user: Uuid) -> AuditEntry {
    entry()
}

fn of_role(_before: MemberRole) -> AuditEntry {
    entry()
}

fn of_member(_membership: &Membership) -> AuditEntry {
    entry()
}

fn of_erasure(_erasure: &Erasure) -> AuditEntry {
    entry()
}

fn member(number: u64, role: MemberRole) -> Membership {
    Membership {
        tenant_id: id(TENANT),
        user_id: id(number),
        role,
        created_at_ms: NOW_MS,
    }
}

/// A tenant that user 1 owns, in a session of its own.
async fn house(bench: &Bench) -> SessionRow {
    add(bench, 1).await;
    let owner = member(1, MemberRole::Owner);
    let tenant = opera(TENANT);
    bench
        .store
        .add_tenant(&tenant, Some(&owner), by())
        .await
        .unwrap();
    open(bench, 1, 1).await
}

/// As user 1 in its session.
fn mandate(requires: Requirement) -> Mandate {
    Mandate {
        user_id: id(1),
        session_id: session(1, 1).session_id,
        requires,
        at_ms: NOW_MS + 1,
    }
}

const OWNERS: &[MemberRole] = &[MemberRole::Owner];
const MANAGERS: &[MemberRole] = &[MemberRole::Manager];

/// The mail of an invitation, with the key that it has outside of tests.
fn mail_of(invitation: &NewInvitation) -> NewJob {
    NewJob {
        kind: mail::KIND,
        key: invitation.invitation_id.to_string(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    }
}

async fn invite(bench: &Bench, invitation: &NewInvitation) {
    let invited = bench.store.invite(invitation, mail_of(invitation), by());
    assert!(invited.await.unwrap());
}

/// The keys of the mails that are there, sorted.
async fn mails(bench: &Bench) -> Vec<String> {
    let filter = JobFilter {
        limit: 100,
        ..JobFilter::default()
    };
    let jobs = bench.store.jobs(&filter).await.unwrap();
    let mut keys: Vec<String> = jobs.into_iter().map(|job| job.key).collect();
    keys.sort();
    keys
}

async fn accept(bench: &Bench, number: u8, person: u64) -> Acceptance {
    let accepted = bench
        .store
        .accept_invitation([number; 32], id(person), NOW_MS + 2, of_member);
    accepted.await.unwrap()
}

/// The ids of the invitations that wait.
async fn listed(bench: &Bench) -> Vec<Uuid> {
    let rows = bench.store.invitations_of(id(TENANT), NOW_MS + 1).await;
    rows.unwrap()
        .into_iter()
        .map(|row| row.invitation_id)
        .collect()
}

async fn a_right_is_compared_with_what_holds(bench: Bench) {
    house(&bench).await;
    add(&bench, 2).await;
    let store = &bench.store;
    let try_as = async |mandate: Mandate| {
        let change = TenantChange {
            slug: None,
            name: Some("Grand Opera".to_owned()),
        };
        let act = Act::new(entry(), Some(mandate));
        match store.change_tenant(id(TENANT), &change, act).await {
            Ok(changed) => changed.is_some(),
            Err(StoreError::RightWithdrawn) => false,
            Err(error) => panic!("{error}"),
        }
    };
    let account = mandate(Requirement::Account);
    for (requires, holds) in [
        (Requirement::Account, true),
        (Requirement::Verified, false),
        (Requirement::Admin, false),
        (Requirement::Member(id(TENANT), OWNERS), true),
        (Requirement::Member(id(TENANT), MANAGERS), false),
        (Requirement::Member(id(51), OWNERS), false),
    ] {
        assert_eq!(try_as(mandate(requires)).await, holds, "{requires:?}");
    }
    let late = Mandate {
        at_ms: NOW_MS + 7 * DAY_MS,
        ..account
    };
    assert!(!try_as(late).await, "its session has expired");
    let of_another = Mandate {
        user_id: id(2),
        ..account
    };
    assert!(!try_as(of_another).await, "in the session of another");
    let unknown = Mandate {
        session_id: id(9),
        ..account
    };
    assert!(!try_as(unknown).await, "in no session");
    let of_another_issuer = Mandate {
        user_id: id(9),
        ..unknown
    };
    assert!(try_as(of_another_issuer).await, "nobody of here");
    let disabled = store.set_user_disabled(id(1), true, NOW_MS + 1, by());
    disabled.await.unwrap().unwrap();
    assert!(!try_as(account).await, "disabled");
}

async fn a_right_of_an_ended_session_changes_nothing(bench: Bench) {
    house(&bench).await;
    add(&bench, 2).await;
    let store = &bench.store;
    let manager = member(2, MemberRole::Manager);
    store.set_member(&manager, NOW_MS, by()).await.unwrap();
    assert!(store.add_api_key(&api_key(1), by()).await.unwrap());
    let open_one = invitation(1, 3, MemberRole::Scanner);
    invite(&bench, &open_one).await;
    let ended = store.end_sessions(id(1), None, SessionEnd::Logout, NOW_MS + 1, by());
    assert_eq!(ended.await.unwrap(), 1);

    let right = Some(mandate(Requirement::Member(id(TENANT), OWNERS)));
    let act = || Act::new(entry(), right);
    let now_ms = NOW_MS + 1;
    let other = invitation(2, 4, MemberRole::Owner);
    let tenant = opera(60);
    let key_id = api_key(1).key_id;
    let owner = MemberRole::Owner;
    let results = [
        store.invite(&other, mail_of(&other), act()).await.map(drop),
        store
            .withdraw_invitation(id(TENANT), open_one.invitation_id, now_ms, act())
            .await
            .map(drop),
        store
            .change_member(id(TENANT), id(2), owner, right, now_ms, of_role)
            .await
            .map(drop),
        store
            .remove_member(id(TENANT), id(2), now_ms, act())
            .await
            .map(drop),
        store.add_api_key(&api_key(2), act()).await.map(drop),
        store
            .revoke_api_key(id(TENANT), key_id, now_ms, act())
            .await
            .map(drop),
        store.add_tenant(&tenant, None, act()).await,
    ];
    for (number, result) in results.into_iter().enumerate() {
        let is_refused = matches!(result, Err(StoreError::RightWithdrawn));
        assert!(is_refused, "{number}: {result:?}");
    }
    assert_eq!(listed(&bench).await, [open_one.invitation_id]);
    let memberships = store.memberships_of(id(2)).await.unwrap();
    assert_eq!(memberships, [manager]);
    let keys = store.api_keys_of(id(TENANT), now_ms, 9).await.unwrap();
    assert_eq!(keys, [api_key(1)]);
    assert_eq!(store.tenant(id(60)).await.unwrap(), None);
}

async fn an_invitation_is_listed_until_it_is_withdrawn(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    let (one, other) = (
        invitation(1, 2, MemberRole::Scanner),
        invitation(2, 3, MemberRole::Owner),
    );
    invite(&bench, &one).await;
    invite(&bench, &other).await;
    let rows = store.invitations_of(id(TENANT), NOW_MS + 1).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].invitation_id, one.invitation_id);
    assert_eq!(rows[0].address, one.address);
    assert_eq!(rows[0].role, MemberRole::Scanner);
    assert_eq!(rows[0].invited_by, one.invited_by);
    assert_eq!(rows[0].issued_at_ms, NOW_MS);
    assert_eq!(rows[0].expires_at_ms, NOW_MS + DAY_MS);
    let late = store.invitations_of(id(TENANT), NOW_MS + DAY_MS).await;
    assert_eq!(late.unwrap(), []);
    assert_eq!(mails(&bench).await.len(), 2);

    let withdraw = async |tenant: u64| {
        let withdrawn = store.withdraw_invitation(id(tenant), one.invitation_id, NOW_MS + 1, by());
        withdrawn.await.unwrap()
    };
    store.add_tenant(&opera(51), None, by()).await.unwrap();
    assert!(!withdraw(51).await, "of another tenant");
    assert!(withdraw(TENANT).await);
    assert!(!withdraw(TENANT).await);
    assert_eq!(listed(&bench).await, [other.invitation_id]);
    assert_eq!(mails(&bench).await, [other.invitation_id.to_string()]);
    add(&bench, 2).await;
    assert_eq!(accept(&bench, 1, 2).await, Acceptance::NotGood);
    add(&bench, 3).await;
    let joined = accept(&bench, 2, 3).await;
    assert!(matches!(joined, Acceptance::Accepted(_)), "{joined:?}");
    assert_eq!(listed(&bench).await, Vec::<Uuid>::new());
}

async fn an_invitation_ends_with_a_change_of_role(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    add(&bench, 2).await;
    let manager = member(2, MemberRole::Manager);
    use MembershipChange::Changed;
    let role = MemberRole::Scanner;
    for (number, how) in [(1, "set"), (2, "changed"), (3, "removed")] {
        store.set_member(&manager, NOW_MS, by()).await.unwrap();
        invite(&bench, &invitation(number, 2, MemberRole::Owner)).await;
        let other = invitation(100 + number, 9, MemberRole::Scanner);
        invite(&bench, &other).await;
        let changed = match how {
            "set" => {
                let scanner = member(2, role);
                store.set_member(&scanner, NOW_MS + 1, by()).await
            }
            "changed" => {
                let audit = |before: MemberRole| {
                    assert_eq!(before, MemberRole::Manager);
                    entry()
                };
                store
                    .change_member(id(TENANT), id(2), role, None, NOW_MS + 1, audit)
                    .await
            }
            _ => {
                store
                    .remove_member(id(TENANT), id(2), NOW_MS + 1, by())
                    .await
            }
        };
        assert_eq!(changed.unwrap(), Changed, "{how}");
        let accepted = accept(&bench, number, 2).await;
        assert_eq!(accepted, Acceptance::NotGood, "{how}");
        assert_eq!(listed(&bench).await, [other.invitation_id], "{how}");
    }
}

async fn what_a_person_invited_goes_with_its_right_to(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    add(&bench, 2).await;
    let sent_by = |number: u8, sender: u64| NewInvitation {
        invited_by: Some(id(sender)),
        ..invitation(number, 100 + u64::from(number), MemberRole::Owner)
    };
    let kept = sent_by(1, 1);
    invite(&bench, &kept).await;
    let owner = member(2, MemberRole::Owner);
    let disable = async |disabled: bool| {
        let set = store.set_user_disabled(id(2), disabled, NOW_MS + 1, by());
        set.await.unwrap().unwrap();
    };
    for (number, how) in [
        (2, "removed"),
        (3, "demoted"),
        (4, "accepted"),
        (5, "disabled"),
        (6, "role"),
    ] {
        store.set_member(&owner, NOW_MS, by()).await.unwrap();
        invite(&bench, &sent_by(number, 2)).await;
        match how {
            "removed" => {
                let removed = store.remove_member(id(TENANT), id(2), NOW_MS + 1, by());
                removed.await.unwrap();
            }
            "demoted" => {
                let manager = member(2, MemberRole::Manager);
                store.set_member(&manager, NOW_MS, by()).await.unwrap();
            }
            "accepted" => {
                let less = invitation(50 + number, 2, MemberRole::Manager);
                invite(&bench, &less).await;
                let accepted = accept(&bench, 50 + number, 2).await;
                assert!(matches!(accepted, Acceptance::Accepted(_)), "{accepted:?}");
            }
            "disabled" => {
                disable(true).await;
                disable(false).await;
            }
            _ => {
                for role in [UserRole::Admin, UserRole::Buyer] {
                    let set = store.set_user_role(id(2), role, NOW_MS + 1, by());
                    set.await.unwrap().unwrap();
                }
            }
        }
        assert_eq!(listed(&bench).await, [kept.invitation_id], "{how}");
    }
}

async fn a_removed_member_is_not_made_one_by_a_change(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    add(&bench, 2).await;
    let change = async |tenant: u64| {
        let role = MemberRole::Owner;
        let changed = store.change_member(id(tenant), id(2), role, None, NOW_MS + 1, of_role);
        changed.await.unwrap()
    };
    assert_eq!(change(TENANT).await, MembershipChange::NotThere);
    assert_eq!(change(51).await, MembershipChange::NotThere);
    assert_eq!(store.memberships_of(id(2)).await.unwrap(), []);
    let scanner = member(2, MemberRole::Scanner);
    store.set_member(&scanner, NOW_MS, by()).await.unwrap();
    assert_eq!(change(TENANT).await, MembershipChange::Changed);
    let owner = member(2, MemberRole::Owner);
    assert_eq!(store.memberships_of(id(2)).await.unwrap(), [owner]);
    // Nobody who cannot sign in becomes a member.
    add(&bench, 3).await;
    let disabled = store.set_user_disabled(id(3), true, NOW_MS, by());
    disabled.await.unwrap().unwrap();
    for number in [3, 9] {
        let row = member(number, MemberRole::Owner);
        let set = store.set_member(&row, NOW_MS, by()).await.unwrap();
        assert_eq!(set, MembershipChange::NotThere, "{number}");
    }
    let tenant = opera(52);
    let first = Membership {
        tenant_id: id(52),
        ..member(3, MemberRole::Owner)
    };
    let error = store.add_tenant(&tenant, Some(&first), by()).await;
    assert!(matches!(error, Err(StoreError::Invalid(_))), "{error:?}");
    assert_eq!(store.tenant(id(52)).await.unwrap(), None);
}

async fn an_owner_who_cannot_sign_in_is_not_the_last_one(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    add(&bench, 2).await;
    let second = member(2, MemberRole::Owner);
    store.set_member(&second, NOW_MS, by()).await.unwrap();
    let disable = async |disabled: bool| {
        let set = store.set_user_disabled(id(2), disabled, NOW_MS + 1, by());
        set.await.unwrap().unwrap();
    };
    let remove = async |number: u64| {
        let removed = store.remove_member(id(TENANT), id(number), NOW_MS + 1, by());
        removed.await.unwrap()
    };
    disable(true).await;
    assert_eq!(remove(1).await, MembershipChange::LastOwner);
    let shown = password(1);
    let erasure = store.erase_user(id(1), Some(&shown), NOW_MS + 1, of_erasure);
    assert_eq!(erasure.await.unwrap(), Erasure::LastOwner);
    assert_eq!(remove(2).await, MembershipChange::Changed);
    disable(false).await;
    store.set_member(&second, NOW_MS, by()).await.unwrap();
    assert_eq!(remove(1).await, MembershipChange::Changed);
}

async fn a_link_that_sets_a_password_ends_when_it_is_set(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let purpose = Purpose::ResetPassword;
    let link = async |number: u8| {
        let link = token(number, purpose, 1);
        store.issue_one_time_token(&link, None, by()).await.unwrap();
    };
    let is_good = async |number: u8| {
        let found = store.one_time_token([number; 32], purpose, NOW_MS + 1);
        found.await.unwrap().is_some()
    };
    link(1).await;
    assert!(is_good(1).await);
    let new = password(2);
    let set = store.set_password(id(1), &new, None, None, NOW_MS + 1, by());
    assert!(set.await.unwrap());
    assert!(!is_good(1).await);
    link(2).await;
    for disabled in [true, false] {
        let set = store.set_user_disabled(id(1), disabled, NOW_MS + 1, by());
        set.await.unwrap().unwrap();
    }
    assert!(!is_good(2).await);
    // A link that shows that an address is one's own is about something else.
    let proof = token(3, Purpose::VerifyEmail, 1);
    store
        .issue_one_time_token(&proof, None, by())
        .await
        .unwrap();
    let set = store.set_password(id(1), &new, None, None, NOW_MS + 1, by());
    assert!(set.await.unwrap());
    let found = store.one_time_token([3; 32], Purpose::VerifyEmail, NOW_MS + 1);
    assert!(found.await.unwrap().is_some());
}

/// A key that expires a while after the others were created.
fn key_until(number: u8, expires_at_ms: Option<u64>) -> ApiKeyRow {
    ApiKeyRow {
        expires_at_ms,
        created_at_ms: NOW_MS + u64::from(number),
        ..api_key(number)
    }
}

async fn good_keys_are_listed_first_and_old_ones_forgotten(bench: Bench) {
    let store = &bench.store;
    store.add_tenant(&opera(TENANT), None, by()).await.unwrap();
    let short = Some(NOW_MS + 1_000);
    let keys = [
        key_until(1, short),
        key_until(2, short),
        key_until(3, None),
        key_until(4, Some(NOW_MS + DAY_MS)),
    ];
    for key in &keys {
        assert!(store.add_api_key(key, by()).await.unwrap());
    }
    let at_ms = NOW_MS + 2_000;
    let listed = async |limit: u32| {
        let rows = store.api_keys_of(id(TENANT), at_ms, limit).await.unwrap();
        let hashes = rows.into_iter().map(|row| row.key_hash[0]);
        hashes.collect::<Vec<u8>>()
    };
    assert_eq!(listed(9).await, [3, 4, 1, 2]);
    assert_eq!(listed(2).await, [3, 4]);
    let created = store.api_keys_created_by(id(TENANT), id(1), at_ms).await;
    assert_eq!(created.unwrap(), [keys[2].key_id, keys[3].key_id]);
    let created = store.api_keys_created_by(id(TENANT), id(2), at_ms).await;
    assert!(created.unwrap().is_empty());
    let revoked = store.revoke_api_key(id(TENANT), keys[3].key_id, NOW_MS + 1_500, by());
    assert!(revoked.await.unwrap().is_some());
    assert_eq!(store.forget_api_keys(NOW_MS + 1_000).await.unwrap(), 0);
    assert_eq!(store.forget_api_keys(NOW_MS + 1_001).await.unwrap(), 2);
    assert_eq!(store.forget_api_keys(NOW_MS + 1_501).await.unwrap(), 1);
    assert_eq!(listed(9).await, [3]);
}

async fn a_tenant_keeps_a_bounded_number_of_keys(bench: Bench) {
    let store = &bench.store;
    store.add_tenant(&opera(TENANT), None, by()).await.unwrap();
    assert!(store.add_api_key(&api_key(1), by()).await.unwrap());
    // With the first, all but one of those that it may have; these expire at once.
    bench
        .tamper(if bench.url.starts_with("sqlite") {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998) \
             INSERT INTO api_keys (key_id, tenant_id, name, key_hash, scopes, created_at_ms, \
             expires_at_ms) SELECT randomblob(16), tenant_id, name, randomblob(32), scopes, \
             created_at_ms, created_at_ms + 1 FROM api_keys, n"
        } else {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998) \
             INSERT INTO api_keys (key_id, tenant_id, name, key_hash, scopes, created_at_ms, \
             expires_at_ms) SELECT gen_random_uuid(), tenant_id, name, \
             sha256(gen_random_uuid()::text::bytea), scopes, created_at_ms, created_at_ms + 1 \
             FROM api_keys, n"
        })
        .await;
    for (number, is_added) in [(2, true), (3, false)] {
        let key = key_until(number, None);
        assert_eq!(store.add_api_key(&key, by()).await.unwrap(), is_added);
    }
    let max = KEPT_API_KEYS_PER_TENANT_MAX;
    let listed = store.api_keys_of(id(TENANT), NOW_MS + 5, max + 1).await;
    assert_eq!(listed.unwrap().len(), usize::try_from(max).unwrap());
}

async fn an_erased_account_leaves_no_invitation(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    add(&bench, 2).await;
    let to_it = invitation(1, 2, MemberRole::Scanner);
    let kept = invitation(2, 9, MemberRole::Scanner);
    let from_it = NewInvitation {
        invited_by: Some(id(2)),
        ..invitation(3, 8, MemberRole::Scanner)
    };
    for row in [&to_it, &kept, &from_it] {
        invite(&bench, row).await;
    }
    let shown = password(1);
    let erasure = store.erase_user(id(2), Some(&shown), NOW_MS + 1, of_erasure);
    let done = Erasure::Erased {
        sessions: 0,
        memberships: 0,
    };
    assert_eq!(erasure.await.unwrap(), done);
    assert_eq!(listed(&bench).await, [kept.invitation_id]);
    assert_eq!(mails(&bench).await, [kept.invitation_id.to_string()]);
    // Who gets the address next is not invited by it.
    let next = UserRow {
        user_id: id(3),
        ..user(2)
    };
    store.add_user(&next, None, by()).await.unwrap();
    assert_eq!(accept(&bench, 1, 3).await, Acceptance::NotGood);
    // A link that was asked for just before is not issued just after.
    let link = token(4, Purpose::ResetPassword, 2);
    store.issue_one_time_token(&link, None, by()).await.unwrap();
    let found = store.one_time_token([4; 32], Purpose::ResetPassword, NOW_MS + 1);
    assert_eq!(found.await.unwrap(), None);
}

async fn one_membership_of_many_is_found(bench: Bench) {
    let store = &bench.store;
    add(&bench, 1).await;
    for number in 0..=100 {
        let tenant = 1_000 + number;
        let first = Membership {
            tenant_id: id(tenant),
            created_at_ms: NOW_MS + number,
            ..member(1, MemberRole::Owner)
        };
        let row = opera(tenant);
        let added = store.add_tenant(&row, Some(&first), by());
        added.await.unwrap();
    }
    let listed = store.memberships_of(id(1)).await.unwrap();
    assert_eq!(listed.len(), 100);
    let last = store.membership(id(1), id(1_100)).await.unwrap().unwrap();
    assert_eq!(last.role, MemberRole::Owner);
    assert!(!listed.contains(&last));
    assert_eq!(store.membership(id(1), id(50)).await.unwrap(), None);
    assert_eq!(store.membership(id(2), id(1_100)).await.unwrap(), None);
}

/// None of these is chosen by the database to be given up, so that another may go on.
async fn changes_of_people_at_once_wait_for_one_another(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    let shown = password(1);
    for number in 10..30u8 {
        let person = u64::from(number);
        add(&bench, person).await;
        invite(&bench, &invitation(number, person, MemberRole::Scanner)).await;
        let link = token(100 + number, Purpose::ResetPassword, person);
        store.issue_one_time_token(&link, None, by()).await.unwrap();
        let of_tenant = SessionRow {
            tenant_id: Some(id(TENANT)),
            ..session(person, person)
        };
        let hash = [100 + number; 32];
        let (accepted, opened, reset) = tokio::join!(
            accept(&bench, number, person),
            store.open_session(&of_tenant, None, by()),
            store.reset_password(hash, &shown, NOW_MS + 1, of_user),
        );
        assert!(matches!(accepted, Acceptance::Accepted(_)), "{accepted:?}");
        assert!(opened.unwrap());
        assert_eq!(reset.unwrap(), Some(id(person)));
        let link = token(200 + number, Purpose::ResetPassword, person);
        store.issue_one_time_token(&link, None, by()).await.unwrap();
        let hash = [200 + number; 32];
        let (reset, erasure, set, removed) = tokio::join!(
            store.reset_password(hash, &shown, NOW_MS + 1, of_user),
            store.erase_user(id(person), Some(&shown), NOW_MS + 1, of_erasure),
            store.set_password(id(person), &shown, None, None, NOW_MS + 1, by()),
            store.remove_member(id(TENANT), id(person), NOW_MS + 1, by()),
        );
        reset.unwrap();
        set.unwrap();
        removed.unwrap();
        let erased = erasure.unwrap();
        assert!(matches!(erased, Erasure::Erased { .. }), "{erased:?}");
    }
}
