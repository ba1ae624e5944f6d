//! A database that a later version has migrated, as while an upgrade rolls or after going back: migrations only add,
//! so this version works with it.

use serde_json::{Value, json};

use crate::postgres::Database;
use crate::support::{Server, SmallShow};

/// As a version to come writes its migration down, and what that creates.
const MIGRATED: &str = "CREATE TABLE of_the_future (one integer); \
     INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
     SELECT 9000, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
const NAMED: &str = "later version of Onsale (migration 9000)";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_later_version_is_used() {
    used(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_later_version_is_used_on_postgresql() {
    let database = Database::create();
    used(Some(&database.url())).await;
}

async fn used(database: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let settings: Vec<(&str, &str)> = database
        .iter()
        .map(|url| ("ONSALE_DATABASE__URL", *url))
        .collect();
    let mut server = Server::start_with(&data, &settings).await;
    let show = SmallShow::open(&server).await;
    assert!(!server.log().contains(NAMED));
    let url = match database {
        Some(url) => url.to_owned(),
        None => format!("sqlite://{}", data.join("onsale.sqlite").display()),
    };
    let store = onsale_store::Store::connect(&url, 2).await.unwrap();
    store.by_hand(MIGRATED).await.unwrap();
    store.close().await;

    let verb = |server: &Server, args: &[&str]| {
        let (code, out, err) = server.verb(args);
        assert_eq!(code, Some(0), "{args:?}: {out}{err}");
        out
    };
    for args in [&["doctor"][..], &["migrate"]] {
        let out = verb(&server, args);
        assert!(out.contains(NAMED), "{args:?}: {out}");
    }
    let said: Value = serde_json::from_str(&verb(&server, &["migrate", "--json"])).unwrap();
    let expected = json!({ "applied": 0, "granted_to": null, "later_migrations": [9000] });
    assert_eq!(said, expected);
    let (code, _, err) = server.verb(&["migrate", "--grant", "somebody"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains(NAMED), "{err}");

    server.kill();
    server.restart().await;
    let warned = server.log().matches(NAMED).count();
    assert_eq!(warned, 1, "{}", server.log());
    show.reserve(&server, &["A-1"]).await;
    let (status, ready) = server.readiness().await;
    assert_eq!(status, 200, "{ready}");
    assert!(!ready.to_string().contains("by hand"), "{ready}");
}
