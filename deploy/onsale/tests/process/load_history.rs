//! What `onsale load` recorded of a server, judged by `onsale verify`: as it was, and with lies in it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::Server;

/// Runs a scenario and returns the answers that its clients got.
fn load(server: &Server, scenario: &str, path: &Path) -> Vec<Value> {
    let (code, out, err) = server.load(
        scenario,
        &[
            "--rate",
            "100",
            "--duration",
            "3s",
            "--users",
            "300",
            "--connections",
            "16",
            "--history",
            path.to_str().unwrap(),
        ],
    );
    assert_eq!(code, Some(0), "{scenario}: {out}{err}");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn write(path: &Path, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(path, text).unwrap();
}

fn verify(server: &Server, path: &Path) -> (Option<i32>, String, String) {
    server.verb(&["verify", "--json", "--history", path.to_str().unwrap()])
}

/// The lines of reservations that were granted, in the order of one partition's log.
fn granted(lines: &[Value]) -> Vec<usize> {
    let at = |line: &Value, what: &str| line["answer"]["data"]["position"][what].as_u64();
    let mut granted: Vec<usize> = (0..lines.len())
        .filter(|&index| {
            let line = &lines[index];
            line["path"] == "/api/v1/bookings/reserve" && line["status"] == 201
        })
        .collect();
    let partition = at(&lines[granted[0]], "partition");
    granted.retain(|&index| at(&lines[index], "partition") == partition);
    granted.sort_by_key(|&index| at(&lines[index], "offset"));
    granted
}

/// Two granted reservations of which the first was over before the second was sent.
fn one_after_the_other(lines: &[Value], granted: &[usize]) -> (usize, usize) {
    let first = granted[0];
    let answered = lines[first]["answered_ms"].as_u64();
    let mut then = granted[1..].iter().copied().rev();
    let then = then.find(|&then| lines[then]["sent_ms"].as_u64() > answered);
    (first, then.unwrap())
}

/// A change to a history, and what `verify` has to report about it.
type Lie = (fn(&mut Vec<Value>, usize, usize), &'static str);

const LIES: [Lie; 5] = [
    // An acknowledgement of what the log does not have.
    (
        |lines, first, _| lines[first]["answer"]["data"]["position"]["offset"] = json!(999_999),
        "acknowledged, but not in the log: a reservation at",
    ),
    // One seat acknowledged twice: in two bookings, ...
    (
        |lines, first, then| {
            lines[then]["answer"]["data"]["seats"] =
                lines[first]["answer"]["data"]["seats"].clone();
        },
        "seats: answered ",
    ),
    // ... and one booking to two requests.
    (
        |lines, first, _| {
            let mut again = lines[first].clone();
            again["id"] = json!(1_000_000);
            again["key"] = json!("another");
            lines.push(again);
        },
        "call 1000000: has booking ",
    ),
    // The later position in the log was answered before the earlier one was requested.
    (
        |lines, first, then| {
            let (early, late) = (lines[first].clone(), lines[then].clone());
            for time in ["intended_ms", "sent_ms", "answered_ms"] {
                lines[first][time] = late[time].clone();
                lines[then][time] = early[time].clone();
            }
        },
        "but comes after it in partition",
    ),
    // A client got a refusal although the request took effect.
    (
        |lines, first, _| {
            lines[first]["status"] = json!(503);
            lines[first]["answer"] = json!({
                "success": false, "status": 503,
                "error": {"code": "OVERLOADED", "message": "Too many ask."},
            });
        },
        "bookings in the log, from ",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_load_recorded_is_what_the_log_says_and_lies_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let path = folder.path().join("history.jsonl");
    for scenario in ["named", "life", "retry-storm", "orders"] {
        let lines = load(&server, scenario, &path);
        let (code, out, err) = verify(&server, &path);
        assert_eq!(code, Some(0), "{scenario}: {out}{err}");
        let report: Value = serde_json::from_str(out.trim()).unwrap();
        let history = &report["history"];
        assert_eq!(history["calls"], lines.len(), "{scenario}: {history}");
        assert_eq!(history["unknown"], 0, "{scenario}: {history}");
        assert!(history["granted"].as_u64() > Some(50), "{history}");
        assert!(history["ordered"].as_u64() > Some(50), "{history}");
        if scenario != "named" {
            continue;
        }
        let granted = granted(&lines);
        let (first, then) = one_after_the_other(&lines, &granted);
        for (lie, want) in LIES {
            let mut lines = lines.clone();
            lie(&mut lines, first, then);
            write(&path, &lines);
            let (code, out, err) = verify(&server, &path);
            assert_eq!(code, Some(1), "{want}: {out}{err}");
            assert!(err.contains(want), "{want}: {err}");
        }
    }
}
