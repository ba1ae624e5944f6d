//! The database is lost, or another one's, under a log that has sold: that is said in the same words
//! by a start, by `doctor` and by `verify`, and nothing that was sold is hidden.

use std::path::Path;
use std::time::{Duration, Instant};

use onsale_store::Store;
use serde_json::json;

use crate::support::{Server, SmallShow};

/// Far more than a projection takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that has sold two seats of a show.
async fn sold(data: &Path) -> (Server, String, String) {
    let server = Server::start(data).await;
    let show = SmallShow::open(&server).await;
    let booking = show.reserve(&server, &["A-3", "A-4"]).await;
    let (status, answer) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"][0]["seats"], json!(["A-3", "A-4"]));
    (server, show.buyer, booking)
}

fn delete_database(data: &Path) {
    for ending in ["", "-wal", "-shm"] {
        // The last two are there only after a kill.
        let _ = std::fs::remove_file(data.join(format!("onsale.sqlite{ending}")));
    }
}

/// Two servers that have sold and were killed, the first with the database of the second beside its own log.
async fn with_the_other_ones_database(folder: &Path) -> (Server, Server) {
    let (here, there) = (folder.join("here"), folder.join("there"));
    let (mut server, ..) = sold(&here).await;
    let (mut other, ..) = sold(&there).await;
    server.kill();
    other.kill();
    delete_database(&here);
    for ending in ["", "-wal"] {
        let name = format!("onsale.sqlite{ending}");
        if there.join(&name).exists() {
            std::fs::copy(there.join(&name), here.join(&name)).unwrap();
        }
    }
    (server, other)
}

#[tokio::test]
async fn a_lost_database_is_said_and_hides_nothing_that_was_sold() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, buyer, booking) = sold(folder.path()).await;
    server.kill();
    delete_database(folder.path());

    let (code, out, _) = server.verb(&["doctor"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("onsale reconcile --report FILE"), "{out}");
    let (code, _, err) = server.verb(&["verify"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(
        err.contains("the database is empty and the log has"),
        "{err}"
    );

    server.restart_whatever_it_says().await;
    let log = server.log();
    assert!(
        log.contains("the database is empty and the log has"),
        "{log}"
    );
    assert!(log.contains("onsale reconcile --report FILE"), "{log}");
    // The bookings come back from the log at once; what is not known of a show is marked.
    let deadline = Instant::now() + PATIENCE;
    let ((status, said), bookings) = loop {
        // Asked first: what is missing after it was missing then, and may be there a moment later.
        let ready = server.readiness().await;
        let (status, answer) = server.get(&buyer, "/bookings").await;
        if status == 200 && answer["data"][0]["booking_id"] == json!(booking) {
            break (ready, answer);
        }
        assert!(Instant::now() < deadline, "{status}: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    if bookings["data"][0]["show_unknown"] == json!(true) {
        assert_eq!(bookings["data"][0]["seats"].as_array().unwrap().len(), 2);
        if status == 200 {
            // Killed before its document was in the log: only a backup has it, so nothing waits for
            // it.
            let log = server.log();
            assert!(log.contains("the log has no document"), "{log}");
            return;
        }
        assert_eq!(status, 503, "{said}");
        let said = said.to_string();
        // The catalog lacks it, or its document has not been seen yet.
        assert!(said.contains("was lost or is older than the log"), "{said}");
        assert!(said.contains("onsale reconcile --report FILE"), "{said}");
    }
}

#[tokio::test]
async fn the_database_of_another_log_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (server, mut other) = with_the_other_ones_database(folder.path()).await;
    for verb in ["serve", "verify"] {
        let (code, out, err) = server.verb(&[verb]);
        assert_eq!(code, Some(1), "{verb}: {out} {err}");
        assert!(
            format!("{out}{err}").contains("the database belongs to log"),
            "{verb}: {out} {err}"
        );
    }
    let (code, out, _) = server.verb(&["doctor"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("the database belongs to log"), "{out}");
    // It was not written to: its own log continues with it.
    other.restart().await;
}

/// One migration is missing in it, which a start would apply.
#[tokio::test]
async fn the_database_of_another_log_and_an_earlier_version_stays_of_that_version() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _other) = with_the_other_ones_database(folder.path()).await;
    let url = format!("sqlite://{}", server.data.join("onsale.sqlite").display());
    let store = Store::connect(&url, 2).await.unwrap();
    let last = "(SELECT MAX(version) FROM _sqlx_migrations)";
    let sql = format!("DELETE FROM _sqlx_migrations WHERE version = {last}");
    store.by_hand(&sql).await.unwrap();
    let before = store.check_schema().await.unwrap_err().to_string();
    for verb in ["serve", "verify", "doctor"] {
        let (code, out, err) = server.verb(&[verb]);
        let said = format!("{out}{err}");
        assert_eq!(code, Some(1), "{verb}: {said}");
        assert!(
            said.contains("the database belongs to log"),
            "{verb}: {said}"
        );
        assert!(!said.contains("onsale migrate`"), "{verb}: {said}");
    }
    let after = store.check_schema().await.unwrap_err().to_string();
    assert_eq!(after, before);
}
