//! The gateway in this process.

use std::sync::atomic::{AtomicU64, Ordering};

use super::NOW_MS;
use crate::gateway::simulated::*;

/// A gateway with a clock that is set by hand.
fn gateway(faults: Faults) -> (Simulated, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(NOW_MS));
    let clock = Arc::clone(&time);
    let config = SimulatedConfig {
        faults,
        latency: Duration::ZERO,
        challenge_url: Some("http://127.0.0.1/dev/pay/".to_owned()),
    };
    let gateway = Simulated::new(config, Arc::new(move || clock.load(Ordering::Relaxed)));
    (gateway, time)
}

fn order<'a>(payment: Uuid, key: &'a str, method: &'a str) -> CreateOrder<'a> {
    CreateOrder {
        key,
        payment,
        booking: Uuid::from_u128(2),
        tenant: Uuid::from_u128(3),
        amount: 1_000,
        currency: "THB".parse().unwrap(),
        method,
        title: "A show",
        email: None,
        return_url: "http://127.0.0.1/back",
        expires_at_ms: NOW_MS + 600_000,
    }
}

#[tokio::test]
async fn each_method_begins_and_ends_as_its_name_says() {
    for (method, first, action, after_ms, then) in [
        (methods::CARD, Phase::Authorised, "", 0, Phase::Authorised),
        (methods::CARD_DECLINED, Phase::Failed, "", 0, Phase::Failed),
        (
            methods::CARD_CHALLENGE,
            Phase::AwaitingBuyer,
            "/dev/pay/pi_",
            120_000,
            Phase::Failed,
        ),
        (
            methods::SLOW,
            Phase::Processing,
            "",
            30_000,
            Phase::Authorised,
        ),
        (methods::TWICE, Phase::Authorised, "", 0, Phase::Authorised),
        (
            methods::LATE,
            Phase::Processing,
            "",
            605_000,
            Phase::Captured,
        ),
        (
            methods::PROMPTPAY,
            Phase::AwaitingBuyer,
            "\"qr\"",
            3_000,
            Phase::Captured,
        ),
        (
            methods::CAPTURE_FAILS,
            Phase::Authorised,
            "",
            0,
            Phase::Authorised,
        ),
        (
            methods::DISPUTE,
            Phase::Authorised,
            "",
            0,
            Phase::Authorised,
        ),
    ] {
        let (gateway, time) = gateway(Faults::default());
        let state = gateway
            .create(&order(Uuid::from_u128(1), "k", method))
            .await
            .unwrap();
        assert_eq!(state.phase, first, "{method}");
        let next = state.next_action.unwrap_or_default();
        assert!(
            next.contains(action) && next.is_empty() == action.is_empty(),
            "{method}: {next}"
        );
        time.store(NOW_MS + after_ms, Ordering::Relaxed);
        let state = gateway.read(&state.object).await.unwrap();
        assert_eq!(state.phase, then, "{method}");
        assert_eq!(
            methods::METHODS
                .iter()
                .filter(|known| known.name == method)
                .count(),
            1
        );
    }
    let (gateway, _) = gateway(Faults::default());
    let unknown = gateway
        .create(&order(Uuid::from_u128(1), "k", "card"))
        .await;
    assert!(
        matches!(unknown, Err(GatewayError::Refused { is_final: true, .. })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn the_silent_one_answers_to_the_second_call_and_is_found() {
    let (gateway, _) = gateway(Faults::default());
    let payment = Uuid::from_u128(9);
    let order = order(payment, "k", methods::SILENT);
    let first = gateway.create(&order).await;
    assert!(matches!(first, Err(GatewayError::Unknown(_))), "{first:?}");
    let found = gateway.find(payment, NOW_MS).await.unwrap().unwrap();
    assert_eq!(gateway.create(&order).await.unwrap(), found);
    assert_eq!(found.phase, Phase::AwaitingBuyer);
    assert_eq!(
        gateway.find(Uuid::from_u128(8), NOW_MS).await.unwrap(),
        None
    );
    let too_early = NOW_MS - KEY_LIVES_MS - 3 * CLOCKS_MS;
    assert_eq!(gateway.find(payment, too_early).await.unwrap(), None);
    let cancelled = gateway.cancel(&found.object).await.unwrap();
    assert_eq!(cancelled.phase, Phase::Cancelled);
}

#[tokio::test]
async fn money_goes_through_its_stations_in_this_process() {
    let (gateway, time) = gateway(Faults::default());
    let payment = Uuid::from_u128(1);
    let state = gateway
        .create(&order(payment, "1:create", methods::DISPUTE))
        .await
        .unwrap();
    let object = state.object.as_str();
    let taken = gateway.capture(object, "1:capture", 1_000).await.unwrap();
    assert_eq!((taken.phase, taken.captured), (Phase::Captured, 1_000));
    // Taken already, be it under another key.
    assert_eq!(
        gateway.capture(object, "2:capture", 1_000).await.unwrap(),
        taken
    );
    assert_eq!(gateway.cancel(object).await.unwrap(), taken);
    let refund = gateway.refund(object, "1:refund:1", 300).await.unwrap();
    time.store(NOW_MS + 2 * KEY_LIVES_MS, Ordering::Relaxed);
    let again = gateway.refund(object, "1:refund:1", 300).await.unwrap();
    assert_eq!((&again, again.phase), (&refund, RefundPhase::Done));
    assert_eq!(gateway.read_refund(&refund.object).await.unwrap(), refund);
    assert_eq!(gateway.read(object).await.unwrap().refunded, 300);
    let notices = gateway.take_notices();
    let kinds: Vec<_> = notices.iter().map(|notice| notice.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "payment_intent.created",
            "payment_intent.amount_capturable_updated",
            "payment_intent.succeeded",
            "refund.created",
            "charge.dispute.created",
        ]
    );
    assert!(notices.iter().all(|notice| notice.payment == Some(payment)));
    assert!(
        notices
            .iter()
            .all(|notice| notice.object.as_deref() == Some(object))
    );
    let dispute = notices.last().unwrap().dispute.clone().unwrap();
    let dispute = gateway.read_dispute(&dispute).await.unwrap();
    assert_eq!(
        (dispute.amount, dispute.payment_object.as_deref()),
        (1_000, Some(object))
    );
    assert!(gateway.take_notices().is_empty());
}

#[tokio::test]
async fn notices_of_the_one_that_tells_twice_come_twice() {
    let (gateway, _) = gateway(Faults::default());
    gateway
        .create(&order(Uuid::from_u128(1), "k", methods::TWICE))
        .await
        .unwrap();
    let ids: Vec<_> = gateway
        .take_notices()
        .into_iter()
        .map(|notice| notice.event_id)
        .collect();
    assert_eq!(ids.len(), 4);
    for id in &ids {
        assert_eq!(ids.iter().filter(|other| *other == id).count(), 2);
    }
}

#[tokio::test]
async fn what_it_holds_comes_page_by_page() {
    let (gateway, time) = gateway(Faults::default());
    for count in 0..250u128 {
        let key = count.to_string();
        time.fetch_add(1, Ordering::Relaxed);
        gateway
            .create(&order(Uuid::from_u128(count), &key, methods::CARD))
            .await
            .unwrap();
    }
    let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = gateway.page(NOW_MS + 11, after.as_deref()).await.unwrap();
        seen.extend(
            page.items
                .into_iter()
                .map(|item| item.payment.unwrap().as_u128()),
        );
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(seen, (10..250).rev().collect::<Vec<_>>());
}
