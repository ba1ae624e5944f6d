//! What becomes of payments: each call, in each state, once and twice.

use onsale_payments::gateway::counterpart::Options;
use onsale_payments::gateway::simulated::Act;
use onsale_payments::gateway::stripe::{CARD, PROMPTPAY};
use onsale_payments::gateway::{Gateway, Phase, RefundPhase};
use uuid::Uuid;

use crate::support::{AMOUNT, Order, act, both, now_ms, refused};

#[tokio::test]
async fn a_card_is_paid_on_the_page_set_aside_and_taken() {
    let (counterpart, stripe) = both(Options::default()).await;
    let order = Order::new(1, CARD);
    let created = stripe.create(&order.create()).await.unwrap();
    assert_eq!(
        (created.phase, created.amount),
        (Phase::AwaitingBuyer, AMOUNT)
    );
    let next = created.next_action.clone().unwrap();
    assert!(
        next.contains("redirect") && next.contains("/pay/cs_"),
        "{next}"
    );
    let object = created.object.as_str();
    assert!(object.starts_with("cs_"), "{object}");
    // Nobody has paid: nothing to take, nothing to give back.
    let key = order.key_of("capture");
    assert_eq!(
        refused(stripe.capture(object, &key, AMOUNT).await),
        "not_paid"
    );
    assert_eq!(
        refused(stripe.refund(object, &key, AMOUNT).await),
        "not_paid"
    );

    // A declined card leaves the page open.
    act(&counterpart, object, Act::Fail);
    let declined = stripe.read(object).await.unwrap();
    assert_eq!(declined.phase, Phase::AwaitingBuyer);
    assert_eq!(declined.failure.as_deref(), Some("card_declined"));
    assert_eq!(declined.next_action, created.next_action);

    act(&counterpart, object, Act::Pay);
    let authorised = stripe.read(object).await.unwrap();
    assert_eq!(
        (authorised.phase, authorised.captured),
        (Phase::Authorised, 0)
    );
    assert_eq!(
        (&authorised.failure, &authorised.next_action),
        (&None, &None)
    );

    let taken = stripe.capture(object, &key, AMOUNT).await.unwrap();
    assert_eq!((taken.phase, taken.captured), (Phase::Captured, AMOUNT));
    assert_eq!(taken.object, object);
    assert_eq!(stripe.capture(object, &key, AMOUNT).await.unwrap(), taken);
    let other_key = order.key_of("other");
    assert_eq!(
        stripe.capture(object, &other_key, AMOUNT).await.unwrap(),
        taken
    );
    // Too late to take it back.
    assert_eq!(stripe.cancel(object).await.unwrap(), taken);
}

#[tokio::test]
async fn promptpay_is_paid_by_a_code_and_comes_at_once() {
    let (counterpart, stripe) = both(Options::default()).await;
    let order = Order::new(1, PROMPTPAY);
    let created = stripe.create(&order.create()).await.unwrap();
    assert_eq!(created.phase, Phase::AwaitingBuyer);
    let next: serde_json::Value = serde_json::from_str(&created.next_action.unwrap()).unwrap();
    assert_eq!(next["kind"], "qr");
    for field in ["data", "page_url", "image_url"] {
        assert!(
            next[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}: {next}"
        );
    }
    act(&counterpart, &created.object, Act::Begin);
    let begun = stripe.read(&created.object).await.unwrap();
    assert_eq!(begun.phase, Phase::Processing);
    let cancelled = stripe.cancel(&created.object).await.unwrap();
    assert_eq!(cancelled.phase, Phase::Processing);
    act(&counterpart, &created.object, Act::Pay);
    let paid = stripe.cancel(&created.object).await.unwrap();
    assert_eq!((paid.phase, paid.captured), (Phase::Captured, AMOUNT));

    let failed = stripe
        .create(&Order::new(2, PROMPTPAY).create())
        .await
        .unwrap();
    act(&counterpart, &failed.object, Act::Fail);
    let failed = stripe.read(&failed.object).await.unwrap();
    assert_eq!(
        (failed.phase, failed.failure.as_deref()),
        (Phase::Failed, Some("card_declined"))
    );

    let mut without = order.create();
    without.email = None;
    assert_eq!(refused(stripe.create(&without).await), "email");
}

#[tokio::test]
async fn a_payment_is_taken_back_in_each_state() {
    let (counterpart, stripe) = both(Options::default()).await;
    let acts: [(&str, &[Act], Phase); 6] = [
        (CARD, &[], Phase::Cancelled),
        (CARD, &[Act::Fail], Phase::Cancelled),
        (CARD, &[Act::Begin], Phase::Processing),
        (CARD, &[Act::Pay], Phase::Cancelled),
        (PROMPTPAY, &[], Phase::Cancelled),
        (PROMPTPAY, &[Act::Fail], Phase::Cancelled),
    ];
    for (number, (method, acts, phase)) in (1..).zip(acts) {
        let order = Order::new(number, if method == CARD { CARD } else { PROMPTPAY });
        let created = stripe.create(&order.create()).await.unwrap();
        for done in acts {
            act(&counterpart, &created.object, *done);
        }
        for _ in 0..2 {
            let state = stripe.cancel(&created.object).await.unwrap();
            assert_eq!(state.phase, phase, "{method} after {acts:?}");
            assert_eq!(state.object, created.object);
            assert_eq!(state.captured, 0);
        }
        // Whoever comes too late finds the door closed.
        let is_paid = counterpart
            .with_machine(|machine, now_ms| machine.act(&created.object, Act::Pay, now_ms));
        assert_eq!(
            is_paid,
            phase == Phase::Processing,
            "{method} after {acts:?}"
        );
    }
}

