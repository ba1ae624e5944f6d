//! Rights that were withdrawn, and what is left of them: invitations, keys, links.

mod invitations;
mod keys;

use std::fmt::Debug;

use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    Acceptance, Act, Erasure, LinkCondition, Linking, Mandate, Membership, MembershipChange,
    ProfileChange, Purpose, Requirement, SessionEnd, SessionRow, TenantChange,
};
use onsale_store::audit::{Actor, AuditEntry, Unaudited};
use uuid::Uuid;

use self::invitations::{accept, invite, listed, mail_of};
use crate::accounts::{
    DAY_MS, NOW_MS, add, api_key, invitation, open, opera, password, session, token,
};
use crate::build::id;
use crate::harness::{Bench, contract};
use crate::identities::{identity, told};

contract!(
    a_right_is_compared_with_what_holds,
    a_right_of_an_ended_session_changes_nothing,
    an_ended_session_changes_no_account,
    a_removed_member_is_not_made_one_by_a_change,
    an_owner_who_cannot_sign_in_is_not_the_last_one,
    a_link_that_sets_a_password_ends_when_it_is_set,
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
        (Requirement::OwnsAddress, false),
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

async fn an_ended_session_changes_no_account(bench: Bench) {
    let own = house(&bench).await;
    let store = &bench.store;
    let by_right = mandate(Requirement::Account);
    let act = || Act::new(entry(), Some(by_right));
    let row = identity(9, 1);
    let condition = LinkCondition::Session {
        session: own.session_id,
        now_ms: NOW_MS + 1,
    };
    let linked = store.link_identity(&row, condition, told(), by()).await;
    assert_eq!(linked.unwrap(), Linking::Linked);
    let before = store.user(id(1)).await.unwrap();
    let why = SessionEnd::Logout;
    let end = store.end_session(id(1), own.session_id, why, NOW_MS + 1, by());
    assert!(end.await.unwrap());
    let (shown, new) = (password(1), password(2));
    let set = store.set_password(id(1), &new, Some(&shown), None, NOW_MS + 1, act());
    withdrawn(set.await);
    let change = ProfileChange {
        name: Some(None),
        ..ProfileChange::default()
    };
    withdrawn(store.change_profile(id(1), &change, act()).await);
    let unlinked = store.unlink_identity(
        id(1),
        row.identity_id,
        Some(&shown),
        Vec::new(),
        told(),
        act(),
    );
    withdrawn(unlinked.await);
    let erased = store.erase_user(
        id(1),
        Some(&shown),
        Some(by_right),
        None,
        NOW_MS + 1,
        of_erasure,
    );
    withdrawn(erased.await);
    assert_eq!(store.user(id(1)).await.unwrap(), before);
    assert_eq!(store.identities_of(id(1)).await.unwrap(), [row]);
}

fn withdrawn<T: Debug>(result: Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::RightWithdrawn)),
        "{result:?}"
    );
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
    let erasure = store.erase_user(id(1), Some(&shown), None, None, NOW_MS + 1, of_erasure);
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
            store.erase_user(id(person), Some(&shown), None, None, NOW_MS + 1, of_erasure),
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
