//! Sends notices: signed, again when they are not taken, and by the seed twice, late, or never.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use url::Url;

use super::form::Fields;
use super::render::Renderer;
use super::{Shared, now_ms};
use crate::gateway::stripe::{SIGNATURE_HEADER, sign};

/// How often it is looked for events.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Notices that are under way at once.
const SENDING_MAX: usize = 32;
/// Notices that wait; more are lost.
const WAITING_MAX: usize = 100_000;
/// How often one is sent until it is taken.
const TRIES_MAX: u32 = 8;
/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What became of notices.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: AtomicU64,
    pub(super) taken: AtomicU64,
    pub(super) given_up: AtomicU64,
}

/// Sends what happens to `url`, until it is dropped.
pub(super) async fn send_all(shared: Arc<Shared>, url: Url) {
    let mut waiting: BTreeMap<(u64, u64), Arc<str>> = BTreeMap::new();
    let mut count = 0;
    let sending = Arc::new(Semaphore::new(SENDING_MAX));
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = now_ms();
        let fields = Fields::default();
        let renderer = Renderer {
            base: &shared.base,
            fields: &fields,
        };
        let (events, faults) = {
            let mut machine = shared.machine.lock();
            machine.advance(now);
            (machine.take_events(), *machine.faults())
        };
        for event in events {
            let body: Arc<str> = renderer.event(&event).to_string().into();
            for delay_ms in faults.of_notice(event.number) {
                count += 1;
                if waiting.len() < WAITING_MAX {
                    waiting.insert((now + delay_ms, count), Arc::clone(&body));
                }
            }
        }
        while let Some(entry) = waiting.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let body = entry.remove();
            let (shared, url, sending) = (Arc::clone(&shared), url.clone(), Arc::clone(&sending));
            tokio::spawn(async move { send(&shared, url, &body, &sending).await });
        }
    }
}

async fn send(shared: &Shared, url: Url, body: &str, sending: &Semaphore) {
    for attempt in 0..TRIES_MAX {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(250 << attempt)).await;
        }
        let Ok(_permit) = sending.acquire().await else {
            return;
        };
        let at_s = now_ms() / 1_000;
        let mut signature = format!("t={at_s}");
        for secret in &shared.options.webhook_secrets {
            if let Some(digest) = sign(secret, at_s, body.as_bytes()) {
                signature = format!("{signature},v1={digest}");
            }
        }
        shared.notices.sent.fetch_add(1, Ordering::Relaxed);
        let answer = shared
            .http
            .post(url.clone())
            .header(SIGNATURE_HEADER, signature)
            .header("content-type", "application/json; charset=utf-8")
            .timeout(TIMEOUT)
            .body(body.to_owned())
            .send()
            .await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            shared.notices.taken.fetch_add(1, Ordering::Relaxed);
            return;
        }
    }
    shared.notices.given_up.fetch_add(1, Ordering::Relaxed);
}
