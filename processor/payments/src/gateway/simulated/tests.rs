//! The machine's rules, its keys and faults, and the gateway in this process.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const NOW_MS: u64 = 1_700_000_000_000;

fn new(course: Course, holds: bool) -> New {
    New {
        amount: 1_000,
        currency: "THB".parse().unwrap(),
        method: "any".to_owned(),
        holds,
        course,
        metadata: BTreeMap::new(),
        email: None,
        expires_at_ms: NOW_MS + 600_000,
        page: None,
    }
}

fn create(course: Course, holds: bool) -> Call {
    Call::Create(Box::new(new(course, holds)))
}

fn done(machine: &mut Machine, key: &str, call: &Call, now_ms: u64) -> Answer {
    match machine.perform(Some(key), &format!("{call:?}"), call, now_ms) {
        Performed::Answered { answer, .. } => answer,
        Performed::Nothing => panic!("nothing was answered to {call:?}"),
    }
}

fn id(answer: &Answer) -> String {
    match answer {
        Ok(Object::Payment(record) | Object::Session(record)) => record.id.clone(),
        other => panic!("{other:?} is no payment"),
    }
}

fn code(answer: Answer) -> &'static str {
    answer.map_or_else(|problem| problem.code, |_| "done")
}

#[test]
fn courses_go_their_way_by_time() {
    for (course, holds, steps) in [
        (
            Course::Buyer,
            true,
            vec![
                (0, Status::RequiresAction),
                (u64::MAX, Status::RequiresAction),
            ],
        ),
        (Course::Pays(0), true, vec![(0, Status::RequiresCapture)]),
        (Course::Pays(0), false, vec![(0, Status::Succeeded)]),
        (
            Course::Pays(50),
            false,
            vec![(49, Status::RequiresAction), (50, Status::Succeeded)],
        ),
        (
            Course::Processes(50),
            true,
            vec![(0, Status::Processing), (50, Status::RequiresCapture)],
        ),
        (
            Course::PaysLate(50),
            false,
            vec![(600_049, Status::Processing), (600_050, Status::Succeeded)],
        ),
        (
            Course::Declines,
            true,
            vec![(0, Status::RequiresPaymentMethod)],
        ),
        (
            Course::Challenges(50),
            true,
            vec![
                (49, Status::RequiresAction),
                (50, Status::RequiresPaymentMethod),
            ],
        ),
    ] {
        let mut machine = Machine::new(Faults::default());
        let id = id(&done(&mut machine, "k", &create(course, holds), NOW_MS));
        for (after_ms, status) in steps {
            machine.advance(NOW_MS.saturating_add(after_ms));
            let record = machine.payment(&id).unwrap();
            assert_eq!(record.status, status, "{course:?} after {after_ms}");
            let came = if status == Status::Succeeded {
                1_000
            } else {
                0
            };
            assert_eq!(record.received, came, "{course:?} after {after_ms}");
        }
    }
}

