//! Numbers of cards have no business here: they go from the buyer to the gateway. A request about a payment that
//! holds one is refused before anything else looks at it, and says nothing of it.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use serde_json::Value;
use uuid::Uuid;

use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, RequestBody, whole};
use crate::state::AppState;

/// Digits of the shortest and of the longest number of a card.
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// Characters that people write between the digits.
const SEPARATORS: [char; 4] = [' ', '-', '.', '\u{a0}'];

/// A body without a number of a card in it, wherever it may stand.
pub(crate) struct CardlessBody<T>(pub(crate) JsonBody<T>);

impl<T: RequestBody> FromRequest<AppState> for CardlessBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        match parts.extensions.get::<Caller>() {
            Some(caller) => T::admit(caller, state)?,
            None => return Err(Caller::absent(&parts.extensions)),
        }
        let size_max_bytes = state.config.http.body_max_bytes;
        let (bytes, _share) = whole(body, size_max_bytes, None, state).await?;
        if is_in(&bytes) {
            return Err(refusal());
        }
        let request = Request::from_parts(parts, Body::from(bytes));
        JsonBody::from_request(request, state).await.map(Self)
    }
}

/// Refuses a query that holds a number of a card. (A cursor is what this server has made, and may look like anything.)
///
/// # Errors
/// `VALIDATION_ERROR`, which does not repeat it.
pub(crate) fn none_in_query(query: Option<&str>) -> Result<(), ApiError> {
    let pairs = query.unwrap_or_default().split('&');
    let mut parts = pairs
        .filter(|pair| !pair.starts_with("cursor="))
        .flat_map(|pair| pair.split('='));
    // `+` is a space there.
    let is_shown = |part: &str| is_in_text(&part.replace("%20", " ").replace('+', " "));
    match parts.any(is_shown) {
        true => Err(refusal()),
        false => Ok(()),
    }
}

fn refusal() -> ApiError {
    ApiError::new(
        Code::ValidationError,
        "This holds what looks like the number of a card. It was not kept: card numbers are entered at the gateway \
         alone.",
    )
    .with_details(serde_json::json!({
        "field": "body",
        "value": null,
        "expected": "no number of a card anywhere",
    }))
}

/// Whether a body holds one: in a text, as a number or as a name. What is no JSON is looked through as it is.
fn is_in(bytes: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => is_in_value(&value),
        Err(_) => is_in_text(&String::from_utf8_lossy(bytes)),
    }
}

/// The parser bounds how deep it goes.
fn is_in_value(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => is_in_text(&number.to_string()),
        Value::String(text) => is_in_text(text),
        Value::Array(items) => items.iter().any(is_in_value),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| is_in_text(name) || is_in_value(value)),
    }
}

/// Whether a text holds one. An id is none, though it may look like one.
fn is_in_text(text: &str) -> bool {
    if Uuid::try_parse(text).is_ok() {
        return false;
    }
    // As they stand together, and with the separators between them left out.
    let (mut run, mut joined): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    let mut is_after_separator = false;
    for char in text.chars().chain(std::iter::once('\n')) {
        let digit = char.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
        if let Some(digit) = digit {
            run.push(digit);
            joined.push(digit);
            is_after_separator = false;
            continue;
        }
        if is_number(&run) {
            return true;
        }
        run.clear();
        // One separator at a time: more of them part one number from another.
        if SEPARATORS.contains(&char) && !is_after_separator {
            is_after_separator = true;
            continue;
        }
        if is_number(&joined) {
            return true;
        }
        joined.clear();
        is_after_separator = false;
    }
    false
}

fn is_number(digits: &[u8]) -> bool {
    DIGITS.contains(&digits.len()) && passes_luhn(digits)
}

/// The check that the last digit of a card's number is made for.
fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_of_cards_are_found_wherever_they_stand() {
        for body in [
            json!({"method": "4242424242424242"}),
            json!({"method": "4242 4242 4242 4242"}),
            json!({"method": "4242-4242-4242-4242"}),
            json!({"card": {"number": 4_242_424_242_424_242_u64}}),
            json!({"reason": "my card 378282246310005, please"}),
            json!({"4242424242424242": true}),
            json!({"seats": ["A-1", ["6011111111111117"]]}),
            json!({"reason": "no 1 4242424242424242"}),
            // 13 and 19 digits.
            json!({"x": "4222222222222"}),
            json!({"x": "6304000000000000000"}),
        ] {
            let bytes = body.to_string().into_bytes();
            assert!(is_in(&bytes), "{body}");
        }
        assert!(is_in(b"card=4242424242424242"), "no JSON");
        assert!(none_in_query(Some("status=4242424242424242")).is_err());
        assert!(none_in_query(Some("a=1&b=4242+4242+4242+4242")).is_err());
    }

    #[test]
    fn what_is_none_is_let_through() {
        for body in [
            json!({"booking_id": "00030000-0000-8053-b471-7c6100003039", "method": "card"}),
            // One digit off, too short, too long.
            json!({"x": "4242424242424241"}),
            json!({"x": "424242424242"}),
            json!({"x": "42424242424242424242"}),
            json!({"amount": {"amount": 250_000, "currency": "THB"}}),
            // Two numbers.
            json!({"x": "42424242  42424242"}),
            json!({"seats": ["A-1", "A-2"], "reason": "ill on 2026-12-01"}),
            json!({}),
        ] {
            let bytes = body.to_string().into_bytes();
            assert!(!is_in(&bytes), "{body}");
        }
        assert!(none_in_query(None).is_ok());
        assert!(none_in_query(Some("cursor=4242424242424242")).is_ok());
        assert!(none_in_query(Some("tenant=00000000-0000-0000-0000-000000000007")).is_ok());
    }

    #[test]
    fn a_refusal_repeats_nothing() {
        let said = format!("{:?}", refusal());
        assert!(!said.contains("4242"), "{said}");
    }
}
