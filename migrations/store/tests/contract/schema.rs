//! Migrations and the connection.

use std::collections::BTreeSet;

use onsale_store::account::SessionEnd;
use onsale_store::audit::Unaudited;
use onsale_store::{Store, StoreError};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::accounts::{NOW_MS, add, open};
use crate::build::id;
use crate::harness::{Bench, contract, on_postgres};

contract!(
    migrations_are_applied_once,
    a_database_of_a_later_version_is_used_and_stays_as_it_is,
    in_a_database_of_a_later_version_texts_are_not_compared,
    what_is_missing_below_a_later_migration_is_refused,
    a_missing_migration_is_refused,
    an_altered_migration_is_refused,
    a_lost_list_of_migrations_is_named,
    what_the_migrations_leave_is_listed,
    what_was_deleted_by_hand_is_named,
    it_answers,
    what_was_changed_by_hand_is_named,
    nothing_goes_through_a_closed_latch,
    a_closed_store_is_unreachable,
    sessions_outlive_the_migration_that_makes_their_table_anew,
);

async fn migrations_are_applied_once(bench: Bench) {
    bench.store.check_schema().await.unwrap();
    assert_eq!(bench.store.migrate().await.unwrap(), 0);
}

/// As a version to come writes its migrations down.
const OF_LATER_VERSIONS: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
     execution_time) SELECT 9000, 'from the future', success, checksum, 0 FROM _sqlx_migrations \
     WHERE version = 1 UNION ALL SELECT 9001, 'from the future', success, checksum, 0 \
     FROM _sqlx_migrations WHERE version = 1";

/// Migrations only add, so a node of the version before may start again while an upgrade rolls, and go back.
async fn a_database_of_a_later_version_is_used_and_stays_as_it_is(bench: Bench) {
    let store = &bench.store;
    assert!(store.later_migrations().await.unwrap().is_empty());
    bench.tamper(OF_LATER_VERSIONS).await;
    store.check_schema().await.unwrap();
    assert_eq!(store.migrate().await.unwrap(), 0);
    assert_eq!(
        store.later_migrations().await.unwrap().numbers,
        [9000, 9001]
    );
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM _sqlx_migrations WHERE version >= 9000";
    assert_eq!(bench.texts(count).await, ["2"]);
}

/// The later version may have given a function or trigger another text; that is nobody's doing by hand. What is
/// gone is missed all the same.
async fn in_a_database_of_a_later_version_texts_are_not_compared(bench: Bench) {
    let store = &bench.store;
    bench
        .tamper(if bench.url.starts_with("sqlite") {
            "DROP TRIGGER zone_has_changed; CREATE TRIGGER zone_has_changed AFTER UPDATE OF name ON zones \
             BEGIN SELECT 1; END; DROP TABLE address_changes"
        } else {
            "CREATE OR REPLACE FUNCTION zone_has_changed() RETURNS trigger LANGUAGE plpgsql \
             AS 'BEGIN RETURN NEW; END'; DROP TABLE address_changes"
        })
        .await;
    let missing = store.missing_objects().await.unwrap();
    assert_eq!(
        missing.iter().filter(|object| object.is_altered).count(),
        1,
        "{missing:?}"
    );
    bench.tamper(OF_LATER_VERSIONS).await;
    let missing = store.missing_objects().await.unwrap();
    let named: Vec<&str> = missing.iter().map(|one| one.object.as_str()).collect();
    assert_eq!(named, ["table address_changes"]);
}

/// What comes later may build on what is missing otherwise than this program would.
async fn what_is_missing_below_a_later_migration_is_refused(bench: Bench) {
    bench.tamper(OF_LATER_VERSIONS).await;
    bench
        .tamper("DELETE FROM _sqlx_migrations WHERE version = 25")
        .await;
    let store = &bench.store;
    for refused in [store.check_schema().await, store.migrate().await.map(drop)] {
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, StoreError::Schema(text)
                if text.contains("0025") && text.contains("9000, 9001")),
            "{error}"
        );
    }
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM _sqlx_migrations WHERE version = 25";
    assert_eq!(bench.texts(count).await, ["0"]);
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
    let refused = bench.store.migrate().await.unwrap_err();
    assert_eq!(refused.to_string(), error.to_string());
}

