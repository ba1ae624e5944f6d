//! The database is lost, or another one's, under a log on Kafka: `doctor` and `verify` say so.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::postgres::Database;
use crate::support::{Server, SmallShow};

/// Far more than a projection takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The brokers to test on; `None` where there are none.
pub(crate) fn brokers() -> Option<String> {
    let brokers = std::env::var("ONSALE_TEST_KAFKA_BROKERS").ok();
    assert!(
        brokers.is_some() || std::env::var_os("CI").is_none(),
        "ONSALE_TEST_KAFKA_BROKERS is not set: run the tests by deploy/test.sh"
    );
    brokers
}

#[tokio::test]
async fn a_lost_or_foreign_database_is_named_on_kafka_too() {
    let Some(brokers) = brokers() else {
        return;
    };
    let (database, empty) = (Database::create(), Database::create());
    let prefix = format!("fit-{}", uuid::Uuid::new_v4().simple());
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let variables = [
        ("ONSALE_DATABASE__URL", url.as_str()),
        ("ONSALE_KAFKA__BROKERS", &brokers),
        ("ONSALE_KAFKA__TOPIC_PREFIX", &prefix),
        ("ONSALE_LOG__PARTITIONS", "2"),
        ("ONSALE_CLUSTER__PROCESSORS", "one"),
        ("ONSALE_CLUSTER__REPLICAS", "1"),
        ("ONSALE_NODE__ID", "one"),
        ("ONSALE_NODE__ROLES", "ingress,processor,projector"),
    ];
    let mut server = Server::start_with(folder.path(), &variables).await;
    let show = SmallShow::open(&server).await;
    show.reserve(&server, &["A-3", "A-4"]).await;
    let (status, listed) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(status, 200, "{listed}");
    let (code, _, err) = server.verb(&["verify"]);
    assert_eq!(code, Some(0), "{err}");
    server.kill();

    // Another one, with nothing in it, and then with nothing but its tables.
    let of = |url: &str| [("ONSALE_DATABASE__URL".to_owned(), url.to_owned())];
    let (code, out, err) = server.verb_with(&of(&empty.url()), &["doctor"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(
        out.contains("the database is empty and the log has"),
        "{out}"
    );
    let (code, out, err) = server.verb_with(&of(&empty.url()), &["migrate"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let (code, out, err) = server.verb_with(&of(&empty.url()), &["doctor"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(
        out.contains("the database is empty and the log has"),
        "{out}"
    );
    assert!(out.contains("onsale reconcile --report FILE"), "{out}");
    let (code, _, err) = server.verb_with(&of(&empty.url()), &["verify"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.contains("the database is empty and the log has"),
        "{err}"
    );

    // The one of another log, which a server does not write into.
    database.run("UPDATE log_identity SET log_id = decode(repeat('07', 16), 'hex')");
    for verb in ["doctor", "verify"] {
        let (code, out, err) = server.verb(&[verb]);
        assert_eq!(code, Some(1), "{verb}: {out}{err}");
        assert!(
            format!("{out}{err}").contains("the database belongs to log 0707"),
            "{verb}: {out}{err}"
        );
    }
    server.restart_whatever_it_says().await;
    server
        .until_ready(PATIENCE, |status, said| {
            let is_said = said.contains("the database belongs to log");
            assert!(!is_said || status == 503, "{status}: {said}");
            is_said
        })
        .await;
}

/// It is neither read nor written, by none of the roles that do not compare it with the log by themselves.
#[tokio::test]
async fn no_role_uses_the_database_of_another_log() {
    let Some(brokers) = brokers() else {
        return;
    };
    let database = Database::create();
    let prefix = format!("fit-{}", uuid::Uuid::new_v4().simple());
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let variables = |roles: &'static str| {
        [
            ("ONSALE_DATABASE__URL", url.as_str()),
            ("ONSALE_KAFKA__BROKERS", brokers.as_str()),
            ("ONSALE_KAFKA__TOPIC_PREFIX", prefix.as_str()),
            ("ONSALE_LOG__PARTITIONS", "1"),
            ("ONSALE_CLUSTER__PROCESSORS", "one"),
            ("ONSALE_CLUSTER__REPLICAS", "1"),
            ("ONSALE_NODE__ID", "one"),
            ("ONSALE_NODE__ROLES", roles),
        ]
    };
    let all = variables("ingress,processor,projector");
    let server = Server::start_with(folder.path(), &all).await;
    let show = SmallShow::open(&server).await;
    show.reserve(&server, &["A-3", "A-4"]).await;
    // Bookings would wait for a projector, which those others do without; what is for sale does not.
    let for_sale = format!("/shows/{}", show.show);
    let (status, shown) = server.get(&show.buyer, &for_sale).await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(server.stop(), Some(0));

    let ours = database.text("SELECT encode(log_id, 'hex') FROM log_identity");
    database.run("UPDATE log_identity SET log_id = decode(repeat('07', 16), 'hex')");
    let seen = || {
        database.text(
            "SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM audit), \
             (SELECT count(*) FROM one_time_tokens), (SELECT sum(next_offset) FROM snapshots), \
             (SELECT count(*) FROM lookup_keys)",
        )
    };
    let before = seen();
    let others = variables("ingress,processor,worker");
    let server = Server::start_whatever_it_says(folder.path(), &others).await;
    server
        .until_ready(PATIENCE, |status, said| {
            let is_said = said.contains("the database belongs to log 0707");
            assert!(!is_said || status == 503, "{status}: {said}");
            is_said
        })
        .await;
    let (status, said) = server.get(&show.buyer, &for_sale).await;
    assert_eq!(status, 503, "{said}");
    let (code, out, err) = server.verb(&["snapshot", "create"]);
    assert_eq!(seen(), before, "{code:?}: {out}{err}");

    // It is the right one after all, and nobody has to be restarted.
    let sql = format!("UPDATE log_identity SET log_id = decode('{ours}', 'hex')");
    database.run(&sql);
    server
        .until_ready(PATIENCE, |_, said| !said.contains("the database belongs"))
        .await;
    let (status, said) = server.get(&show.buyer, &for_sale).await;
    assert_eq!(status, 200, "{said}");
}

/// A session of another program that nobody else changes a table beside, until it is released.
struct Locked(Child);

impl Locked {
    fn table(database: &Database, table: &str) -> Self {
        let mut child = Command::new("psql")
            .args(["-qAt", "-v", "ON_ERROR_STOP=1", "-d", &database.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let sql = format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE; SELECT 'locked';\n");
        let input = child.stdin.as_mut().unwrap();
        input.write_all(sql.as_bytes()).unwrap();
        input.flush().unwrap();
        let mut said = String::new();
        let output = child.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut said).unwrap();
        assert_eq!(said.trim(), "locked");
        Self(child)
    }

    fn release(mut self) {
        // psql ends with its input.
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

/// A backup reads for hours, and a migration gets its locks behind it.
#[tokio::test]
async fn a_node_takes_its_partitions_while_a_migration_waits_for_its_locks() {
    let Some(brokers) = brokers() else {
        return;
    };
    let database = Database::create();
    let prefix = format!("fit-{}", uuid::Uuid::new_v4().simple());
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let variables = [
        ("ONSALE_DATABASE__URL", url.as_str()),
        ("ONSALE_KAFKA__BROKERS", brokers.as_str()),
        ("ONSALE_KAFKA__TOPIC_PREFIX", prefix.as_str()),
        ("ONSALE_LOG__PARTITIONS", "1"),
        ("ONSALE_CLUSTER__PROCESSORS", "one"),
        ("ONSALE_CLUSTER__REPLICAS", "1"),
        ("ONSALE_NODE__ID", "one"),
        ("ONSALE_NODE__ROLES", "ingress,processor,projector"),
    ];
    let mut server = Server::start_with(folder.path(), &variables).await;
    let show = SmallShow::open(&server).await;
    let booking = format!("/bookings/{}", show.reserve(&server, &["A-1"]).await);
    let (status, shown) = server.get(&show.buyer, &booking).await;
    assert_eq!(status, 200, "{shown}");
    let admin = server.token("admin", "00000000-0000-4000-8000-00000000dddd");
    let epoch = async |server: &Server| {
        let (_, partitions) = server.get(&admin, "/partitions").await;
        partitions["data"][0]["epoch"].as_u64()
    };
    let before = epoch(&server).await;
    assert!(before.is_some());
    server.kill();

    // One that may be applied twice, and changes the triggers of that table.
    database.run("DELETE FROM _sqlx_migrations WHERE version = 15");
    let locked = Locked::table(&database, "audit");
    server.restart_whatever_it_says().await;
    let deadline = Instant::now() + PATIENCE;
    while epoch(&server).await <= before {
        assert!(Instant::now() < deadline, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let is_applied = "SELECT count(*) FROM _sqlx_migrations WHERE version = 15";
    assert_eq!(database.text(is_applied), "0");
    locked.release();
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Through the latch, which opens behind the migration.
        let (status, said) = server.get(&show.buyer, "/bookings").await;
        if status == 200 && said["data"].as_array().is_some_and(|all| all.len() == 1) {
            break;
        }
        let log = server.log();
        assert!(Instant::now() < deadline, "{status}: {said}\n{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(database.text(is_applied), "1");
    show.reserve(&server, &["A-2"]).await;
}
