//! Calls of the public interface whose answer is awaited.

use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use crate::cluster::PATIENCE;

/// Before a request is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// `data` of the answer to a POST, asked until something is decided: the same key every time, so
/// that what was not answered is asked again and not done again.
pub(crate) async fn post(
    http: &reqwest::Client,
    ingress: &str,
    token: &str,
    path: &str,
    body: &Value,
) -> Value {
    let began = Instant::now();
    let key = Uuid::new_v4().to_string();
    loop {
        let sent = http
            .post(format!("{ingress}/api/v1{path}"))
            .bearer_auth(token)
            .header("Idempotency-Key", &key)
            .json(body)
            .send()
            .await;
        if let Ok(response) = sent {
            let status = response.status().as_u16();
            let text = response.text().await.unwrap_or_default();
            if matches!(status, 200 | 201) {
                return serde_json::from_str::<Value>(&text).unwrap()["data"].take();
            }
            assert!(matches!(status, 202 | 503), "{path}: {status} {text}");
        }
        assert!(began.elapsed() < PATIENCE, "{path} has no answer");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Status and body of a GET, asked until the database is there; without a token when it is empty.
pub(crate) async fn get(http: &reqwest::Client, token: &str, url: &str) -> (u16, Value) {
    let began = Instant::now();
    loop {
        let mut request = http.get(url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Ok(response) = request.send().await {
            let status = response.status().as_u16();
            let text = response.text().await.unwrap_or_default();
            if status != 503 {
                return (
                    status,
                    serde_json::from_str(&text).unwrap_or(Value::String(text)),
                );
            }
        }
        assert!(began.elapsed() < PATIENCE, "{url} has no answer");
        tokio::time::sleep(PAUSE).await;
    }
}
