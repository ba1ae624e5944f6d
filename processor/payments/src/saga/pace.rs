//! When a payment is given up, when its hold is extended, and how long it pauses after a failure.

use onsale_store::payment::Payment;

use super::{RETRY_AFTER_MAX_MS, Terms};

/// By how much the hold is to be extended when that is due; `None` when it lasts long enough, or may not be extended
/// any more, or has ended as far as is known.
pub(super) fn extension(payment: &Payment, terms: &Terms, now_ms: u64) -> Option<u32> {
    let last_needed_ms = payment
        .deadline_ms
        .saturating_add(terms.cancel_before_end_ms);
    let left_ms = terms.extend_max_ms.saturating_sub(payment.extended_ms);
    let by_ms = terms
        .extend_ms
        .min(u32::try_from(left_ms).unwrap_or(u32::MAX));
    let is_possible = by_ms > 0 && payment.hold_ends_ms > now_ms && payment.deadline_ms > now_ms;
    (is_possible && payment.hold_ends_ms < last_needed_ms).then_some(by_ms)
}

/// When the next extension is due, if there is to be one.
pub(super) fn extend_at_ms(payment: &Payment, terms: &Terms, now_ms: u64) -> Option<u64> {
    extension(payment, terms, now_ms)?;
    // Early enough that two polls may fail, and late enough that one extension is not followed by the next at once.
    let ahead_ms = terms
        .poll_ms
        .saturating_mul(2)
        .min(u64::from(terms.extend_ms))
        .saturating_add(terms.cancel_before_end_ms);
    Some(payment.hold_ends_ms.saturating_sub(ahead_ms))
}

/// When a payment that has no money yet is given up: at its deadline, or before the end of a hold that lasts no longer.
pub(super) fn give_up_ms(payment: &Payment, terms: &Terms, now_ms: u64) -> u64 {
    if extension(payment, terms, now_ms).is_some() {
        return payment.deadline_ms;
    }
    let before_end_ms = payment
        .hold_ends_ms
        .saturating_sub(terms.cancel_before_end_ms);
    payment.deadline_ms.min(before_end_ms)
}

/// When the object of a payment that waits for its buyer or its bank is looked at again.
pub(super) fn poll_at_ms(payment: &Payment, terms: &Terms, now_ms: u64) -> u64 {
    sooner(payment, terms, now_ms, now_ms.saturating_add(terms.poll_ms))
}

/// `at_ms`, or when the payment is given up or its hold is extended, if that comes before.
pub(super) fn sooner(payment: &Payment, terms: &Terms, now_ms: u64, at_ms: u64) -> u64 {
    let give_up_ms = give_up_ms(payment, terms, now_ms);
    let others = [extend_at_ms(payment, terms, now_ms), Some(give_up_ms)];
    others
        .into_iter()
        .flatten()
        .filter(|other| *other > now_ms)
        .fold(at_ms, u64::min)
}

/// How long to pause after the failure that made `tries` of them in a row: twice as long each time, up to a quarter
/// less so that those that failed together do not come back together, and as seldom as the poll in the end.
pub(super) fn pause_ms(stem: uuid::Uuid, tries: u32, terms: &Terms) -> u64 {
    if tries >= terms.tries_max {
        return terms.poll_ms.max(1);
    }
    let doubled = terms
        .backoff_min_ms
        .saturating_mul(1u64 << tries.saturating_sub(1).min(20));
    let longest_ms = doubled.min(terms.backoff_max_ms).max(1);
    // By the id and not by chance: a row says what is due, whoever looks at it.
    let [first, second, ..] = *stem.as_bytes();
    let [.., last] = *stem.as_bytes();
    let spread = u64::from(first ^ second ^ last).wrapping_add(u64::from(tries) * 67) % 256;
    longest_ms - longest_ms.saturating_mul(spread) / 1_024
}

/// As [`pause_ms`], or as long as the gateway has asked for.
pub(super) fn pause_unavailable_ms(
    stem: uuid::Uuid,
    tries: u32,
    retry_after_ms: Option<u64>,
    terms: &Terms,
) -> u64 {
    let asked_ms = retry_after_ms.unwrap_or(0).min(RETRY_AFTER_MAX_MS);
    pause_ms(stem, tries, terms).max(asked_ms)
}
