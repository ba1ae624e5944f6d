//! Lists of accounts and tenants, and the last admin.

use onsale_schemas::MemberRole;
use onsale_store::account::{
    Act, Erasure, Mandate, Membership, Requirement, SessionEnd, UserRole, UserRow,
};
use onsale_store::audit::{Actor, AuditEntry, Unaudited};
use onsale_store::listed::{
    LISTED_USERS_MAX, ListedPlace, ListedTenant, TenantFilter, TenantOfUser, UserFilter,
};
use onsale_store::{Scope, StoreError};
use uuid::Uuid;

use super::{NOW_MS, add, address, open, opera, password, session, user};
use crate::build::id;
use crate::harness::{Bench, contract, on_postgres};

contract!(
    accounts_are_listed_newest_first_a_page_at_a_time,
    an_account_is_listed_with_what_belongs_to_it,
    tenants_are_listed_by_slug_and_searched,
    the_last_admin_stays,
    of_two_admins_who_end_each_others_rights_one_stays,
    an_admin_whose_right_is_gone_changes_nobody,
);

fn by() -> Unaudited {
    Unaudited::Unattended
}

fn of_erasure(_erasure: &Erasure) -> AuditEntry {
    Actor::command_line().did("account.erase", "user", id(1))
}

fn member(tenant: u64, number: u64, role: MemberRole) -> Membership {
    Membership {
        tenant_id: id(tenant),
        user_id: id(number),
        role,
        created_at_ms: NOW_MS,
    }
}

async fn raise(bench: &Bench, number: u64) {
    let raised = bench
        .store
        .set_user_role(id(number), UserRole::Admin, NOW_MS, by());
    raised.await.unwrap().unwrap();
}

/// The ids of all pages, and how long those were.
async fn paged(bench: &Bench, role: Option<UserRole>, limit: u32) -> (Vec<Uuid>, Vec<usize>) {
    let (mut ids, mut lengths) = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let filter = UserFilter {
            role,
            email: None,
            after,
            limit,
        };
        let page = bench.store.listed_users(&filter).await.unwrap();
        let Some(last) = page.last() else {
            return (ids, lengths);
        };
        after = Some(last.place());
        lengths.push(page.len());
        ids.extend(page.iter().map(|listed| listed.user.user_id));
    }
}

async fn accounts_are_listed_newest_first_a_page_at_a_time(bench: Bench) {
    let store = &bench.store;
    // Of each moment there are two.
    for number in 0..6 {
        let row = UserRow {
            created_at_ms: NOW_MS + number / 2,
            ..user(number)
        };
        store.add_user(&row, None, by()).await.unwrap();
    }
    let ids = |numbers: &[u64]| -> Vec<Uuid> { numbers.iter().map(|number| id(*number)).collect() };
    for limit in [1, 2, 4, 100] {
        let (found, lengths) = paged(&bench, None, limit).await;
        assert_eq!(found, ids(&[5, 4, 3, 2, 1, 0]), "{limit}");
        let limit = usize::try_from(limit).unwrap();
        assert!(lengths.iter().all(|length| *length <= limit), "{lengths:?}");
    }
    raise(&bench, 4).await;
    raise(&bench, 1).await;
    let (admins, _) = paged(&bench, Some(UserRole::Admin), 1).await;
    assert_eq!(admins, ids(&[4, 1]));
    let (buyers, _) = paged(&bench, Some(UserRole::Buyer), 3).await;
    assert_eq!(buyers, ids(&[5, 3, 2, 0]));
    // Who comes meanwhile is before the place, who is erased is not listed, and a place is good without its account.
    let shown = password(1);
    let erased = store.erase_user(id(3), Some(&shown), None, None, NOW_MS, of_erasure);
    assert!(matches!(erased.await.unwrap(), Erasure::Erased { .. }));
    let newest = UserRow {
        created_at_ms: NOW_MS + 9,
        ..user(9)
    };
    store.add_user(&newest, None, by()).await.unwrap();
    let behind = UserFilter {
        after: Some(ListedPlace {
            created_at_ms: NOW_MS + 1,
            user_id: id(3),
        }),
        limit: 100,
        ..UserFilter::default()
    };
    let found = store.listed_users(&behind).await.unwrap();
    let found: Vec<Uuid> = found.iter().map(|listed| listed.user.user_id).collect();
    assert_eq!(found, ids(&[2, 1, 0]));
    let far = UserFilter {
        after: Some(ListedPlace {
            created_at_ms: u64::MAX,
            user_id: Uuid::nil(),
        }),
        limit: u32::MAX,
        ..UserFilter::default()
    };
    let found = store.listed_users(&far).await.unwrap();
    assert_eq!(found.len(), 6, "from the first one");
    assert!(found.len() <= usize::try_from(LISTED_USERS_MAX).unwrap());
}

