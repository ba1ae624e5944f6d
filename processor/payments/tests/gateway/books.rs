//! What the counterpart has beside Stripe's interface: books, buyers, a page, and who may ask it.

use std::time::{Duration, Instant};

use onsale_payments::gateway::counterpart::{Counterpart, KEY, Options};
use onsale_payments::gateway::simulated::Faults;
use onsale_payments::gateway::stripe::{CARD, VERSION};
use onsale_payments::gateway::{Gateway, Phase};
use serde_json::Value;

use crate::support::{AMOUNT, Order, ask, both, counterpart, now_ms};

/// What comes by itself comes within this, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

async fn books(counterpart: &Counterpart) -> Value {
    let (status, answer) = ask(counterpart, "GET /_books", "", "").await;
    assert_eq!(status, 200);
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn buyers_behave_by_the_seed_and_the_books_agree_with_what_is_read() {
    let options = Options {
        faults: Faults {
            seed: 11,
            ..Faults::default()
        },
        buyers_pay_after_ms: Some(1),
        buyers_decline: 250,
        buyers_leave: 250,
        ..Options::default()
    };
    let (counterpart, stripe) = both(options).await;
    let began_ms = now_ms();
    for number in 1..=40 {
        stripe
            .create(&Order::new(number, CARD).create())
            .await
            .unwrap();
    }
    let count = |books: &Value, status: &str| {
        let payments = books["payments"].as_array().unwrap();
        payments
            .iter()
            .filter(|payment| payment["status"] == status)
            .count()
    };
    // The others' cards are declined, or they leave.
    let deadline = Instant::now() + PATIENCE;
    let expected = 40
        - counterpart.with_machine(|machine, _| {
            machine
                .payments()
                .filter(|record| !format!("{:?}", record.course).starts_with("Pays"))
                .count()
        });
    assert!((10..35).contains(&expected), "{expected}");
    while count(&books(&counterpart).await, "requires_capture") < expected {
        assert!(Instant::now() < deadline, "fewer than {expected} have paid");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let page = stripe.page(began_ms, None).await.unwrap();
    let held = page
        .items
        .iter()
        .filter(|item| item.state.phase == Phase::Authorised);
    assert_eq!(held.clone().count(), expected);
    for item in held {
        let order = Order::new(item.payment.unwrap().as_u128(), CARD);
        let found = stripe.find(order.payment, began_ms).await.unwrap().unwrap();
        let key = order.key_of("capture");
        stripe.capture(&found.object, &key, AMOUNT).await.unwrap();
        stripe
            .refund(&found.object, &order.key_of("refund:1"), 1)
            .await
            .unwrap();
    }
    let books = books(&counterpart).await;
    assert_eq!(count(&books, "succeeded"), expected);
    let (mut received, mut refunded) = (0, 0);
    for payment in books["payments"].as_array().unwrap() {
        received += payment["received"].as_i64().unwrap();
        refunded += payment["refunded"].as_i64().unwrap();
        let refunds = payment["refunds"].as_array().unwrap();
        let sum: i64 = refunds
            .iter()
            .map(|refund| refund["amount"].as_i64().unwrap())
            .sum();
        assert_eq!(payment["refunded"], sum);
        assert!(payment["payment"].is_string(), "{payment}");
    }
    let expected = i64::try_from(expected).unwrap();
    assert_eq!((received, refunded), (expected * AMOUNT, expected));
}

#[tokio::test]
async fn a_buyer_pays_on_the_page_and_comes_back() {
    let (counterpart, stripe) = both(Options::default()).await;
    let object = stripe
        .create(&Order::new(1, CARD).create())
        .await
        .unwrap()
        .object;
    let page = format!("/pay/{object}");
    let (status, answer) = ask(&counterpart, &format!("GET {page}"), "", "").await;
    assert!(status == 200 && answer.contains("150000 THB"), "{answer}");
    for (form, back, phase) in [
        (
            "act=leave",
            "shop.example.test/back?a=1&b=2",
            Phase::AwaitingBuyer,
        ),
        ("", "shop.example.test/back?a=1&b=2", Phase::AwaitingBuyer),
        ("act=fail", page.as_str(), Phase::AwaitingBuyer),
        (
            "act=pay",
            "shop.example.test/back?a=1&b=2",
            Phase::Authorised,
        ),
    ] {
        let (status, answer) = ask(&counterpart, &format!("POST {page}"), "", form).await;
        let goes_back = answer
            .lines()
            .any(|line| line.starts_with("location:") && line.ends_with(back));
        assert!(status == 303 && goes_back, "{form}: {answer}");
        assert_eq!(stripe.read(&object).await.unwrap().phase, phase, "{form}");
    }
    let buyer = format!("POST /_buyer/{object}");
    let dispute = format!("POST /_dispute/{object}");
    for (line, form, status) in [
        ("GET /pay/cs_none", "", 404),
        (buyer.as_str(), "act=pay", 409),
        (&buyer, "act=dance", 400),
        (&buyer, "", 400),
        ("POST /_buyer/cs_none", "act=pay", 409),
        (&dispute, "", 409),
        ("POST /_faults", "lost_calls=1001", 400),
        ("POST /_faults", "colour=blue", 400),
        ("POST /_faults", "rate_limits=1000", 200),
    ] {
        assert_eq!(
            ask(&counterpart, line, "", form).await.0,
            status,
            "{line} {form}"
        );
    }
    let limited = stripe.read(&object).await;
    assert!(
        format!("{limited:?}").contains("Unavailable"),
        "{limited:?}"
    );
}

#[tokio::test]
async fn who_does_not_speak_as_stripe_wants_it_is_refused() {
    let counterpart = counterpart(Options::default()).await;
    let key = format!("authorization: Bearer {KEY}\r\n");
    let version = format!("stripe-version: {VERSION}\r\n");
    let both = format!("{key}{version}");
    let long = format!("metadata[a]={}", "b".repeat(70_000));
    let many = "a=b&".repeat(300);
    for (line, head, body, status) in [
        ("GET /v1/refunds/re_1", "", "", 401),
        ("GET /v1/refunds/re_1", version.as_str(), "", 401),
        ("GET /v1/refunds/re_1", &key, "", 400),
        ("GET /v1/refunds/re_1", &both, "", 404),
        ("GET /v1/nothing", &both, "", 404),
        ("DELETE /v1/refunds", &both, "", 404),
        ("POST /v1/refunds", &both, &long, 413),
        ("POST /v1/refunds", &both, &many, 400),
        ("GET /v1/payment_intents?limit=101", &both, "", 400),
        ("GET /v1/payment_intents?colour=blue", &both, "", 400),
    ] {
        let (given, answer) = ask(&counterpart, line, head, body).await;
        assert_eq!(given, status, "{line}: {answer}");
    }
}
