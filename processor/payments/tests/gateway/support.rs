//! A counterpart over real HTTP, and Stripe as it is asked there.

use onsale_payments::gateway::counterpart::{Counterpart, KEY, Options, WEBHOOK_SECRET};
use onsale_payments::gateway::simulated::Act;
use onsale_payments::gateway::stripe::{Stripe, StripeConfig, TIMEOUT};
use onsale_payments::gateway::{CreateOrder, GatewayError};
use onsale_private::Private;
use onsale_settings::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

pub(crate) const AMOUNT: i64 = 150_000;

pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

pub(crate) async fn counterpart(options: Options) -> Counterpart {
    Counterpart::start(listener().await, options).unwrap()
}

pub(crate) fn config(url: &str) -> StripeConfig {
    StripeConfig {
        url: url.parse().unwrap(),
        key: Secret::new(KEY),
        webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
        timeout: TIMEOUT,
    }
}

pub(crate) fn stripe(url: &str) -> Stripe {
    Stripe::new(&config(url)).unwrap()
}

/// A counterpart and Stripe, which asks it.
pub(crate) async fn both(options: Options) -> (Counterpart, Stripe) {
    let counterpart = counterpart(options).await;
    let stripe = stripe(counterpart.url().as_str());
    (counterpart, stripe)
}

pub(crate) fn act(counterpart: &Counterpart, object: &str, act: Act) {
    let is_done = counterpart.with_machine(|machine, now_ms| machine.act(object, act, now_ms));
    assert!(is_done, "{act:?} of {object}");
}

pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap().as_millis()).unwrap()
}

/// A payment with its key.
pub(crate) struct Order {
    pub(crate) payment: Uuid,
    pub(crate) key: String,
    pub(crate) method: &'static str,
    pub(crate) amount: i64,
    pub(crate) email: Private,
    pub(crate) expires_at_ms: u64,
}

impl Order {
    pub(crate) fn new(number: u128, method: &'static str) -> Self {
        let payment = Uuid::from_u128(number);
        Self {
            payment,
            key: format!("{payment}:create"),
            method,
            amount: AMOUNT,
            email: Private::new("buyer@example.test"),
            expires_at_ms: now_ms() + 600_000,
        }
    }

    pub(crate) fn create(&self) -> CreateOrder<'_> {
        CreateOrder {
            key: &self.key,
            payment: self.payment,
            booking: Uuid::from_u128(2),
            tenant: Uuid::from_u128(3),
            amount: self.amount,
            currency: "THB".parse().unwrap(),
            method: self.method,
            title: "A show & more",
            email: Some(&self.email),
            return_url: "https://shop.example.test/back?a=1&b=2",
            expires_at_ms: self.expires_at_ms,
        }
    }

    pub(crate) fn key_of(&self, what: &str) -> String {
        format!("{}:{what}", self.payment)
    }
}

/// The code of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, GatewayError>) -> String {
    match answer {
        Err(GatewayError::Refused { code, is_final, .. }) => {
            assert!(is_final, "{code}");
            code
        }
        other => panic!("{other:?} is no refusal"),
    }
}

/// What a counterpart answers to a request: its status, and all of it.
pub(crate) async fn ask(
    counterpart: &Counterpart,
    line: &str,
    head: &str,
    body: &str,
) -> (u16, String) {
    let address = counterpart.url().authority().to_owned();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{head}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(&address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}
