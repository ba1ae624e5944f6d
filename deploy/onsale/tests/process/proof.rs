//! What anyone can check from outside: the recorded history against the log, the receipt of a
//! booking, the reason of a refusal.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::Server;

const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
const USERS: [&str; 3] = [
    "00000000-0000-4000-8000-000000000001",
    "00000000-0000-4000-8000-000000000002",
    "00000000-0000-4000-8000-000000000003",
];

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// A server, a show, and the answers that its clients got.
struct Witness {
    server: Server,
    tokens: Vec<String>,
    show: String,
    lines: Vec<Value>,
    folder: tempfile::TempDir,
}

impl Witness {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&folder.path().join("data")).await;
        let organizer = server.token("organizer", ORGANIZER);
        let zones = json!([{
            "name": "Stalls", "price": {"amount": 500, "currency": "THB"}, "admission": "seated",
            "rows": [{"name": "A", "seats": 10}],
        }]);
        let show = server.open_show(&organizer, 4, 600, zones).await;
        Self {
            tokens: USERS.map(|user| server.token("buyer", user)).to_vec(),
            server,
            show,
            lines: Vec::new(),
            folder,
        }
    }

    async fn call(&mut self, user: usize, key: Option<&str>, path: &str, body: Value) -> Value {
        let sent = now_ms();
        let mut request = self
            .server
            .http
            .post(self.server.url(path))
            .bearer_auth(&self.tokens[user])
            .json(&body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let (status, answer) = crate::support::answer(request.send().await.unwrap()).await;
        self.lines.push(json!({
            "id": self.lines.len(), "user": USERS[user], "method": "POST",
            "path": format!("/api/v1{path}"), "key": key, "body": body, "intended_ms": sent,
            "sent_ms": sent, "answered_ms": now_ms() + 1, "status": status, "answer": answer,
        }));
        answer
    }

    async fn reserve(&mut self, user: usize, key: Option<&str>, seats: &[&str]) -> Value {
        let body = json!({"show_id": self.show, "seats": seats});
        self.call(user, key, "/bookings/reserve", body).await
    }

    fn verify(&self) -> (Option<i32>, String, String) {
        let path = self.folder.path().join("history.jsonl");
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, text).unwrap();
        self.server
            .verb(&["verify", "--json", "--history", path.to_str().unwrap()])
    }
}

#[tokio::test]
async fn a_recorded_history_is_judged_and_requests_are_explained() {
    let mut witness = Witness::new().await;
    let first = witness.reserve(0, None, &["A-1", "A-2"]).await;
    witness.reserve(1, Some("k"), &["A-3"]).await;
    witness.reserve(1, Some("k"), &["A-3"]).await;
    let refusal = witness.reserve(2, Some("k"), &["A-2", "A-4"]).await;
    let booking = first["data"]["booking_id"].as_str().unwrap().to_owned();
    let confirm = format!("/bookings/{booking}/confirm");
    witness
        .call(0, Some("pay"), &confirm, json!({"payment_reference": "p"}))
        .await;

    let (code, out, err) = witness.verify();
    assert_eq!(code, Some(0), "{out}{err}");
    let report: Value = serde_json::from_str(out.trim()).unwrap();
    assert_eq!(report["history"]["granted"], 4, "{report}");
    assert_eq!(report["history"]["refused"], 1, "{report}");

    let details = &refusal["error"]["details"];
    let request = details["request_id"].as_str().unwrap();
    let path = format!("/requests/{request}/explanation");
    let (status, answer) = witness.server.get(&witness.tokens[2], &path).await;
    assert_eq!(status, 200, "{answer}");
    let data = &answer["data"];
    assert_eq!(data["position"], details["position"]);
    assert_eq!(data["ahead"]["requests"], 2);
    assert_eq!(data["ahead"]["places_granted"], 3);
    let taken = &data["seats"][0];
    assert_eq!(taken["seat"], "A-2");
    assert_eq!(
        taken["taken_at_offset"],
        first["data"]["position"]["offset"]
    );

    let path_of_receipt = format!("/bookings/{booking}/receipt");
    let (status, _) = witness.server.get("", &path_of_receipt).await;
    assert_eq!(status, 401, "the id alone gives nothing");
    let (status, by_token) = witness
        .server
        .get(&witness.tokens[0], &path_of_receipt)
        .await;
    assert_eq!(status, 200, "{by_token}");
    let url = first["data"]["receipt_url"].as_str().unwrap();
    let link = url.strip_prefix("/api/v1").unwrap();
    let (status, receipt) = witness.server.get("", link).await;
    assert_eq!(receipt["data"], by_token["data"]);
    assert_eq!(status, 200, "{receipt}");
    assert_eq!(receipt["data"]["ahead"]["requests"], 0);
    let (code, out, _) = witness.server.verb(&["replay", "--booking", &booking]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("ahead of it in its zone since the sale opened: 0 requests"),
        "{out}"
    );

    // After a restart nothing is remembered in memory, and all of it is still in the log.
    witness.server.kill_and_restart().await;
    let (status, again) = witness.server.get(&witness.tokens[2], &path).await;
    assert_eq!((status, &again["data"]), (200, &answer["data"]));

    witness.lines[0]["answer"]["data"]["seats"] = json!(["A-1", "A-9"]);
    let (code, _, err) = witness.verify();
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("call 0: seats"), "{err}");
}

/// What was refused once and asked for again under its key is one refusal, whichever it is; and the
/// figures for people are those for scripts.
#[tokio::test]
async fn verify_counts_the_same_things_in_words_and_in_json() {
    let mut witness = Witness::new().await;
    let mut bookings = Vec::new();
    for (user, seat) in [(0, "A-1"), (1, "A-2")] {
        let booked = witness.reserve(user, None, &[seat]).await;
        bookings.push(booked["data"]["booking_id"].as_str().unwrap().to_owned());
    }
    let [first, second] = [0, 1].map(|at: usize| format!("/bookings/{}/confirm", bookings[at]));
    let pay = |reference: &str| json!({"payment_reference": reference});
    witness.call(0, Some("pay"), &first, pay("p")).await;
    for _ in 0..2 {
        let used = witness.call(1, Some("used"), &second, pay("p")).await;
        assert_eq!(used["error"]["code"], "PAYMENT_REFERENCE_USED", "{used}");
        let done = witness.call(0, Some("done"), &first, pay("q")).await;
        assert_eq!(done["error"]["code"], "ALREADY_CONFIRMED", "{done}");
    }
    // From here on the log stands still, and the database where it was.
    witness.server.kill();

    let (code, out, err) = witness.server.verb(&["verify", "--log-only", "--json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let report: Value = serde_json::from_str(out.trim()).unwrap();
    let partitions = report["partitions"].as_array().unwrap();
    for code in ["PAYMENT_REFERENCE_USED", "ALREADY_CONFIRMED"] {
        let counted = partitions
            .iter()
            .filter_map(|of| of["refusals"][code].as_u64());
        assert_eq!(counted.sum::<u64>(), 1, "{code}: {report}");
    }
    let (code, out, err) = witness.server.verb(&["verify", "--log-only"]);
    assert_eq!(code, Some(0), "{out}{err}");
    for of in partitions {
        let words = format!(
            "partition {}: {} records, {} outcomes equal to the model's,",
            of["partition"], of["records"], of["outcomes_compared"]
        );
        assert!(out.contains(&words), "{words}: {out}");
        // Ticks have none.
        assert!(of["outcomes_compared"].as_u64() <= of["records"].as_u64());
    }
}