async fn an_account_is_listed_with_what_belongs_to_it(bench: Bench) {
    let store = &bench.store;
    for number in [1, 2] {
        add(&bench, number).await;
    }
    for number in [50, 51] {
        let owner = member(number, 1, MemberRole::Owner);
        let house = opera(number);
        let added = store.add_tenant(&house, Some(&owner), by());
        added.await.unwrap();
    }
    let scanner = member(51, 2, MemberRole::Scanner);
    store.set_member(&scanner, NOW_MS, by()).await.unwrap();
    open(&bench, 1, 1).await;
    open(&bench, 2, 1).await;
    let tenant = |number: u64, role| TenantOfUser {
        tenant_id: id(number),
        slug: format!("opera-{number}"),
        name: "Opera".to_owned(),
        role,
    };
    let of_email = |number: u64, role| UserFilter {
        role,
        email: Some(address(number)),
        after: None,
        limit: 10,
    };
    let one = store.listed_user(id(1)).await.unwrap().unwrap();
    assert_eq!(one.user, user(1));
    assert_eq!(
        one.tenants,
        [tenant(50, MemberRole::Owner), tenant(51, MemberRole::Owner)]
    );
    assert_eq!(one.last_sign_in_at_ms, Some(session(2, 1).created_at_ms));
    assert!(!one.has_second_factor);
    let found = store.listed_users(&of_email(1, None)).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&one));
    let two = store.listed_user(id(2)).await.unwrap().unwrap();
    assert_eq!(two.tenants, [tenant(51, MemberRole::Scanner)]);
    assert_eq!(two.last_sign_in_at_ms, None);
    let filter = UserFilter {
        limit: 10,
        ..UserFilter::default()
    };
    let page = store.listed_users(&filter).await.unwrap();
    assert_eq!(page, [two, one], "each with its own");
    for nobody in [of_email(3, None), of_email(1, Some(UserRole::Admin))] {
        let found = store.listed_users(&nobody).await.unwrap();
        assert_eq!(found, [], "{nobody:?}");
    }
    assert_eq!(store.listed_user(id(3)).await.unwrap(), None);
}

