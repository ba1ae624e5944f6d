//! The chains of the audit trail: what was taken out, changed or put in by hand shows.

use onsale_store::audit::{
    Actor, Anchor, Audit, AuditEntry, AuditFilter, AuditReport, INSTALLATION, Problem,
};
use onsale_store::{Store, StoreError};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::build::{Chain, id, time_of, with_show};
use crate::harness::{Bench, contract, on_postgres};

contract!(
    a_trail_as_it_was_written_is_sound,
    an_entry_that_is_gone_is_named,
    an_entry_that_was_changed_is_named,
    entries_that_changed_places_are_named,
    an_entry_that_was_put_in_is_named,
    entries_that_were_put_beside_the_chains_are_named,
    an_end_that_was_shortened_is_named,
    a_beginning_that_was_moved_is_named,
    a_link_that_is_gone_is_named,
    a_link_that_was_changed_is_named,
    a_tail_that_was_cut_off_shows_by_its_end,
    a_chain_that_was_cut_with_its_end_shows_by_an_anchor,
    a_chain_without_its_end_is_named,
    only_one_tenant_is_looked_at,
    commits_at_once_are_all_chained,
    entries_of_an_earlier_version_are_linked,
    what_is_old_is_deleted_and_the_rest_stays_sound,
    what_is_young_is_never_deleted,
    what_is_kept_for_years_is_not_deleted_before,
    what_is_to_be_kept_for_longer_stays_although_it_was_to_go,
    links_are_never_changed_or_deleted,
);

