//! What was deleted because it is too old is neither missed nor brought back, on both databases.

use onsale_store::Store;
use serde_json::{Value, json};

use crate::postgres::Database;
use crate::support::{Server, SmallShow};

/// No job makes a report meanwhile.
const BY_HAND: (&str, &str) = ("ONSALE_RETENTION__EVERY_HOURS", "0");
const OUTBOX: (&str, &str) = ("ONSALE_MAIL__OUTBOX", "true");

fn json_of(server: &Server, args: &[&str]) -> Value {
    let (code, out, err) = server.verb(&[args, &["--json"]].concat());
    assert_eq!(code, Some(0), "{args:?}: {out}{err}");
    serde_json::from_str(&out).unwrap()
}

fn kind<'a>(report: &'a Value, name: &str) -> &'a Value {
    let kinds = report["kinds"].as_array().unwrap();
    kinds.iter().find(|due| due["kind"] == name).unwrap()
}

/// Nothing that compares database and log finds anything.
fn nobody_misses_anything(server: &Server) {
    let report = server.data.join("reconciliation.json");
    for args in [
        &["reconcile", "--report", report.to_str().unwrap()][..],
        &["verify"],
        &["doctor"],
    ] {
        let (code, out, err) = server.verb(args);
        assert_eq!(code, Some(0), "{args:?}: {out}{err}");
    }
}

/// A show with what was sold, what was given back and nothing held.
async fn sell(server: &Server) -> (SmallShow, Vec<String>) {
    let show = SmallShow::open(server).await;
    let mut bookings = Vec::new();
    for seat in ["A-1", "A-2", "A-3"] {
        bookings.push(show.reserve(server, &[seat]).await);
    }
    for (booking, action) in bookings.iter().zip(["confirm", "confirm", "cancel"]) {
        let path = format!("/bookings/{booking}/{action}");
        let body = match action {
            "confirm" => json!({ "payment_reference": format!("pay-{booking}") }),
            _ => json!({}),
        };
        let (status, answer) = server.post(&show.buyer, &path, &body).await;
        assert!(status < 300, "{action}: {status} {answer}");
    }
    (show, bookings)
}

/// Sessions that ended and entries of the trail, both of 2020, go by the verb; what is newer stays.
async fn old_sessions_and_entries_go(store: &Store, server: &Server) {
    let body = json!({ "email": "one@example.test", "password": "a long and winding road" });
    let mut tokens = Vec::new();
    for path in ["/auth/register", "/auth/login", "/auth/login"] {
        let (status, signed_in) = server.post("", path, &body).await;
        assert!(status < 300, "{path}: {status} {signed_in}");
        let token = signed_in["data"]["access_token"].as_str().unwrap();
        tokens.push(token.to_owned());
    }
    for ended in &tokens[..2] {
        let (status, said) = server.post(ended, "/auth/logout", &json!({})).await;
        assert_eq!(status, 200, "{said}");
    }
    let entry = "INSERT INTO audit (at_ms, actor_role, action, subject_kind, subject_id) \
                 VALUES (1600000000000, 'system', 'test.try', 'job', 'one')";
    let old = "UPDATE sessions SET created_at_ms = 1600000000000, rotated_at_ms = 1600000000000, \
               ended_at_ms = 1600000000000 WHERE ended_at_ms IS NOT NULL";
    for sql in [entry, entry, entry, old] {
        store.by_hand(sql).await.unwrap();
    }
    let report = json_of(server, &["retention", "report"]);
    for (name, count) in [("sessions", 2), ("audit", 3)] {
        let due = kind(&report, name);
        assert_eq!(due["count"], count, "{name}: {report}");
    }
    let oldest = &kind(&report, "sessions")["oldest_ms"];
    assert_eq!(*oldest, 1_600_000_000_000_u64, "{report}");
    // A report alone deletes nothing.
    let trail = json_of(server, &["audit", "list", "--kind", "job"]);
    assert_eq!(trail.as_array().map(Vec::len), Some(3), "{trail}");
    let id = report["report_id"].as_str().unwrap();
    let applied = json_of(server, &["retention", "apply", id]);
    assert_eq!(applied["state"], "applied", "{applied}");
    for (name, count) in [("sessions", 2), ("audit", 3)] {
        let due = kind(&applied, name);
        assert_eq!(
            (&due["deleted"], &due["left"]),
            (&json!(count), &json!(0)),
            "{name}: {applied}"
        );
    }
    let trail = json_of(server, &["audit", "list", "--kind", "job"]);
    assert_eq!(trail, json!([]));
    let verified = json_of(server, &["audit", "verify"]);
    assert_eq!(verified["ok"], true, "{verified}");
    let (status, sessions) = server.get(&tokens[2], "/auth/sessions").await;
    assert_eq!(status, 200, "{sessions}");
    assert_eq!(sessions["data"].as_array().map(Vec::len), Some(1));
    let again = json_of(server, &["retention", "report"]);
    for name in ["sessions", "audit"] {
        assert_eq!(kind(&again, name)["count"], 0, "{name}: {again}");
    }
}

