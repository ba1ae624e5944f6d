//! How tenants look, and the files of logos that nobody has any more.

use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{Act, Mandate, Membership, Requirement};
use onsale_store::audit::{Actor, AuditEntry, AuditFilter, Unaudited};
use onsale_store::branding::{
    Branding, BrandingRow, Colors, Logo, SWEEP_DELAY_MS, SWEEP_KIND, logo_name,
};
use onsale_store::job::{JobFilter, JobState};
use serde_json::json;

use crate::accounts::{NOW_MS, add, open, opera};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_tenant_says_of_itself_what_it_wants,
    a_logo_that_is_replaced_is_looked_at_again,
    a_right_that_was_withdrawn_changes_nothing,
);

const TENANT: u64 = 50;

pub(crate) fn branding() -> Branding {
    let color = |text: &str| text.to_owned();
    Branding {
        colors: Some(Colors {
            background: color("#ffffff"),
            text: color("#1a1a1a"),
            accent: color("#8b0000"),
            accent_text: color("#ffffff"),
        }),
        contact_email: Some("tickets@opera.example".to_owned()),
        contact_phone: None,
        website: Some("https://opera.example".to_owned()),
        imprint: Some("Opera Ltd., Bangkok".to_owned()),
        terms: None,
    }
}

pub(crate) fn logo(number: u64) -> Logo {
    Logo {
        logo_id: id(7_000 + number),
        width: 512,
        height: 256,
    }
}

fn by() -> Unaudited {
    Unaudited::Unattended
}

fn entry(action: &'static str) -> AuditEntry {
    let entry = Actor::command_line().did(action, "tenant", id(TENANT));
    entry.of_tenant(id(TENANT))
}

async fn last_detail(bench: &Bench, action: &str) -> serde_json::Value {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        limit: 1,
        ..AuditFilter::default()
    };
    bench.store.audit(&filter).await.unwrap()[0].detail.clone()
}

async fn a_tenant_says_of_itself_what_it_wants(bench: Bench) {
    let store = &bench.store;
    assert_eq!(store.branding(id(TENANT)).await.unwrap(), None);
    store.add_tenant(&opera(TENANT), None, by()).await.unwrap();
    let before = BrandingRow {
        tenant_id: id(TENANT),
        slug: "opera-50".to_owned(),
        name: "Opera".to_owned(),
        branding: Branding::default(),
        logo: None,
        changed_at_ms: None,
    };
    assert_eq!(
        store.branding(id(TENANT)).await.unwrap(),
        Some(before.clone())
    );
    let after = BrandingRow {
        branding: branding(),
        changed_at_ms: Some(NOW_MS),
        ..before
    };
    let said = branding();
    let set = store.set_branding(id(TENANT), &said, NOW_MS, entry("tenant.brand"));
    assert_eq!(set.await.unwrap(), Some(after.clone()));
    assert_eq!(
        store.branding(id(TENANT)).await.unwrap(),
        Some(after.clone())
    );
    assert_eq!(
        store.branding_by_slug("opera-50").await.unwrap(),
        Some(after)
    );
    assert_eq!(store.branding_by_slug("opera").await.unwrap(), None);
    let detail = last_detail(&bench, "tenant.brand").await;
    let changes = &detail["changes"];
    assert_eq!(changes["colors"]["before"], json!(null));
    assert_eq!(changes["colors"]["after"]["accent"], "#8b0000");
    assert_eq!(changes["imprint"], "changed, not shown");
    assert!(!detail.to_string().contains("Bangkok"), "{detail}");

    // In place of all that was said before.
    let bare = Branding::default();
    let set = store.set_branding(id(TENANT), &bare, NOW_MS + 1, by());
    assert_eq!(set.await.unwrap().unwrap().branding, bare);
    let read = store.branding(id(TENANT)).await.unwrap().unwrap();
    assert_eq!(
        (read.branding, read.changed_at_ms),
        (bare, Some(NOW_MS + 1))
    );
    let nobody = store.set_branding(id(51), &said, NOW_MS, by());
    assert_eq!(nobody.await.unwrap(), None);
}

