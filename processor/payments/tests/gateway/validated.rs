//! Each request that the adapter sends, shown to stripe-mock.

use onsale_payments::gateway::Gateway;
use onsale_payments::gateway::counterpart::{KEY, Options};
use onsale_payments::gateway::simulated::Act;
use onsale_payments::gateway::stripe::{CARD, PROMPTPAY, VERSION};

use crate::support::{AMOUNT, Order, act, ask, both, now_ms};

const VARIABLE: &str = "ONSALE_TEST_GATEWAY_URL";

/// Where stripe-mock is: beside the counterpart that `deploy/services/gateway.sh` starts.
fn validator() -> String {
    let url = std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} is not set: start deploy/services/gateway.sh, which prints it")
    });
    let (start, port) = url.trim_end_matches('/').rsplit_once(':').unwrap();
    format!("{start}:{}", port.parse::<u16>().unwrap() + 1)
}

#[tokio::test]
async fn stripe_takes_every_request() {
    let options = Options {
        validator: Some(validator().parse().unwrap()),
        ..Options::default()
    };
    let (counterpart, stripe) = both(options).await;
    let began_ms = now_ms();
    for (number, method) in [(1, CARD), (2, PROMPTPAY)] {
        let order = Order::new(number, method);
        let object = stripe.create(&order.create()).await.unwrap().object;
        act(&counterpart, &object, Act::Pay);
        stripe.read(&object).await.unwrap();
        if method == CARD {
            let key = order.key_of("capture");
            stripe.capture(&object, &key, AMOUNT).await.unwrap();
        }
        let refund = stripe
            .refund(&object, &order.key_of("refund:1"), 1)
            .await
            .unwrap();
        stripe.read_refund(&refund.object).await.unwrap();
        stripe.find(order.payment, began_ms).await.unwrap().unwrap();
        let disputed = counterpart.with_machine(|machine, now_ms| machine.dispute(&object, now_ms));
        stripe.read_dispute(&disputed.unwrap().id).await.unwrap();
    }
    for (number, method, is_paid) in [(3, CARD, false), (4, CARD, true), (5, PROMPTPAY, false)] {
        let order = Order::new(number, method);
        let object = stripe.create(&order.create()).await.unwrap().object;
        if is_paid {
            act(&counterpart, &object, Act::Pay);
        }
        stripe.cancel(&object).await.unwrap();
    }
    let page = stripe.page(began_ms, None).await.unwrap();
    let last = page.items.last().unwrap().state.object.clone();
    stripe.page(began_ms, Some(&last)).await.unwrap();
    let (asked, refusals) = counterpart.validated();
    assert_eq!(refusals, Vec::<String>::new());
    assert!(asked >= 30, "{asked}");
}

/// The validator is awake: what no adapter sends is refused.
#[tokio::test]
async fn what_stripe_does_not_take_is_refused_here_too() {
    let options = Options {
        validator: Some(validator().parse().unwrap()),
        ..Options::default()
    };
    let (counterpart, _) = both(options).await;
    let head = format!("authorization: Bearer {KEY}\r\nstripe-version: {VERSION}\r\n");
    for (path, form) in [
        ("payment_intents", "amount=100"),
        ("payment_intents", "amount=much&currency=thb"),
        ("refunds", "payment_intent=pi_1&colour=blue"),
        ("checkout/sessions", "mode=payment&expires_at=soon"),
        ("nothing", "a=b"),
    ] {
        let (status, answer) = ask(&counterpart, &format!("POST /v1/{path}"), &head, form).await;
        assert_eq!(status, 400, "{form}: {answer}");
        assert!(answer.contains(r#""code":"validator""#), "{form}: {answer}");
    }
    assert_eq!(counterpart.validated().1.len(), 5);
}
