//! The second layer between tenants: calls of the store itself, with nothing in front that compares tenants, on
//! behalf of another one. The policies are PostgreSQL's.

use onsale_schemas::{MemberRole, RequestId};
use onsale_store::account::{ApiKeyRow, Membership, MembershipChange, TenantChange};
use onsale_store::audit::{Actor, AuditEntry, AuditFilter, Unaudited};
use onsale_store::branding::Branding;
use onsale_store::catalog::{
    EventFilter, EventRow, EventStatus, OfferNames, OfferRow, ShowChange, ShowStatus, TenantScope,
};
use onsale_store::job::NewJob;
use onsale_store::listed::TenantFilter;
use onsale_store::mail;
use onsale_store::{Scope, Store, StoreError};

use crate::accounts::{NOW_MS, add, api_key, invitation, open, opera};
use crate::branding::{branding, logo};
use crate::build::{Chain, booking_id, event, event_id, filter, id, show, show_id, user_id};
use crate::harness::{Bench, on_postgres};

/// What is looked for is this one's; who looks is of the other.
const TENANT: u64 = 50;
const ELSEWHERE: u64 = 51;
/// The account of its owner, and of another member.
const OWNER: u64 = 1;
const MEMBER: u64 = 2;
const LIMIT: u32 = 100;

fn by() -> Unaudited {
    Unaudited::Unattended
}

fn of_role(_before: MemberRole) -> AuditEntry {
    Actor::command_line().did("member.set", "user", id(MEMBER))
}

fn of_tenant(number: u64, user: u64) -> Scope {
    Scope::Caller {
        tenant: Some(id(number)),
        user: Some(id(user)),
    }
}

fn draft() -> EventRow {
    EventRow {
        tenant_id: id(TENANT),
        status: EventStatus::Draft,
        ..event(1)
    }
}

fn member(number: u64, role: MemberRole) -> Membership {
    Membership {
        tenant_id: id(TENANT),
        user_id: id(number),
        role,
        created_at_ms: NOW_MS,
    }
}

/// A tenant with everything that there is of it, and another without.
async fn furnish(bench: &Bench) {
    let store = &bench.store;
    add(bench, OWNER).await;
    add(bench, MEMBER).await;
    let owner = member(OWNER, MemberRole::Owner);
    let tenant = opera(TENANT);
    store.add_tenant(&tenant, Some(&owner), by()).await.unwrap();
    let elsewhere = opera(ELSEWHERE);
    store.add_tenant(&elsewhere, None, by()).await.unwrap();
    let scanner = member(MEMBER, MemberRole::Scanner);
    store.set_member(&scanner, NOW_MS, by()).await.unwrap();
    assert!(store.add_api_key(&api_key(1), by()).await.unwrap());
    let said = branding();
    let said = store.set_branding(tenant.tenant_id, &said, NOW_MS, by());
    assert!(said.await.unwrap().is_some());
    let invited = invitation(1, 3, MemberRole::Scanner);
    assert!(store.invite(&invited, mail_of(1), by()).await.unwrap());
    // A show is added to what is published.
    let published = EventRow {
        status: EventStatus::Published,
        ..draft()
    };
    store.add_event(&published).await.unwrap();
    store.add_show(&show(1, 1)).await.unwrap();
    assert!(store.update_event(&draft(), by()).await.unwrap());
    let mut chain = Chain::default();
    chain.reserve(1, 7, &[3]);
    chain.block(1, 0, &[5], 0);
    store.project(&chain.all()).await.unwrap();
    let entry = Actor::command_line().did("tenant.try", "tenant", id(TENANT));
    let entry = entry.of_tenant(id(TENANT));
    store.append_audit(entry).await.unwrap();
}

