//! Whatever is seen in whatever state, with whatever numbers: nothing panics, and some things never happen.

use onsale_fuzz::Random;
use onsale_schemas::command::Currency;
use onsale_store::payment::{
    OBJECT_MAX_BYTES, Payment, PaymentState, REASON_MAX_BYTES, Refund, RefundOf, RefundState,
};
use uuid::Uuid;

use super::world::{PRICE, START_MS, opened};
use crate::saga::refund::{
    RefundAtGateway, RefundPhase, RefundSeen, decide_refund, observe_refund,
};
use crate::saga::{ConfirmRefusal, GatewayState, Phase, Seen, Terms, decide, observe};

const ROUNDS: u32 = 200_000;

fn one<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len())]
}

fn sum(random: &mut Random) -> i64 {
    one(random, &[0, 1, PRICE, PRICE, PRICE, -1, i64::MAX, i64::MIN])
}

fn time(random: &mut Random) -> u64 {
    one(
        random,
        &[0, START_MS, START_MS + 50_000, START_MS + 900_000, u64::MAX],
    )
}

fn maybe<T>(random: &mut Random, some: T) -> Option<T> {
    (random.below(2) == 0).then_some(some)
}

fn text(random: &mut Random) -> String {
    one(random, &["", "pi_1", "pi_1", "pi_1", "ü"]).repeat(one(random, &[1, 1, 1, 600]))
}

fn payment(random: &mut Random) -> Payment {
    let at_ms = time(random);
    Payment {
        state: one(random, &PaymentState::ALL),
        object: maybe(random, "pi_1".to_owned()),
        failure: maybe(random, "declined".to_owned()),
        captured: sum(random),
        refunded: sum(random),
        extended_ms: time(random),
        deadline_ms: time(random),
        tries: one(random, &[0, 1, 2, 3, 7, u32::MAX]),
        wake_at_ms: maybe(random, at_ms),
        asked_at_ms: maybe(random, at_ms),
        cancel_asked_at_ms: maybe(random, at_ms),
        ..opened(1, sum(random), time(random), START_MS)
    }
}

fn seen(random: &mut Random) -> Seen {
    let phases = [
        Phase::AwaitingBuyer,
        Phase::Processing,
        Phase::Authorised,
        Phase::Captured,
        Phase::Cancelled,
        Phase::Failed,
    ];
    match random.below(20) {
        0..=7 => Seen::Gateway(GatewayState {
            object: text(random),
            phase: one(random, &phases),
            amount: sum(random),
            currency: Currency(one(random, &[*b"THB", *b"THB", *b"USD"])),
            captured: sum(random),
            refunded: sum(random),
            failure: Some(text(random)),
            next_action: Some(text(random).repeat(one(random, &[1, 20]))),
        }),
        8 => Seen::GatewayRefused {
            code: text(random),
            is_final: random.below(2) == 0,
        },
        9 => Seen::GatewayUnknown,
        10 => Seen::Unavailable {
            retry_after_ms: Some(time(random)),
        },
        11 => Seen::Confirmed {
            at_ms: time(random),
        },
        12 => Seen::ConfirmRefused(one(
            random,
            &[ConfirmRefusal::Expired, ConfirmRefusal::Unknown],
        )),
        13 => Seen::Extended {
            hold_ends_ms: time(random),
        },
        14 => Seen::ExtendRefused,
        15 => Seen::GivenBack,
        16 => Seen::LogUnknown,
        17 if random.below(2) == 0 => Seen::Woken,
        17 => Seen::Replaced,
        18 => Seen::CancelAsked,
        _ => Seen::Disputed {
            dispute: text(random),
            amount: sum(random),
            is_returned: random.below(2) == 0,
        },
    }
}

