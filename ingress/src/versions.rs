//! Versions of what staff changes, as `ETag` and `If-Match` (RFC 9110). A tag begins with the number of the version;
//! behind a point stands what else an answer depends on, which a change need not know.

use axum::extract::FromRequestParts;
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{ApiError, Code};

/// The tag of a version, and of what else an answer depends on.
pub(crate) fn tag(version: u64, also: Option<&str>) -> String {
    match also {
        Some(also) => format!("\"{version}.{also}\""),
        None => format!("\"{version}\""),
    }
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
    candidates(headers, IF_NONE_MATCH).any(|candidate| candidate == tag || candidate == "*")
}

/// The tags of a header. A proxy that compresses makes them weak, and they say as much as before.
fn candidates(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|candidate| candidate.trim().trim_start_matches("W/"))
}

/// The versions one of which a change is for.
pub(crate) struct IfMatch {
    /// `None`: whichever there is.
    versions: Option<Vec<u64>>,
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        if !parts.headers.contains_key(IF_MATCH) {
            return Ok(Self { versions: None });
        }
        let mut versions = Vec::new();
        for candidate in candidates(&parts.headers, IF_MATCH) {
            if candidate == "*" {
                return Ok(Self { versions: None });
            }
            let inner = candidate
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'));
            let number = inner.map(|inner| inner.split('.').next().unwrap_or_default());
            // A tag of something else matches nothing.
            versions.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(Self {
            versions: Some(versions),
        })
    }
}

impl IfMatch {
    /// Whether the client says for which version its change is.
    pub(crate) fn is_given(&self) -> bool {
        self.versions.is_some()
    }

    /// The version to compare with in the transaction that changes it; `None` where any is right.
    ///
    /// # Errors
    /// `PRECONDITION_FAILED` where the version that there is now is none of them.
    pub(crate) fn expected(&self, present: u64) -> Result<Option<u64>, ApiError> {
        match &self.versions {
            None => Ok(None),
            Some(versions) if versions.contains(&present) => Ok(Some(present)),
            Some(_) => Err(changed(present)),
        }
    }
}

/// Someone else has changed it.
pub(crate) fn changed(present: u64) -> ApiError {
    ApiError::new(
        Code::PreconditionFailed,
        "Someone has changed this since the version that If-Match names. Nothing was changed: read it again, and send \
         your change with its new ETag.",
    )
    .with_details(serde_json::json!({ "etag": tag(present, None) }))
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
        let cases: [(&[&str], Option<Option<u64>>); 12] = [
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
            (&["\"77\""], None),
            (&[""], None),
        ];
        for (values, expected) in cases {
            let found = if_match(values).await.expected(7).ok();
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
