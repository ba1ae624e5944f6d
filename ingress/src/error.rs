//! The one error of the HTTP interface and its body.

mod code;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use onsale_log::SubmitError;
use onsale_schemas::RequestId;
use onsale_store::StoreError;
use serde::Serialize;
use serde_json::Value;

use crate::text;
use crate::versions;

pub use self::code::Code;

/// Said where rows of the database are damaged.
const DAMAGED: &str =
    "This cannot be read until an operator has repaired the database; try again later.";

/// An error answer. Turned into its body by the edge, which knows request id and path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiError(Box<Problem>);

/// See [`ApiError`].
#[derive(Clone, PartialEq, Eq, Debug)]
struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    details: Option<Value>,
    retry_after_seconds: Option<u64>,
    replayed: bool,
    command: Option<RequestId>,
}

/// Characters of what would be right; some of it repeats what the client sent.
const EXPECTED_MAX_CHARS: usize = 256;
/// Items of a list that an answer repeats; how many there were is said beside it.
const DETAILS_ITEMS_MAX: usize = 100;
/// Seconds after which a client may try again when something is busy.
pub(crate) const RETRY_AFTER_BUSY_SECONDS: u64 = 1;

impl ApiError {
    /// An error with a sentence for people.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Problem {
            code,
            detail: detail.into(),
            details: None,
            retry_after_seconds: None,
            replayed: false,
            command: None,
        }))
    }

    /// Adds details for programs.
    #[must_use]
    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// Adds one more detail for programs.
    #[must_use]
    pub(crate) fn with_detail(mut self, key: &str, value: Value) -> Self {
        match &mut self.0.details {
            Some(Value::Object(map)) => {
                map.insert(key.to_owned(), value);
            }
            _ => self.0.details = Some(serde_json::json!({ key: value })),
        }
        self
    }

    /// Tells the client when to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// It is the answer that an earlier request with the same idempotency key had.
    #[must_use]
    pub(crate) fn replayed(mut self) -> Self {
        self.0.replayed = true;
        self
    }

    /// The log refused this command.
    #[must_use]
    pub(crate) fn of_command(mut self, command: RequestId) -> Self {
        self.0.command = Some(command);
        self
    }

    /// See [`ApiError::of_command`].
    pub(crate) fn command(&self) -> Option<RequestId> {
        self.0.command
    }

    /// See [`ApiError::replayed`].
    pub(crate) fn is_replayed(&self) -> bool {
        self.0.replayed
    }

    /// A field of the request that cannot be accepted. What the client sent is cut.
    pub fn invalid(field: &str, value: impl Serialize, expected: &str) -> Self {
        let expected = text::cut_at(expected, EXPECTED_MAX_CHARS);
        Self::wrong(field, value, &format!("expected {expected}"), &expected)
    }

    /// As [`ApiError::invalid`] where a sentence of its own (`is required`) says better what is wrong.
    pub fn wrong(field: &str, value: impl Serialize, what: &str, expected: &str) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        let (field, expected) = (text::cut(field), text::cut_at(expected, EXPECTED_MAX_CHARS));
        Self::new(Code::ValidationError, format!("{field}: {what}")).with_details(
            serde_json::json!({
                "field": field,
                "value": shortened(value),
                "expected": expected,
            }),
        )
    }

    /// There is no such `what`.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}."))
    }

    /// The caller may not do this.
    pub(crate) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    /// Something is busy: come back soon.
    pub fn overloaded(detail: &'static str) -> Self {
        Self::new(Code::Overloaded, detail).retry_after(RETRY_AFTER_BUSY_SECONDS)
    }

    /// Rows of the database were deleted or changed by hand. It is logged here, once.
    pub(crate) fn damaged(what: impl std::fmt::Display) -> Self {
        tracing::error!(target: "onsale_ingress::error", "the database is damaged: {what}");
        Self::overloaded(DAMAGED)
    }

    /// True where the catalog lacks what was asked for, or has it damaged.
    pub(crate) fn is_gap_of_catalog(&self) -> bool {
        self.code() == Code::NotFound || self.detail() == DAMAGED
    }

    /// A defect of this program. It is logged here, once, and not shown to the client.
    pub fn internal(what: impl std::fmt::Display) -> Self {
        tracing::error!(target: "onsale_ingress::error", "internal error: {what}");
        Self::new(
            Code::InternalError,
            "Something went wrong on the server. Give the request id when you report it.",
        )
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Its sentence for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Its details for programs.
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_ref()
    }

    /// When to come back, in seconds.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after_seconds
    }
}

