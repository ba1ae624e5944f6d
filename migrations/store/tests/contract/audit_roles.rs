//! What is PostgreSQL's alone: a role that may write entries and nothing else, and months.

use onsale_store::audit::{Actor, AuditEntry};
use onsale_store::{Store, StoreError};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::build::{Chain, time_of, with_show};
use crate::harness::{Bench, on_postgres};

/// Connections of the role.
const CONNECTIONS_MAX: u32 = 2;

fn entry() -> AuditEntry {
    Actor::command_line().did("thing.do", "thing", 1)
}

/// Runs a statement as the administrator.
async fn administer(bench: &Bench, sql: String) {
    let mut connection = sqlx::PgConnection::connect(&bench.url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_role_that_owns_nothing_writes_entries_and_changes_none() {
    on_postgres(|bench| async move {
        let role = format!("onsale_test_{}", uuid::Uuid::new_v4().simple());
        let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'");
        administer(&bench, create).await;
        let outcome = tokio::spawn(as_role(bench.clone(), role.clone())).await;
        // Roles belong to the server, not to the database.
        let forget = format!("DROP OWNED BY {role}; DROP ROLE {role}");
        administer(&bench, forget).await;
        if let Err(failed) = outcome {
            std::panic::resume_unwind(failed.into_panic());
        }
    })
    .await;
}

async fn as_role(bench: Bench, role: String) {
    let owner = &bench.store;
    assert!(owner.grant_to_role(&role).await.unwrap());
    assert_eq!(
        owner.role_beyond_triggers().await.unwrap().as_deref(),
        Some("onsale_tests")
    );
    // As often as one likes.
    assert!(owner.grant_to_role(&role).await.unwrap());
    let error = owner.grant_to_role("no role; DROP TABLE audit").await;
    let error = error.unwrap_err();
    assert!(matches!(error, StoreError::Invalid(_)), "{error}");
    with_show(owner).await;

    let (_, server) = bench.url.rsplit_once('@').unwrap();
    let url = format!("postgres://{role}:secret@{server}");
    let store = Store::connect(&url, CONNECTIONS_MAX).await.unwrap();
    let store = store.for_installation();
    store.check_schema().await.unwrap();
    assert_eq!(store.migrate().await.unwrap(), 0, "nothing is missing");
    assert_eq!(store.missing_objects().await.unwrap(), []);
    assert_eq!(store.role_beyond_triggers().await.unwrap(), None);
    // What the program does.
    store.append_audit(entry()).await.unwrap();
    let mut chain = Chain::default();
    chain.reserve_general(1, 1, 1);
    store.project(&chain.all()).await.unwrap();
    store.make_audit_months().await.unwrap();
    store.link_older_audit().await.unwrap();
    // For how long entries are kept at least is the owner's to say.
    let by = Actor::node();
    let early = store.drop_audit_before(time_of(1), 10).await.unwrap_err();
    assert!(early.to_string().contains("kept for 1098 days"), "{early}");
    assert!(!store.keep_audit_days(366, &by).await.unwrap());
    assert_eq!(store.audit_kept_days().await.unwrap(), 1_098);
    bench.keep_audit_for_a_month().await;
    assert_eq!(store.drop_audit_before(time_of(1), 10).await.unwrap(), 1);
    let report = store.verify_audit(None, &[]).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    // What it may not, past the triggers or before them.
    for sql in [
        "UPDATE audit SET action = 'nothing'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE audit_other SET action = 'nothing'",
        "DELETE FROM audit_other",
        "INSERT INTO audit_other (at_ms, actor_role, action, subject_kind, subject_id) \
         VALUES (1, 'x', 'thing.do', 'thing', '1')",
        "UPDATE audit_links SET last_ms = 0",
        "TRUNCATE audit_links",
        "DELETE FROM audit_chains",
        "DELETE FROM audit_horizon",
        "UPDATE audit_retention SET kept_days = 31",
        "DELETE FROM audit_retention",
        "INSERT INTO audit_retention (one, kept_days) VALUES (1, 31)",
        "ALTER TABLE audit DISABLE TRIGGER audit_is_append_only",
        "SET session_replication_role = replica",
        "DROP TABLE audit_other",
        "CREATE TABLE mine (one integer)",
        "UPDATE _sqlx_migrations SET success = false",
    ] {
        let error = store.by_hand(sql).await.unwrap_err().to_string();
        let is_refused = ["permission denied", "must be owner"];
        assert!(
            is_refused.iter().any(|why| error.contains(why)),
            "{sql}: {error}"
        );
    }
    // The months of the entries themselves.
    let months = bench
        .texts(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit'::regclass",
        )
        .await;
    assert!(months.len() > 4, "{months:?}");
    for month in months {
        for sql in [
            format!("DELETE FROM {month}"),
            format!("SELECT * FROM {month}"),
        ] {
            let error = store.by_hand(&sql).await.unwrap_err().to_string();
            assert!(error.contains("permission denied"), "{sql}: {error}");
        }
    }
    store.close().await;
    pretend(&url).await;
    let report = owner.verify_audit(None, &[]).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
}

/// A session may have tables and views of its own, and they come first where nothing else is said: what keeps
/// the trail believes none of them.
async fn pretend(url: &str) {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(
        "SET onsale.scope = 'installation'; \
         CREATE TEMP TABLE audit_horizon (one integer PRIMARY KEY, dropped_before_ms bigint); \
         INSERT INTO pg_temp.audit_horizon VALUES (1, 9999999999999); \
         GRANT SELECT ON pg_temp.audit_horizon TO PUBLIC; \
         CREATE TEMP VIEW database_clock AS SELECT 99999999999999::bigint AS now_ms; \
         GRANT SELECT ON pg_temp.database_clock TO PUBLIC",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let dropped: i64 = sqlx::query_scalar("SELECT audit_drop_months(100000)")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(dropped, 0);
    for (sql, why) in [
        ("DELETE FROM public.audit_links", "append-only"),
        (
            "INSERT INTO public.audit_horizon VALUES (1, 9999999999999) \
             ON CONFLICT (one) DO UPDATE SET dropped_before_ms = excluded.dropped_before_ms",
            "are kept for",
        ),
    ] {
        let refused = sqlx::raw_sql(sql).execute(&mut connection).await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(why), "{sql}: {error}");
    }
    connection.close().await.unwrap();
}

/// A database that is filled from the log gets entries of years ago.
#[tokio::test]
async fn months_of_long_ago_are_there_for_who_asks_for_them() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        let of = async |from_ms, to_ms| store.make_audit_months_of(from_ms, to_ms).await.unwrap();
        // November 2023 to January 2024.
        assert_eq!(of(1_700_000_000_000, 1_704_500_000_000).await, 3);
        assert_eq!(of(1_700_000_000_000, 1_704_500_000_000).await, 0);
        assert_eq!(of(time_of(1), time_of(2)).await, 1);
        with_show(store).await;
        let mut chain = Chain::default();
        chain.reserve_general(1, 1, 1);
        store.project(&chain.all()).await.unwrap();
        let of = "SELECT tableoid::regclass::text FROM audit ORDER BY audit_id";
        assert_eq!(bench.texts(of).await, ["audit_2025_10"]);
    })
    .await;
}

