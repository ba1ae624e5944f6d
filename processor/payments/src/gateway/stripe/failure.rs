//! What a failed call says about what was done.
//!
//! A rate limit is looked at before anything else, so nothing was done. What Stripe answers with 5xx may have
//! been done, and is answered again for the same key. A refusal is one; `Stripe-Should-Retry: true` says that
//! it need not stay one.

use http::{HeaderMap, StatusCode};

use super::answers::{Failure, Problem};
use crate::gateway::GatewayError;

/// Longest message that is taken over, in bytes.
const MESSAGE_MAX_BYTES: usize = 300;
/// Longest time that an answer may ask to wait, in seconds.
const RETRY_AFTER_MAX_S: u64 = 600;
/// How long a rate limit is waited for where it does not say, in milliseconds.
const RATE_LIMITED_MS: u64 = 1_000;

/// What an answer that is no success says. Stripe repeats what it was sent: `hidden` is not taken over.
pub(super) fn of_answer(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    hidden: &[&str],
) -> GatewayError {
    let problem = serde_json::from_slice::<Failure>(body)
        .ok()
        .map(|failure| failure.error);
    let code = problem.as_ref().map(Problem::word);
    let message = message(status, headers, problem.as_ref(), hidden);
    match status {
        // Another call about the same object is under way: this one alone has to come again.
        StatusCode::TOO_MANY_REQUESTS if code.as_deref() == Some("lock_timeout") => {
            GatewayError::Refused {
                code: "lock_timeout".to_owned(),
                message_for_operator: message,
                is_final: false,
            }
        }
        StatusCode::TOO_MANY_REQUESTS => GatewayError::Unavailable {
            retry_after_ms: Some(retry_after_ms(headers).unwrap_or(RATE_LIMITED_MS)),
            why: message,
        },
        // The key is wrong or was revoked: no payment fails of that, all wait for the operator.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => GatewayError::Unavailable {
            retry_after_ms: None,
            why: message,
        },
        // The same key is under way in another call.
        StatusCode::CONFLICT | StatusCode::FAILED_DEPENDENCY => GatewayError::Unknown(message),
        status if status.is_client_error() => GatewayError::Refused {
            code: code.unwrap_or_else(|| "refused".to_owned()),
            message_for_operator: message,
            is_final: !should_retry(headers),
        },
        _ => GatewayError::Unknown(message),
    }
}

/// What a call without an answer says.
pub(super) fn of_transport(error: reqwest::Error) -> GatewayError {
    // Its address may hold what is not for logs.
    let error = error.without_url();
    if error.is_connect() {
        let why = format!("Stripe cannot be reached: {}", causes(&error));
        return GatewayError::Unavailable {
            retry_after_ms: None,
            why,
        };
    }
    GatewayError::Unknown(format!("Stripe did not answer: {}", causes(&error)))
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    shortened(&text)
}

fn should_retry(headers: &HeaderMap) -> bool {
    headers
        .get("stripe-should-retry")
        .is_some_and(|value| value == "true")
}

fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(seconds.min(RETRY_AFTER_MAX_S) * 1_000)
}

fn message(
    status: StatusCode,
    headers: &HeaderMap,
    problem: Option<&Problem>,
    hidden: &[&str],
) -> String {
    let said = problem.and_then(|problem| problem.message.as_deref());
    let mut text = format!("status {}", status.as_u16());
    if let Some(said) = said {
        text = format!("{text}, {said}");
    }
    if let Some(parameter) = problem.and_then(|problem| problem.param.as_deref()) {
        text = format!("{text} (parameter {parameter})");
    }
    for hidden in hidden.iter().filter(|hidden| !hidden.is_empty()) {
        text = text.replace(hidden, "…");
    }
    let mut text = shortened(&text);
    // By which Stripe's support finds it.
    let request = headers
        .get("request-id")
        .and_then(|value| value.to_str().ok());
    if let Some(request) = request.filter(|text| text.len() <= 64) {
        text = format!("{text} [{request}]");
    }
    text
}

