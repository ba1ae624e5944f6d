//! Servers that answer with anything, or not at all; and secrets, which nothing shows.

use std::time::Duration;

use onsale_payments::gateway::circuit::{Limits, Position};
use onsale_payments::gateway::counterpart::{KEY, Options, WEBHOOK_SECRET};
use onsale_payments::gateway::stripe::{CARD, PROMPTPAY, Stripe, StripeConfigError};
use onsale_payments::gateway::{Gateway, GatewayError, Guarded};
use onsale_payments::metrics::GatewayMetrics;
use onsale_settings::Secret;
use prometheus::{Registry, TextEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Order, both, config, counterpart, listener, stripe};

/// A server that answers each request with these bytes, `repeat` often, and closes.
async fn raw(answer: &'static str, repeat: usize) -> String {
    let listener = listener().await;
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 65_536];
            let _read = connection.read(&mut request).await;
            for part in 0..=repeat {
                let bytes = if part == 0 {
                    answer
                } else {
                    "[[[[[[[[[[[[[[[["
                };
                if connection.write_all(bytes.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    url
}

#[tokio::test]
async fn an_answer_that_says_nothing_leaves_it_unknown() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\n\r\n";
    for (answer, repeat) in [
        ("", 0),
        ("what is this", 0),
        ("HTTP/1.1 200 OK\r\n\r\n{}", 0),
        ("HTTP/1.1 200 OK\r\n\r\nnull", 0),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", 0),
        (
            "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"pi_1\",\"status\":\"new\",\"amount\":1,\"currency\":\"thb\",\"created\":1}",
            0,
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"pi_1\",\"status\":\"succeeded\",\"amount\":1e99,\"currency\":\"thb\",\"created\":1}",
            0,
        ),
        // A redirection is not followed.
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            0,
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", 0),
        ("HTTP/1.1 500 Oh\r\ncontent-length: 100\r\n\r\n{", 0),
        // 8 MiB without an end, and 1 MiB of brackets, which no stack holds.
        (HEAD, 524_288),
        (HEAD, 65_536),
    ] {
        let stripe = stripe(&raw(answer, repeat).await);
        let read = stripe.read("pi_1").await;
        assert!(
            matches!(read, Err(GatewayError::Unknown(_))),
            "{answer:?}: {read:?}"
        );
        let said = read.unwrap_err().to_string();
        assert!(said.len() < 600, "{said}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_leaves_it_unknown() {
    // The system takes connections for it, and nobody answers them.
    let silent = listener().await;
    let mut config = config(&format!("http://{}", silent.local_addr().unwrap()));
    config.timeout = Duration::from_millis(200);
    let stripe = Stripe::new(&config).unwrap();
    let asked = stripe.create(&Order::new(1, CARD).create()).await;
    assert!(matches!(asked, Err(GatewayError::Unknown(_))), "{asked:?}");
}

#[tokio::test]
async fn an_error_does_not_repeat_the_buyers_address() {
    let url = raw(
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n\
         {\"error\":{\"code\":\"email_invalid\",\"message\":\"buyer@example.test: no\"}}",
        0,
    );
    let stripe = stripe(&url.await);
    let asked = stripe.create(&Order::new(1, PROMPTPAY).create()).await;
    let shown = format!("{asked:?}");
    assert!(
        shown.contains("email_invalid") && shown.contains("…: no"),
        "{shown}"
    );
    assert!(!shown.contains("buyer@"), "{shown}");
}

#[tokio::test]
async fn a_server_that_is_not_there_was_certainly_not_asked() {
    let gone = listener().await;
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let limits = Limits {
        failures_max: 3,
        open_min_ms: 60_000,
        ..Limits::default()
    };
    let registry = Registry::new();
    let metrics = GatewayMetrics::register(&registry).unwrap();
    let guarded = Guarded::new(stripe(&url), limits).with_metrics(metrics);
    for count in 0..3 {
        assert_eq!(guarded.position(), Position::Closed, "{count}");
        let asked = guarded.create(&Order::new(1, CARD).create()).await;
        let is_right = matches!(
            asked,
            Err(GatewayError::Unavailable {
                retry_after_ms: None,
                ..
            })
        );
        assert!(is_right, "{asked:?}");
    }
    assert_eq!(guarded.position(), Position::Open);
    let kept = guarded.read("pi_1").await;
    match kept {
        Err(GatewayError::Unavailable {
            retry_after_ms: Some(wait_ms),
            ..
        }) => {
            assert!(wait_ms <= 60_000);
        }
        other => panic!("{other:?}"),
    }
    let shown = TextEncoder::new()
        .encode_to_string(&registry.gather())
        .unwrap();
    for line in [
        "onsale_gateway_calls_total{call=\"create\",outcome=\"unavailable\"} 3",
        "onsale_gateway_calls_total{call=\"read\",outcome=\"not_made\"} 1",
        "onsale_gateway_call_seconds_count{call=\"create\"} 3",
        "onsale_gateway_call_seconds_count{call=\"read\"} 0",
        "onsale_gateway_circuit{state=\"closed\"} 0",
        "onsale_gateway_circuit{state=\"open\"} 1",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
}

#[tokio::test]
async fn refusals_keep_the_circuit_closed() {
    let (counterpart, _) = both(Options::default()).await;
    let limits = Limits {
        failures_max: 1,
        ..Limits::default()
    };
    let guarded = Guarded::new(stripe(counterpart.url().as_str()), limits);
    for _ in 0..3 {
        let missing = guarded.read("pi_none").await;
        assert!(
            matches!(missing, Err(GatewayError::Refused { .. })),
            "{missing:?}"
        );
    }
    assert_eq!(guarded.position(), Position::Closed);
}

#[tokio::test]
async fn a_wrong_key_makes_payments_wait() {
    let counterpart = counterpart(Options::default()).await;
    let mut config = config(counterpart.url().as_str());
    config.key = Secret::new("sk_test_revoked");
    let asked = Stripe::new(&config).unwrap().read("pi_1").await;
    assert!(
        matches!(asked, Err(GatewayError::Unavailable { .. })),
        "{asked:?}"
    );
    assert!(!format!("{asked:?}").contains("revoked"));
}

#[tokio::test]
async fn an_id_is_one_part_of_a_path() {
    let (_counterpart, stripe) = both(Options::default()).await;
    for id in ["../refunds", "a/b", "?x", "#", "..", "%2e%2e", "\u{0}", ""] {
        let read = stripe.read(id).await;
        assert!(
            !matches!(read, Ok(_) | Err(GatewayError::Unavailable { .. })),
            "{id:?}: {read:?}"
        );
    }
    let key = "a\nb";
    let captured = stripe.capture("pi_1", key, 1).await;
    assert!(
        matches!(captured, Err(GatewayError::Refused { .. })),
        "{captured:?}"
    );
}

#[test]
fn nothing_shows_a_secret() {
    let config = config("http://127.0.0.1:1/");
    let stripe = Stripe::new(&config).unwrap();
    for shown in [
        format!("{config:?} {stripe:?}"),
        format!("{config:#?} {stripe:#?}"),
    ] {
        for secret in [KEY, WEBHOOK_SECRET] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn an_address_that_would_show_the_key_is_refused() {
    let with = |url: &str| {
        let built = Stripe::new(&config(url));
        built
            .map(|_| ())
            .map_err(|error| (error.to_string(), error))
    };
    for url in [
        "https://api.example.test",
        "http://127.0.0.1:9",
        "http://localhost/stripe/",
    ] {
        assert!(with(url).is_ok(), "{url}");
    }
    for url in [
        "http://api.example.test",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "https://user:word@api.example.test",
        "https://api.example.test/?a=b",
    ] {
        let (said, error) = with(url).unwrap_err();
        assert!(matches!(error, StripeConfigError::Url(_)), "{url}: {said}");
        assert!(!said.contains("word"), "{said}");
    }
    for (count, is_right) in [(0, false), (1, true), (2, true), (3, false)] {
        let mut config = config("http://127.0.0.1:9");
        config.webhook_secrets = vec![Secret::new("whsec"); count];
        assert_eq!(Stripe::new(&config).is_ok(), is_right, "{count}");
    }
    for key in ["", " ", "sk\n"] {
        let mut config = config("http://127.0.0.1:9");
        config.key = Secret::new(key);
        let error = Stripe::new(&config).unwrap_err();
        assert!(!error.to_string().contains("sk"), "{error}");
    }
}
