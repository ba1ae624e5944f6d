//! What is PostgreSQL's alone: a role that may write entries and nothing else, and months.

use std::future::Future;

use onsale_store::audit::{Actor, AuditEntry};
use onsale_store::{Store, StoreError};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::build::{Chain, time_of, with_show};
use crate::harness::{Bench, on_postgres};

/// Connections of the role.
const CONNECTIONS_MAX: u32 = 2;

fn entry() -> AuditEntry {
    Actor::command_line().did("thing.do", "job", 1)
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
    on_postgres(|bench| with_role(bench, as_role)).await;
}

#[tokio::test]
async fn a_role_that_owns_nothing_uses_a_later_schema_and_is_told_what_an_earlier_one_lacks() {
    on_postgres(|bench| with_role(bench, as_role_of_another_version)).await;
}

async fn as_role_of_another_version(bench: Bench, role: String) {
    assert!(bench.store.grant_to_role(&role).await.unwrap());
    let url = url_of(&bench, &role);
    let store = Store::connect(&url, CONNECTIONS_MAX).await.unwrap();
    let store = store.for_installation();
    bench
        .tamper(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9000, 'from the future', success, checksum, 0 FROM _sqlx_migrations \
             WHERE version = 1",
        )
        .await;
    assert_eq!(store.migrate().await.unwrap(), 0);
    assert_eq!(store.later_migrations().await.unwrap().numbers, [9000]);
    assert_eq!(store.missing_objects().await.unwrap(), []);
    bench
        .tamper("DELETE FROM _sqlx_migrations WHERE version IN (25, 9000)")
        .await;
    let error = store.migrate().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Schema(text) if text.contains("0025")
            && text.contains("the role that owns the tables")
            && text.contains("permission denied")),
        "{error}"
    );
    store.close().await;
}

/// Runs a test with a role of its own, which is dropped even when the test fails.
async fn with_role<F>(bench: Bench, test: impl FnOnce(Bench, String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let role = format!("onsale_test_{}", uuid::Uuid::new_v4().simple());
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'");
    administer(&bench, create).await;
    let outcome = tokio::spawn(test(bench.clone(), role.clone())).await;
    // Roles belong to the server, not to the database.
    let forget = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    administer(&bench, forget).await;
    if let Err(failed) = outcome {
        std::panic::resume_unwind(failed.into_panic());
    }
}

/// The database as that role reaches it.
fn url_of(bench: &Bench, role: &str) -> String {
    let (_, server) = bench.url.rsplit_once('@').unwrap();
    format!("postgres://{role}:secret@{server}")
}

/// Databases of before PostgreSQL 15 have a schema that is not the owner's, and in which everyone may create
/// something.
#[tokio::test]
async fn a_role_that_may_create_functions_is_refused_and_none_of_them_runs() {
    on_postgres(|bench| with_role(bench, beside_an_open_schema)).await;
}

async fn beside_an_open_schema(bench: Bench, role: String) {
    let owner = &bench.store;
    bench
        .tamper("ALTER SCHEMA public OWNER TO CURRENT_USER; GRANT ALL ON SCHEMA public TO PUBLIC")
        .await;
    let refused = owner.grant_to_role(&role).await.unwrap_err();
    assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    let refused = refused.to_string();
    let url = url_of(&bench, &role);
    let store = Store::connect(&url, CONNECTIONS_MAX).await.unwrap();
    let store = store.for_installation();
    let beyond = store.role_beyond_triggers().await.unwrap();
    assert_eq!(beyond.as_deref(), Some(role.as_str()));
    let error = store.append_audit(entry()).await.unwrap_err().to_string();
    assert!(
        error.contains("permission denied"),
        "nothing was granted: {error}"
    );
    let plant = "CREATE FUNCTION public.planted() RETURNS integer LANGUAGE sql AS 'SELECT 1'";
    store.by_hand(plant).await.unwrap();
    let (_, says) = refused.split_once("run: ").unwrap();
    let (statements, _) = says.split_once(" (and from").unwrap();
    bench.tamper(statements).await;
    let refused = owner.grant_to_role(&role).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Invalid(why) if why.contains("owns functions")),
        "{refused}"
    );
    store
        .by_hand("DROP FUNCTION public.planted()")
        .await
        .unwrap();
    assert!(owner.grant_to_role(&role).await.unwrap());
    assert_eq!(store.role_beyond_triggers().await.unwrap(), None);
    store.append_audit(entry()).await.unwrap();
    // Another one has planted something, with the very types of the calls, so that it comes before PostgreSQL's
    // own.
    for sql in [
        "CREATE FUNCTION public.format(text, text) RETURNS text LANGUAGE plpgsql \
         AS $$ BEGIN RAISE EXCEPTION 'taken over as %', current_user; END $$",
        "CREATE FUNCTION public.taken(bigint, numeric) RETURNS numeric LANGUAGE plpgsql \
         AS $$ BEGIN RAISE EXCEPTION 'taken over as %', current_user; END $$",
        "CREATE OPERATOR public./ (LEFTARG = bigint, RIGHTARG = numeric, FUNCTION = public.taken)",
        "CREATE FUNCTION public.added(text[], text) RETURNS text[] LANGUAGE plpgsql \
         AS $$ BEGIN RAISE EXCEPTION 'taken over as %', current_user; END $$",
        "CREATE OPERATOR public.|| (LEFTARG = text[], RIGHTARG = text, FUNCTION = public.added)",
    ] {
        bench.tamper(sql).await;
    }
    bench.keep_audit_for_a_month().await;
    for sql in [
        "SELECT audit_make_months(1700000000000, 2)",
        "INSERT INTO audit_horizon (one, dropped_before_ms) VALUES (1, 1706000000000)",
        "SELECT audit_drop_months(1706000000000, 10)",
    ] {
        store.by_hand(sql).await.unwrap();
    }
    let months = "SELECT inhrelid::regclass::text FROM pg_inherits \
                  WHERE inhparent = 'audit'::regclass";
    let months = bench.texts(months).await;
    assert!(
        !months.contains(&"audit_2023_11".to_owned()),
        "it was dropped: {months:?}"
    );
    store.close().await;
}

