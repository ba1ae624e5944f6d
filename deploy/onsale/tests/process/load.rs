//! `onsale load` against a running server: every scenario, its checks, its files.

use serde_json::Value;

use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_runs_and_its_checks_hold() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    for scenario in [
        "named",
        "best",
        "hot-zone",
        "last-seats",
        "spike",
        "life",
        "retry-storm",
        "mixed",
        "orders",
    ] {
        let html = folder.path().join(format!("{scenario}.html"));
        let (code, out, err) = server.load(
            scenario,
            &[
                "--rate",
                "100",
                "--duration",
                "2s",
                "--users",
                "500",
                "--connections",
                "16",
                "--html",
                html.to_str().unwrap(),
            ],
        );
        assert_eq!(code, Some(0), "{scenario}: {out}{err}");
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["scenario"], scenario);
        assert!(
            report["outcomes"]["granted"].as_u64().unwrap() >= 10,
            "{out}"
        );
        assert_eq!(report["error_rate"], 0.0, "{out}");
        let checks = report["checks"].as_array().unwrap();
        assert!(!checks.is_empty());
        assert!(checks.iter().all(|check| check["passed"] == true), "{out}");
        if scenario == "last-seats" {
            assert_eq!(report["latency_by"]["reserve granted"]["count"], 10);
            assert_eq!(report["outcomes"]["refused"], 190);
        }
        if scenario == "life" {
            assert!(report["latency_by"]["confirm granted"]["count"].as_u64() > Some(10));
            assert!(report["latency_by"]["cancel granted"]["count"].as_u64() > Some(1));
        }
        if scenario == "retry-storm" {
            assert!(report["replayed"].as_u64().unwrap() > 50, "{out}");
        }
        let page = std::fs::read_to_string(&html).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.contains("<svg"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_are_paid_for_and_come_to_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = [("ONSALE_PAYMENTS__GATEWAY", "simulated")];
    let server = Server::start_with(&folder.path().join("data"), &gateway).await;
    let (code, out, err) = server.load(
        "purchases",
        &[
            "--rate",
            "60",
            "--duration",
            "4s",
            "--users",
            "100",
            "--connections",
            "32",
        ],
    );
    assert_eq!(
        code,
        Some(0),
        "expected every check to hold, found {out}{err}"
    );
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["scenario"], "purchases", "{out}");
    assert_eq!(report["error_rate"], 0.0, "{out}");
    for step in ["reserve granted", "pay granted"] {
        let count = report["latency_by"][step]["count"].as_u64();
        assert!(
            count > Some(10),
            "{step}: expected more than 10, found {count:?}: {out}"
        );
    }
    let checks = report["checks"].as_array().unwrap();
    assert!(
        checks.len() > 1 && checks.iter().all(|check| check["passed"] == true),
        "expected more than one check, all passed, found {out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_holds_every_request_and_a_show_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let organizer = server.token("organizer", "00000000-0000-4000-8000-000000000002");
    let zones = serde_json::json!([
        { "name": "Floor", "price": { "amount": 1, "currency": "THB" }, "admission": "general",
          "capacity": 30 },
        { "name": "Stalls", "price": { "amount": 1, "currency": "THB" }, "admission": "seated",
          "rows": [{ "name": "A", "seats": ["left", "right"] }] },
    ]);
    let show = server.open_show(&organizer, 4, 600, zones).await;
    let history = folder.path().join("history.jsonl");
    let run = |scenario: &str| {
        server.load(
            scenario,
            &[
                "--show",
                &show,
                "--rate",
                "50",
                "--duration",
                "1s",
                "--history",
                history.to_str().unwrap(),
            ],
        )
    };
    let (code, out, err) = run("hot-zone");
    assert_eq!(code, Some(0), "{out}{err}");
    let lines: Vec<Value> = std::fs::read_to_string(&history)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 50);
    let granted: Vec<&Value> = lines.iter().filter(|line| line["status"] == 201).collect();
    assert_eq!(granted.len(), 30, "the floor's capacity");
    for line in granted {
        assert_eq!(line["body"]["show_id"], show.as_str());
        assert_eq!(line["answer"]["data"]["show_id"], show.as_str());
        assert!(line["intended_ms"].as_u64() <= line["sent_ms"].as_u64());
        assert!(line["sent_ms"].as_u64() <= line["answered_ms"].as_u64());
    }
    let (code, out, err) = run("named");
    assert_eq!(code, Some(0), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["outcomes"]["granted"], 2, "left and right");
    assert_eq!(report["codes"]["SEAT_UNAVAILABLE"], 48);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_say_what_went_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let limited = [("ONSALE_RATE_LIMIT__ENABLED", "true")];
    let server = Server::start_with(&folder.path().join("data"), &limited).await;
    let target = format!("http://127.0.0.1:{}", server.port);
    let load = |target: &str, more: &[&str]| {
        let mut args = vec!["load", "--target", target, "--duration", "1s", "--scenario"];
        args.extend_from_slice(more);
        server.verb(&args)
    };
    // One user may not ask a hundred times a second.
    let few = ["hot-zone", "--rate", "100", "--users", "1"];
    let (code, out, _) = load(&target, &few);
    assert_eq!(code, Some(0), "{out}");
    assert!(
        out.contains("RATE_LIMITED") && out.contains("more --users"),
        "{out}"
    );
    let mut strict = few.to_vec();
    strict.extend_from_slice(&["--max-shed-rate", "0.1"]);
    let (code, _, err) = load(&target, &strict);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("--max-shed-rate"), "{err}");
    let (code, _, err) = load("ftp://127.0.0.1:1", &["named"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = load(&target, &["unheard-of"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("retry-storm"), "{err}");
    let closed = format!("http://127.0.0.1:{}", crate::support::free_port());
    let (code, _, err) = load(&closed, &["named"]);
    assert_eq!(code, Some(3), "{err}");
}