/// A refusal is not remembered: what could not be taken back while a bank worked on it can be afterwards.
#[tokio::test]
async fn what_could_not_be_taken_back_is_once_it_can_be() {
    let (counterpart, stripe) = both(Options::default()).await;
    for (number, method) in [(1, CARD), (2, PROMPTPAY)] {
        let order = Order::new(number, method);
        let created = stripe.create(&order.create()).await.unwrap();
        act(&counterpart, &created.object, Act::Begin);
        let early = stripe.cancel(&created.object).await.unwrap();
        assert_eq!(early.phase, Phase::Processing, "{method}");
        act(&counterpart, &created.object, Act::Fail);
        let cancelled = stripe.cancel(&created.object).await.unwrap();
        assert_eq!(cancelled.phase, Phase::Cancelled, "{method}");
    }
}

#[tokio::test]
async fn a_refund_is_one_for_its_key() {
    let (counterpart, stripe) = both(Options::default()).await;
    for (number, method) in [(1, CARD), (2, PROMPTPAY)] {
        let order = Order::new(number, method);
        let created = stripe.create(&order.create()).await.unwrap();
        let object = created.object.as_str();
        act(&counterpart, object, Act::Pay);
        if method == CARD {
            stripe
                .capture(object, &order.key_of("capture"), AMOUNT)
                .await
                .unwrap();
        }
        let (first, second) = (order.key_of("refund:1"), order.key_of("refund:2"));
        let refund = stripe.refund(object, &first, 50_000).await.unwrap();
        assert_eq!((refund.phase, refund.amount), (RefundPhase::Done, 50_000));
        assert_eq!(stripe.refund(object, &first, 50_000).await.unwrap(), refund);
        assert_eq!(stripe.read_refund(&refund.object).await.unwrap(), refund);
        let too_much = stripe.refund(object, &second, AMOUNT).await;
        assert_eq!(refused(too_much), "amount_too_large");
        let third = order.key_of("refund:3");
        let rest = stripe
            .refund(object, &third, AMOUNT - 50_000)
            .await
            .unwrap();
        assert_ne!(rest.object, refund.object);
        let state = stripe.read(object).await.unwrap();
        assert_eq!((state.captured, state.refunded), (AMOUNT, AMOUNT));
    }
    assert_eq!(
        refused(stripe.read_refund("re_none").await),
        "resource_missing"
    );
}

#[tokio::test]
async fn a_key_makes_one_payment_and_is_bound_to_it() {
    let (counterpart, stripe) = both(Options::default()).await;
    let mut order = Order::new(1, CARD);
    let first = stripe.create(&order.create()).await.unwrap();
    assert_eq!(stripe.create(&order.create()).await.unwrap(), first);
    order.amount += 1;
    assert_eq!(
        refused(stripe.create(&order.create()).await),
        "idempotency_error"
    );
    assert_eq!(
        counterpart.with_machine(|machine, _| machine.payment_count()),
        1
    );
}

#[tokio::test]
async fn what_was_made_is_found_by_its_payment_and_listed_page_by_page() {
    let (counterpart, stripe) = both(Options::default()).await;
    let began_ms = now_ms();
    for number in 1..=230 {
        let method = if number % 2 == 0 { CARD } else { PROMPTPAY };
        stripe
            .create(&Order::new(number, method).create())
            .await
            .unwrap();
    }
    for number in [1, 2, 229, 230] {
        let found = stripe
            .find(Uuid::from_u128(number), began_ms)
            .await
            .unwrap()
            .unwrap();
        let is_session = number % 2 == 0;
        assert_eq!(found.object.starts_with("cs_"), is_session, "{found:?}");
        assert_eq!(stripe.read(&found.object).await.unwrap(), found);
    }
    let unknown = Uuid::from_u128(231);
    assert_eq!(stripe.find(unknown, began_ms).await.unwrap(), None);
    let yesterday_ms = began_ms - 2 * 86_400_000;
    assert_eq!(
        stripe.find(Uuid::from_u128(1), yesterday_ms).await.unwrap(),
        None
    );

    // A session has an intent once its buyer tries.
    let paid = stripe
        .find(Uuid::from_u128(2), began_ms)
        .await
        .unwrap()
        .unwrap();
    act(&counterpart, &paid.object, Act::Pay);
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = stripe.page(began_ms, after.as_deref()).await.unwrap();
        assert!(page.items.len() <= 100);
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 116);
    let held: Vec<_> = seen
        .iter()
        .filter(|item| item.state.phase == Phase::Authorised)
        .collect();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].payment, Some(Uuid::from_u128(2)));
    let later = stripe.page(now_ms() + 10_000, None).await.unwrap();
    assert!(later.items.is_empty() && later.next.is_none());
}

#[tokio::test]
async fn what_cannot_be_paid_is_refused_before_stripe_is_asked() {
    // Nothing listens there.
    let stripe = crate::support::stripe("http://127.0.0.1:1");
    let order = Order::new(1, CARD);
    let mut other = order.create();
    other.method = "sim_card";
    assert_eq!(refused(stripe.create(&other).await), "method");
    for amount in [0, -1, i64::MIN] {
        let mut other = order.create();
        other.amount = amount;
        assert_eq!(refused(stripe.create(&other).await), "amount");
    }
}