/// It would lose what the next migration needs.
#[tokio::test]
async fn nothing_is_taken_from_the_owner_of_the_tables() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        let refused = store.grant_to_role("onsale_tests").await.unwrap_err();
        assert!(
            matches!(&refused, StoreError::Invalid(why) if why.contains("owns the tables")),
            "{refused}"
        );
        let may = "SELECT has_table_privilege('onsale_tests', '_sqlx_migrations', 'INSERT')::text";
        assert_eq!(bench.texts(may).await, ["true"]);
        let by = Actor::command_line();
        assert!(store.keep_audit_days(366, &by).await.unwrap());
        let made = store.make_audit_months_of(&[time_of(1)]).await.unwrap();
        assert_eq!(made, 1);
    })
    .await;
}

/// Not those either who drop months or read all of them.
#[tokio::test]
async fn nobody_waits_for_months_that_are_there() {
    on_postgres(|bench| async move {
        let store = &bench.store;
        let mut other = sqlx::PgConnection::connect(&bench.url).await.unwrap();
        sqlx::raw_sql("SELECT pg_advisory_lock(8208, 15)")
            .execute(&mut other)
            .await
            .unwrap();
        assert_eq!(store.make_audit_months().await.unwrap(), 0);
        assert!(store.make_audit_months_of(&[time_of(1)]).await.is_err());
        other.close().await.unwrap();
        let made = store.make_audit_months_of(&[time_of(1)]).await.unwrap();
        assert_eq!(made, 1);
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

    let url = url_of(&bench, &role);
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
    let dropped: i64 = sqlx::query_scalar("SELECT audit_drop_months(9999999999999, 100000)")
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
        let of = async |times: [u64; 2]| store.make_audit_months_of(&times).await.unwrap();
        // November 2023 and January 2024, and none between them.
        assert_eq!(of([1_700_000_000_000, 1_704_500_000_000]).await, 2);
        assert_eq!(of([1_700_000_000_000, 1_704_500_000_000]).await, 0);
        assert_eq!(of([time_of(1), time_of(2)]).await, 1);
        // A clock that leaps ahead, to 2099.
        assert_eq!(of([time_of(1), 4_100_000_000_000]).await, 0);
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
