//! The entity tag of an offer, and whether a client has it.

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName};

use super::body::OfferBody;
use crate::error::ApiError;

/// Hexadecimal digits of a tag.
const DIGITS: usize = 32;

/// The tag of an offer as its reader sees it. Weak, because `meta` differs from answer to answer.
pub(super) fn of(body: &OfferBody) -> Result<String, ApiError> {
    let bytes = serde_json::to_vec(body).map_err(ApiError::internal)?;
    let hash = blake3::hash(&bytes).to_hex();
    Ok(format!("W/\"{}\"", hash.get(..DIGITS).unwrap_or(&hash)))
}

/// Whether the client has just this one: `If-None-Match`.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    named(headers, IF_NONE_MATCH, tag).unwrap_or(false)
}

/// Whether a change is meant for this one, or for whatever there is: `If-Match`.
pub(super) fn is_meant(headers: &HeaderMap, tag: &str) -> bool {
    named(headers, IF_MATCH, tag).unwrap_or(true)
}

/// Whether a change is for whatever there is: without `If-Match`, or with `*`.
pub(super) fn is_for_any(headers: &HeaderMap) -> bool {
    named(headers, IF_MATCH, "*").unwrap_or(true)
}

/// Whether a header names the tag; `None` when there is no such header.
fn named(headers: &HeaderMap, header: HeaderName, tag: &str) -> Option<bool> {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let tag = strong(tag);
    let mut values = headers.get_all(header).iter().peekable();
    values.peek()?;
    let mut candidates = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(strong);
    Some(candidates.any(|candidate| candidate == tag || candidate == "*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_however_it_is_written() {
        let tag = "W/\"ab\"";
        for (sent, is_found) in [
            ("W/\"ab\"", true),
            ("\"ab\"", true),
            ("\"x\", W/\"ab\"", true),
            ("*", true),
            ("\"abc\"", false),
            ("ab", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, sent.parse().unwrap());
            headers.insert(IF_NONE_MATCH, sent.parse().unwrap());
            assert_eq!(is_meant(&headers, tag), is_found, "{sent}");
            assert_eq!(is_known(&headers, tag), is_found, "{sent}");
            assert_eq!(is_for_any(&headers), sent == "*", "{sent}");
        }
        assert!(is_meant(&HeaderMap::new(), tag));
        assert!(is_for_any(&HeaderMap::new()));
        assert!(!is_known(&HeaderMap::new(), tag));
    }
}
