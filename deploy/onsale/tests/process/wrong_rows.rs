//! Someone changes the rows by which the database knows how far it is and which log it belongs to.

use std::path::Path;
use std::time::Duration;

use onsale_store::Store;
use serde_json::json;

use crate::support::{Server, SmallShow};

/// Far more than a projection takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn store(data: &Path) -> Store {
    let url = format!("sqlite://{}", data.join("onsale.sqlite").display());
    Store::connect(&url, 2).await.unwrap()
}

/// A server that has sold a seat, which is projected.
async fn sold(data: &Path) -> (Server, SmallShow, String) {
    let server = Server::start(data).await;
    let show = SmallShow::open(&server).await;
    let booking = show.reserve(&server, &["A-1"]).await;
    let (status, listed) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(status, 200, "{listed}");
    (server, show, booking)
}

/// The verb finds something, and names it.
fn finds(server: &Server, verb: &str, what: &str) {
    let (code, out, err) = server.verb(&[verb]);
    let said = format!("{out}{err}");
    assert_eq!(code, Some(1), "{verb}: {said}");
    assert!(said.contains(what), "{verb}: {said}");
}

/// A report is made and applied.
fn repair(server: &Server, folder: &Path, more: &[&str]) {
    let report = folder.join("report.json");
    let report = report.to_str().unwrap();
    let (code, out, err) = server.verb(&[&["reconcile", "--report", report], more].concat());
    assert_eq!(code, Some(1), "{out}{err}");
    let (code, out, err) = server.verb(&[&["reconcile", "--apply", report], more].concat());
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test]
async fn a_watermark_beyond_the_log_is_named_and_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (mut server, show, _) = sold(&data).await;
    let store = store(&data).await;
    let beyond = "UPDATE projector_watermarks SET next_offset = next_offset + 1000000";

    // While it runs: what is sold next is not taken for projected.
    store.by_hand(beyond).await.unwrap();
    show.reserve(&server, &["A-2"]).await;
    let is_stopped = |_, said: &str| said.contains("the projector has stopped");
    server.until_ready(PATIENCE, is_stopped).await;
    let log = server.log();
    assert!(log.contains("the row was changed by hand"), "{log}");
    repair(&server, folder.path(), &[]);
    let goes_on = |_, said: &str| !said.contains("the projector has stopped");
    server.until_ready(PATIENCE, goes_on).await;
    show.reserve(&server, &["A-3"]).await;
    let (_, listed) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 3, "{listed}");

    // While it does not: the log is whole, and nothing says otherwise.
    server.kill();
    store.by_hand(beyond).await.unwrap();
    for verb in ["doctor", "verify"] {
        finds(&server, verb, "the row of projector_watermarks says");
    }
    repair(&server, folder.path(), &["--offline"]);
    let (code, out, err) = server.verb(&["verify"]);
    assert_eq!(code, Some(0), "{out}{err}");

    // The same, and it is started: it sells, and says that it does not project.
    store.by_hand(beyond).await.unwrap();
    server.restart_whatever_it_says().await;
    server.until_ready(PATIENCE, is_stopped).await;
    show.reserve(&server, &["A-4"]).await;
    repair(&server, folder.path(), &[]);
    server.until_ready(PATIENCE, goes_on).await;
    let (_, listed) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 4, "{listed}");
}

/// The rows of what is sold are there, and it is not said that they are: to project them again is refused by
/// the database, for ever.
#[tokio::test]
async fn a_watermark_that_was_deleted_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (mut server, show, _) = sold(&data).await;
    server.kill();
    let store = store(&data).await;
    let gone = "DELETE FROM projector_watermarks";
    store.by_hand(gone).await.unwrap();
    server.restart_whatever_it_says().await;
    let is_stopped = |_, said: &str| said.contains("the projector has stopped");
    server.until_ready(PATIENCE, is_stopped).await;
    show.reserve(&server, &["A-2"]).await;
    repair(&server, folder.path(), &[]);
    let is_well = |status, said: &str| status == 200 && !said.contains("the projector has stopped");
    server.until_ready(PATIENCE, is_well).await;
    show.reserve(&server, &["A-3"]).await;
    let (_, listed) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 3, "{listed}");
    let (code, out, err) = server.verb(&["doctor"]);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test]
async fn marks_that_were_changed_are_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (mut server, show, booking) = sold(&data).await;
    // A start writes down what is projected by then.
    server.kill_and_restart().await;
    server.kill();
    let store = store(&data).await;
    store
        .by_hand("UPDATE log_marks SET checksum = 1")
        .await
        .unwrap();
    for verb in ["serve", "doctor", "verify"] {
        finds(&server, verb, "DELETE FROM log_marks WHERE partition = ");
    }
    store.by_hand("DELETE FROM log_marks").await.unwrap();
    let strange = "INSERT INTO log_marks (partition, record_offset, checksum) VALUES (9999, 1, 1)";
    store.by_hand(strange).await.unwrap();
    for verb in ["doctor", "verify"] {
        finds(&server, verb, "log_marks has a row of partition 9999");
    }
    server.restart().await;
    let (_, listed) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(listed["data"][0]["booking_id"], json!(booking), "{listed}");
    let said = "DELETE FROM log_marks WHERE partition = 9999";
    assert!(server.log().contains(said), "{}", server.log());
    store.by_hand(said).await.unwrap();
    server.kill();
    let strange = "INSERT INTO projector_watermarks (partition, next_offset, log_time_ms) \
                   VALUES (9999, 5, 1)";
    store.by_hand(strange).await.unwrap();
    server.restart().await;
    let said = "DELETE FROM projector_watermarks WHERE partition = 9999";
    assert!(server.log().contains(said), "{}", server.log());
    store.by_hand(said).await.unwrap();
    for verb in ["doctor", "verify"] {
        let (code, out, err) = server.verb(&[verb]);
        assert_eq!(code, Some(0), "{verb}: {out}{err}");
    }
}

#[tokio::test]
async fn files_that_vanish_under_a_running_server_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    let (status, said) = server.readiness().await;
    assert_eq!(status, 200, "{said}");
    std::fs::rename(data.join("onsale.sqlite"), data.join("elsewhere")).unwrap();
    let is_named =
        |status, said: &str| status == 200 && said.contains("accounts and tenants among it");
    server.until_ready(PATIENCE, is_named).await;
    std::fs::rename(data.join("elsewhere"), data.join("onsale.sqlite")).unwrap();
    std::fs::rename(data.join("journal"), data.join("elsewhere")).unwrap();
    let is_named = |status, said: &str| status == 503 && said.contains("was deleted or exchanged");
    server.until_ready(PATIENCE, is_named).await;
    std::fs::rename(data.join("elsewhere"), data.join("journal")).unwrap();
    server
        .until_ready(PATIENCE, |status, said| {
            status == 200 && !said.contains("exchanged")
        })
        .await;
}
