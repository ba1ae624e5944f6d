//! Payments taken on against a gateway, a log and a database: whatever gets lost and whenever it ends, at rest there is
//! a ticket exactly where there is money, and nobody has paid twice.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic is how a test reports"
)]

mod addresses;
mod fake_gateway;
mod fake_log;
mod siblings;

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use onsale_jobs::{Kinds, Metrics, Worker};
use onsale_payments::gateway::Gateway;
use onsale_payments::run::{CASH, Executor, NOTHING_DUE, Rest, kinds, schedule};
use onsale_payments::saga::Terms;
use onsale_schemas::{BookingId, EventId, PartitionId, ShowId, UserId};
use onsale_store::payment::{Moved, NewPayment, Opened, Payment, PaymentState};
use onsale_store::{Store, testing};
use prometheus::Registry;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::fake_gateway::{AT_ONCE, DECLINED, FakeGateway, HELD, UNTAKEABLE};
use self::fake_log::{Booking, FakeLog};

const NOW_MS: u64 = 1_700_000_000_000;
const HOLD_ENDS_MS: u64 = NOW_MS + 600_000;
const PRICE: i64 = 500_000;
const SHOW: ShowId = ShowId::from_bytes([2; 16]);
const USER: UserId = UserId::from_bytes([3; 16]);
const PAYMENT: Uuid = Uuid::from_u128(0x9a);
/// Where a migrated file lies between tests.
const KEPT: &str = env!("CARGO_TARGET_TMPDIR");
/// Far more than a worker takes for a payment even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
/// More than any payment takes to come to rest.
const ROUNDS_MAX: u32 = 400;

struct World {
    _folder: TempDir,
    store: Store,
    log: Arc<FakeLog>,
    gateway: Arc<FakeGateway>,
    now_ms: Arc<AtomicU64>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        testing::create_file(Path::new(KEPT), &file).await.unwrap();
        let url = format!("sqlite://{}", file.display());
        let store = Store::connect(&url, 4).await.unwrap().for_installation();
        Self {
            _folder: folder,
            store,
            log: Arc::new(FakeLog::new()),
            gateway: Arc::new(FakeGateway::new()),
            now_ms: Arc::new(AtomicU64::new(NOW_MS)),
        }
    }

    /// A process, of which there may be several.
    fn executor(&self) -> Executor {
        let now_ms = self.now_ms.clone();
        let gateway: Arc<dyn Gateway> = self.gateway.clone();
        Executor::new(
            &self.store,
            self.log.clone(),
            Some(gateway),
            Terms::default(),
            "https://tickets.example",
            Arc::new(move || now_ms.load(Ordering::SeqCst)),
        )
    }

    async fn open(&self, id: Uuid, method: &str, gateway: &str) -> Payment {
        let new = NewPayment {
            id,
            tenant: Uuid::from_u128(7),
            event: EventId::from_bytes([1; 16]),
            show: SHOW,
            booking: BookingId::new(PartitionId(0), 5),
            user: USER,
            amount: PRICE,
            currency: "THB".parse().unwrap(),
            method: method.to_owned(),
            gateway: gateway.to_owned(),
            hold_ends_ms: HOLD_ENDS_MS,
            deadline_ms: NOW_MS + 600_000,
        };
        match self.store.open_payment(&new, NOW_MS).await.unwrap() {
            Opened::New(payment) => payment,
            other => panic!("{other:?}"),
        }
    }

    /// Takes a payment on until it is over, as time passes.
    async fn settle(&self, id: Uuid) -> Payment {
        let executor = self.executor();
        for _ in 0..ROUNDS_MAX {
            match executor.advance(id).await.unwrap() {
                Rest::Waits { until_ms, .. } => {
                    self.now_ms.fetch_max(until_ms, Ordering::SeqCst);
                }
                Rest::Over => return self.store.payment(id).await.unwrap().unwrap(),
                Rest::Unknown => panic!("there is no such payment"),
            }
        }
        let payment = self.store.payment(id).await.unwrap();
        panic!("it does not come to rest: {payment:?}");
    }

    fn booking(&self) -> Booking {
        self.log.state.lock().booking.clone()
    }

    /// At rest: a ticket where there is money, money where there is a ticket, and never twice.
    fn check(&self, what: &str) {
        let kept = self.gateway.kept();
        let is_sold = matches!(self.booking(), Booking::Sold(_));
        assert_eq!(kept, if is_sold { PRICE } else { 0 }, "{what}");
        assert!(!self.gateway.holds(), "{what}: money is set aside");
        let state = self.log.state.lock();
        assert!(state.sales <= 1, "{what}: sold {} times", state.sales);
    }
}