#[tokio::test]
async fn an_entry_goes_into_its_month_and_none_is_refused_without_one() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        assert_eq!(
            store.make_audit_months().await.unwrap(),
            0,
            "the migration did"
        );
        store.append_audit(entry()).await.unwrap();
        let of = "SELECT tableoid::regclass::text FROM audit ORDER BY audit_id";
        let months = bench.texts(of).await;
        assert!(months[0].starts_with("audit_2"), "{months:?}");
        // No month is there for it, and none is made while the part for all others has entries of it.
        with_show(store).await;
        let mut chain = Chain::default();
        chain.reserve_general(1, 1, 1);
        store.project(&chain.all()).await.unwrap();
        assert_eq!(bench.texts(of).await[1], "audit_other");
        let made = bench
            .texts("SELECT audit_make_months(1760000000000, 2)::text")
            .await;
        assert_eq!(made, ["1"]);
        let report = store.verify_audit(None, &[]).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.entries, 2);
    })
    .await;
}

#[tokio::test]
async fn a_month_is_dropped_when_all_of_it_is_old() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        // October 2025, in which the outcomes are.
        let make = "SELECT audit_make_months(1760000000000, 1)";
        store.by_hand(make).await.unwrap();
        with_show(store).await;
        let mut chain = Chain::default();
        for user in 0..5 {
            chain.reserve_general(1, user, 1);
        }
        store.project(&chain.all()).await.unwrap();
        store.append_audit(entry()).await.unwrap();
        let november_ms = 1_761_955_200_000;
        let early = november_ms - 1;
        bench.keep_audit_for_a_month().await;
        assert_eq!(store.drop_audit_before(early, 10).await.unwrap(), 0);
        let report = store.verify_audit(None, &[]).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(store.drop_audit_before(november_ms, 10).await.unwrap(), 5);
        assert_eq!(store.drop_audit_before(november_ms, 10).await.unwrap(), 0);
        let report = store.verify_audit(None, &[]).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!((report.entries, report.dropped_entries), (1, 5));
    })
    .await;
}