/// A new migration adds what it creates to `src/schema/*.txt`.
async fn a_lost_list_of_migrations_is_named(bench: Bench) {
    let store = &bench.store;
    for gone in [
        "DELETE FROM _sqlx_migrations",
        "DROP TABLE _sqlx_migrations",
    ] {
        bench.tamper(gone).await;
        assert!(store.has_schema().await.unwrap(), "it is not empty");
        for refused in [store.check_schema().await, store.migrate().await.map(drop)] {
            let error = refused.unwrap_err();
            assert!(
                matches!(&error, StoreError::Schema(text) if text.contains("_sqlx_migrations")),
                "{error}"
            );
        }
    }
}

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
             AND tablename NOT LIKE '%sqlx%' AND tablename !~ '^audit_[0-9]' \
             UNION ALL SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public' \
             AND tablename NOT LIKE '%sqlx%' AND tablename !~ '^audit_[0-9]' \
             UNION ALL SELECT DISTINCT 'trigger ' || trigger_name \
             FROM information_schema.triggers WHERE trigger_schema = 'public' \
             UNION ALL SELECT 'view ' || viewname FROM pg_views WHERE schemaname = 'public' \
             AND viewname NOT LIKE 'readable_%' \
             UNION ALL SELECT 'function ' || proname FROM pg_proc \
             WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' \
             UNION ALL SELECT 'policy ' || tablename || '.' || policyname FROM pg_policies \
             WHERE schemaname = 'public' \
             UNION ALL SELECT 'column ' || c.table_name || '.' || c.column_name \
             FROM information_schema.columns AS c JOIN pg_tables AS t \
             ON t.tablename = c.table_name AND t.schemaname = c.table_schema \
             WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '%sqlx%' \
             AND c.table_name !~ '^audit_[0-9]'",
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
    let mut expected = vec![
        "column jobs.progress (migration 0008)",
        "index shows_by_event (migration 0001)",
    ];
    if bench.url.starts_with("sqlite") {
        expected.push("table audit (migration 0010)");
    } else {
        // With all its parts.
        expected.push("table audit (migration 0015)");
        expected.push("table audit_other (migration 0015)");
    }
    expected.push("trigger zone_has_changed (migration 0005)");
    assert_eq!(missing, expected);
    let text = bench.store.migration_text(10).unwrap();
    assert!(text.contains("CREATE TABLE audit ("));
    assert_eq!(bench.store.migration_text(9_000), None);
    bench.store.check_schema().await.unwrap();
}

/// A trigger is brought back from the last of the migrations that create it.
async fn what_was_changed_by_hand_is_named(bench: Bench) {
    bench
        .tamper(if bench.url.starts_with("sqlite") {
            "DROP TRIGGER show_has_changed; \
             CREATE TRIGGER show_has_changed AFTER UPDATE OF name, starts_at_ms, sale_opens_at_ms, \
                 sale_closes_at_ms, hold_ms, status ON shows \
             BEGIN \
                 UPDATE shows SET version = version + 1 WHERE show_id = NEW.show_id; \
             END;"
        } else {
            "DROP TRIGGER show_has_changed ON shows; \
             CREATE TRIGGER show_has_changed BEFORE UPDATE OF name, starts_at_ms, sale_opens_at_ms, \
                 sale_closes_at_ms, hold_ms, status ON shows \
                 FOR EACH ROW EXECUTE FUNCTION catalog_row_has_changed();"
        })
        .await;
    let missing = bench.store.missing_objects().await.unwrap();
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        missing,
        ["the right text of trigger show_has_changed (migration 0029)"]
    );
}

