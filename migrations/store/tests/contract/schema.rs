//! Migrations and the connection.

use std::collections::BTreeSet;

use onsale_store::{Store, StoreError};

use crate::harness::{Bench, contract};

contract!(
    migrations_are_applied_once,
    a_foreign_migration_is_refused,
    a_missing_migration_is_refused,
    an_altered_migration_is_refused,
    what_the_migrations_leave_is_listed,
    what_was_deleted_by_hand_is_named,
    it_answers,
    a_closed_store_is_unreachable,
);

async fn migrations_are_applied_once(bench: Bench) {
    bench.store.check_schema().await.unwrap();
    assert_eq!(bench.store.migrate().await.unwrap(), 0);
}

async fn a_foreign_migration_is_refused(bench: Bench) {
    bench
        .tamper(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9000, 'from the future', success, checksum, 0 FROM _sqlx_migrations \
             WHERE version = 1",
        )
        .await;
    let error = bench.store.check_schema().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Schema(text) if text.contains("9000")),
        "{error}"
    );
    let error = bench.store.migrate().await.unwrap_err();
    assert!(matches!(error, StoreError::Schema(_)), "{error}");
}

async fn a_missing_migration_is_refused(bench: Bench) {
    bench
        .tamper("DELETE FROM _sqlx_migrations WHERE version = 1")
        .await;
    let error = bench.store.check_schema().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Schema(text) if text.contains("onsale migrate")),
        "{error}"
    );
}

async fn an_altered_migration_is_refused(bench: Bench) {
    bench
        .tamper(if bench.url.starts_with("sqlite") {
            "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1"
        } else {
            "UPDATE _sqlx_migrations SET checksum = '\\x00'::bytea WHERE version = 1"
        })
        .await;
    let error = bench.store.check_schema().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Schema(text) if text.contains("another text")),
        "{error}"
    );
    assert!(bench.store.migrate().await.is_err());
}

/// A new migration adds what it creates to `src/schema/*.txt`.
async fn what_the_migrations_leave_is_listed(bench: Bench) {
    assert_eq!(bench.store.missing_objects().await.unwrap(), []);
    let (found, listed) = if bench.url.starts_with("sqlite") {
        (
            "SELECT type || ' ' || name FROM sqlite_master \
             WHERE name NOT LIKE 'sqlite%' AND name NOT LIKE '%sqlx%' \
             UNION ALL SELECT 'column ' || m.name || '.' || c.name FROM sqlite_master AS m \
             JOIN pragma_table_info(m.name) AS c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '%sqlx%'",
            include_str!("../../src/schema/sqlite.txt"),
        )
    } else {
        (
            "SELECT 'table ' || tablename FROM pg_tables WHERE schemaname = 'public' \
             AND tablename NOT LIKE '%sqlx%' \
             UNION ALL SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public' \
             AND tablename NOT LIKE '%sqlx%' \
             UNION ALL SELECT DISTINCT 'trigger ' || trigger_name \
             FROM information_schema.triggers WHERE trigger_schema = 'public' \
             UNION ALL SELECT 'view ' || viewname FROM pg_views WHERE schemaname = 'public' \
             AND viewname NOT LIKE 'readable_%' \
             UNION ALL SELECT 'column ' || c.table_name || '.' || c.column_name \
             FROM information_schema.columns AS c JOIN pg_tables AS t \
             ON t.tablename = c.table_name AND t.schemaname = c.table_schema \
             WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '%sqlx%'",
            include_str!("../../src/schema/postgres.txt"),
        )
    };
    let found: BTreeSet<String> = bench.texts(found).await.into_iter().collect();
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    let unlisted: Vec<&String> = found.difference(&listed).collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
}

async fn what_was_deleted_by_hand_is_named(bench: Bench) {
    bench.tamper("DROP TABLE audit").await;
    bench.tamper("ALTER TABLE jobs DROP COLUMN progress").await;
    bench.tamper("DROP INDEX shows_by_event").await;
    bench
        .tamper(if bench.url.starts_with("sqlite") {
            "DROP TRIGGER zone_has_changed"
        } else {
            "ALTER TABLE zones DISABLE TRIGGER zone_has_changed"
        })
        .await;
    let missing = bench.store.missing_objects().await.unwrap();
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let trigger = "trigger zone_has_changed (migration 0005)";
    assert_eq!(
        missing,
        [
            "column jobs.progress",
            "index shows_by_event (migration 0001)",
            "table audit (migration 0010)",
            trigger
        ]
    );
    let text = bench.store.migration_text(10).unwrap();
    assert!(text.contains("CREATE TABLE audit ("));
    assert_eq!(bench.store.migration_text(9_000), None);
    bench.store.check_schema().await.unwrap();
}

async fn it_answers(bench: Bench) {
    bench.store.clock_ms().await.unwrap();
    let (in_use, idle) = bench.store.connections();
    assert!(
        (1..=4).contains(&(in_use + idle)),
        "{in_use} in use, {idle} idle"
    );
    bench.store.make_durable().await.unwrap();
}

async fn a_closed_store_is_unreachable(bench: Bench) {
    bench.store.close().await;
    let error = bench.store.clock_ms().await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    // Port 1 of the loopback has no listener.
    let error = Store::connect("postgres://nobody@127.0.0.1:1/none", 1)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn an_empty_database_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("empty.db").display());
    let store = Store::connect(&url, 2).await.unwrap();
    let error = store.check_schema().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Schema(text) if text.contains("onsale migrate")),
        "{error}"
    );
    assert!(!store.has_schema().await.unwrap());
    assert_eq!(store.migrate().await.unwrap(), 14);
    assert!(store.has_schema().await.unwrap());
    store.check_schema().await.unwrap();
}
