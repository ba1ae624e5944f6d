//! The chains of the audit trail: what was taken out, changed or put in by hand shows.

mod entries;
mod kept;
mod links;

use onsale_store::audit::{
    Actor, Anchor, Audit, AuditEntry, AuditFilter, AuditReport, INSTALLATION, Problem,
};
use onsale_store::{Store, StoreError};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::build::id;
use crate::harness::{Bench, contract, on_postgres};

contract!(
    a_trail_as_it_was_written_is_sound,
    only_one_tenant_is_looked_at,
    commits_at_once_are_all_chained,
    entries_of_an_earlier_version_are_linked,
);

fn about(tenant: Option<Uuid>, number: u64) -> AuditEntry {
    let entry = Actor::command_line().did("thing.do", "job", number);
    match tenant {
        Some(tenant) => entry.of_tenant(tenant),
        None => entry,
    }
}

/// Three entries of the installation and three of a tenant.
async fn trail(store: &Store) {
    for number in 0..3 {
        for tenant in [None, Some(id(1))] {
            store.append_audit(about(tenant, number)).await.unwrap();
        }
    }
}

/// Runs statements as someone does who owns the database, past its triggers.
async fn force(bench: &Bench, sql: &str) {
    let sql = if bench.url.starts_with("sqlite") {
        format!(
            "DROP TRIGGER IF EXISTS audit_is_never_updated; \
             DROP TRIGGER IF EXISTS audit_is_never_deleted; \
             DROP TRIGGER IF EXISTS audit_links_are_never_updated; \
             DROP TRIGGER IF EXISTS audit_links_are_never_deleted; {sql}"
        )
    } else {
        format!("SET session_replication_role = replica; {sql}; RESET session_replication_role")
    };
    bench.tamper(&sql).await;
}

/// The tenant as it stands in a statement.
fn literal(bench: &Bench, tenant: Uuid) -> String {
    if bench.url.starts_with("sqlite") {
        format!("x'{}'", tenant.simple())
    } else {
        format!("'{tenant}'")
    }
}

async fn verify(bench: &Bench) -> AuditReport {
    bench.store.verify_audit(None, &[]).await.unwrap()
}

/// What was found, each with its tenant.
async fn found(bench: &Bench, anchors: &[Anchor]) -> Vec<(Option<Uuid>, Problem)> {
    let report = bench.store.verify_audit(None, anchors).await.unwrap();
    assert_eq!(report.more_findings, 0);
    let findings = report.findings.into_iter();
    findings
        .map(|finding| (finding.tenant_id, finding.problem))
        .collect()
}

/// The numbers of a tenant's entries, oldest first.
async fn ids(bench: &Bench, tenant: Uuid) -> Vec<u64> {
    let filter = AuditFilter {
        tenant_id: Some(tenant),
        limit: 100,
        ..AuditFilter::default()
    };
    let mut rows = bench.store.audit(&filter).await.unwrap();
    rows.reverse();
    rows.iter().map(|row| row.audit_id).collect()
}

async fn a_trail_as_it_was_written_is_sound(bench: Bench) {
    let empty = verify(&bench).await;
    assert_eq!((empty.chains, empty.entries), (0, 0));
    trail(&bench.store).await;
    let report = verify(&bench).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.chains, report.links, report.entries), (2, 6, 6));
    assert_eq!(report.waiting_entries, 0);
    assert_eq!(report.late_entries, 0);
    let ends: Vec<_> = report
        .anchors
        .iter()
        .map(|anchor| (anchor.tenant_id, anchor.lane.as_str(), anchor.link))
        .collect();
    assert_eq!(ends, [(Some(id(1)), "people", 3), (None, "people", 3)]);
    // What came after an anchor does not contradict it.
    trail(&bench.store).await;
    assert_eq!(found(&bench, &report.anchors).await, []);
}

async fn only_one_tenant_is_looked_at(bench: Bench) {
    trail(&bench.store).await;
    let ids = ids(&bench, id(1)).await;
    force(
        &bench,
        &format!("DELETE FROM audit WHERE audit_id = {}", ids[1]),
    )
    .await;
    let of = async |tenant| {
        let report = bench.store.verify_audit(Some(tenant), &[]).await.unwrap();
        (report.chains, report.is_sound())
    };
    assert_eq!(of(id(1)).await, (1, false));
    assert_eq!(of(INSTALLATION).await, (1, true));
    assert_eq!(of(id(2)).await, (0, true));
}

