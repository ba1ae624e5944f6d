//! The queue of jobs of a running server, and its verbs beside it.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Server, free_port, onsale};

#[tokio::test(flavor = "multi_thread")]
async fn housekeeping_is_a_job_that_an_operator_sees() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let list = |more: &[&str]| {
        let args = [&["jobs", "list", "--json"], more].concat();
        let (code, out, err) = server.verb(&args);
        assert_eq!(code, Some(0), "{out}{err}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let done = loop {
        let listed = list(&["--state", "done"]);
        let jobs = listed["jobs"].as_array().unwrap();
        // What is kept too long is looked for beside it.
        if let Some(job) = jobs.iter().find(|job| job["kind"] == "housekeeping") {
            break job.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(done["attempts"], 1);
    let (code, _, err) = server.verb(&["jobs", "list", "--kind", "unknown"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("housekeeping"), "{err}");

    let id = done["job_id"].as_str().unwrap();
    let (code, out, err) = server.verb(&["jobs", "show", id]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(
        out.contains("housekeeping") && out.contains("payload"),
        "{out}"
    );
    let (code, out, _) = server.verb(&["jobs", "list"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("housekeeping: 1 done"), "{out}");
    // It is over: neither requeued nor cancelled.
    for verb in ["retry", "cancel"] {
        let (code, _, err) = server.verb(&["jobs", verb, id]);
        assert_eq!(code, Some(1), "{verb}: {err}");
        assert!(err.contains("onsale jobs show"), "{err}");
    }
    let nobody = "00000000-0000-4000-8000-000000000009";
    let (code, _, err) = server.verb(&["jobs", "show", nobody]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains(nobody), "{err}");
    let (code, _, err) = server.verb(&["jobs", "list", "--state", "gone"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("expected one of waiting, running"), "{err}");
    for limit in ["0", "1001", "4294967295"] {
        let (code, _, err) = server.verb(&["jobs", "list", "--limit", limit]);
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains("a whole number from 1 to 1000"), "{err}");
    }
}

#[test]
fn a_look_at_no_database_creates_none() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for verb in ["jobs", "audit"] {
        let output = onsale(&data, free_port(), &[])
            .args([verb, "list"])
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{err}");
        assert!(err.contains("there is no database at"), "{err}");
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    }
}