fn about(tenant: Option<Uuid>, number: u64) -> AuditEntry {
    let entry = Actor::command_line().did("thing.do", "thing", number);
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

async fn an_entry_that_is_gone_is_named(bench: Bench) {
    trail(&bench.store).await;
    let ids = ids(&bench, id(1)).await;
    force(
        &bench,
        &format!("DELETE FROM audit WHERE audit_id = {}", ids[1]),
    )
    .await;
    let gone = Problem::EntryMissing {
        audit_id: ids[1],
        link: 2,
    };
    assert_eq!(found(&bench, &[]).await, [(Some(id(1)), gone)]);
    // The last one too, which nothing follows.
    force(
        &bench,
        &format!("DELETE FROM audit WHERE audit_id = {}", ids[2]),
    )
    .await;
    assert_eq!(found(&bench, &[]).await.len(), 2);
}

async fn an_entry_that_was_changed_is_named(bench: Bench) {
    trail(&bench.store).await;
    let ids = ids(&bench, id(1)).await;
    let at = format!("WHERE audit_id = {}", ids[0]);
    for change in [
        "actor_role = 'nobody'",
        "at_ms = at_ms + 1",
        "detail = '{}'",
        "request_id = 'another'",
        "origin = '192.0.2.0/24'",
    ] {
        force(&bench, &format!("UPDATE audit SET {change} {at}")).await;
        let changed = Problem::EntryChanged {
            audit_id: ids[0],
            link: 1,
        };
        assert_eq!(
            found(&bench, &[]).await,
            [(Some(id(1)), changed)],
            "{change}"
        );
    }
}

async fn entries_that_changed_places_are_named(bench: Bench) {
    trail(&bench.store).await;
    let ids = ids(&bench, id(1)).await;
    force(
        &bench,
        &format!(
            "UPDATE audit SET subject_id = '1' WHERE audit_id = {}; \
             UPDATE audit SET subject_id = '0' WHERE audit_id = {}",
            ids[0], ids[1]
        ),
    )
    .await;
    let changed = |at: usize| {
        let link = u64::try_from(at).unwrap() + 1;
        let audit_id = ids[at];
        (Some(id(1)), Problem::EntryChanged { audit_id, link })
    };
    assert_eq!(found(&bench, &[]).await, [changed(0), changed(1)]);
}

async fn an_entry_that_was_put_in_is_named(bench: Bench) {
    trail(&bench.store).await;
    let sql = "INSERT INTO audit (at_ms, actor_role, action, subject_kind, subject_id, lane) \
               VALUES (1760000000000, 'operator', 'thing.do', 'thing', '9', 0)";
    bench.store.by_hand(sql).await.unwrap();
    let findings = found(&bench, &[]).await;
    assert!(
        matches!(&findings[..], [(None, Problem::EntryNotLinked { .. })]),
        "{findings:?}"
    );
    // Behind later ones it stands among those that are linked.
    trail(&bench.store).await;
    assert_eq!(found(&bench, &[]).await, findings);
}

/// Puts an entry in, as the role of a server may.
async fn put_in(bench: &Bench, audit_id: i64, at_ms: u64, tenant: &str, lane: &str) {
    let sql = format!(
        "INSERT INTO audit (audit_id, at_ms, actor_role, action, subject_kind, subject_id, \
         tenant_id, lane) \
         VALUES ({audit_id}, {at_ms}, 'operator', 'thing.do', 'thing', '9', {tenant}, {lane})"
    );
    bench.store.by_hand(&sql).await.unwrap();
}

/// No chain of theirs is there, the job has gone past them, or their number is one that nobody gives.
async fn entries_that_were_put_beside_the_chains_are_named(bench: Bench) {
    let store = &bench.store;
    trail(store).await;
    let of_tenant = ids(&bench, id(1)).await;
    let tenant = literal(&bench, id(1));
    let stranger = literal(&bench, id(2));
    // One of an earlier version, which the job links.
    put_in(&bench, 1_000, 1_760_000_000_000, "NULL", "NULL").await;
    assert_eq!(store.link_older_audit().await.unwrap(), 1);
    assert_eq!(found(&bench, &[]).await, []);
    let mut expected = Vec::new();
    let now_ms = store.clock_ms().await.unwrap();
    for (audit_id, in_tenant, of, lane) in [
        (2_001, tenant.as_str(), Some(id(1)), "4711"),
        (2_002, "NULL", None, "65540"),
        (2_003, stranger.as_str(), Some(id(2)), "0"),
        (501, tenant.as_str(), Some(id(1)), "NULL"),
        (502, "NULL", None, "NULL"),
    ] {
        put_in(&bench, audit_id, now_ms, in_tenant, lane).await;
        let audit_id = u64::try_from(audit_id).unwrap();
        expected.push((of, Problem::EntryNotLinked { audit_id }));
    }
    if bench.url.starts_with("sqlite") {
        put_in(&bench, -5, now_ms, "NULL", "0").await;
        let audit_id = u64::MAX;
        expected.push((None, Problem::EntryNotLinked { audit_id }));
    } else {
        let refused = bench.try_tamper(
            "INSERT INTO audit (audit_id, at_ms, actor_role, action, subject_kind, subject_id, lane) \
             VALUES (-5, 1760000000000, 'operator', 'thing.do', 'thing', '9', 0)",
        );
        refused.await.unwrap_err();
        // A number that is there already, in another month.
        let audit_id = of_tenant[2];
        let number = i64::try_from(audit_id).unwrap();
        put_in(&bench, number, 1_760_000_000_000, &tenant, "0").await;
        let link = 3;
        expected.push((Some(id(1)), Problem::EntryChanged { audit_id, link }));
        expected.push((Some(id(1)), Problem::EntryNotLinked { audit_id }));
    }
    let findings = found(&bench, &[]).await;
    for one in &expected {
        assert!(findings.contains(one), "{one:?}: {findings:?}");
    }
    assert_eq!(findings.len(), expected.len(), "{findings:?}");
    let report = store.verify_audit(Some(id(2)), &[]).await.unwrap();
    assert_eq!(report.findings.len(), 1, "{report:?}");
}

/// Where the last link stays, and what is written down of the end says that it is not there.
async fn an_end_that_was_shortened_is_named(bench: Bench) {
    trail(&bench.store).await;
    let ids = ids(&bench, id(1)).await;
    let tenant = literal(&bench, id(1));
    let sql = format!(
        "UPDATE audit_chains SET links = 2, entries = 2, hash = (SELECT hash FROM audit_links \
         WHERE tenant_id = {tenant} AND link = 2) WHERE tenant_id = {tenant}"
    );
    bench.store.by_hand(&sql).await.unwrap();
    let changed = Problem::EndChanged { link: 2 };
    let audit_id = ids[2];
    let unlinked = Problem::EntryNotLinked { audit_id };
    assert_eq!(
        found(&bench, &[]).await,
        [(Some(id(1)), changed), (Some(id(1)), unlinked)]
    );
}

/// Links that are said to be deleted because they are old, and are neither.
async fn a_beginning_that_was_moved_is_named(bench: Bench) {
    trail(&bench.store).await;
    let tenant = literal(&bench, id(1));
    let sql = format!(
        "UPDATE audit_chains SET dropped_links = links, dropped_entries = entries, \
         dropped_hash = hash WHERE tenant_id = {tenant}"
    );
    bench.store.by_hand(&sql).await.unwrap();
    let findings = found(&bench, &[]).await;
    let moved = Problem::BeginningChanged { link: 3 };
    assert!(findings.contains(&(Some(id(1)), moved)), "{findings:?}");
    assert_eq!(findings.len(), 4, "each entry has no link: {findings:?}");
}

async fn a_link_that_is_gone_is_named(bench: Bench) {
    trail(&bench.store).await;
    let ids = ids(&bench, id(1)).await;
    let tenant = literal(&bench, id(1));
    let sql = format!("DELETE FROM audit_links WHERE tenant_id = {tenant} AND link = 2");
    force(&bench, &sql).await;
    let findings = found(&bench, &[]).await;
    let gone = Problem::LinksMissing { first: 2, last: 2 };
    let unlinked = Problem::EntryNotLinked { audit_id: ids[1] };
    assert_eq!(findings, [(Some(id(1)), gone), (Some(id(1)), unlinked)]);
}

async fn a_link_that_was_changed_is_named(bench: Bench) {
    trail(&bench.store).await;
    let tenant = literal(&bench, id(1));
    let sql = format!(
        "UPDATE audit_links SET last_ms = last_ms + 1 WHERE tenant_id = {tenant} AND link = 2"
    );
    force(&bench, &sql).await;
    let changed = Problem::LinkChanged { link: 2 };
    assert_eq!(found(&bench, &[]).await, [(Some(id(1)), changed)]);
}

/// What takes the last link of the tenant and its entry away.
async fn cut(bench: &Bench) {
    let last = *ids(bench, id(1)).await.last().unwrap();
    let tenant = literal(bench, id(1));
    force(
        bench,
        &format!(
            "DELETE FROM audit WHERE audit_id = {last}; \
             DELETE FROM audit_links WHERE tenant_id = {tenant} AND last_audit_id = {last}"
        ),
    )
    .await;
}

async fn a_tail_that_was_cut_off_shows_by_its_end(bench: Bench) {
    trail(&bench.store).await;
    cut(&bench).await;
    let gone = Problem::LinksMissing { first: 3, last: 3 };
    assert_eq!(found(&bench, &[]).await, [(Some(id(1)), gone)]);
}

async fn a_chain_that_was_cut_with_its_end_shows_by_an_anchor(bench: Bench) {
    trail(&bench.store).await;
    let anchors = verify(&bench).await.anchors;
    cut(&bench).await;
    let tenant = literal(&bench, id(1));
    let sql = format!(
        "UPDATE audit_chains SET links = 2, entries = 2, \
         hash = (SELECT hash FROM audit_links WHERE tenant_id = {tenant} AND link = 2), \
         last_audit_id = (SELECT last_audit_id FROM audit_links \
         WHERE tenant_id = {tenant} AND link = 2) WHERE tenant_id = {tenant}"
    );
    force(&bench, &sql).await;
    assert_eq!(
        found(&bench, &[]).await,
        [],
        "nothing in the database says so"
    );
    let differs = Problem::AnchorDiffers { link: 3 };
    let expected = [(Some(id(1)), differs)];
    assert_eq!(found(&bench, &anchors).await, expected);
    // Nor does another entry in its place help.
    bench
        .store
        .append_audit(about(Some(id(1)), 7))
        .await
        .unwrap();
    assert_eq!(found(&bench, &anchors).await, expected);
}

async fn a_chain_without_its_end_is_named(bench: Bench) {
    trail(&bench.store).await;
    let anchors = verify(&bench).await.anchors;
    let tenant = literal(&bench, id(1));
    let sql = format!("DELETE FROM audit_chains WHERE tenant_id = {tenant}");
    force(&bench, &sql).await;
    assert_eq!(
        found(&bench, &[]).await,
        [(Some(id(1)), Problem::EndMissing)]
    );
    // Not even the links are there.
    let sql = format!("DELETE FROM audit_links WHERE tenant_id = {tenant}");
    force(&bench, &sql).await;
    let differs = Problem::AnchorDiffers { link: 3 };
    let mut expected = vec![(Some(id(1)), differs)];
    for audit_id in ids(&bench, id(1)).await {
        expected.push((Some(id(1)), Problem::EntryNotLinked { audit_id }));
    }
    assert_eq!(found(&bench, &anchors).await, expected);
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

async fn what_is_old_is_deleted_and_the_rest_stays_sound(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    for user in 0..6 {
        chain.reserve_general(1, user, 1);
    }
    if !bench.url.starts_with("sqlite") {
        // A month without entries, which is dropped on the way. The others are in no month.
        let sql = "SELECT audit_make_months(1757000000000, 1)";
        store.by_hand(sql).await.unwrap();
    }
    // A link each.
    for at in 0..6 {
        store.project(&chain.batch(at, at + 1)).await.unwrap();
    }
    trail(store).await;
    let anchors = verify(&bench).await.anchors;
    let before_ms = time_of(4);
    bench.keep_audit_for_a_month().await;
    assert_eq!(store.count_audit_before(before_ms).await.unwrap(), 4);
    let mut dropped = 0;
    for _ in 0..20 {
        match store.drop_audit_before(before_ms, 3).await.unwrap() {
            0 => break,
            more => dropped += more,
        }
    }
    assert_eq!(dropped, 4);
    assert_eq!(store.count_audit_before(before_ms).await.unwrap(), 0);
    let report = store.verify_audit(None, &anchors).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.dropped_before_ms, Some(before_ms));
    assert_eq!((report.kept_days, report.is_dropped_early), (31, false));
    assert_eq!((report.dropped_entries, report.entries), (4, 8));
    // The chain goes on, and what is taken out of the rest shows.
    chain.reserve_general(1, 7, 1);
    store.project(&chain.batch(6, 7)).await.unwrap();
    assert!(verify(&bench).await.is_sound());
    let rest = ids(&bench, id(1)).await;
    force(
        &bench,
        &format!("DELETE FROM audit WHERE audit_id = {}", rest[0]),
    )
    .await;
    let findings = found(&bench, &anchors).await;
    assert!(
        matches!(
            &findings[..],
            [(Some(_), Problem::EntryMissing { link: 5, .. })]
        ),
        "{findings:?}"
    );
}

async fn what_is_young_is_never_deleted(bench: Bench) {
    let store = &bench.store;
    trail(store).await;
    let now_ms = store.clock_ms().await.unwrap();
    let error = store.drop_audit_before(now_ms, 100).await.unwrap_err();
    assert!(error.to_string().contains("entries are kept"), "{error}");
    assert_eq!(verify(&bench).await.entries, 6);
    // A time that nothing is before of changes nothing.
    assert_eq!(store.drop_audit_before(1_000, 100).await.unwrap(), 0);
    let error = store.by_hand("DELETE FROM audit").await.unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
    assert!(verify(&bench).await.is_sound());
}

async fn what_is_kept_for_years_is_not_deleted_before(bench: Bench) {
    let store = &bench.store;
    let by = Actor::command_line();
    trail(store).await;
    let now_ms = store.clock_ms().await.unwrap();
    let days_ago = |days: u64| now_ms - days * 86_400_000;
    assert_eq!(store.audit_kept_days().await.unwrap(), 1_098);
    let refused = async |before_ms| {
        let error = store.drop_audit_before(before_ms, 100).await.unwrap_err();
        assert!(error.to_string().contains("entries are kept"), "{error}");
    };
    refused(days_ago(1_097)).await;
    store.drop_audit_before(days_ago(1_099), 100).await.unwrap();
    // What is written down holds, and an entry says who did it.
    assert!(store.keep_audit_days(366, &by).await.unwrap());
    assert!(store.keep_audit_days(366, &by).await.unwrap());
    refused(days_ago(365)).await;
    store.drop_audit_before(days_ago(367), 100).await.unwrap();
    let filter = AuditFilter {
        action: Some("audit.keep".to_owned()),
        limit: 10,
        ..AuditFilter::default()
    };
    let entries = store.audit(&filter).await.unwrap();
    let details: Vec<_> = entries.iter().map(|entry| &entry.detail).collect();
    let expected = serde_json::json!({ "days": { "before": 1_098, "after": 366 } });
    assert_eq!(details, [&expected]);
    for wrong in [0, 30, 36_601] {
        assert!(store.keep_audit_days(wrong, &by).await.is_err(), "{wrong}");
    }
    let report = verify(&bench).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.kept_days, report.is_dropped_early), (366, false));
    // Kept for longer again, which brings back nothing that was deleted meanwhile.
    assert!(store.keep_audit_days(1_098, &by).await.unwrap());
    let report = verify(&bench).await;
    assert_eq!((report.kept_days, report.is_dropped_early), (1_098, true));
}