/// What is there and does nothing is as good as missing.
#[tokio::test]
async fn what_was_weakened_by_hand_is_named() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        bench
            .tamper(
                "CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql \
                     AS $$ BEGIN RETURN NEW; END $$; \
                 ALTER FUNCTION audit_drop_months(bigint, integer) RESET search_path; \
                 CREATE OR REPLACE FUNCTION onsale_reach() RETURNS text STABLE PARALLEL SAFE \
                     RETURN 'all'; \
                 ALTER POLICY reads ON audit USING (true); \
                 ALTER POLICY changes ON shows USING (onsale_sees_event(event_id))",
            )
            .await;
        let months = "SELECT inhrelid::regclass::text FROM pg_inherits \
                      WHERE inhparent = 'audit'::regclass AND inhrelid <> 'audit_other'::regclass \
                      ORDER BY 1";
        let month = bench.texts(months).await.swap_remove(0);
        let disable = format!("ALTER TABLE {month} DISABLE TRIGGER USER");
        store.by_hand(&disable).await.unwrap();
        let missing = store.missing_objects().await.unwrap();
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            missing,
            [
                "the right text of function audit_drop_months (migration 0015)",
                "the right text of function audit_is_append_only (migration 0015)",
                "the right text of function onsale_reach (migration 0016)",
                "the right text of policy audit.reads (migration 0016)",
                "the right text of policy shows.changes (migration 0016)",
                "trigger audit_is_append_only (migration 0015)",
                "trigger audit_is_never_truncated (migration 0015)",
            ]
        );
        // What the message names brings it back.
        for version in [15, 16] {
            let text = store.migration_text(version).unwrap();
            store.by_hand(text).await.unwrap();
        }
        assert_eq!(store.missing_objects().await.unwrap(), []);
    })
    .await;
}

/// What a trigger does depends on more than its text.
#[tokio::test]
async fn what_would_be_taken_for_postgresqls_own_is_named() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        assert_eq!(store.shadowing_objects().await.unwrap(), [""; 0]);
        // A name of its own is in nobody's way.
        bench
            .tamper(
                "CREATE FUNCTION is_never(bigint, smallint) RETURNS boolean LANGUAGE sql IMMUTABLE \
                     RETURN false; \
                 CREATE OPERATOR <~~> (LEFTARG = bigint, RIGHTARG = smallint, FUNCTION = is_never)",
            )
            .await;
        assert_eq!(store.shadowing_objects().await.unwrap(), [""; 0]);
        bench
            .tamper(
                "CREATE OPERATOR < (LEFTARG = bigint, RIGHTARG = smallint, FUNCTION = is_never); \
                 CREATE FUNCTION upper(varchar) RETURNS text LANGUAGE sql IMMUTABLE RETURN 'X'; \
                 CREATE SCHEMA onsale_tests AUTHORIZATION onsale_tests; \
                 CREATE FUNCTION onsale_tests.now() RETURNS integer LANGUAGE sql IMMUTABLE RETURN 0",
            )
            .await;
        assert_eq!(
            store.shadowing_objects().await.unwrap(),
            [
                "function onsale_tests.now()",
                "function public.upper(character varying)",
                "operator public.< (bigint, smallint)",
            ]
        );
        // The texts are all as they were.
        assert_eq!(store.missing_objects().await.unwrap(), []);
    })
    .await;
}

/// The path of each function is its own, so that whoever runs it cannot lead it elsewhere.
#[tokio::test]
async fn every_trigger_has_a_path_of_its_own() {
    on_postgres(|bench| async move {
        let without = "SELECT DISTINCT p.proname::text FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid \
                       WHERE NOT t.tgisinternal \
                           AND NOT 'search_path=public, pg_temp' = ANY (coalesce(p.proconfig, '{}'))";
        assert_eq!(bench.texts(without).await, [""; 0]);
        bench
            .tamper("ALTER FUNCTION zone_has_changed() SET search_path = public, pg_catalog")
            .await;
        let missing = bench.store.missing_objects().await.unwrap();
        let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
        assert_eq!(
            missing,
            ["the right text of function zone_has_changed (migration 0025)"]
        );
        let text = bench.store.migration_text(25).unwrap();
        bench.tamper(text).await;
        assert_eq!(bench.store.missing_objects().await.unwrap(), []);
    })
    .await;
}

/// A schema by the name of the role comes first in the path, and the tables lie in the one behind it.
#[tokio::test]
async fn another_schema_in_front_alters_nothing() {
    on_postgres(|bench| async move {
        bench
            .tamper("CREATE SCHEMA onsale_tests AUTHORIZATION onsale_tests")
            .await;
        assert_eq!(bench.store.missing_objects().await.unwrap(), []);
    })
    .await;
}

