//! The machine's rules, its keys and its faults.

use super::NOW_MS;
use crate::gateway::simulated::*;

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
