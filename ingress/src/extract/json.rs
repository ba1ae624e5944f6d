//! JSON bodies, read once and parsed once; what is wrong with one is said precisely.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use super::body;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::error::{ApiError, Code};
use crate::large_bodies::Share;
use crate::rules::Rules;
use crate::state::AppState;

/// What is wrong in a larger body is said without what stood there: to look it up would take
/// several times its memory again.
const LOOK_UP_MAX_BYTES: usize = 65_536;
/// What is said of a field that there is not.
const UNKNOWN: &str = "unknown field";
/// What is said of a field that has to be there.
pub(crate) const REQUIRED: &str = "is required";

/// A type that is read from a request body.
pub(crate) trait RequestBody: DeserializeOwned {
    /// Refuses callers whose role is none for this route, before anything of the body is read.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    fn admit(caller: &Caller, state: &AppState) -> Result<(), ApiError>;
    /// Whether no body at all, and `null`, is taken as `{}`.
    const OPTIONAL: bool = false;
    /// Whether it is read from callers whom nobody knows; [`RequestBody::admit`] then sees known ones.
    const PUBLIC: bool = false;
    /// Whether it may hold a password, a token or what is personal, under whichever name a client wrote it:
    /// then no answer repeats a value of it.
    const SECRET: bool = false;
    /// Fields of a secret body that are neither secret nor personal: what stands in them is repeated all the same.
    const OPEN: &'static [&'static str] = &[];
}

/// Of which fields an answer repeats what stands in them.
#[derive(Clone, Copy)]
enum Shown {
    All,
    Only(&'static [&'static str]),
}

impl Shown {
    fn of<T: RequestBody>() -> Self {
        if T::SECRET {
            Self::Only(T::OPEN)
        } else {
            Self::All
        }
    }

    fn has(self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(open) => open.iter().any(|field| is_at(path, field)),
        }
    }
}

