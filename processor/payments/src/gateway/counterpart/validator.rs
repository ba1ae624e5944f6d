//! Shows each request to a server that knows Stripe's interface by heart, stripe-mock: it holds nothing and
//! refuses parameters that are unknown, missing or of another type.

use http::{HeaderMap, Method};
use parking_lot::Mutex;
use url::Url;

use crate::gateway::simulated::Problem;

/// Most refusals that are kept.
const REFUSALS_MAX: usize = 100;
/// Longest answer that is kept of one, in bytes.
const SHOWN_MAX_BYTES: usize = 500;

#[derive(Debug)]
pub(super) struct Validator {
    http: reqwest::Client,
    url: Url,
    refusals: Mutex<Vec<String>>,
    asked: std::sync::atomic::AtomicU64,
}

impl Validator {
    pub(super) fn new(http: reqwest::Client, url: Url) -> Self {
        Self {
            http,
            url,
            refusals: Mutex::default(),
            asked: 0.into(),
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// How many requests it was shown, and what it has refused.
    pub(super) fn seen(&self) -> (u64, Vec<String>) {
        let asked = self.asked.load(std::sync::atomic::Ordering::Relaxed);
        (asked, self.refusals.lock().clone())
    }

    /// # Errors
    /// What it refuses is refused here too, as is anything while it cannot be asked.
    pub(super) async fn check(
        &self,
        method: &Method,
        path_and_query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Problem> {
        let failed = |why: String| {
            let said = format!("the validator at {} cannot be asked: {why}", self.url);
            Problem::invalid("validator", said)
        };
        let url = self
            .url
            .join(path_and_query)
            .map_err(|error| failed(error.to_string()))?;
        let mut request = self.http.request(method.clone(), url);
        for (name, value) in headers {
            let is_shown = [
                "authorization",
                "content-type",
                "stripe-version",
                "idempotency-key",
            ];
            if is_shown.contains(&name.as_str()) {
                request = request.header(name, value);
            }
        }
        let answer = request.body(body.to_vec()).send().await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        self.asked
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said = answer.text().await.unwrap_or_default();
        let said: String = said.chars().take(SHOWN_MAX_BYTES).collect();
        let refusal = format!("{method} {path_and_query}: {} {said}", status.as_u16());
        let mut refusals = self.refusals.lock();
        if refusals.len() < REFUSALS_MAX {
            refusals.push(refusal.clone());
        }
        Err(Problem::invalid("validator", refusal))
    }
}