fn shortened(text: &str) -> String {
    let printable = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut short = String::new();
    for letter in printable {
        if short.len() + letter.len_utf8() > MESSAGE_MAX_BYTES {
            break;
        }
        short.push(letter);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(PartialEq, Debug)]
    enum Kind {
        Final(&'static str),
        Refused(&'static str),
        Unknown,
        Unavailable(Option<u64>),
    }

    fn kind(error: &GatewayError, codes: &[&'static str]) -> Kind {
        match error {
            GatewayError::Refused { code, is_final, .. } => {
                let code = codes.iter().find(|known| *known == code).unwrap();
                if *is_final {
                    Kind::Final(code)
                } else {
                    Kind::Refused(code)
                }
            }
            GatewayError::Unknown(_) => Kind::Unknown,
            GatewayError::Unavailable { retry_after_ms, .. } => Kind::Unavailable(*retry_after_ms),
        }
    }

    #[test]
    fn each_status_says_what_was_done() {
        let codes = [
            "lost_card",
            "card_declined",
            "lock_timeout",
            "idempotency_error",
            "refused",
        ];
        let declined =
            r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"lost_card"}}"#;
        let plain = r#"{"error":{"type":"card_error","code":"card_declined"}}"#;
        let reused = r#"{"error":{"type":"idempotency_error","message":"Keys …"}}"#;
        let locked = r#"{"error":{"code":"lock_timeout"}}"#;
        for (status, header, body, expected) in [
            (402, None, declined, Kind::Final("lost_card")),
            (402, None, plain, Kind::Final("card_declined")),
            (
                402,
                Some(("stripe-should-retry", "true")),
                plain,
                Kind::Refused("card_declined"),
            ),
            (
                402,
                Some(("stripe-should-retry", "false")),
                plain,
                Kind::Final("card_declined"),
            ),
            (400, None, reused, Kind::Final("idempotency_error")),
            (400, None, "", Kind::Final("refused")),
            (404, None, "<html>", Kind::Final("refused")),
            (401, None, plain, Kind::Unavailable(None)),
            (403, None, plain, Kind::Unavailable(None)),
            (409, None, reused, Kind::Unknown),
            (424, None, plain, Kind::Unknown),
            (429, None, plain, Kind::Unavailable(Some(1_000))),
            (
                429,
                Some(("retry-after", "7")),
                plain,
                Kind::Unavailable(Some(7_000)),
            ),
            (
                429,
                Some(("retry-after", "99999999")),
                "",
                Kind::Unavailable(Some(600_000)),
            ),
            (
                429,
                Some(("retry-after", "soon")),
                "",
                Kind::Unavailable(Some(1_000)),
            ),
            (429, None, locked, Kind::Refused("lock_timeout")),
            (500, None, plain, Kind::Unknown),
            (
                503,
                Some(("stripe-should-retry", "false")),
                "",
                Kind::Unknown,
            ),
            (302, None, "", Kind::Unknown),
        ] {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = header {
                headers.insert(name, value.parse().unwrap());
            }
            let status = StatusCode::from_u16(status).unwrap();
            let error = of_answer(status, &headers, body.as_bytes(), &[]);
            assert_eq!(kind(&error, &codes), expected, "{status} {header:?} {body}");
        }
    }

    #[test]
    fn a_message_does_not_repeat_what_is_hidden() {
        let email = "somebody@example.test";
        let body = format!(
            r#"{{"error":{{"message":"{}{email} is none: {email}"}}}}"#,
            "x".repeat(270)
        );
        let headers = HeaderMap::new();
        let status = StatusCode::BAD_REQUEST;
        let text = of_answer(status, &headers, body.as_bytes(), &["", email]).to_string();
        assert!(
            text.contains("x… is none") && !text.contains("somebody"),
            "{text}"
        );
    }

    #[test]
    fn a_message_is_short_and_on_one_line() {
        let body = format!(
            r#"{{"error":{{"message":"{}","param":"amount"}}}}"#,
            "é\\n".repeat(5_000)
        );
        let mut headers = HeaderMap::new();
        headers.insert("request-id", "req_1".parse().unwrap());
        let text = of_answer(StatusCode::BAD_REQUEST, &headers, body.as_bytes(), &[]).to_string();
        assert!(
            text.len() < MESSAGE_MAX_BYTES + 100 && !text.contains('\n'),
            "{text}"
        );
        assert!(text.ends_with("[req_1]"), "{text}");
    }
}
