//! Migrations and the connection.

use onsale_store::{Store, StoreError};

use crate::harness::{Bench, contract};

contract!(
    migrations_are_applied_once,
    a_foreign_migration_is_refused,
    a_missing_migration_is_refused,
    an_altered_migration_is_refused,
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
    assert_eq!(store.migrate().await.unwrap(), 10);
    assert!(store.has_schema().await.unwrap());
    store.check_schema().await.unwrap();
}