fn mail_of(number: u8) -> NewJob {
    NewJob {
        kind: mail::KIND,
        key: number.to_string(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    }
}

/// Names calls of a store with what they find.
macro_rules! calls {
    ($store:ident: $($call:ident($($argument:expr),*)),+ $(,)?) => {
        vec![$((
            stringify!($call),
            text($store.$call($($argument),*).await.unwrap()),
        )),+]
    };
}

/// What a store finds of the tenant, by name of the call; empty where it finds nothing.
async fn found(store: &Store) -> Vec<(&'static str, String)> {
    let entries = AuditFilter {
        tenant_id: Some(id(TENANT)),
        limit: LIMIT,
        ..AuditFilter::default()
    };
    let events = EventFilter {
        unpublished: true,
        ..EventFilter::default()
    };
    let by_slug = TenantFilter {
        search: Some("opera-50".to_owned()),
        limit: LIMIT,
        ..TenantFilter::default()
    };
    let of_owner = TenantFilter {
        member: Some(id(OWNER)),
        ..by_slug.clone()
    };
    let (tenant, draft, of_draft) = (id(TENANT), event_id(1), show_id(1));
    let request = RequestId(id(0x100_0000));
    calls!(store:
        event(draft),
        event_within(TenantScope::All, draft),
        events(&events, 1, LIMIT),
        show(of_draft),
        shows_of_event(draft),
        shows_with_status(ShowStatus::Opening),
        list_shows(draft, 1, LIMIT),
        show_ids(),
        booking(booking_id(0)),
        booking_of_request(request),
        bookings(&filter(user_id(7))),
        seat_holders(of_draft),
        blocked_places(of_draft),
        tenant(tenant),
        tenant_by_slug("opera-50"),
        listed_tenants(&by_slug),
        listed_tenants(&of_owner),
        membership(id(OWNER), tenant),
        memberships_of(id(OWNER)),
        members_of(tenant, LIMIT),
        invitations_of(tenant, NOW_MS),
        api_keys_of(tenant, NOW_MS, LIMIT),
        api_key([1; 32]),
        branding(tenant),
        branding_by_slug("opera-50"),
        audit(&entries),
    )
}

/// Nothing where there is nothing.
fn text(found: impl std::fmt::Debug) -> String {
    match format!("{found:?}").as_str() {
        "None" | "[]" | "{}" | "([], [])" | "Page { rows: [], total: 0 }" => String::new(),
        something => something.to_owned(),
    }
}

async fn finds_nothing(store: &Store, who: &str) {
    for (call, text) in found(store).await {
        assert_eq!(text, "", "{call} of {who}");
    }
}

#[tokio::test]
async fn who_works_for_the_tenant_or_the_installation_finds_everything() {
    on_postgres(|bench| async move {
        furnish(&bench).await;
        let own = bench.store.within(of_tenant(TENANT, OWNER));
        for (store, who) in [(&bench.store, "the installation"), (&own, "the tenant")] {
            for (call, text) in found(store).await {
                assert_ne!(text, "", "{call} of {who}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn another_tenant_finds_nothing_where_nobody_compares_tenants() {
    on_postgres(|bench| async move {
        furnish(&bench).await;
        let elsewhere = bench.store.within(of_tenant(ELSEWHERE, 9));
        finds_nothing(&elsewhere, "another tenant").await;
        finds_nothing(&bench.store.within(Scope::PUBLIC), "nobody").await;
        // A person sees what is its own, of every tenant, and no more.
        let buyer = Scope::Caller {
            tenant: None,
            user: Some(user_id(7).0),
        };
        let of_buyer = bench.store.within(buyer);
        for (call, text) in found(&of_buyer).await {
            let is_own = ["booking", "booking_of_request", "bookings"].contains(&call);
            assert_eq!(text.is_empty(), !is_own, "{call}: {text}");
        }
        // What is published is everybody's, and nobody else's to change.
        let published = EventRow {
            status: EventStatus::Published,
            ..draft()
        };
        bench.store.update_event(&published, by()).await.unwrap();
        assert_eq!(
            elsewhere.event(event_id(1)).await.unwrap(),
            Some(published.clone())
        );
        assert_eq!(
            elsewhere.show(show_id(1)).await.unwrap(),
            Some(show(1, 1)),
            "with its zones"
        );
        assert_eq!(elsewhere.booking(booking_id(0)).await.unwrap(), None);
        assert!(!elsewhere.update_event(&draft(), by()).await.unwrap());
        assert!(!elsewhere.withdraw_show(show_id(1), by()).await.unwrap());
        let after = bench.store.event(event_id(1)).await.unwrap();
        assert_eq!(after, Some(published));
    })
    .await;
}

/// A statement that would leave a row of another tenant.
fn assert_refused<T: std::fmt::Debug>(call: &str, result: Result<T, StoreError>) {
    let error = result.expect_err(call);
    let text = error.to_string();
    assert!(text.contains("row-level security"), "{call}: {text}");
}

#[tokio::test]
async fn another_tenant_changes_nothing_where_nobody_compares_tenants() {
    on_postgres(|bench| async move {
        furnish(&bench).await;
        let before = found(&bench.store).await;
        let store = bench.store.within(of_tenant(ELSEWHERE, 9));
        let tenant = id(TENANT);
        let name = TenantChange {
            slug: None,
            name: Some("Taken over".to_owned()),
        };
        let changed = store.change_tenant(tenant, &name, by()).await.unwrap();
        assert_eq!(changed, None);
        let owner = MemberRole::Owner;
        let member_of_it = id(MEMBER);
        let set = store.change_member(tenant, member_of_it, owner, None, NOW_MS, of_role);
        assert_eq!(set.await.unwrap(), MembershipChange::NotThere);
        let nothing = Branding::default();
        let said = store.set_branding(tenant, &nothing, NOW_MS, by()).await;
        assert_eq!(said.unwrap(), None);
        let taken = store.set_logo(tenant, Some(logo(9)), NOW_MS, by()).await;
        assert_eq!(taken.unwrap(), None);
        let removed = store
            .remove_member(tenant, member_of_it, NOW_MS, by())
            .await;
        assert_eq!(removed.unwrap(), MembershipChange::NotThere);
        let joined = store.set_member(&member(MEMBER, owner), NOW_MS, by()).await;
        assert_eq!(joined.unwrap(), MembershipChange::NotThere);
        let another = invitation(2, 4, owner);
        let invited = store.invite(&another, mail_of(2), by());
        assert!(!invited.await.unwrap());
        let open_one = invitation(1, 3, owner).invitation_id;
        let withdrawn = store.withdraw_invitation(tenant, open_one, NOW_MS, by());
        assert!(!withdrawn.await.unwrap());
        assert!(!store.add_api_key(&api_key(2), by()).await.unwrap());
        let key = api_key(1).key_id;
        let revoked = store.revoke_api_key(tenant, key, NOW_MS, by()).await;
        assert_eq!(revoked.unwrap(), None);
        store.note_api_key_used(key, NOW_MS).await.unwrap();
        let other = ApiKeyRow {
            tenant_id: id(ELSEWHERE),
            ..api_key(3)
        };
        assert!(store.add_api_key(&other, by()).await.unwrap(), "its own");

        assert!(!store.unpublish_event(event_id(1), by()).await.unwrap());
        let published = EventRow {
            status: EventStatus::Published,
            ..draft()
        };
        assert!(!store.update_event(&published, by()).await.unwrap());
        let closed = ShowStatus::Closed;
        let set = store.set_show_status(show_id(1), closed, by()).await;
        assert!(!set.unwrap());
        assert!(!store.withdraw_show(show_id(1), by()).await.unwrap());
        let foreign = EventRow {
            event_id: event_id(2),
            ..draft()
        };
        assert_refused("add_event", store.add_event(&foreign).await);
        let change = ShowChange {
            name: Some("Taken over".to_owned()),
            ..ShowChange::default()
        };
        let request = RequestId(id(99));
        let proposed = store.propose_change(request, show_id(1), &change, 1, by());
        assert_refused("propose_change", proposed.await);
        let offer = OfferRow::default();
        let proposed = store.propose_offer(request, show_id(1), &offer, 1, by());
        assert_refused("propose_offer", proposed.await);
        let names = OfferNames {
            types: vec!["Theirs".to_owned()],
            ..OfferNames::default()
        };
        let named = store.name_offer(show_id(1), &names).await;
        assert_eq!(named.unwrap(), None);
        let mut chain = Chain::default();
        chain.reserve(1, 7, &[3]);
        chain.block(1, 0, &[5], 0);
        let from = chain.next_offset;
        chain.reserve(1, 9, &[4]);
        let projected = store.project(&chain.batch(from, chain.next_offset)).await;
        assert_refused("project", projected);
        let entry = Actor::command_line().did("tenant.try", "tenant", tenant);
        let written = store.append_audit(entry.of_tenant(tenant)).await;
        assert_refused("append_audit", written);
        assert_eq!(found(&bench.store).await, before);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_seen_where_nobody_says_for_whom() {
    on_postgres(|bench| async move {
        furnish(&bench).await;
        let store = bench.store.for_callers();
        finds_nothing(&store, "a task that works for nobody").await;
        assert_refused("add_event", store.add_event(&event(2)).await);
        let covered = of_tenant(TENANT, OWNER).cover(async {
            // Writes go on on tasks of their own.
            let other = EventRow {
                tenant_id: id(TENANT),
                ..event(2)
            };
            store.add_event(&other).await.unwrap();
            store.event(event_id(1)).await.unwrap()
        });
        assert_eq!(covered.await, Some(draft()));
        finds_nothing(&store, "the same task afterwards").await;
    })
    .await;
}

async fn draft_of(store: &Store) -> Option<EventRow> {
    store.event(event_id(1)).await.unwrap()
}

/// A caller that waits for a few turns of others, and hangs up.
async fn hang_up_after(turns: u32, call: impl Future) {
    let patience = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _answer = call => {}
        () = patience => {}
    }
}

#[tokio::test]
async fn a_connection_takes_nothing_along_to_its_next_use() {
    on_postgres(|bench| async move {
        furnish(&bench).await;
        // One connection, which everything uses in turn.
        let one = bench.another_store(1).await;
        let own = one.within(of_tenant(TENANT, OWNER));
        let other = one.within(of_tenant(ELSEWHERE, 9));
        let nobodys = one.for_callers();
        for round in 0..3 {
            assert_eq!(draft_of(&own).await, Some(draft()), "{round}");
            assert_eq!(draft_of(&other).await, None, "{round}");
            assert_eq!(draft_of(&one).await, Some(draft()), "{round}");
            assert_eq!(draft_of(&nobodys).await, None, "{round}");
            // A transaction that ends without a commit.
            let refused = own.update_event(&event(9), by()).await;
            assert!(!refused.unwrap());
            assert_eq!(draft_of(&nobodys).await, None, "{round}");
            for turns in 1..4 {
                hang_up_after(turns, own.event(event_id(1))).await;
                assert_eq!(draft_of(&nobodys).await, None, "{round}, {turns}");
            }
        }
        one.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_change_in_a_tenant_ends_the_sessions_for_all_of_them() {
    on_postgres(|bench| async move {
        furnish(&bench).await;
        // For itself, and so for no tenant.
        let opened = open(&bench, 1, MEMBER).await;
        let of_owner = open(&bench, 2, OWNER).await;
        let store = bench.store.within(of_tenant(TENANT, OWNER));
        let manager = MemberRole::Manager;
        let changed = store.change_member(id(TENANT), id(MEMBER), manager, None, NOW_MS, of_role);
        assert_eq!(changed.await.unwrap(), MembershipChange::Changed);
        let session = bench.store.session(opened.session_id).await.unwrap();
        assert!(session.unwrap().ended.is_some());
        let session = bench.store.session(of_owner.session_id).await.unwrap();
        assert!(session.unwrap().ended.is_none(), "nobody else's");
    })
    .await;
}

#[tokio::test]
async fn other_programs_see_nothing_and_nodes_of_the_version_before_go_on() {
    const COUNT: &str = "SELECT count(*) FROM events";
    on_postgres(|bench| async move {
        furnish(&bench).await;
        for (parameters, seen) in [
            ("", 0_i64),
            ("&options[onsale.scope]=caller", 0),
            ("&options[onsale.scope]=installation", 1),
            // They say who they are, and know of no scope.
            ("&application_name=onsale", 1),
            ("&application_name=onsale&options[onsale.scope]=nothing", 0),
        ] {
            let mut connection = bench.bound_connection(parameters).await;
            let counted = sqlx::query_scalar::<_, i64>(COUNT).fetch_one(&mut connection);
            assert_eq!(counted.await.unwrap(), seen, "{parameters}");
        }
    })
    .await;
}

/// A migration that adds a table with a `tenant_id` isolates it: `SELECT onsale_isolate('its_name');`
#[tokio::test]
async fn every_table_with_a_tenant_is_isolated() {
    /// Partitions are reached through their table, whose policies hold then.
    const OPEN: &str = "SELECT c.relname::text FROM pg_class AS c \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' \
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity \
             AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid)) ORDER BY 1";
    /// What belongs to an event or a show is its tenant's.
    const OPEN_OF_CATALOG: &str = "SELECT DISTINCT c.relname::text FROM pg_class AS c \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname IN ('event_id', 'show_id') \
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1";
    on_postgres(|bench| async move {
        for sql in [OPEN, OPEN_OF_CATALOG] {
            let open = bench.texts(sql).await;
            assert!(open.is_empty(), "no policy on {open:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_was_switched_off_is_named() {
    on_postgres(|bench| async move {
        assert_eq!(bench.store.role_beyond_policies().await.unwrap(), None);
        bench
            .tamper("ALTER TABLE api_keys NO FORCE ROW LEVEL SECURITY")
            .await;
        bench.tamper("DROP POLICY reads ON events").await;
        let missing = bench.store.missing_objects().await.unwrap();
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            missing,
            [
                "policy api_keys.adds (migration 0016)",
                "policy api_keys.changes (migration 0016)",
                "policy api_keys.deletes (migration 0016)",
                "policy api_keys.reads (migration 0016)",
                "policy events.reads (migration 0016)",
            ]
        );
        // The statements of the migration, by hand, bring them back.
        let text = bench.store.migration_text(16).unwrap();
        bench.tamper(text).await;
        assert_eq!(bench.store.missing_objects().await.unwrap(), []);
        let administrators = Store::connect(&bench.url, 1).await.unwrap();
        let role = administrators.role_beyond_policies().await.unwrap();
        assert!(role.is_some(), "the tests' administrator is a superuser");
        administrators.close().await;
    })
    .await;
}

#[tokio::test]
async fn sqlite_keeps_no_tenants_apart_by_itself() {
    crate::harness::on_sqlite(|bench| async move {
        let store = bench.store.within(of_tenant(ELSEWHERE, 9));
        store.add_event(&draft()).await.unwrap();
        assert_eq!(store.event(event_id(1)).await.unwrap(), Some(draft()));
        assert_eq!(store.role_beyond_policies().await.unwrap(), None);
    })
    .await;
}
