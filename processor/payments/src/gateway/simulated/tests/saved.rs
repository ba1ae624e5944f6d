//! What outlives a process.

use super::NOW_MS;
use crate::gateway::simulated::*;

fn config(seed: u64) -> SimulatedConfig {
    SimulatedConfig {
        faults: Faults {
            seed,
            ..Faults::default()
        },
        ..SimulatedConfig::default()
    }
}

fn clock(now_ms: u64) -> Clock {
    Arc::new(move || now_ms)
}

fn order<'a>(payment: u128, key: &'a str, method: &'a str) -> CreateOrder<'a> {
    CreateOrder {
        key,
        payment: Uuid::from_u128(payment),
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

/// Another process takes up what one has written down, so much later.
fn after_restart(gateway: &Simulated, seed: u64, now_ms: u64) -> Simulated {
    let text = serde_json::to_string(&gateway.saved()).unwrap();
    let saved = serde_json::from_str(&text).unwrap();
    Simulated::restored(config(seed), clock(now_ms), saved).unwrap()
}

#[tokio::test]
async fn what_was_paid_and_given_back_is_known_after_a_restart() {
    let gateway = Simulated::new(config(1), clock(NOW_MS));
    let card = gateway
        .create(&order(1, "1:create", methods::CARD))
        .await
        .unwrap();
    gateway
        .capture(&card.object, "1:capture", 1_000)
        .await
        .unwrap();
    let refund = gateway
        .refund(&card.object, "1:refund:1", 300)
        .await
        .unwrap();
    let order_declined = order(2, "2:create", methods::CARD_DECLINED);
    let declined = gateway.create(&order_declined).await.unwrap();

    let again = after_restart(&gateway, 2, NOW_MS + 5_000);
    let read = again.read(&card.object).await.unwrap();
    assert_eq!((read.captured, read.refunded), (1_000, 300));
    assert_eq!(again.read_refund(&refund.object).await.unwrap(), refund);
    let failed = again.read(&declined.object).await.unwrap();
    assert_eq!(failed, declined);
    // What is asked again under the same key is not done again.
    let repeated = again.create(&order(1, "1:create", methods::CARD)).await;
    assert_eq!(repeated.unwrap().object, card.object);
    let captured = again.capture(&card.object, "1:capture", 1_000).await;
    assert_eq!(captured.unwrap().captured, 1_000);
    let given_back = again.refund(&card.object, "1:refund:1", 300).await;
    assert_eq!(given_back.unwrap(), refund);
    assert_eq!(again.read(&card.object).await.unwrap().refunded, 300);
    // And under another one there is another payment, with an id of its own.
    let other = again.create(&order(3, "3:create", methods::CARD)).await;
    let other = other.unwrap().object;
    assert!(other != card.object && other != declined.object, "{other}");
    assert_eq!(again.with_machine(|machine, _| machine.payment_count()), 3);
}

#[tokio::test]
async fn what_was_due_comes_after_a_restart() {
    let gateway = Simulated::new(config(1), clock(NOW_MS));
    let slow = gateway
        .create(&order(1, "1:create", methods::SLOW))
        .await
        .unwrap();
    assert_eq!(slow.phase, Phase::Processing);
    let again = after_restart(&gateway, 2, NOW_MS + 29_999);
    let read = again.read(&slow.object).await.unwrap();
    assert_eq!(read.phase, Phase::Processing);
    let later = after_restart(&again, 3, NOW_MS + 30_000);
    let read = later.read(&slow.object).await.unwrap();
    assert_eq!(read.phase, Phase::Authorised);
}

#[tokio::test]
async fn a_change_is_noticed() {
    let gateway = Simulated::new(config(1), clock(NOW_MS));
    let mut before = gateway.revision();
    let mut grew = |what: &str| {
        let after = gateway.revision();
        assert!(after > before, "{what}");
        before = after;
    };
    let made = gateway.create(&order(1, "1:create", methods::CARD)).await;
    let object = made.unwrap().object;
    grew("made");
    gateway.capture(&object, "1:capture", 1_000).await.unwrap();
    grew("taken");
    gateway.refund(&object, "1:refund:1", 1).await.unwrap();
    grew("given back");
}

#[test]
fn the_newest_are_saved() {
    let mut machine = Machine::new(Faults::default());
    let most = u64::try_from(SAVED_MAX).unwrap();
    for number in 0..most + 10 {
        let call = Call::Create(Box::new(New {
            amount: 1,
            currency: "THB".parse().unwrap(),
            method: "any".to_owned(),
            holds: true,
            course: Course::Buyer,
            metadata: BTreeMap::new(),
            email: None,
            expires_at_ms: NOW_MS + 600_000,
            page: None,
        }));
        machine.perform(None, "", &call, NOW_MS + number);
    }
    let faults = Faults {
        seed: 7,
        ..Faults::default()
    };
    let restored = Machine::restored(faults, machine.saved()).unwrap();
    assert_eq!(restored.payment_count(), SAVED_MAX);
    let first = restored.payments().next().unwrap();
    assert_eq!((first.created_ms, first.number), (NOW_MS + 10, 0));
}

#[test]
fn what_no_machine_has_written_is_refused() {
    let payment = |field: &str, value: &str| {
        let mut payment = serde_json::json!({
            "id": "pi_1", "status": "succeeded", "amount": 1, "currency": "THB", "method": "sim_card",
            "holds": true, "received": 1, "refunded": 0, "failure": null, "cancelled_for": null,
            "metadata": {}, "created_ms": 1, "course": { "pays": 0 }, "expires_at_ms": 2,
        });
        payment[field] = value.into();
        payment
    };
    let restored = |form: u32, payment: serde_json::Value| {
        let saved = serde_json::from_value(serde_json::json!({
            "form": form, "payments": [payment], "refunds": [], "disputes": [], "due": [], "keys": [],
        }));
        Machine::restored(Faults::default(), saved.unwrap()).map(|machine| machine.payment_count())
    };
    assert_eq!(restored(1, payment("method", "sim_card")), Ok(1));
    for (form, payment, says) in [
        (2, payment("method", "sim_card"), "form: 2; expected 1"),
        (1, payment("currency", "baht"), "currency: \"baht\""),
        (
            1,
            payment("failure", "bad luck"),
            "failure: \"bad luck\"; expected one of card_declined",
        ),
        (
            1,
            payment("cancelled_for", "fun"),
            "cancelled_for: \"fun\"; expected one of abandoned",
        ),
    ] {
        let error = restored(form, payment).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
}
