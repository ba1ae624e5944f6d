//! A PostgreSQL that falls silent without closing a connection, behind the real binary: sales go on where
//! they can, lists answer 503, everything recovers without a restart, and a stop does not wait for it.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::postgres::Database;
use crate::silent_proxy::Proxy;
use crate::support::{Server, SmallShow};

/// Several times what anything here takes; without limits on this side it would take for ever.
const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(100);
/// What keeps the projection, the watermarks' readers and the worker of jobs inside a statement.
const LOCK: &[u8] = b"BEGIN; LOCK TABLE projector_watermarks, jobs IN ACCESS EXCLUSIVE MODE;\n";
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
     AND datname = current_database() AND application_name = 'onsale'";
/// More than one projection takes and than may wait for it.
const MANY: std::ops::RangeInclusive<u32> = 5..=16;
const TOO_MANY: std::ops::RangeInclusive<u32> = 17..=28;
const UNPROJECTED: &str = "the database does not take the projection";

/// The answer of `psql`.
fn asked(database: &Database, statement: &str) -> String {
    let output = Command::new("psql")
        .args(["-qtA", "-d", &database.url(), "-c", statement])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn until_asked(database: &Database, statement: &str, done: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = asked(database, statement);
        if done(&said) {
            return;
        }
        assert!(Instant::now() < deadline, "{statement}: {said}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Keeps the tables locked until its input is dropped.
fn lock(database: &Database) -> Child {
    let mut session = Command::new("psql")
        .args(["-q", "-d", &database.url()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    session.stdin.as_mut().unwrap().write_all(LOCK).unwrap();
    session
}

async fn rides_out_a_silence(server: Server, database: Database, proxy: Proxy, waiting: u32) {
    let show = SmallShow::open(&server).await;
    show.reserve(&server, &["A-1"]).await;
    server
        .until_ready(PATIENCE, |status, said| {
            status == 200 && !said.contains(UNPROJECTED)
        })
        .await;
    let mut session = lock(&database);
    show.reserve(&server, &["A-2"]).await;
    until_asked(&database, WAITING, |count| {
        count.parse::<u32>().is_ok_and(|count| count >= waiting)
    })
    .await;
    proxy.fall_silent();
    drop(session.stdin.take());
    session.wait().unwrap();

    for seat in MANY {
        show.reserve(&server, &[&format!("A-{seat}")]).await;
    }
    let (status, body) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(status, 503, "{body}");
    server
        .until_ready(PATIENCE, |_, said| said.contains(UNPROJECTED))
        .await;

    proxy.come_back();
    server
        .until_ready(PATIENCE, |status, said| {
            status == 200 && !said.contains(UNPROJECTED)
        })
        .await;
    let last = format!("A-{}", MANY.end());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, body) = server.get(&show.buyer, "/bookings?limit=100").await;
        if status == 200 && body.to_string().contains(&last) {
            break;
        }
        assert!(Instant::now() < deadline, "{status}: {body}");
        tokio::time::sleep(PAUSE).await;
    }
    // The worker works again.
    database.run(
        "UPDATE jobs SET state = 'waiting', attempts = 0, due_at_ms = 0, ended_at_ms = NULL, \
         worker = NULL, lease_until_ms = NULL",
    );
    let done = "SELECT bool_and(state = 'done') FROM jobs";
    until_asked(&database, done, |said| said == "t").await;

    proxy.fall_silent();
    for seat in TOO_MANY {
        show.reserve(&server, &[&format!("A-{seat}")]).await;
    }
    assert_eq!(server.stop_within(PATIENCE).await, Some(0));
}

#[tokio::test]
async fn an_embedded_server_rides_out_a_silent_database() {
    let database = Database::create();
    let proxy = Proxy::to(&database.url());
    let folder = tempfile::tempdir().unwrap();
    let variables = [("ONSALE_DATABASE__URL", proxy.url())];
    let server = Server::start_with(folder.path(), &variables).await;
    // The projection and the worker.
    rides_out_a_silence(server, database, proxy, 2).await;
}

#[tokio::test]
async fn a_node_on_kafka_rides_out_a_silent_database() {
    let Ok(brokers) = std::env::var("ONSALE_TEST_KAFKA_BROKERS") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "ONSALE_TEST_KAFKA_BROKERS is not set: run the tests by deploy/test.sh"
        );
        return;
    };
    let database = Database::create();
    let proxy = Proxy::to(&database.url());
    let prefix = format!("silent-{}", uuid::Uuid::new_v4().simple());
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("ONSALE_DATABASE__URL", proxy.url()),
        ("ONSALE_KAFKA__BROKERS", &brokers),
        ("ONSALE_KAFKA__TOPIC_PREFIX", &prefix),
        ("ONSALE_LOG__PARTITIONS", "1"),
        ("ONSALE_CLUSTER__PROCESSORS", "one"),
        ("ONSALE_CLUSTER__REPLICAS", "1"),
        ("ONSALE_NODE__ID", "one"),
        ("ONSALE_NODE__ROLES", "ingress,processor,projector,worker"),
    ];
    let server = Server::start_with(folder.path(), &variables).await;
    // The projection, the reader of watermarks and the worker.
    rides_out_a_silence(server, database, proxy, 3).await;
}
