//! Tenants, their members and their keys.

use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    Acceptance, ApiKeyRow, Membership, MembershipChange, NewInvitation, OneTimeToken, Purpose,
    SessionEnd, TenantChange, TenantRow,
};
use onsale_store::audit::{AuditEntry, Unaudited};
use onsale_store::store::{API_KEYS_PER_TENANT_MAX, INVITATIONS_PER_TENANT_MAX};

use super::{DAY_MS, NOW_MS, add, ended, mail, open, sealed, token, verified};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_tenant_keeps_its_last_owner,
    an_invitation_is_good_once_and_for_its_address,
    a_tenant_has_a_bounded_number_of_invitations_and_keys,
    a_tenant_is_renamed,
    a_key_is_found_by_its_hash_until_it_is_revoked,
);

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
    let opened = open(&bench, 3, 2).await;
    let owner = MemberRole::Owner;
    let audit = |_: MemberRole| -> AuditEntry { panic!("nothing was changed") };
    let same = store.change_member(id(50), id(2), owner, None, NOW_MS + 9, audit);
    assert_eq!(same.await.unwrap(), Changed);
    assert_eq!(ended(&bench, &opened).await, None, "the role it has");
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
    assert!(row.owns_address());
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