#[test]
fn each_call_is_refused_where_stripe_refuses_it() {
    let call = |what: &str, id: &str, amount: i64| match what {
        "capture" => Call::Capture {
            id: id.to_owned(),
            amount: Some(amount),
        },
        "cancel" => Call::Cancel { id: id.to_owned() },
        _ => Call::Refund {
            id: id.to_owned(),
            amount: Some(amount),
            metadata: BTreeMap::new(),
            has_email: false,
        },
    };
    let state = "payment_intent_unexpected_state";
    for (course, holds, what, amount, expected) in [
        (Course::Pays(0), true, "capture", 1_000, "done"),
        (Course::Pays(0), true, "capture", 1, "done"),
        (Course::Pays(0), true, "capture", 1_001, "amount_too_large"),
        (Course::Pays(0), true, "capture", 0, "amount_too_large"),
        (
            Course::Pays(0),
            true,
            "capture",
            i64::MIN,
            "amount_too_large",
        ),
        (Course::Pays(0), false, "capture", 1_000, state),
        (
            Course::PaysButCannotBeTaken(0),
            true,
            "capture",
            1_000,
            "charge_expired_for_capture",
        ),
        (Course::Declines, true, "capture", 1_000, state),
        (Course::Pays(0), true, "cancel", 0, "done"),
        (Course::Buyer, true, "cancel", 0, "done"),
        (Course::Declines, true, "cancel", 0, "done"),
        (Course::Processes(9), true, "cancel", 0, state),
        (Course::Pays(0), false, "cancel", 0, state),
        (Course::Pays(0), true, "refund", 1, state),
        (Course::Pays(0), false, "refund", 1_000, "done"),
        (Course::Pays(0), false, "refund", 1_001, "amount_too_large"),
        (Course::Pays(0), false, "refund", -1, "amount_too_large"),
    ] {
        let mut machine = Machine::new(Faults::default());
        let id = id(&done(&mut machine, "k", &create(course, holds), NOW_MS));
        let answer = done(&mut machine, "l", &call(what, &id, amount), NOW_MS);
        assert_eq!(code(answer), expected, "{course:?} {what} {amount}");
    }
    let mut machine = Machine::new(Faults::default());
    for what in ["capture", "cancel", "refund"] {
        let answer = done(&mut machine, what, &call(what, "pi_none", 1), NOW_MS);
        assert_eq!(code(answer), "resource_missing", "{what}");
    }
}

#[test]
fn no_more_goes_back_than_came() {
    let mut machine = Machine::new(Faults::default());
    let id = id(&done(
        &mut machine,
        "k",
        &create(Course::Pays(0), false),
        NOW_MS,
    ));
    let mut refund = |key: &str, amount| {
        let call = Call::Refund {
            id: id.clone(),
            amount,
            metadata: BTreeMap::new(),
            has_email: false,
        };
        code(done(&mut machine, key, &call, NOW_MS))
    };
    assert_eq!(refund("1", Some(600)), "done");
    assert_eq!(refund("1", Some(600)), "done", "the same one");
    assert_eq!(refund("2", Some(600)), "amount_too_large");
    assert_eq!(refund("3", None), "done");
    assert_eq!(refund("4", Some(1)), "charge_already_refunded");
    let record = machine.payment(&id).unwrap();
    assert_eq!((record.received, record.refunded), (1_000, 1_000));
    assert_eq!(machine.refunds_of(&id).count(), 2);
}

#[test]
fn a_key_is_good_for_a_day_and_for_one_request() {
    let mut machine = Machine::new(Faults::default());
    let call = create(Course::Buyer, true);
    let first = done(&mut machine, "k", &call, NOW_MS);
    machine.act(&id(&first), Act::Pay, NOW_MS);
    let within = NOW_MS + KEY_LIVES_MS - 1;
    // The answer is what it was then, whatever became of it.
    assert_eq!(done(&mut machine, "k", &call, within), first);
    let other = create(Course::Buyer, false);
    let reused = done(&mut machine, "k", &other, within).unwrap_err();
    assert_eq!((reused.status, reused.kind), (400, "idempotency_error"));
    assert_eq!(machine.payment_count(), 1);
    let after = done(&mut machine, "k", &call, NOW_MS + KEY_LIVES_MS);
    assert_ne!(id(&after), id(&first));
    assert_eq!(machine.payment_count(), 2);
    for key in ["", &"k".repeat(KEY_MAX_BYTES + 1)] {
        assert_eq!(
            done(&mut machine, key, &call, NOW_MS).unwrap_err().status,
            400
        );
    }
    assert_eq!(machine.payment_count(), 2);
}