async fn tenants_are_listed_by_slug_and_searched(bench: Bench) {
    let store = &bench.store;
    add(&bench, 1).await;
    for (number, slug, name) in [
        (50, "circus", "Big Top"),
        (51, "arena", "Arena 100%"),
        (52, "ballroom", "Der TANZSAAL"),
        (53, "dome", "ห้องโถง"),
        (54, "ecole", "École ÜBER"),
    ] {
        let tenant = onsale_store::account::TenantRow {
            slug: slug.to_owned(),
            name: name.to_owned(),
            ..opera(number)
        };
        store.add_tenant(&tenant, None, by()).await.unwrap();
    }
    for (number, role) in [(50, MemberRole::Finance), (52, MemberRole::Manager)] {
        let row = member(number, 1, role);
        store.set_member(&row, NOW_MS, by()).await.unwrap();
    }
    let listed = async |member: Option<u64>, search: &str, after: &str, limit: u32| {
        let filter = TenantFilter {
            member: member.map(id),
            search: Some(search.to_owned()),
            after: Some(after.to_owned()),
            limit,
        };
        let found: Vec<ListedTenant> = store.listed_tenants(&filter).await.unwrap();
        let found = found
            .into_iter()
            .map(|listed| (listed.tenant.slug, listed.role));
        found.collect::<Vec<_>>()
    };
    let all = |slugs: &[&str]| -> Vec<(String, Option<MemberRole>)> {
        slugs
            .iter()
            .map(|slug| ((*slug).to_owned(), None))
            .collect()
    };
    for (search, after, limit, slugs) in [
        (
            "",
            "",
            9,
            &["arena", "ballroom", "circus", "dome", "ecole"][..],
        ),
        ("", "", 2, &["arena", "ballroom"]),
        ("", "ballroom", 2, &["circus", "dome"]),
        ("", "bb", 9, &["circus", "dome", "ecole"]),
        ("", "ecole", 9, &[]),
        ("RO", "", 9, &["ballroom"]),
        ("tanz", "", 9, &["ballroom"]),
        ("big t", "", 9, &["circus"]),
        ("100%", "", 9, &["arena"]),
        ("a%a", "", 9, &[]),
        ("_", "", 9, &[]),
        ("โถง", "", 9, &["dome"]),
        ("a", "arena", 1, &["ballroom"]),
        ("école", "", 9, &["ecole"]),
        ("ÉCOLE", "", 9, &["ecole"]),
        ("über", "", 9, &["ecole"]),
        ("Über", "ecole", 9, &[]),
        ("uber", "", 9, &[]),
        ("e", "", 2, &["arena", "ballroom"]),
        ("e", "ballroom", 9, &["dome", "ecole"]),
    ] {
        let found = listed(None, search, after, limit).await;
        assert_eq!(found, all(slugs), "{search:?} behind {after:?}");
    }
    let ballroom = ("ballroom".to_owned(), Some(MemberRole::Manager));
    let circus = ("circus".to_owned(), Some(MemberRole::Finance));
    let own = listed(Some(1), "", "", 9).await;
    assert_eq!(own, [ballroom.clone(), circus.clone()]);
    assert_eq!(listed(Some(1), "", "", 1).await, [ballroom]);
    assert_eq!(listed(Some(1), "TOP", "ballroom", 9).await, [circus]);
    assert_eq!(listed(Some(2), "", "", 9).await, []);
}

async fn the_last_admin_stays(bench: Bench) {
    let store = &bench.store;
    for number in [1, 2, 3] {
        add(&bench, number).await;
    }
    raise(&bench, 1).await;
    let disable = async |number: u64| {
        let done = store.set_user_disabled(id(number), true, NOW_MS + 1, by());
        done.await.map(|user| user.map(|user| user.is_active()))
    };
    let demote = async |number: u64| {
        let done = store.set_user_role(id(number), UserRole::Buyer, NOW_MS + 1, by());
        done.await.map(|user| user.map(|user| user.role))
    };
    let opened = open(&bench, 1, 1).await;
    for _ in 0..2 {
        assert!(matches!(disable(1).await, Err(StoreError::LastAdmin)));
        assert!(matches!(demote(1).await, Err(StoreError::LastAdmin)));
        // An admin who cannot sign in is none.
        raise(&bench, 2).await;
        assert!(matches!(disable(2).await, Ok(Some(false))));
    }
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert!(row.is_active() && row.role == UserRole::Admin);
    let kept = store.session(opened.session_id).await.unwrap().unwrap();
    assert_eq!(kept.ended, None, "nothing was changed");
    // Others are no admins, and go as they did; so does an admin who cannot sign in.
    assert!(matches!(disable(3).await, Ok(Some(false))));
    assert!(matches!(demote(3).await, Ok(Some(UserRole::Buyer))));
    assert!(matches!(demote(2).await, Ok(Some(UserRole::Buyer))));
    assert!(matches!(disable(9).await, Ok(None)));
    add(&bench, 4).await;
    raise(&bench, 4).await;
    assert!(matches!(demote(1).await, Ok(Some(UserRole::Buyer))));
    assert!(matches!(demote(4).await, Err(StoreError::LastAdmin)));
}

