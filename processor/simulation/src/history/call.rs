//! The lines of a history.

use std::io::{self, BufRead};

use onsale_schemas::envelope::idempotent_request_id;
use onsale_schemas::{BookingId, RequestId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::answer::Answer;

const BOOKINGS: &str = "/api/v1/bookings/";
const REQUESTS: &str = "/api/v1/requests/";

/// A request that a client sent, and its answer. Times are Unix milliseconds by one clock.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// Its number in the history.
    pub id: u64,
    /// Who asked, if a token was sent.
    pub user: Option<UserId>,
    /// What was asked for.
    pub action: Action,
    /// The id that its idempotency key gives it in the log.
    pub keyed: Option<RequestId>,
    /// When it was sent.
    pub sent_ms: u64,
    /// When the answer arrived; `None` when none did.
    pub answered_ms: Option<u64>,
    /// What came back.
    pub answer: Answer,
}

/// What a call asks for, as far as the log knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// `POST /bookings/reserve`
    Reserve,
    /// `POST /bookings/{id}/confirm`
    Confirm(BookingId),
    /// `POST /bookings/{id}/cancel`
    Cancel(BookingId),
    /// `POST /bookings/{id}/extend`
    Extend(BookingId),
    /// `POST /bookings/{id}/return`
    Return(BookingId),
    /// `GET /requests/{id}`: the answer to an earlier request.
    Late(RequestId),
    /// Anything else; not judged.
    Other,
}

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file cannot be read.
    #[error("cannot read the history: {0}")]
    Io(io::Error),
    /// A line that is not part of a history.
    #[error("line {line} of the history: {cause}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct Line<'a> {
    id: u64,
    user: Option<Uuid>,
    #[serde(borrow)]
    method: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    path: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    key: Option<std::borrow::Cow<'a, str>>,
    sent_ms: u64,
    answered_ms: Option<u64>,
    status: Option<u16>,
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
}

/// Reads a history; `progress` gets the bytes of each line.
///
/// # Errors
/// When it cannot be read, or a line is not as it should be; empty lines are passed over.
pub fn read(
    mut lines: impl BufRead,
    mut progress: impl FnMut(usize),
) -> Result<Vec<Call>, HistoryError> {
    let mut calls = Vec::new();
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        let bytes = lines.read_line(&mut line).map_err(HistoryError::Io)?;
        if bytes == 0 {
            break;
        }
        progress(bytes);
        if !line.trim().is_empty() {
            let call = serde_json::from_str::<Line<'_>>(&line)
                .map_err(|cause| HistoryError::Line {
                    line: number,
                    cause,
                })?
                .into_call();
            calls.push(call);
        }
    }
    Ok(calls)
}

impl Line<'_> {
    fn into_call(self) -> Call {
        let user = self.user.map(UserId);
        let action = action(&self.method, &self.path);
        Call {
            id: self.id,
            user,
            action,
            keyed: user
                .zip(self.key.as_deref())
                .map(|(user, key)| idempotent_request_id(user, key)),
            sent_ms: self.sent_ms,
            answered_ms: self.answered_ms,
            answer: Answer::of(self.status, self.answer.map(RawValue::get)),
        }
    }
}

fn action(method: &str, path: &str) -> Action {
    match method {
        "GET" => path
            .strip_prefix(REQUESTS)
            .and_then(|id| id.parse().ok())
            .map_or(Action::Other, |id| Action::Late(RequestId(id))),
        "POST" => path
            .strip_prefix(BOOKINGS)
            .and_then(booking_action)
            .unwrap_or(Action::Other),
        _ => Action::Other,
    }
}

fn booking_action(rest: &str) -> Option<Action> {
    if rest == "reserve" {
        return Some(Action::Reserve);
    }
    let (id, verb) = rest.split_once('/')?;
    let booking = BookingId::from_uuid(id.parse().ok()?)?;
    match verb {
        "confirm" => Some(Action::Confirm(booking)),
        "cancel" => Some(Action::Cancel(booking)),
        "extend" => Some(Action::Extend(booking)),
        "return" => Some(Action::Return(booking)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::PartitionId;

    use super::*;

    #[test]
    fn lines_are_read_and_a_bad_one_is_named() {
        let booking = BookingId::new(PartitionId(3), 9);
        let good = format!(
            r#"{{"id":1,"user":"{}","method":"POST","path":"/api/v1/bookings/{booking}/cancel","key":"k","body":null,"intended_ms":1,"sent_ms":2,"answered_ms":null,"status":null,"answer":null}}"#,
            Uuid::nil()
        );
        let calls = read(format!("{good}\n\n{good}\n").as_bytes(), |_| {}).unwrap();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].action, Action::Cancel(booking));
        assert_eq!(calls[0].answer, Answer::Unknown);
        let id = idempotent_request_id(UserId(Uuid::nil()), "k");
        assert_eq!(calls[0].keyed, Some(id));
        let error = read(format!("{good}\n{{}}\n").as_bytes(), |_| {}).unwrap_err();
        assert!(error.to_string().starts_with("line 2 "), "{error}");
    }

    #[test]
    fn paths_that_the_log_knows_nothing_of_are_passed_over() {
        for (method, path) in [
            ("GET", "/api/v1/bookings/reserve"),
            ("POST", "/api/v1/bookings/x/confirm"),
            ("POST", "/api/v1/events"),
            ("DELETE", "/api/v1/bookings/reserve"),
        ] {
            assert_eq!(action(method, path), Action::Other, "{method} {path}");
        }
        assert_eq!(action("POST", "/api/v1/bookings/reserve"), Action::Reserve);
    }
}
