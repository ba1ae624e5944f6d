//! What may be written down of payments. The schema holds to the same; here it is said in a way that helps.

use serde::de::IgnoredAny;

use crate::error::StoreError;
use crate::payment::{
    GATEWAY_MAX_BYTES, METHOD_MAX_BYTES, NEXT_ACTION_MAX_BYTES, NewPayment, NewRefund,
    OBJECT_MAX_BYTES, POSTING_LINES_MAX, POSTING_WHAT_MAX_BYTES, Payment, Posting,
    REASON_MAX_BYTES, RULE_MAX_BYTES, Refund, RefundOf,
};

/// Longest name of what becomes known, in bytes.
const EVENT_MAX_BYTES: usize = 64;

/// A text for operators, cut to what its column takes.
pub(super) fn brief(text: &str) -> &str {
    let mut end = text.len().min(REASON_MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // PostgreSQL's text has no NUL.
    text[..end].split('\0').next().unwrap_or_default()
}

/// A text of 1 to `max` bytes.
pub(super) fn length(what: &str, text: &str, max: usize) -> Result<(), StoreError> {
    if (1..=max).contains(&text.len()) && !text.contains('\0') {
        return Ok(());
    }
    let bytes = text.len();
    Err(StoreError::Invalid(format!(
        "{what} has {bytes} bytes: expected 1 to {max}, none of them NUL"
    )))
}

/// As [`length`], where there is one.
pub(super) fn length_or_null(what: &str, text: Option<&str>, max: usize) -> Result<(), StoreError> {
    text.map_or(Ok(()), |text| length(what, text, max))
}

/// An amount that is not negative.
pub(super) fn amount(what: &str, amount: i64) -> Result<(), StoreError> {
    if amount < 0 {
        return Err(StoreError::Invalid(format!(
            "{what} is {amount}: expected 0 or more"
        )));
    }
    Ok(())
}

fn event(event: Option<&str>) -> Result<(), StoreError> {
    length_or_null("event", event, EVENT_MAX_BYTES)
}

pub(super) fn new_payment(new: &NewPayment) -> Result<(), StoreError> {
    amount("amount", new.amount)?;
    length("method", &new.method, METHOD_MAX_BYTES)?;
    length("gateway", &new.gateway, GATEWAY_MAX_BYTES)
}

/// What a payment is to become.
pub(super) fn payment_move(
    before: &Payment,
    after: &Payment,
    said: Option<&str>,
) -> Result<(), StoreError> {
    let stays = |payment: &Payment| {
        (
            payment.id,
            payment.tenant,
            (payment.event, payment.show, payment.booking, payment.user),
            (payment.attempt, payment.amount, payment.currency),
            (payment.method.clone(), payment.gateway.clone()),
            payment.created_at_ms,
        )
    };
    if stays(before) != stays(after) {
        return Err(StoreError::Invalid(format!(
            "a move of payment {} changes what it is: expected the same tenant, event, show, booking, user, \
             attempt, amount, currency, method, gateway and beginning",
            before.id
        )));
    }
    event(said)?;
    length_or_null("object", after.object.as_deref(), OBJECT_MAX_BYTES)?;
    let next_action = after.next_action.as_deref();
    length_or_null("next_action", next_action, NEXT_ACTION_MAX_BYTES)?;
    if let Some(text) = next_action {
        serde_json::from_str::<IgnoredAny>(text)
            .map_err(|error| StoreError::Invalid(format!("next_action is no JSON: {error}")))?;
    }
    amount("captured", after.captured)?;
    amount("refunded", after.refunded)?;
    if after.refunded > after.captured {
        return Err(StoreError::Invalid(format!(
            "refunded of payment {} is {}: expected at most the {} that were captured",
            after.id, after.refunded, after.captured
        )));
    }
    Ok(())
}

pub(super) fn new_refund(new: &NewRefund) -> Result<(), StoreError> {
    amount("amount", new.amount)?;
    amount("compensation", new.compensation)?;
    length("rule", &new.rule, RULE_MAX_BYTES)?;
    if let RefundOf::Places(places) = &new.of
        && places.is_empty()
    {
        return Err(StoreError::Invalid(
            "places of a refund are none: expected one or more, or the whole booking".to_owned(),
        ));
    }
    if new.of == RefundOf::Amount && new.amount == 0 && new.compensation == 0 {
        return Err(StoreError::Invalid(
            "amount of a refund of money alone is 0: expected more".to_owned(),
        ));
    }
    Ok(())
}

/// What a refund is to become.
pub(super) fn refund_move(
    before: &Refund,
    after: &Refund,
    said: Option<&str>,
) -> Result<(), StoreError> {
    let stays = |refund: &Refund| {
        (
            (refund.id, refund.payment, refund.number, refund.tenant),
            (refund.of.clone(), refund.asked_by, refund.created_at_ms),
        )
    };
    if stays(before) != stays(after) {
        return Err(StoreError::Invalid(format!(
            "a move of refund {} changes what it is: expected the same payment, number, tenant, places, asker and \
             beginning",
            before.id
        )));
    }
    event(said)?;
    amount("amount", after.amount)?;
    amount("compensation", after.compensation)?;
    length("rule", &after.rule, RULE_MAX_BYTES)?;
    length_or_null("object", after.object.as_deref(), OBJECT_MAX_BYTES)
}

pub(super) fn posting(posting: &Posting) -> Result<(), StoreError> {
    length("what", &posting.what, POSTING_WHAT_MAX_BYTES)?;
    if posting.lines.len() > POSTING_LINES_MAX {
        return Err(StoreError::Invalid(format!(
            "entry {:?} of the books has {} lines: expected at most {POSTING_LINES_MAX}",
            posting.what,
            posting.lines.len()
        )));
    }
    if !posting.is_balanced() {
        return Err(StoreError::Invalid(format!(
            "entry {:?} of the books does not balance: expected lines that come to 0, not {:?}",
            posting.what, posting.lines
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_operators_is_cut() {
        let long = "é".repeat(REASON_MAX_BYTES);
        assert_eq!(brief(&long).len(), REASON_MAX_BYTES);
        assert_eq!(brief("a\0b"), "a");
        let odd = format!("x{long}");
        assert_eq!(brief(&odd).len(), REASON_MAX_BYTES - 1);
    }

    #[test]
    fn texts_have_their_bounds() {
        assert!(length("object", "pi_1", 4).is_ok());
        for (text, bytes) in [("", "0 bytes"), ("pi_12", "5 bytes"), ("p\0", "2 bytes")] {
            let error = length("object", text, 4).unwrap_err().to_string();
            assert!(
                error.contains("object has") && error.contains(bytes),
                "{error}"
            );
        }
    }
}