async fn old_bookings_go_and_are_not_missed(url: &str, mut server: Server) {
    let store = Store::connect(url, 2).await.unwrap();
    old_sessions_and_entries_go(&store, &server).await;
    let (show, bookings) = sell(&server).await;
    let (status, _) = server
        .get(&show.buyer, &format!("/bookings/{}", bookings[0]))
        .await;
    assert_eq!(status, 200);
    nobody_misses_anything(&server);

    // Nothing here is seven years old.
    let report = json_of(&server, &["retention", "report"]);
    assert_eq!(kind(&report, "bookings")["count"], 0, "{report}");
    // The flags are the same verbs.
    let applied = json_of(&server, &["retention", "--apply"]);
    assert_eq!(applied["report_id"], report["report_id"], "{applied}");
    assert_eq!(applied["state"], "applied", "{applied}");
    for (args, said) in [
        (&["retention", "--apply"][..], "no report waits"),
        (&["retention"], "expected report"),
        (&["retention", "--report", "--apply"], "cannot be used with"),
        (&["retention", "--report", "list"], "--report"),
    ] {
        let (code, out, err) = server.verb(args);
        assert_eq!(code, Some(2), "{args:?}: {out}{err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
    let report = json_of(&server, &["retention", "--report"]);
    let id = report["report_id"].as_str().unwrap();
    // So the report says that what is from before 2255 is too old.
    store
        .by_hand(
            "UPDATE retention_reports SET kinds = '[{\"kind\":\"bookings\",\
             \"before_ms\":9000000000000,\"count\":3,\"oldest_ms\":null,\"deleted\":0,\"left\":0,\
             \"is_done\":false}]' WHERE state = 'open'; \
             INSERT INTO retention_shows (report_id, show_id, bookings) \
             SELECT report_id, show_id, 3 FROM retention_reports, shows WHERE state = 'open'",
        )
        .await
        .unwrap();
    let applied = json_of(&server, &["retention", "--apply", id]);
    assert_eq!(applied["state"], "applied", "{applied}");
    assert_eq!(kind(&applied, "bookings")["deleted"], 3, "{applied}");
    let (code, out, err) = server.verb(&["retention", "apply", id]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("applied"), "{err}");

    let path = format!("/bookings/{}", bookings[0]);
    let (status, answer) = server.get(&show.buyer, &path).await;
    assert_eq!(status, 404, "{answer}");
    nobody_misses_anything(&server);
    // Nor after a start, which applies the log again.
    server.kill_and_restart().await;
    nobody_misses_anything(&server);
    let (status, _) = server.get(&show.buyer, &path).await;
    assert_eq!(status, 404);
    // The log knows them: nobody gets their seats.
    let body = json!({ "show_id": show.show, "seats": ["A-1"] });
    let (status, _) = server.post(&show.buyer, "/bookings/reserve", &body).await;
    assert_eq!(status, 409);
    let trail = json_of(&server, &["audit", "list"]).to_string();
    for action in [
        "retention.report",
        "retention.bookings",
        "retention.applied",
    ] {
        assert!(trail.contains(action), "{action}: {trail}");
    }

    // Where the database does not say so, they are missed as ever.
    store.by_hand("DELETE FROM retired_shows").await.unwrap();
    store.close().await;
    let report = server.data.join("reconciliation.json");
    let (code, out, _) = server.verb(&["reconcile", "--report", report.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &[BY_HAND, OUTBOX]).await;
    let url = format!("sqlite://{}", folder.path().join("onsale.sqlite").display());
    old_bookings_go_and_are_not_missed(&url, server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let url = database.url();
    let env = [BY_HAND, OUTBOX, ("ONSALE_DATABASE__URL", &url)];
    let server = Server::start_with(folder.path(), &env).await;
    old_bookings_go_and_are_not_missed(&url, server).await;
}