async fn of_two_admins_who_end_each_others_rights_one_stays(bench: Bench) {
    let store = &bench.store;
    for number in [1, 2] {
        add(&bench, number).await;
        raise(&bench, number).await;
    }
    let disable = store.set_user_disabled(id(1), true, NOW_MS + 1, by());
    let demote = store.set_user_role(id(2), UserRole::Buyer, NOW_MS + 1, by());
    let (one, other) = tokio::join!(disable, demote);
    let refused = [one, other]
        .iter()
        .filter(|done| matches!(done, Err(StoreError::LastAdmin)))
        .count();
    assert_eq!(refused, 1);
    assert!(store.has_admin().await.unwrap());
}

async fn an_admin_whose_right_is_gone_changes_nobody(bench: Bench) {
    let store = &bench.store;
    for number in [1, 2] {
        add(&bench, number).await;
    }
    open(&bench, 1, 1).await;
    let of_two = open(&bench, 2, 2).await;
    // Its token says that it is an admin; its row does not.
    let act = || {
        let entry = Actor::command_line().did("account.disable", "user", id(2));
        let mandate = Mandate {
            user_id: id(1),
            session_id: session(1, 1).session_id,
            requires: Requirement::Admin,
            at_ms: NOW_MS + 1,
        };
        Act::new(entry, Some(mandate))
    };
    let disabled = store.set_user_disabled(id(2), true, NOW_MS + 1, act());
    let raised = store.set_user_role(id(2), UserRole::Admin, NOW_MS + 1, act());
    for refused in [disabled.await, raised.await] {
        assert!(matches!(refused, Err(StoreError::RightWithdrawn)));
    }
    let why = SessionEnd::Operator;
    let ended = store.end_sessions(id(2), None, why, NOW_MS + 1, act());
    assert!(matches!(ended.await, Err(StoreError::RightWithdrawn)));
    let row = store.user(id(2)).await.unwrap().unwrap();
    assert!(row.is_active() && row.role == UserRole::Buyer);
    let kept = store.session(of_two.session_id).await.unwrap().unwrap();
    assert_eq!(kept.ended, None);
}

/// The second layer: accounts are nobody's, and what they belong to is a tenant's.
#[tokio::test]
async fn another_tenant_sees_neither_memberships_nor_sessions_of_an_account() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        add(&bench, 1).await;
        let owner = member(50, 1, MemberRole::Owner);
        let house = opera(50);
        let added = store.add_tenant(&house, Some(&owner), by());
        added.await.unwrap();
        open(&bench, 1, 1).await;
        let whole = store.listed_user(id(1)).await.unwrap().unwrap();
        assert_eq!(whole.tenants.len(), 1);
        assert!(whole.last_sign_in_at_ms.is_some());
        let elsewhere = store.within(Scope::Caller {
            tenant: Some(id(51)),
            user: Some(id(9)),
        });
        let seen = elsewhere.listed_user(id(1)).await.unwrap().unwrap();
        assert_eq!(seen.tenants, []);
        assert_eq!(seen.last_sign_in_at_ms, None);
        let everything = TenantFilter {
            limit: 9,
            ..TenantFilter::default()
        };
        assert_eq!(elsewhere.listed_tenants(&everything).await.unwrap(), []);
        assert_eq!(store.listed_tenants(&everything).await.unwrap().len(), 1);
    })
    .await;
}
