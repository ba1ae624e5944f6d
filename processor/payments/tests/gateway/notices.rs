//! Notices of the counterpart, as they arrive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bytes::Bytes;
use http::HeaderMap;
use onsale_payments::gateway::counterpart::{Counterpart, Options};
use onsale_payments::gateway::simulated::{Act, Faults};
use onsale_payments::gateway::stripe::{CARD, Stripe};
use onsale_payments::gateway::{Gateway, Notice, WebhookError};
use onsale_settings::Secret;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{Order, act, config, counterpart, listener, now_ms};

/// A notice that comes at all comes within this, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

type Arrived = (HeaderMap, Bytes);

#[derive(Clone)]
struct Inbox {
    arrived: UnboundedSender<Arrived>,
    /// How many are refused first.
    refuses: Arc<AtomicU32>,
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let refuses = inbox
        .refuses
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        });
    if refuses.is_ok() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    inbox.arrived.send((headers, body)).unwrap();
    StatusCode::OK
}

/// A counterpart that sends its notices here.
async fn noticed(
    faults: Faults,
    refuses: u32,
) -> (Counterpart, Stripe, UnboundedReceiver<Arrived>) {
    let (arrived, inbox) = unbounded_channel();
    let listener = listener().await;
    let url = format!("http://{}/notices", listener.local_addr().unwrap());
    let state = Inbox {
        arrived,
        refuses: Arc::new(refuses.into()),
    };
    let router = Router::new()
        .route("/notices", post(take))
        .with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let secrets = vec![Secret::new("whsec_old"), Secret::new("whsec_new")];
    let options = Options {
        faults,
        webhook_url: Some(url.parse().unwrap()),
        webhook_secrets: secrets,
        ..Options::default()
    };
    let counterpart = counterpart(options).await;
    // Here the exchange is over, there it is not.
    let mut config = config(counterpart.url().as_str());
    config.webhook_secrets = vec![Secret::new("whsec_new")];
    (counterpart, Stripe::new(&config).unwrap(), inbox)
}

async fn next(stripe: &Stripe, inbox: &mut UnboundedReceiver<Arrived>) -> Notice {
    let (headers, body) = tokio::time::timeout(PATIENCE, inbox.recv())
        .await
        .unwrap()
        .unwrap();
    stripe.verify_webhook(&headers, &body, now_ms()).unwrap()
}

#[tokio::test]
async fn a_signed_notice_says_what_to_read() {
    // The first two are not taken, and come again.
    let (counterpart, stripe, mut inbox) = noticed(Faults::default(), 2).await;
    let order = Order::new(1, CARD);
    let object = stripe.create(&order.create()).await.unwrap().object;
    act(&counterpart, &object, Act::Pay);
    stripe.capture(&object, "c", order.amount).await.unwrap();
    let refund = stripe.refund(&object, "r", 1_000).await.unwrap();
    let dispute = counterpart
        .with_machine(|machine, now_ms| machine.dispute(&object, now_ms))
        .unwrap();
    let mut seen = BTreeMap::new();
    for _ in 0..5 {
        let notice = next(&stripe, &mut inbox).await;
        seen.insert(notice.kind.clone(), notice);
    }
    let of = |kind: &str| {
        seen.get(kind)
            .unwrap_or_else(|| panic!("no {kind}: {seen:?}"))
    };
    let session = of("checkout.session.completed");
    assert_eq!(session.object.as_deref(), Some(object.as_str()));
    for kind in [
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
    ] {
        assert_eq!(of(kind).payment, Some(order.payment), "{kind}");
        assert!(
            of(kind)
                .object
                .as_deref()
                .is_some_and(|id| id.starts_with("pi_"))
        );
    }
    assert_eq!(session.payment, Some(order.payment));
    assert_eq!(of("refund.created").refund, Some(refund.object));
    let disputed = of("charge.dispute.created");
    assert_eq!(disputed.dispute, Some(dispute.id.clone()));
    let read = stripe.read_dispute(&dispute.id).await.unwrap();
    assert_eq!(
        (read.amount, read.status.as_str()),
        (order.amount, "needs_response")
    );
    assert_eq!(read.payment_object, disputed.object);
    assert_eq!(read.due_at_ms, Some(dispute.due_at_ms() / 1_000 * 1_000));
}

#[tokio::test]
async fn a_changed_notice_or_another_secret_is_refused() {
    let (counterpart, stripe, mut inbox) = noticed(Faults::default(), 0).await;
    let object = stripe
        .create(&Order::new(1, CARD).create())
        .await
        .unwrap()
        .object;
    act(&counterpart, &object, Act::Pay);
    let (headers, body) = tokio::time::timeout(PATIENCE, inbox.recv())
        .await
        .unwrap()
        .unwrap();
    assert!(stripe.verify_webhook(&headers, &body, now_ms()).is_ok());
    let changed = String::from_utf8(body.to_vec())
        .unwrap()
        .replace("150000", "150001");
    assert_ne!(changed.as_bytes(), &body[..]);
    let refused = stripe.verify_webhook(&headers, changed.as_bytes(), now_ms());
    assert_eq!(refused, Err(WebhookError::Signature));
    let late = stripe.verify_webhook(&headers, &body, now_ms() + 400_000);
    assert!(matches!(late, Err(WebhookError::Time { .. })), "{late:?}");
    let mut config = config(counterpart.url().as_str());
    config.webhook_secrets = vec![Secret::new("whsec_other")];
    let other = Stripe::new(&config).unwrap();
    let refused = other.verify_webhook(&headers, &body, now_ms());
    assert_eq!(refused, Err(WebhookError::Signature));
}

#[tokio::test]
async fn notices_come_twice_and_not_at_all_by_the_seed() {
    let faults = Faults {
        seed: 3,
        notices_twice: 400,
        notices_lost: 300,
        ..Faults::default()
    };
    let (counterpart, stripe, mut inbox) = noticed(faults, 0).await;
    let mut expected = Vec::new();
    for number in 1..=10u64 {
        let object = stripe
            .create(&Order::new(number.into(), CARD).create())
            .await
            .unwrap()
            .object;
        act(&counterpart, &object, Act::Pay);
    }
    // Each has two. What comes up to 30 s later is not waited for.
    for number in 0..20 {
        let sent = faults.of_notice(number);
        expected.push(sent.iter().filter(|delay_ms| **delay_ms == 0).count());
    }
    let at_once = expected.iter().sum::<usize>();
    assert!((1..20).contains(&at_once), "{expected:?}");
    for _ in 0..at_once {
        next(&stripe, &mut inbox).await;
    }
}