async fn a_logo_that_is_replaced_is_looked_at_again(bench: Bench) {
    let store = &bench.store;
    store.add_tenant(&opera(TENANT), None, by()).await.unwrap();
    store.announce_logo(logo(1).logo_id).await.unwrap();
    assert!(!store.is_logo(logo(1).logo_id).await.unwrap());
    let set = async |logo| {
        let set = store.set_logo(id(TENANT), logo, NOW_MS, entry("tenant.logo"));
        set.await.unwrap().unwrap()
    };
    assert_eq!(set(Some(logo(1))).await.logo, Some(logo(1)));
    assert!(store.is_logo(logo(1).logo_id).await.unwrap());
    // What is said leaves the logo, and the other way round.
    let all = branding();
    let said = store.set_branding(id(TENANT), &all, NOW_MS, by());
    assert_eq!(said.await.unwrap().unwrap().logo, Some(logo(1)));
    let row = set(Some(logo(2))).await;
    assert_eq!((row.logo, row.branding), (Some(logo(2)), branding()));
    assert_eq!(
        store.branding(id(TENANT)).await.unwrap().unwrap().logo,
        Some(logo(2))
    );
    let detail = last_detail(&bench, "tenant.logo").await;
    let changed = &detail["changes"]["logo"];
    assert_eq!(changed["before"]["logo_id"], json!(logo(1).logo_id));
    assert_eq!(changed["after"]["logo_id"], json!(logo(2).logo_id));
    assert!(!store.is_logo(logo(1).logo_id).await.unwrap());
    assert_eq!(set(None).await.logo, None);
    assert!(!store.is_logo(logo(2).logo_id).await.unwrap());
    assert_eq!(set(None).await.logo, None);
    let nobody = store.set_logo(id(51), Some(logo(3)), NOW_MS, by());
    assert_eq!(nobody.await.unwrap(), None);

    let filter = JobFilter {
        kind: Some(SWEEP_KIND.to_owned()),
        limit: 9,
        ..JobFilter::default()
    };
    let jobs = store.jobs(&filter).await.unwrap();
    let mut keys: Vec<&str> = jobs.iter().map(|job| job.key.as_str()).collect();
    keys.sort_unstable();
    let (first, second) = (logo(1).logo_id, logo(2).logo_id);
    let expected = [
        format!("{first} announced"),
        format!("{first} replaced"),
        format!("{second} replaced"),
    ];
    assert_eq!(keys, expected);
    for job in &jobs {
        assert_eq!(job.state, JobState::Waiting);
        assert_eq!(
            job.due_at_ms,
            job.created_at_ms + SWEEP_DELAY_MS,
            "not at once"
        );
    }
    assert_eq!(logo_name(first), format!("logos/{first}.png"));
}

async fn a_right_that_was_withdrawn_changes_nothing(bench: Bench) {
    let store = &bench.store;
    add(&bench, 1).await;
    store.add_tenant(&opera(TENANT), None, by()).await.unwrap();
    let membership = Membership {
        tenant_id: id(TENANT),
        user_id: id(1),
        role: MemberRole::Scanner,
        created_at_ms: NOW_MS,
    };
    store.set_member(&membership, NOW_MS, by()).await.unwrap();
    let session = open(&bench, 1, 1).await;
    let mandate = Mandate {
        user_id: id(1),
        session_id: session.session_id,
        requires: Requirement::Member(id(TENANT), &[MemberRole::Owner, MemberRole::Manager]),
        at_ms: NOW_MS,
    };
    let act = || Act::new(entry("tenant.brand"), Some(mandate));
    let all = branding();
    let said = store.set_branding(id(TENANT), &all, NOW_MS, act());
    let error = said.await.unwrap_err();
    assert!(matches!(error, StoreError::RightWithdrawn), "{error}");
    let set = store.set_logo(id(TENANT), Some(logo(1)), NOW_MS, act());
    let error = set.await.unwrap_err();
    assert!(matches!(error, StoreError::RightWithdrawn), "{error}");
    let row = store.branding(id(TENANT)).await.unwrap().unwrap();
    assert_eq!((row.branding, row.logo), (Branding::default(), None));
}