/// Guests and sign-ins come by the thousands and belong to no tenant: who finds someone at the end of every
/// chain begins another one.
#[tokio::test]
async fn a_crowd_waits_for_nobody() {
    on_postgres(|bench| async move {
        bench.store.append_audit(about(None, 0)).await.unwrap();
        let mut slow = sqlx::PgConnection::connect(&bench.url).await.unwrap();
        for _ in 0..3 {
            // Someone whose commit takes its time, at every end that is there.
            sqlx::raw_sql("BEGIN; SELECT 1 FROM audit_chains FOR UPDATE")
                .execute(&mut slow)
                .await
                .unwrap();
            let mut crowd = Vec::new();
            for number in 0..8 {
                let store = bench.store.clone();
                let entry = about(None, number);
                crowd.push(tokio::spawn(async move { store.append_audit(entry).await }));
            }
            for one in crowd {
                one.await.unwrap().unwrap();
            }
            sqlx::raw_sql("ROLLBACK").execute(&mut slow).await.unwrap();
        }
        let report = verify(&bench).await;
        assert!(report.is_sound(), "{report:?}");
        assert_eq!((report.entries, report.links), (25, 25));
        assert!(report.chains >= 4, "{report:?}");
        slow.close().await.unwrap();
    })
    .await;
}

/// Commits that write for the same tenants at once, in whatever order they name them: none is given up for
/// another.
async fn commits_at_once_are_all_chained(bench: Bench) {
    let mut tasks = Vec::new();
    for number in 0..24 {
        let store = bench.store.clone();
        tasks.push(tokio::spawn(async move {
            let mut entries = vec![
                about(Some(id(1)), number),
                about(Some(id(2)), number),
                about(None, number),
            ];
            if number % 2 == 0 {
                entries.reverse();
            }
            if number % 3 == 0 {
                for entry in entries {
                    store.append_audit(entry).await?;
                }
                return Ok(());
            }
            store.repair_usage(Audit::Entries(entries)).await
        }));
    }
    for task in tasks {
        let done: Result<(), StoreError> = task.await.unwrap();
        done.unwrap();
    }
    let report = verify(&bench).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.links, report.entries), (72, 72));
    if bench.url.starts_with("sqlite") {
        assert_eq!(report.chains, 3, "one writes at a time");
    }
}

/// An entry as a version without chains writes it.
fn older(tenant: &str, number: u64, at_ms: u64) -> String {
    format!(
        "INSERT INTO audit (at_ms, actor_role, action, subject_kind, subject_id, tenant_id) \
         VALUES ({at_ms}, 'operator', 'thing.do', 'thing', '{number}', {tenant});"
    )
}

async fn entries_of_an_earlier_version_are_linked(bench: Bench) {
    let store = &bench.store;
    let tenant = literal(&bench, id(1));
    trail(store).await;
    for number in 0..3 {
        for tenant in ["NULL", tenant.as_str()] {
            let sql = older(tenant, number, 1_760_000_000_000 + number);
            store.by_hand(&sql).await.unwrap();
        }
    }
    let now_ms = store.clock_ms().await.unwrap();
    // It may still be followed by one with a smaller number.
    store.by_hand(&older(&tenant, 9, now_ms)).await.unwrap();
    let report = verify(&bench).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.waiting_entries, 7);
    // Nothing tells them from entries that someone put in by hand.
    assert_eq!(report.late_entries, 7);
    let of_tenant = store.verify_audit(Some(id(1)), &[]).await.unwrap();
    assert_eq!(of_tenant.late_entries, 4);
    assert_eq!(of_tenant.late_audit_ids.len(), 4);
    assert_eq!(store.link_older_audit().await.unwrap(), 6);
    assert_eq!(store.link_older_audit().await.unwrap(), 0);
    let report = verify(&bench).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.chains, report.entries), (4, 12));
    assert_eq!(report.waiting_entries, 1);
    assert_eq!(report.late_entries, 7, "they have no lane still");
    force(
        &bench,
        "DELETE FROM audit WHERE lane IS NULL AND subject_id = '1'",
    )
    .await;
    let findings = found(&bench, &[]).await;
    assert!(
        matches!(
            &findings[..],
            [
                (Some(_), Problem::EntryMissing { link: 1, .. }),
                (None, Problem::EntryMissing { link: 1, .. })
            ]
        ),
        "{findings:?}"
    );
}
