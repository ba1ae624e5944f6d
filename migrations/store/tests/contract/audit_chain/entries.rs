//! Entries that were taken out, changed or put in by hand.

use onsale_store::audit::Problem;

use super::{force, found, ids, literal, trail};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    an_entry_that_is_gone_is_named,
    an_entry_that_was_changed_is_named,
    entries_that_changed_places_are_named,
    an_entry_that_was_put_in_is_named,
    entries_that_were_put_beside_the_chains_are_named,
);

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
