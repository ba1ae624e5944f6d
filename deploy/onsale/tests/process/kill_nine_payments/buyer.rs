//! Buyers who reserve and pay, whatever becomes of the server meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{House, PATIENCE};
use crate::support::answer;

const AGAIN_AFTER: Duration = Duration::from_millis(20);
pub(super) const TICKETS: i64 = 2;

/// What a buyer was told.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) booking: String,
    pub(super) token: String,
    /// The payment; it may have come to nothing.
    pub(super) payment: String,
}

/// How buyers reach the house.
#[derive(Clone)]
pub(super) struct Buyer {
    http: reqwest::Client,
    base: String,
    show: String,
    repeated: Arc<AtomicU64>,
}

impl Buyer {
    pub(super) fn at(house: &House, repeated: Arc<AtomicU64>) -> Self {
        Self {
            http: house.server.http.clone(),
            base: house.server.url(""),
            show: house.show.clone(),
            repeated,
        }
    }

    /// Posts until there is an answer that is none of these: the server may die in between, so the same key is sent
    /// again.
    pub(super) async fn post(
        &self,
        token: &str,
        path: &str,
        key: &str,
        body: &Value,
        again: &[u16],
    ) -> (u16, Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sent = self
                .http
                .post(format!("{}{path}", self.base))
                .bearer_auth(token)
                .header("Idempotency-Key", key)
                .json(body)
                .send()
                .await;
            let last = match sent {
                Ok(response) => {
                    let (status, body) = answer(response).await;
                    if !again.contains(&status) {
                        return (status, body);
                    }
                    format!("{status} {body}")
                }
                Err(error) => error.to_string(),
            };
            assert!(
                Instant::now() < deadline,
                "POST {path} with key {key}: expected an answer within {PATIENCE:?}, found {last}"
            );
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Reserves and pays; who changes their mind cancels at once, whether or not the bank was faster.
    pub(super) async fn buy(&self, number: u64, token: String, changes_mind: bool) -> Known {
        let body = json!({ "show_id": self.show, "quantity": TICKETS });
        let key = format!("reserve-{number}");
        let (status, reserved) = self
            .post(&token, "/bookings/reserve", &key, &body, &[202, 503])
            .await;
        assert_eq!(
            status, 201,
            "reserve {number}: expected 201, found {reserved}"
        );
        let booking = reserved["data"]["booking_id"].as_str().unwrap().to_owned();
        let body = json!({ "booking_id": booking, "method": "card" });
        let key = format!("pay-{number}");
        // 404: after a restart the database has not heard of the booking yet.
        let (status, paid) = self
            .post(&token, "/payments", &key, &body, &[404, 503])
            .await;
        let payment = match status {
            201 => &paid["data"]["payment_id"],
            402 => &paid["error"]["details"]["payment_id"],
            _ => panic!("pay for {booking}: expected 201 or 402, found {status} {paid}"),
        };
        let payment = payment
            .as_str()
            .unwrap_or_else(|| panic!("pay for {booking}: expected a payment_id, found {paid}"))
            .to_owned();
        if status == 201 && changes_mind {
            let path = format!("/payments/{payment}/cancel");
            let key = format!("cancel-{number}");
            let (status, said) = self.post(&token, &path, &key, &json!({}), &[503]).await;
            assert!(
                matches!(status, 200 | 409),
                "{path}: expected 200 or 409, found {status} {said}"
            );
        }
        Known {
            booking,
            token,
            payment,
        }
    }
}
