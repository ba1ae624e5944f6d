//! What is old is deleted, and nothing else.

use onsale_store::audit::{Actor, AuditFilter, Problem};

use super::{force, found, ids, trail, verify};
use crate::build::{Chain, id, time_of, with_show};
use crate::harness::{Bench, contract};

contract!(
    what_is_old_is_deleted_and_the_rest_stays_sound,
    what_is_young_is_never_deleted,
    what_is_kept_for_years_is_not_deleted_before,
    what_is_to_be_kept_for_longer_stays_although_it_was_to_go,
);

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