/// A migration that waits for a table keeps everyone waiting who comes behind it, so it lets go and tries again.
#[tokio::test]
async fn a_migration_that_waits_lets_others_read() {
    on_postgres(|bench| async move {
        // All of it may be run again.
        bench
            .tamper("DELETE FROM _sqlx_migrations WHERE version = 16")
            .await;
        // As a backup does, for as long as it takes.
        let mut reader = sqlx::PgConnection::connect(&bench.url).await.unwrap();
        sqlx::raw_sql("BEGIN; SELECT 1 FROM bookings LIMIT 1")
            .execute(&mut reader)
            .await
            .unwrap();
        let store = bench.store.clone();
        let migrating = tokio::spawn(async move { store.migrate().await });
        let waiting = "SELECT count(*)::text FROM pg_locks \
                       WHERE NOT granted AND relation = 'bookings'::regclass";
        while bench.texts(waiting).await == ["0"] {
            assert!(!migrating.is_finished());
        }
        bench
            .tamper(
                "SET lock_timeout = '60s'; SELECT 1 FROM bookings LIMIT 1; \
                 SELECT 1 FROM events LIMIT 1",
            )
            .await;
        sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
        assert_eq!(migrating.await.unwrap().unwrap(), 1);
        bench.store.check_schema().await.unwrap();
        assert_eq!(bench.store.missing_objects().await.unwrap(), []);
        reader.close().await.unwrap();
    })
    .await;
}

async fn nothing_goes_through_a_closed_latch(bench: Bench) {
    let (store, latch) = bench.store.behind_latch();
    let unreachable = |error: StoreError| {
        assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
        error.to_string()
    };
    unreachable(store.log_identity().await.unwrap_err());
    unreachable(store.set_log_identity([7; 16], &[]).await.unwrap_err());
    unreachable(store.clock_ms().await.unwrap_err());
    unreachable(store.migrate().await.unwrap_err());
    unreachable(store.of_one_moment().await.unwrap_err());
    assert_eq!(store.refused(), None);
    latch.refuse("it is another one's".to_owned());
    let said = unreachable(store.watermarks().await.unwrap_err());
    assert!(said.contains("it is another one's"), "{said}");
    assert_eq!(store.refused().unwrap(), "it is another one's");

    // The look goes past it, and nothing was written.
    assert_eq!(store.past_latch().log_identity().await.unwrap(), None);
    assert_eq!(bench.store.log_identity().await.unwrap(), None);
    latch.open();
    store.until_open().await;
    latch.refuse("too late".to_owned());
    assert_eq!(store.refused(), None);
    store.set_log_identity([7; 16], &[]).await.unwrap();
    assert_eq!(bench.store.log_identity().await.unwrap(), Some([7; 16]));
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

/// On SQLite. All of the migration may be run again.
async fn sessions_outlive_the_migration_that_makes_their_table_anew(bench: Bench) {
    add(&bench, 1).await;
    let (live, ended) = (open(&bench, 1, 1).await, open(&bench, 2, 1).await);
    let store = &bench.store;
    let end = async |session: Uuid, why: SessionEnd| {
        let by = Unaudited::Unattended;
        let end = store.end_session(id(1), session, why, NOW_MS + 1, by);
        assert!(end.await.unwrap(), "{why:?}");
    };
    end(ended.session_id, SessionEnd::Logout).await;
    let rows = async || {
        let mut rows = Vec::new();
        for session in [&live, &ended] {
            rows.push(store.session(session.session_id).await.unwrap().unwrap());
        }
        rows
    };
    let before = rows().await;
    let text = store.migration_text(26).unwrap();
    bench.tamper(text).await;
    assert_eq!(rows().await, before);
    assert_eq!(store.missing_objects().await.unwrap(), []);
    end(live.session_id, SessionEnd::Address).await;
    let why = rows().await[0].ended.map(|(_, why)| why);
    assert_eq!(why, Some(SessionEnd::Address));
    let other = "UPDATE sessions SET ended_why = 'other'";
    assert!(bench.try_tamper(other).await.is_err());
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
    assert_eq!(store.log_identity().await.unwrap(), None);
    assert_eq!(store.log_marks().await.unwrap(), []);
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../sqlite")).unwrap();
    assert_eq!(store.migrate().await.unwrap(), files.count());
    assert!(store.has_schema().await.unwrap());
    store.check_schema().await.unwrap();
}
