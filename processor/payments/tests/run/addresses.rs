//! Methods that need the buyer's address, at a counterpart of Stripe over real HTTP.

use std::sync::Arc;

use onsale_payments::gateway::counterpart::{Counterpart, KEY, Options, WEBHOOK_SECRET};
use onsale_payments::gateway::stripe::{PROMPTPAY, Stripe, StripeConfig, TIMEOUT};
use onsale_payments::gateway::{CreateOrder, Gateway};
use onsale_payments::run::{Executor, Rest, system_clock};
use onsale_payments::saga::Terms;
use onsale_private::{KeyRing, LookupKey, Private};
use onsale_schemas::{BookingId, EventId, PartitionId};
use onsale_settings::Secret;
use onsale_store::account::{GuestRow, SealedEmail};
use onsale_store::audit::Unaudited;
use onsale_store::payment::{NewPayment, Opened, Payment, PaymentState};
use onsale_store::sealed_columns;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{PAYMENT, PRICE, SHOW, USER, World};

const ADDRESS: &str = "buyer@example.test";
const RING: &str = "a key for tests that is long enough for any purpose";

/// A world whose gateway is Stripe.
struct AtStripe {
    world: World,
    counterpart: Counterpart,
    stripe: Arc<dyn Gateway>,
}

impl AtStripe {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let counterpart = Counterpart::start(listener, Options::default()).unwrap();
        let config = StripeConfig {
            url: counterpart.url().as_str().parse().unwrap(),
            key: Secret::new(KEY),
            webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
            timeout: TIMEOUT,
        };
        let stripe: Arc<dyn Gateway> = Arc::new(Stripe::new(&config).unwrap());
        Self {
            world: World::new().await,
            counterpart,
            stripe,
        }
    }

    fn executor(&self) -> Executor {
        Executor::new(
            &self.world.store,
            self.world.log.clone(),
            Some(self.stripe.clone()),
            Terms::default(),
            "https://tickets.example",
            system_clock(),
        )
    }

    /// Who pays is a guest with this address.
    async fn guest(&self) {
        let place = sealed_columns::guest_email(USER.0);
        let now_ms = (system_clock())();
        let guest = GuestRow {
            guest_id: USER.0,
            email: Some(SealedEmail {
                sealed: ring().seal(place, &Private::new(ADDRESS)),
                hash: LookupKey::random().hash("email", ADDRESS.as_bytes()),
            }),
            locale: None,
            created_at_ms: now_ms,
            expires_at_ms: now_ms + 600_000,
            owner: None,
            erased_at_ms: None,
        };
        let store = &self.world.store;
        store
            .add_guest(&guest, Unaudited::Unattended)
            .await
            .unwrap();
    }

    async fn open(&self) {
        let now_ms = (system_clock())();
        let new = NewPayment {
            id: PAYMENT,
            tenant: Uuid::from_u128(7),
            event: EventId::from_bytes([1; 16]),
            show: SHOW,
            booking: BookingId::new(PartitionId(0), 5),
            user: USER,
            amount: PRICE,
            currency: "THB".parse().unwrap(),
            method: PROMPTPAY.to_owned(),
            gateway: "stripe".to_owned(),
            hold_ends_ms: now_ms + 600_000,
            deadline_ms: now_ms + 600_000,
        };
        let opened = self.world.store.open_payment(&new, now_ms).await.unwrap();
        assert!(matches!(opened, Opened::New(_)), "{opened:?}");
    }

    async fn payment(&self) -> Payment {
        self.world.store.payment(PAYMENT).await.unwrap().unwrap()
    }

    /// How many payments the gateway has, and the address of one of them.
    fn at_gateway(&self, object: &str) -> (usize, Option<String>) {
        self.counterpart.with_machine(|machine, _| {
            let record = machine.payment(object);
            let email = record.and_then(|record| record.email.as_ref());
            let email = email.map(|email| email.expose().to_owned());
            (machine.payment_count(), email)
        })
    }
}

fn ring() -> KeyRing {
    KeyRing::new(&Secret::new(RING), []).unwrap()
}

#[tokio::test]
async fn the_gateway_gets_the_address_of_who_pays() {
    let at = AtStripe::new().await;
    at.guest().await;
    at.open().await;
    let executor = at.executor().with_addresses(Arc::new(ring()));
    let rest = executor.advance(PAYMENT).await.unwrap();
    assert!(matches!(rest, Rest::Waits { .. }), "{rest:?}");
    let payment = at.payment().await;
    assert_eq!(payment.state, PaymentState::AwaitingBuyer, "{payment:?}");
    let object = payment.object.as_deref().unwrap();
    assert_eq!(at.at_gateway(object), (1, Some(ADDRESS.to_owned())));
    // It is kept nowhere.
    let moves = at.world.store.moves_of_payment(PAYMENT).await.unwrap();
    let kept = format!("{payment:?} {moves:?}");
    assert!(!kept.contains(ADDRESS), "{kept}");
}

#[tokio::test]
async fn without_an_address_nothing_is_made_and_the_buyer_is_told() {
    let at = AtStripe::new().await;
    at.open().await;
    let executor = at.executor().with_addresses(Arc::new(ring()));
    executor.advance(PAYMENT).await.unwrap();
    let payment = at.payment().await;
    assert_eq!(payment.state, PaymentState::Failed);
    assert_eq!(payment.failure.as_deref(), Some("email_missing"));
    assert_eq!(at.at_gateway("none"), (0, None));
}

#[tokio::test]
async fn a_process_that_cannot_open_addresses_leaves_it_to_another() {
    let of_another = KeyRing::new(&Secret::new(RING.to_uppercase()), []).unwrap();
    for ring in [None, Some(Arc::new(of_another))] {
        let at = AtStripe::new().await;
        at.guest().await;
        at.open().await;
        let executor = match ring {
            Some(ring) => at.executor().with_addresses(ring),
            None => at.executor(),
        };
        let rest = executor.advance(PAYMENT).await.unwrap();
        assert!(matches!(rest, Rest::Waits { .. }), "{rest:?}");
        assert_eq!(at.payment().await.state, PaymentState::Pending);
        assert_eq!(at.at_gateway("none"), (0, None));
    }
}

#[tokio::test]
async fn what_was_made_with_another_address_is_found() {
    let at = AtStripe::new().await;
    at.guest().await;
    at.open().await;
    let opened = at.payment().await;
    // Its answer was lost, and the buyer has changed the address since.
    let key = format!("{PAYMENT}:create");
    let earlier = Private::new("earlier@example.test");
    let order = CreateOrder {
        key: &key,
        payment: PAYMENT,
        booking: opened.booking.as_uuid(),
        tenant: opened.tenant,
        amount: PRICE,
        currency: opened.currency,
        method: PROMPTPAY,
        title: "A booking",
        email: Some(&earlier),
        return_url: "https://tickets.example",
        expires_at_ms: opened.deadline_ms,
    };
    let made = at.stripe.create(&order).await.unwrap();
    let executor = at.executor().with_addresses(Arc::new(ring()));
    executor.advance(PAYMENT).await.unwrap();
    let payment = at.payment().await;
    assert_eq!(payment.state, PaymentState::AwaitingBuyer, "{payment:?}");
    assert_eq!(payment.object.as_ref(), Some(&made.object));
    let (count, _) = at.at_gateway(&made.object);
    assert_eq!(count, 1);
}
