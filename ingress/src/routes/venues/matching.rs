//! `ETag` of a venue, and `If-Match`: whether it is still as it was read.

use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::error::{ApiError, Code};

/// A version that nothing has.
const NEVER: u64 = 0;

/// The version that a caller expects; none where it expects nothing.
///
/// # Errors
/// `VALIDATION_ERROR` for more than one.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let mut values = headers.get_all(IF_MATCH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if values.next().is_some() || text.contains(',') {
        return Err(ApiError::wrong(
            "If-Match",
            Value::Null,
            "names more than one tag",
            "the ETag of the last answer, or *",
        ));
    }
    if text == "*" {
        return Ok(None);
    }
    // What is no tag of a venue is one that it does not have.
    let version = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .filter(|text| !text.starts_with(['0', '+']))
        .and_then(|text| text.parse().ok());
    Ok(Some(version.unwrap_or(NEVER)))
}

/// The entity tag of a version.
fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Sets the entity tag of an answer.
///
/// # Errors
/// Of this program alone.
pub(super) fn set_tag(headers: &mut HeaderMap, version: u64) -> Result<(), ApiError> {
    let value = HeaderValue::from_str(&tag(version)).map_err(ApiError::internal)?;
    headers.insert(ETAG, value);
    Ok(())
}

/// The refusal of a change to what is at another version.
pub(super) fn is_at(version: u64) -> ApiError {
    ApiError::new(
        Code::PreconditionFailed,
        "The venue has changed since you read it. Nothing was changed; read it again.",
    )
    .with_details(json!({ "etag": tag(version) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_is_read_as_it_is_written() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IF_MATCH, HeaderValue::from_static(value));
            }
            expected(&headers)
        };
        for (value, version) in [
            ("*", None),
            ("\"7\"", Some(7)),
            (" \"12\" ", Some(12)),
            ("7", Some(NEVER)),
            ("W/\"7\"", Some(NEVER)),
            ("\"07\"", Some(NEVER)),
            ("\"+7\"", Some(NEVER)),
            ("\"\"", Some(NEVER)),
            ("\"x\"", Some(NEVER)),
        ] {
            assert_eq!(read(&[value]).unwrap(), version, "{value}");
        }
        assert_eq!(read(&[]).unwrap(), None);
        for several in [&["\"1\", \"2\""][..], &["\"1\"", "\"2\""]] {
            assert_eq!(read(several).unwrap_err().code(), Code::ValidationError);
        }
        let mut headers = HeaderMap::new();
        set_tag(&mut headers, 7).unwrap();
        assert_eq!(headers[ETAG], "\"7\"");
    }
}