/// An echo of what the client sent must not make the answer large.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text::cut(&text).into_owned()),
        Value::Array(items) if items.len() == 1 => Value::String("a list of 1 item".to_owned()),
        Value::Array(items) => Value::String(format!("a list of {} items", items.len())),
        Value::Object(_) => Value::String("an object".to_owned()),
        other => other,
    }
}

/// Details with lists of a bounded length: `seats` of a large block is cut, and `seats_total` says
/// how many there were.
pub(crate) fn bounded(details: &Value) -> Value {
    let Value::Object(map) = details else {
        return details.clone();
    };
    let mut short = serde_json::Map::new();
    for (key, value) in map {
        match value {
            Value::Array(items) if items.len() > DETAILS_ITEMS_MAX => {
                let first = items.iter().take(DETAILS_ITEMS_MAX).cloned().collect();
                short.insert(key.clone(), Value::Array(first));
                short.insert(format!("{key}_total"), items.len().into());
            }
            other => {
                short.insert(key.clone(), other.clone());
            }
        }
    }
    Value::Object(short)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code().status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::QueueFull => {
                Self::overloaded("Too many requests are waiting. Nothing was changed; try again.")
            }
            SubmitError::DiskFull => Self::overloaded(
                "The log has no room left. Nothing was changed; an operator has to make room.",
            ),
            SubmitError::NoDescriptors => Self::overloaded(
                "The server is out of file descriptors. Nothing was changed; try again.",
            ),
            SubmitError::Unavailable => Self::new(
                Code::PartitionUnavailable,
                "This show is temporarily unavailable. Nothing was changed; try again.",
            )
            .retry_after(RETRY_AFTER_BUSY_SECONDS),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.gave_way() {
            // The database is there, and has chosen one of two callers.
            tracing::warn!(target: "onsale_ingress::error", %error, "a transaction gave way to another");
            return Self::overloaded(
                "Someone else changed the same at this moment. Nothing was changed; try again.",
            );
        }
        match error {
            StoreError::Unreachable(source) => {
                tracing::error!(target: "onsale_ingress::error", "database unreachable: {source}");
                Self::overloaded("The catalog cannot be read right now; try again.")
            }
            StoreError::Quota {
                name,
                max,
                has,
                asked,
            } => Self::new(
                Code::QuotaExceeded,
                format!(
                    "There are {has} already and {asked} more would be above quota.{name} = {max}. \
                     Nothing was changed."
                ),
            )
            .with_details(serde_json::json!({
                "quota": name, "limit": max, "used": has, "requested": asked,
            })),
            StoreError::TooMany { what, max } => Self::new(
                Code::QuotaExceeded,
                format!("There may be at most {max} {what}. Nothing was changed."),
            )
            .with_details(serde_json::json!({ "of": what, "limit": max })),
            StoreError::NotThere(what) => Self::not_found(what),
            StoreError::VersionChanged { found } => versions::changed(found),
            StoreError::OnItsWay(_) => Self::overloaded(
                "Another change of the same is on its way through the log. Nothing was changed; try again.",
            ),
            StoreError::Exists("slug") => Self::new(
                Code::SlugTaken,
                "Another event of the tenant has, or had, this name in addresses: choose another slug. Nothing was \
                 changed.",
            )
            .with_details(serde_json::json!({ "field": "slug" })),
            StoreError::RightWithdrawn => Self::new(
                Code::Unauthorized,
                "Your session has ended, or your rights have changed since this token was minted: sign \
                 in again. Nothing was changed.",
            ),
            StoreError::AddressNotOwned => Self::new(
                Code::ConfirmationRequired,
                "Nobody has shown that this account is that of the owner of its e-mail address. Nothing was changed.",
            ),
            StoreError::LastAdmin => Self::new(
                Code::LastAdmin,
                "This is the last admin who can sign in, and there has to be one: make another account an \
                 admin first. Nothing was changed.",
            ),
            StoreError::Corrupt(what) => Self::damaged(what),
            other => Self::internal(other),
        }
    }
}