/// Years were too few by mistake, some of it went, and more are configured.
async fn what_is_to_be_kept_for_longer_stays_although_it_was_to_go(bench: Bench) {
    let store = &bench.store;
    let by = Actor::command_line();
    let now_ms = store.clock_ms().await.unwrap();
    let days_ago = |days: u64| now_ms - days * 86_400_000;
    let is_postgres = !bench.url.starts_with("sqlite");
    for days in [4_000, 3_000, 800, 600] {
        let at_ms = days_ago(days);
        if is_postgres {
            let sql = format!("SELECT audit_make_months({at_ms}, 1)");
            store.by_hand(&sql).await.unwrap();
        }
        let sql = format!(
            "INSERT INTO audit (at_ms, actor_role, action, subject_kind, subject_id) \
             VALUES ({at_ms}, 'system', 'test.try', 'test', 'one')"
        );
        store.by_hand(&sql).await.unwrap();
    }
    store.keep_audit_days(366, &by).await.unwrap();
    let dropped = store.drop_audit_before(days_ago(367), 1).await.unwrap();
    assert_eq!(dropped, 1);
    store.keep_audit_days(1_098, &by).await.unwrap();
    let sql = format!("DELETE FROM audit WHERE at_ms < {}", days_ago(700));
    let error = store.by_hand(&sql).await.unwrap_err().to_string();
    assert!(error.contains("append-only"), "{error}");
    for expected in [1, 0] {
        let dropped = store.drop_audit_before(days_ago(1_100), 100).await.unwrap();
        assert_eq!(dropped, expected);
    }
    if is_postgres {
        let sql = "SELECT audit_drop_months(9999999999999, 100)::text";
        assert_eq!(bench.texts(sql).await, ["0"]);
    }
    assert_eq!(store.count_audit_before(days_ago(500)).await.unwrap(), 2);
    // Another node may be configured to more than the database keeps.
    store.keep_audit_days(366, &by).await.unwrap();
    let dropped = store.drop_audit_before(days_ago(700), 100).await.unwrap();
    assert_eq!(dropped, 1);
    assert_eq!(store.count_audit_before(days_ago(500)).await.unwrap(), 1);
}

async fn links_are_never_changed_or_deleted(bench: Bench) {
    trail(&bench.store).await;
    for sql in [
        "UPDATE audit_links SET last_ms = last_ms + 1",
        "DELETE FROM audit_links",
        "DELETE FROM audit_links WHERE link = 3",
    ] {
        let error = bench.try_tamper(sql).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
    let more = if bench.url.starts_with("sqlite") {
        "INSERT OR REPLACE INTO audit_links SELECT * FROM audit_links"
    } else {
        "TRUNCATE audit_links"
    };
    let error = bench.try_tamper(more).await.unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
    assert!(verify(&bench).await.is_sound());
}