#[test]
fn a_failure_is_remembered_done_or_not_and_a_rate_limit_is_not() {
    for (faults, count, status) in [
        (
            Faults {
                errors_before: 1_000,
                ..Faults::default()
            },
            0,
            500,
        ),
        (
            Faults {
                errors_after: 1_000,
                ..Faults::default()
            },
            1,
            500,
        ),
        (
            Faults {
                rate_limits: 1_000,
                ..Faults::default()
            },
            0,
            429,
        ),
    ] {
        let mut machine = Machine::new(faults);
        let call = create(Course::Buyer, true);
        let answer = done(&mut machine, "k", &call, NOW_MS);
        assert_eq!(answer.unwrap_err().status, status);
        assert_eq!(machine.payment_count(), count);
        machine.set_faults(Faults::default());
        let again = done(&mut machine, "k", &call, NOW_MS);
        assert_eq!(again.is_ok(), status == 429, "{again:?}");
        assert_eq!(
            machine.payment_count(),
            1.min(count + usize::from(status == 429))
        );
    }
    for (faults, count) in [
        (
            Faults {
                lost_calls: 1_000,
                ..Faults::default()
            },
            0,
        ),
        (
            Faults {
                lost_answers: 1_000,
                ..Faults::default()
            },
            1,
        ),
    ] {
        let mut machine = Machine::new(faults);
        let call = create(Course::Buyer, true);
        let performed = machine.perform(Some("k"), "a", &call, NOW_MS);
        assert_eq!(
            (performed, machine.payment_count()),
            (Performed::Nothing, count)
        );
        machine.set_faults(Faults::default());
        let again = machine.perform(Some("k"), "a", &call, NOW_MS);
        let is_known = matches!(
            again,
            Performed::Answered {
                is_replayed: true,
                ..
            }
        );
        assert_eq!((is_known, machine.payment_count()), (count == 1, 1));
    }
}

/// Whatever is asked in whatever order under whatever faults: a key makes one payment, and what came, what
/// went back and what is set aside fit.
#[test]
fn histories_by_seed_keep_the_books() {
    for seed in 0..200 {
        let faults = Faults {
            seed,
            lost_calls: 50,
            lost_answers: 50,
            errors_before: 50,
            errors_after: 50,
            rate_limits: 50,
            ..Faults::default()
        };
        let mut machine = Machine::new(faults);
        let draw = |count: u64| random::number(seed, 77, count);
        let mut now_ms = NOW_MS;
        let mut keys = std::collections::BTreeSet::new();
        for count in 0..300 {
            let drawn = draw(count);
            now_ms += drawn % 500;
            let ids: Vec<_> = machine.payments().map(|record| record.id.clone()).collect();
            let id = ids.get(usize::try_from(drawn % 17).unwrap() % ids.len().max(1));
            let id = id.cloned().unwrap_or_default();
            let key = format!("{}", drawn % 40);
            let amount = i64::try_from(drawn % 1_200).unwrap() - 100;
            let courses = [
                Course::Buyer,
                Course::Pays(100),
                Course::Processes(300),
                Course::Declines,
                Course::PaysAndDisputes(0, 50),
            ];
            let course = courses[usize::try_from(drawn % 5).unwrap()];
            let call = match drawn % 6 {
                0 => create(course, drawn % 2 == 0),
                1 => Call::Capture {
                    id,
                    amount: Some(amount),
                },
                2 => Call::Cancel { id },
                3 => Call::Refund {
                    id,
                    amount: Some(amount),
                    metadata: BTreeMap::new(),
                    has_email: false,
                },
                4 => {
                    machine.act(
                        &id,
                        [Act::Pay, Act::Fail, Act::Begin][usize::try_from(count % 3).unwrap()],
                        now_ms,
                    );
                    continue;
                }
                _ => Call::Expire { session: id },
            };
            if matches!(call, Call::Create(_)) {
                keys.insert(key.clone());
            }
            machine.perform(Some(&key), &format!("{call:?}"), &call, now_ms);
        }
        assert!(machine.payment_count() <= keys.len());
        for record in machine.payments() {
            let back: i64 = machine
                .refunds_of(&record.id)
                .map(|refund| refund.amount)
                .sum();
            assert_eq!(back, record.refunded, "seed {seed}: {record:?}");
            assert!(
                (0..=record.received).contains(&record.refunded),
                "{record:?}"
            );
            assert!((0..=record.amount).contains(&record.received), "{record:?}");
            let has_come = record.status == Status::Succeeded;
            assert_eq!(record.received > 0, has_come, "seed {seed}: {record:?}");
        }
    }
}

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
    let cancelled = gateway.cancel(&found.object, "c").await.unwrap();
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
    assert_eq!(gateway.cancel(object, "1:cancel").await.unwrap(), taken);
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