#[test]
fn a_payment_takes_anything() {
    let mut random = Random::new(13);
    for _ in 0..ROUNDS {
        let mut terms = Terms::default();
        terms.poll_ms = one(&mut random, &[terms.poll_ms, 0, u64::MAX]);
        terms.backoff_max_ms = one(&mut random, &[terms.backoff_max_ms, 0, u64::MAX]);
        terms.backoff_min_ms = one(&mut random, &[terms.backoff_min_ms, 0, u64::MAX]);
        let (payment, seen, now_ms) = (payment(&mut random), seen(&mut random), time(&mut random));
        let _ = decide(&payment, &terms, now_ms);
        let Some((after, moved)) = observe(&payment, seen.clone(), &terms, now_ms) else {
            continue;
        };
        let said = || format!("{payment:?} {seen:?} {after:?}");
        let _ = decide(&after, &terms, now_ms);
        assert_eq!((after.id, after.version), (payment.id, payment.version));
        assert!(
            payment.state.is_live() || !after.state.is_live(),
            "{}",
            said()
        );
        assert!(
            moved.posting.is_none_or(|posting| posting.is_balanced()),
            "{}",
            said()
        );
        assert!(moved.reason.len() <= REASON_MAX_BYTES);
        assert!(
            after
                .failure
                .is_none_or(|failure| failure.len() <= REASON_MAX_BYTES)
        );
        let object = after.object.unwrap_or_default();
        assert!(object.len() <= OBJECT_MAX_BYTES);
        assert!(payment.object.is_none_or(|before| before == object));
        assert!(
            after.state.is_final() || after.wake_at_ms.is_some() || {
                matches!(after.state, PaymentState::NeedsOperator) || after.state == payment.state
            }
        );
        if payment.state == PaymentState::Succeeded {
            assert_eq!(after.state, PaymentState::Succeeded);
        }
    }
}

#[test]
fn a_refund_takes_anything() {
    let mut random = Random::new(14);
    let of_it = opened(1, PRICE, START_MS, START_MS);
    for _ in 0..ROUNDS {
        let (random, at_ms) = (&mut random, START_MS);
        let refund = Refund {
            id: Uuid::from_u128(9),
            payment: of_it.id,
            number: 1,
            tenant: of_it.tenant,
            of: if random.below(2) == 0 {
                RefundOf::Booking
            } else {
                RefundOf::Amount
            },
            amount: sum(random),
            compensation: sum(random),
            rule: "amount".to_owned(),
            reason: None,
            state: one(random, &RefundState::ALL),
            version: 1,
            object: maybe(random, "pi_1".to_owned()),
            failure: None,
            tries: one(random, &[0, 1, 2, u32::MAX]),
            wake_at_ms: maybe(random, at_ms),
            asked_by: None,
            created_at_ms: START_MS,
            updated_at_ms: START_MS,
        };
        let phases = [RefundPhase::Pending, RefundPhase::Done, RefundPhase::Failed];
        let seen = match random.below(9) {
            0..=2 => RefundSeen::Gateway(RefundAtGateway {
                object: text(random),
                phase: one(random, &phases),
                amount: sum(random),
                currency: Currency(*b"THB"),
                failure: Some(text(random)),
            }),
            3 => RefundSeen::GatewayRefused {
                code: text(random),
                is_final: random.below(2) == 0,
            },
            4 => RefundSeen::GatewayUnknown,
            5 => RefundSeen::Unavailable {
                retry_after_ms: Some(time(random)),
            },
            6 => RefundSeen::GivenBack,
            7 => RefundSeen::GiveBackRefused,
            _ => RefundSeen::LogUnknown,
        };
        let (terms, now_ms) = (Terms::default(), time(random));
        let _ = decide_refund(&refund, &of_it, &terms, now_ms);
        let is_over = matches!(refund.state, RefundState::Done | RefundState::Refused);
        let Some((after, moved)) = observe_refund(&refund, &of_it, seen, &terms, now_ms) else {
            continue;
        };
        assert!(!is_over, "{refund:?}");
        assert!(moved.posting.is_none_or(|posting| posting.is_balanced()));
        let _ = decide_refund(&after, &of_it, &terms, now_ms);
    }
}