/// Whether a path is that of a field or, where this is a list of values, of one of these.
fn is_at(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| {
        let place = rest
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        rest.is_empty()
            || place.is_some_and(|place| place.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// A parsed body and the bytes it was parsed from, which idempotency fingerprints.
pub(crate) struct JsonBody<T> {
    pub(crate) value: T,
    pub(crate) bytes: Bytes,
    /// Its share of the memory that large bodies may take together.
    pub(crate) _share: Option<Share>,
}

impl<T: RequestBody> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let http = &state.config.http;
        let (parts, body) = request.into_parts();
        let caller = parts.extensions.get::<Caller>();
        match caller {
            Some(caller) => T::admit(caller, state)?,
            None if T::PUBLIC => {}
            None => return Err(Caller::absent(&parts.extensions)),
        }
        let Rules {
            has_large_body,
            bounds,
            ..
        } = state.rules.of_request(&parts.method, &parts.extensions);
        // Large bodies share memory by their callers, so nobody's is one.
        let large = caller.filter(|_| has_large_body);
        let size_max_bytes = if large.is_some() {
            http.layout_body_max_bytes
        } else {
            http.body_max_bytes
        };
        let (bytes, share) = body::whole(body, size_max_bytes, large, state).await?;
        if T::OPTIONAL && (bytes.is_empty() || bytes.trim_ascii() == b"null") {
            return Ok(Self {
                value: parse_within(b"{}", bounds, Shown::of::<T>())?,
                bytes,
                _share: share,
            });
        }
        if parts.headers.get_all(CONTENT_TYPE).iter().count() > 1 {
            let what = "is given more than once";
            return Err(ApiError::wrong(
                "Content-Type",
                Value::Null,
                what,
                "one value",
            ));
        }
        if !is_json(&parts.headers) {
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                "Send the body as `Content-Type: application/json`.",
            ));
        }
        body::check_encoding(&parts.headers)?;
        Ok(Self {
            value: parse_within(&bytes, bounds, Shown::of::<T>())?,
            bytes,
            _share: share,
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .is_some_and(|value| {
            let kind = value
                .split(|byte| *byte == b';')
                .next()
                .unwrap_or_default()
                .trim_ascii();
            kind.eq_ignore_ascii_case(b"application/json")
        })
}

/// As [`parse_within`], without bounds, for what is no secret.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    parse_within(bytes, &[], Shown::All)
}

/// Parses once where nothing is wrong; the slower parse that knows paths runs on failures only.
/// What is no number of its type is answered with the field's own bounds, as a number beyond them. No
/// value is repeated but of what may be shown.
fn parse_within<T: DeserializeOwned>(
    bytes: &[u8],
    bounds: Bounds,
    shown: Shown,
) -> Result<T, ApiError> {
    // serde would take a list of the fields' values for the object.
    let object = bytes.trim_ascii_start().first() == Some(&b'{');
    match serde_json::from_slice(bytes) {
        Ok(value) if object => Ok(value),
        Ok(_) => Err(ApiError::invalid("body", Value::Null, "an object")),
        Err(error) if error.classify() != Category::Data => Err(ApiError::wrong(
            "body",
            Value::Null,
            &format!(
                "is not valid JSON (line {}, column {})",
                error.line(),
                error.column()
            ),
            "valid JSON",
        )),
        Err(error) => match whole_numbers(bytes) {
            Some(plain) if object => serde_json::from_slice(&plain)
                .map_err(|_| explain::<T>(bytes, &error, bounds, shown)),
            _ if !object => Err(ApiError::invalid("body", Value::Null, "an object")),
            _ => Err(explain::<T>(bytes, &error, bounds, shown)),
        },
    }
}

/// The same JSON with `3.0` written as `3`, which JSON Schema takes for the same whole number, and
/// some clients write so. `None` where there is nothing of the kind.
fn whole_numbers(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let token = match first {
            b'"' => string_length(after) + 1,
            b'-' | b'0'..=b'9' => rest
                .iter()
                .position(|byte| !matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                .unwrap_or(rest.len()),
            _ => 1,
        };
        let (token, after) = rest.split_at_checked(token)?;
        let whole = std::str::from_utf8(token)
            .ok()
            .and_then(|text| text.split_once('.'))
            .filter(|(_, fraction)| {
                let zeros = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
                first != b'"' && zeros
            })
            .map(|(whole, _)| whole.as_bytes());
        plain.extend_from_slice(whole.unwrap_or(token));
        rest = after;
    }
    (plain.len() < bytes.len()).then_some(plain)
}

/// Bytes up to and with the quote that ends a string, `bytes` beginning behind the first.
fn string_length(bytes: &[u8]) -> usize {
    let mut escaped = false;
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    bytes.len()
}

fn explain<T: DeserializeOwned>(
    bytes: &[u8],
    error: &serde_json::Error,
    bounds: Bounds,
    shown: Shown,
) -> ApiError {
    let value_at = |path: &str| match shown.has(path) {
        true => value_at(bytes, path),
        false => Value::Null,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let (path, message) = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Ok(_) => (String::new(), error.to_string()),
        Err(error) => (error.path().to_string(), error.inner().to_string()),
    };
    if path.len() > LOOK_UP_MAX_BYTES {
        // Only a name of the client's can be so long.
        return ApiError::wrong(&path, Value::Null, UNKNOWN, "a field that is known");
    }
    let path = if path == "." { String::new() } else { path };
    // "… at line 1 column 2" speaks of bytes; the path says it better.
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(text, _)| text);
    if let Some(name) = quoted(message, "unknown field `") {
        let field = match path.rsplit_once('.') {
            // The path of an unknown field ends with the field itself.
            _ if path == name => name.to_owned(),
            Some((_, last)) if last == name => path.clone(),
            _ if path.is_empty() => name.to_owned(),
            _ => format!("{path}.{name}"),
        };
        let value = value_at(&field);
        return ApiError::wrong(&field, value, UNKNOWN, known(message));
    }
    for (prefix, what, expected) in [
        ("missing field `", REQUIRED, "a value"),
        ("duplicate field `", "is given more than once", "one value"),
    ] {
        let Some(name) = quoted(message, prefix) else {
            continue;
        };
        let field = match path.rsplit_once('.') {
            _ if path.is_empty() || path == name => name.to_owned(),
            Some((_, last)) if last == name => path,
            _ => format!("{path}.{name}"),
        };
        return ApiError::wrong(&field, Value::Null, what, expected);
    }
    let (field, value) = if path.is_empty() {
        ("body", Value::Null)
    } else {
        (path.as_str(), value_at(&path))
    };
    let expected = message.rsplit_once(", expected ");
    if let Some((_, "u8" | "u16" | "u32" | "u64")) = expected
        && let Some((min, max)) = range_of(field, bounds)
    {
        return ApiError::invalid(field, value, &format!("{min} to {max}"));
    }
    let expected = match expected {
        Some((_, expected)) => in_words(expected),
        // In the words of the type's own message.
        None if message.starts_with("UUID parsing failed") => "an id (a UUID)",
        // A type's own message may repeat what it could not read.
        None if !shown.has(&path) => "another value",
        None => message,
    };
    ApiError::invalid(field, value, expected)
}

/// The bounds of a number that is named so, where they are declared.
fn range_of(path: &str, bounds: Bounds) -> Option<(u64, u64)> {
    let name = path.rsplit('.').next()?;
    bounds.iter().find_map(|(of, bound)| match (of, bound) {
        (Of::Field(_, field), Bound::Range(min, max)) if *field == name => Some((*min, *max)),
        _ => None,
    })
}

/// The names that a parser knows instead of one that it does not.
pub(super) fn known(message: &str) -> &str {
    message
        .rsplit_once(", expected ")
        .map_or("no field", |(_, expected)| expected)
}

pub(super) fn quoted<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.split('`').next()
}

/// Names of Rust types mean nothing to a client.
pub(super) fn in_words(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number, not negative",
        "i64" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

/// What stands at a path like `zones[2].rows[0].seats`.
fn value_at(bytes: &[u8], path: &str) -> Value {
    if bytes.len() > LOOK_UP_MAX_BYTES {
        return Value::Null;
    }
    let Ok(root) = serde_json::from_slice::<Value>(bytes) else {
        return Value::Null;
    };
    let mut value = &root;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let next = match part.strip_suffix(']') {
            Some(index) => index.parse::<usize>().ok().and_then(|i| value.get(i)),
            None => value.get(part),
        };
        match next {
            Some(next) => value = next,
            None => return Value::Null,
        }
    }
    value.clone()
}

#[cfg(test)]
mod tests;