/// Polls work so many times, then lets go of it as a crash would. True where it came to its end.
async fn is_done_within<T>(polls: u32, work: impl Future<Output = T>) -> bool {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.as_mut().poll(context).map(|_| true)
    })
    .await
}

#[tokio::test]
async fn money_that_is_set_aside_is_taken_once_the_booking_is_confirmed() {
    let world = World::new().await;
    world.open(PAYMENT, HELD, "fake").await;
    let paid = world.settle(PAYMENT).await;
    assert_eq!(paid.state, PaymentState::Succeeded);
    assert_eq!((paid.captured, paid.refunded), (PRICE, 0));
    world.check("a card");
    let reference = PAYMENT.simple().to_string();
    assert_eq!(world.booking(), Booking::Sold(reference));
}

#[tokio::test]
async fn it_comes_out_the_same_whatever_answer_is_lost() {
    for method in [HELD, AT_ONCE] {
        for is_expired in [false, true] {
            for (lost_by_gateway, lost_by_log) in [(1, 0), (0, 1), (0, 2), (2, 2), (3, 1)] {
                let world = World::new().await;
                if is_expired {
                    world.log.state.lock().booking = Booking::Expired;
                }
                world.gateway.books.lock().lost = lost_by_gateway;
                world.log.state.lock().lost = lost_by_log;
                world.open(PAYMENT, method, "fake").await;
                let settled = world.settle(PAYMENT).await;
                let what = format!(
                    "{method}, expired {is_expired}, lost {lost_by_gateway} and {lost_by_log}: {settled:?}"
                );
                world.check(&what);
                assert_eq!(world.gateway.objects(), 1, "{what}");
                let has_paid = settled.state == PaymentState::Succeeded;
                assert_eq!(has_paid, !is_expired, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_busy_is_asked_again() {
    for method in [HELD, AT_ONCE] {
        let world = World::new().await;
        world.gateway.books.lock().busy = 3;
        world.log.state.lock().refused = 3;
        world.open(PAYMENT, method, "fake").await;
        let settled = world.settle(PAYMENT).await;
        assert_eq!(settled.state, PaymentState::Succeeded, "{method}");
        world.check(method);
    }
}

#[tokio::test]
async fn a_process_that_ends_at_any_point_is_followed_by_one_that_goes_on() {
    for method in [HELD, AT_ONCE] {
        let mut polls = 1;
        loop {
            let world = World::new().await;
            world.open(PAYMENT, method, "fake").await;
            let executor = world.executor();
            let is_done = is_done_within(polls, executor.advance(PAYMENT)).await;
            drop(executor);
            let settled = world.settle(PAYMENT).await;
            let what = format!("{method}, ended after {polls} polls");
            assert_eq!(settled.state, PaymentState::Succeeded, "{what}");
            world.check(&what);
            assert_eq!(world.gateway.objects(), 1, "{what}");
            if is_done {
                break;
            }
            polls += 1;
        }
        assert!(polls > 3, "it is ended somewhere");
    }
}

#[tokio::test]
async fn several_who_take_the_same_payment_on_do_it_once() {
    let world = World::new().await;
    world.open(PAYMENT, HELD, "fake").await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let executor = world.executor();
            tokio::spawn(async move { executor.advance(PAYMENT).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let settled = world.settle(PAYMENT).await;
    assert_eq!(settled.state, PaymentState::Succeeded);
    world.check("eight at once");
    assert_eq!(world.gateway.objects(), 1);
}

/// Whoever is slower has seen what nobody may look at again.
#[tokio::test]
async fn what_the_gateway_has_is_told_to_a_row_that_somebody_else_has_moved() {
    let world = World::new().await;
    world.open(PAYMENT, AT_ONCE, "fake").await;
    let store = world.store.clone();
    let give_up = async move {
        let before = store.payment(PAYMENT).await.unwrap().unwrap();
        let after = Payment {
            state: PaymentState::TimedOut,
            wake_at_ms: None,
            ..before.clone()
        };
        let moved = Moved {
            reason: "somebody else was faster".to_owned(),
            posting: None,
            event: None,
        };
        let is_moved = store.move_payment(&before, &after, &moved, None).await;
        assert!(is_moved.unwrap());
    };
    *world.gateway.meanwhile.lock() = Some(Box::pin(give_up));
    let settled = world.settle(PAYMENT).await;
    assert_eq!(settled.state, PaymentState::Refunded, "{settled:?}");
    assert_eq!((settled.captured, settled.refunded), (PRICE, PRICE));
    assert_eq!(world.booking(), Booking::Held);
    world.check("given up while it was paid");
}

#[tokio::test]
async fn a_worker_takes_a_payment_on_by_its_job() {
    let world = World::new().await;
    world.open(PAYMENT, AT_ONCE, "fake").await;
    let worker = Worker {
        store: world.store.clone(),
        name: "worker".to_owned(),
        kinds: Kinds::new(kinds(&world.executor())).unwrap(),
        schedules: vec![schedule()],
        metrics: Metrics::register(&Registry::new()).unwrap(),
    };
    let stop = CancellationToken::new();
    let working = tokio::spawn(worker.run(stop.clone()));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let payment = world.store.payment(PAYMENT).await.unwrap().unwrap();
        if payment.state == PaymentState::Succeeded {
            break;
        }
        assert!(Instant::now() < deadline, "{payment:?}");
        tokio::time::sleep(PAUSE).await;
    }
    stop.cancel();
    working.await.unwrap();
    world.check("by its job");
}

#[tokio::test]
async fn cash_and_what_costs_nothing_need_no_gateway() {
    for (method, gateway) in [("cash", CASH), ("free", NOTHING_DUE)] {
        let world = World::new().await;
        world.open(PAYMENT, method, gateway).await;
        let settled = world.settle(PAYMENT).await;
        assert_eq!(settled.state, PaymentState::Succeeded, "{method}");
        assert!(matches!(world.booking(), Booking::Sold(_)), "{method}");
        assert_eq!(world.gateway.objects(), 0, "{method}");
    }
}

#[tokio::test]
async fn a_declined_card_leaves_the_hold_for_another_payment() {
    let world = World::new().await;
    world.open(PAYMENT, DECLINED, "fake").await;
    let declined = world.settle(PAYMENT).await;
    assert_eq!(declined.state, PaymentState::Failed);
    assert_eq!(declined.failure.as_deref(), Some("card_declined"));
    assert_eq!(world.booking(), Booking::Held);
    world.check("declined");
    let second = Uuid::from_u128(0x9b);
    world.open(second, HELD, "fake").await;
    let paid = world.settle(second).await;
    assert_eq!((paid.state, paid.attempt), (PaymentState::Succeeded, 2));
    world.check("and paid by another");
}

#[tokio::test]
async fn money_that_cannot_be_taken_puts_the_places_back_on_sale() {
    let world = World::new().await;
    world.open(PAYMENT, UNTAKEABLE, "fake").await;
    let settled = world.settle(PAYMENT).await;
    assert_eq!(settled.captured, 0, "{settled:?}");
    assert_eq!(world.booking(), Booking::Returned);
    assert_eq!(world.log.state.lock().returns, 1);
    world.check("it cannot be taken");
}

#[tokio::test]
async fn a_payment_of_a_gateway_that_is_not_here_waits() {
    let world = World::new().await;
    world.open(PAYMENT, HELD, "another").await;
    let executor = world.executor();
    let rest = executor.advance(PAYMENT).await.unwrap();
    assert!(matches!(rest, Rest::Waits { .. }), "{rest:?}");
    assert_eq!(world.gateway.objects(), 0);
    assert_eq!(world.booking(), Booking::Held);
}
