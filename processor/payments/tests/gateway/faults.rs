//! A gateway that fails by its seed: whoever asks again under the same key, and reads where nobody knows, moves
//! each sum once.

use onsale_payments::gateway::counterpart::Options;
use onsale_payments::gateway::simulated::{Act, Faults};
use onsale_payments::gateway::stripe::{CARD, PROMPTPAY, Stripe};
use onsale_payments::gateway::{Gateway, GatewayError, GatewayState, Phase};

use crate::support::{AMOUNT, Order, act, both, now_ms};

/// More tries than a payment needs at any of the seeds.
const TRIES_MAX: u32 = 100;

/// Asks until there is an answer, refusals too.
async fn insist<T, F: Future<Output = Result<T, GatewayError>>>(
    mut ask: impl FnMut() -> F,
) -> Result<T, String> {
    for _ in 0..TRIES_MAX {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(GatewayError::Refused { code, .. }) => return Err(code),
            Err(GatewayError::Unknown(_) | GatewayError::Unavailable { .. }) => {}
        }
    }
    panic!("no answer after {TRIES_MAX} tries");
}

/// Makes a payment: under its key, and where that only says that it failed, by looking for it; then under a
/// key of its own, as another attempt has it.
async fn create(stripe: &Stripe, order: &mut Order, began_ms: u64) -> GatewayState {
    for attempt in 0..TRIES_MAX {
        for _ in 0..5 {
            match stripe.create(&order.create()).await {
                Ok(state) => return state,
                Err(GatewayError::Refused { code, .. }) => panic!("{code}"),
                Err(_) => {}
            }
        }
        let found = insist(|| stripe.find(order.payment, began_ms))
            .await
            .unwrap();
        if let Some(state) = found {
            return state;
        }
        order.key = format!("{}:{attempt}", order.key_of("create"));
    }
    panic!("{} was not made", order.payment);
}

#[tokio::test]
async fn each_sum_moves_once_whatever_fails() {
    for seed in 1..=4 {
        let (counterpart, stripe) = both(Options::default()).await;
        let faults = Faults {
            seed,
            lost_calls: 60,
            lost_answers: 60,
            errors_before: 60,
            errors_after: 60,
            rate_limits: 60,
            ..Faults::default()
        };
        counterpart.with_machine(|machine, _| machine.set_faults(faults));
        let began_ms = now_ms();
        for number in 1..=20 {
            let method = if number % 2 == 0 { CARD } else { PROMPTPAY };
            let mut order = Order::new(number, method);
            let object = create(&stripe, &mut order, began_ms).await.object;
            act(&counterpart, &object, Act::Pay);
            if method == CARD {
                take(&stripe, &order, &object).await;
            }
            give_back(&stripe, &order, &object).await;
        }
        counterpart.with_machine(|machine, _| {
            assert_eq!(machine.payment_count(), 20, "seed {seed}");
            for record in machine.payments() {
                assert_eq!(
                    (record.received, record.refunded),
                    (AMOUNT, 50_000),
                    "seed {seed}"
                );
                assert_eq!(machine.refunds_of(&record.id).count(), 1, "seed {seed}");
            }
        });
    }
}

async fn take(stripe: &Stripe, order: &Order, object: &str) {
    for attempt in 0..TRIES_MAX {
        let key = order.key_of(&format!("capture:{attempt}"));
        for _ in 0..5 {
            if let Ok(state) = stripe.capture(object, &key, AMOUNT).await {
                assert_eq!((state.phase, state.captured), (Phase::Captured, AMOUNT));
                return;
            }
        }
        // A failure that is remembered: what it is says whether it was done.
        let state = insist(|| stripe.read(object)).await.unwrap();
        if state.phase == Phase::Captured {
            return;
        }
    }
    panic!("{object} was not taken");
}

/// What was refunded under a key is found, however the answer was lost. Where a failure is remembered and
/// nothing went back, it is another refund, under a key of its own.
async fn give_back(stripe: &Stripe, order: &Order, object: &str) {
    for attempt in 0..TRIES_MAX {
        let key = order.key_of(&format!("refund:{attempt}"));
        for _ in 0..5 {
            if let Ok(refund) = stripe.refund(object, &key, 50_000).await {
                assert_eq!(refund.amount, 50_000);
                return;
            }
        }
        if insist(|| stripe.read(object)).await.unwrap().refunded > 0 {
            return;
        }
    }
    panic!("{object} was not given back");
}

#[tokio::test]
async fn the_same_seed_fails_the_same_calls() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let faults = Faults {
            seed: 5,
            lost_calls: 200,
            errors_before: 200,
            ..Faults::default()
        };
        let (_counterpart, stripe) = both(Options {
            faults,
            ..Options::default()
        })
        .await;
        let mut run = Vec::new();
        for number in 1..=30 {
            let answer = stripe.create(&Order::new(number, CARD).create()).await;
            run.push(answer.map(|_| ()).map_err(|error| match error {
                GatewayError::Unknown(said) => said.contains("status 500"),
                other => panic!("{other:?}"),
            }));
        }
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    for kind in [Ok(()), Err(true), Err(false)] {
        assert!(runs[0].contains(&kind), "{kind:?}: {:?}", runs[0]);
    }
}
