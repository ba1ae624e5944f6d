//! `ETag`, `If-None-Match` and `If-Match` (RFC 9110): the one place that reads them, for everything that has a tag.
//!
//! The tag of what has versions begins with the number of the version; behind a point stands what else an answer
//! depends on, which a change need not know. The tag of anything else is a digest of it.
//!
//! A header may hold a list of tags, or be sent several times, and `*` is whatever there is. `If-None-Match` compares
//! weakly, as it has to. So does `If-Match`, where RFC 9110 compares strongly: these tags are of what is told and not
//! of the bytes that tell it, and a proxy that compresses an answer makes its tag weak without the reader's doing.

use axum::extract::FromRequestParts;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::error::{ApiError, Code};

/// Hexadecimal digits of a tag that is a digest.
const DIGITS: usize = 32;

/// Bytes of a digest in a tag.
const DIGEST_BYTES: usize = 8;
/// Any tag.
const ANY: &str = "*";

/// The tag of a version, and of what else an answer depends on.
pub(crate) fn tag(version: u64, also: Option<&str>) -> String {
    match also {
        Some(also) => format!("\"{version}.{also}\""),
        None => format!("\"{version}\""),
    }
}

/// The tag of an answer that depends on more than the version: of its bytes as well.
pub(crate) fn tag_of_bytes(version: u64, bytes: &[u8]) -> String {
    let hash = blake3::hash(bytes).to_hex();
    tag(version, hash.as_str().get(..DIGEST_BYTES * 2))
}

/// The tag of what has no versions: of its content. It is weak, because the `meta` beside it differs from answer to
/// answer.
///
/// # Errors
/// None for what can be answered.
pub(crate) fn digest(body: &impl Serialize) -> Result<String, ApiError> {
    let bytes = serde_json::to_vec(body).map_err(ApiError::internal)?;
    let hash = blake3::hash(&bytes).to_hex();
    Ok(format!("W/\"{}\"", hash.get(..DIGITS).unwrap_or(&hash)))
}

/// Sends a tag with an answer.
///
/// # Errors
/// None for tags of this module.
pub(crate) fn set_tag(headers: &mut HeaderMap, tag: &str) -> Result<(), ApiError> {
    let value = HeaderValue::from_str(tag).map_err(ApiError::internal)?;
    headers.insert(ETAG, value);
    Ok(())
}

/// Whether the client has what this tag is of.
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let tag = opaque(tag);
    candidates(headers, IF_NONE_MATCH).any(|candidate| candidate == tag || candidate == ANY)
}

/// A tag without the mark of a weak one.
fn opaque(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The tags of a header, without the mark of weak ones.
fn candidates(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(opaque)
}

/// The tags of one of which a change is for.
pub(crate) struct IfMatch {
    /// Without the mark of weak ones; `None`: whatever there is.
    tags: Option<Vec<String>>,
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        if !parts.headers.contains_key(IF_MATCH) {
            return Ok(Self { tags: None });
        }
        let mut tags = Vec::new();
        for candidate in candidates(&parts.headers, IF_MATCH) {
            if candidate == ANY {
                return Ok(Self { tags: None });
            }
            tags.push(candidate.to_owned());
        }
        Ok(Self { tags: Some(tags) })
    }
}

impl IfMatch {
    /// Whether the client says for which version its change is.
    pub(crate) fn is_given(&self) -> bool {
        self.tags.is_some()
    }

    /// The version to compare with in the transaction that changes it; `None` where any is right.
    ///
    /// # Errors
    /// `PRECONDITION_FAILED` where the version that there is now is none of them.
    pub(crate) fn expected(&self, present: u64) -> Result<Option<u64>, ApiError> {
        match &self.tags {
            None => Ok(None),
            Some(tags) if tags.iter().any(|tag| version_of(tag) == Some(present)) => {
                Ok(Some(present))
            }
            Some(_) => Err(changed(present)),
        }
    }

    /// Whether the change is for what has this tag.
    pub(crate) fn is_for(&self, tag: &str) -> bool {
        let tag = opaque(tag);
        self.tags
            .as_ref()
            .is_none_or(|tags| tags.iter().any(|candidate| candidate == tag))
    }
}

/// The version that a tag begins with; a tag of something else has none.
fn version_of(tag: &str) -> Option<u64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let number = inner.split('.').next().unwrap_or_default();
    // One version has one tag.
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit())
        && (number == "0" || !number.starts_with('0'));
    number.parse().ok().filter(|_| is_plain)
}

/// Someone else has changed it.
pub(crate) fn changed(present: u64) -> ApiError {
    changed_to(&tag(present, None))
}

/// As [`changed`], of what has this tag now.
pub(crate) fn changed_to(tag: &str) -> ApiError {
    ApiError::new(
        Code::PreconditionFailed,
        "Someone has changed this since the version that If-Match names. Nothing was changed: read it again, and send \
         your change with its new ETag.",
    )
    .with_details(serde_json::json!({ "etag": tag }))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    async fn if_match(values: &[&str]) -> IfMatch {
        let mut request = Request::builder();
        for value in values {
            request = request.header(IF_MATCH, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        IfMatch::from_request_parts(&mut parts, &()).await.unwrap()
    }

    #[tokio::test]
    async fn a_change_is_for_the_versions_that_it_names() {
        let cases: [(&[&str], Option<Option<u64>>); 14] = [
            (&[], Some(None)),
            (&["*"], Some(None)),
            (&["\"7\""], Some(Some(7))),
            (&["W/\"7\""], Some(Some(7))),
            (&["\"7.ended\""], Some(Some(7))),
            (&["\"6\", \"7\""], Some(Some(7))),
            (&["\"6\"", "\"7.a1\""], Some(Some(7))),
            (&["\"6\""], None),
            (&["7"], None),
            (&["\"x\""], None),
            (&["\"07\""], None),
            (&["\"+7\""], None),
            (&["\"77\""], None),
            (&[""], None),
        ];
        for (values, expected) in cases {
            let found = if_match(values).await.expected(7).ok();
            assert_eq!(found, expected, "{values:?}");
        }
    }

    #[tokio::test]
    async fn a_tag_is_found_however_it_is_written() {
        let digest = digest(&"offer").unwrap();
        assert!(digest.starts_with("W/\"") && digest.len() == DIGITS + 4);
        for tag in ["W/\"ab\"", "\"ab\""] {
            for (sent, is_found) in [
                ("W/\"ab\"", true),
                ("\"ab\"", true),
                ("\"x\", W/\"ab\"", true),
                ("*", true),
                ("\"abc\"", false),
                ("W/W/\"ab\"", false),
                ("ab", false),
                ("", false),
            ] {
                let mut headers = HeaderMap::new();
                headers.insert(IF_NONE_MATCH, sent.parse().unwrap());
                assert_eq!(is_known(&headers, tag), is_found, "{sent}");
                assert_eq!(if_match(&[sent]).await.is_for(tag), is_found, "{sent}");
            }
        }
        assert!(if_match(&[]).await.is_for("\"ab\""));
        assert!(!is_known(&HeaderMap::new(), "\"ab\""));
    }
}
