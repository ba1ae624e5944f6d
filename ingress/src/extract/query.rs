//! Query strings.

use axum::extract::FromRequestParts;
use http::Uri;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::json::{REQUIRED, in_words, known, quoted};
use crate::error::ApiError;

/// A typed query string.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parse(&parts.uri).map(Self)
    }
}

fn parse<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    check_encoding(uri.query().unwrap_or_default())?;
    axum::extract::Query::<T>::try_from_uri(uri)
        .map(|axum::extract::Query(value)| value)
        .map_err(|rejection| explain(uri, &rejection.body_text()))
}

/// The parser takes a percent sign that begins no byte for itself, and bytes that are no text for
/// U+FFFD: something would be looked for that nobody asked for.
fn check_encoding(query: &str) -> Result<(), ApiError> {
    const WHAT: &str = "is not percent-encoded UTF-8";
    const EXPECTED: &str = "UTF-8, percent-encoded; `%` itself is `%25`";
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(field) = decoded(name) else {
            return Err(ApiError::wrong("query", name, WHAT, EXPECTED));
        };
        if decoded(value).is_none() {
            return Err(ApiError::wrong(&field, value, WHAT, EXPECTED));
        }
    }
    Ok(())
}

/// What a part of a query stands for, where it stands for text.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
        bytes.push(u8::try_from(digit(0)? << 4 | digit(1)?).ok()?);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}

/// What is wrong, in terms of the query: parsers speak of their own types.
fn explain(uri: &Uri, text: &str) -> ApiError {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_or_else(|_| Vec::new(), |axum::extract::Query(pairs)| pairs);
    let value_of = |field: &str| {
        let given = pairs.iter().find(|(name, _)| name == field);
        given.map_or(Value::Null, |(_, value)| Value::from(value.as_str()))
    };
    let (_, reason) = text.split_once(": ").unwrap_or(("", text));
    for (prefix, what, expected) in [
        ("unknown field `", "unknown parameter", known(reason)),
        ("duplicate field `", "is given more than once", "one value"),
        ("missing field `", REQUIRED, "a value"),
    ] {
        // Behind the parameter's name, where the parser says one.
        let at = reason.find(prefix).and_then(|at| reason.get(at..));
        if let Some(name) = at.and_then(|reason| quoted(reason, prefix)) {
            return ApiError::wrong(name, value_of(name), what, expected);
        }
    }
    match reason.split_once(": ") {
        Some((field, reason)) if pairs.iter().any(|(name, _)| name == field) => {
            ApiError::invalid(field, value_of(field), in_plain_words(reason))
        }
        _ => ApiError::invalid("query", Value::Null, in_plain_words(reason)),
    }
}

/// What would be right, instead of what a parser did not like.
fn in_plain_words(reason: &str) -> &str {
    if reason.starts_with("UUID parsing failed") {
        return "a UUID";
    }
    if let Some((_, expected)) = reason.rsplit_once(", expected ") {
        return in_words(expected);
    }
    match reason {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "a whole number, not negative"
        }
        "number too large to fit in target type" => "a smaller whole number",
        "number too small to fit in target type" => "a larger whole number",
        "provided string was not `true` or `false`" => "true or false",
        _ => "a query as the document describes it (/docs)",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::values::Instant;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Asked {
        page: Option<u32>,
        mine: Option<bool>,
        from: Option<Instant>,
        kind: Option<Kind>,
        user: Option<uuid::Uuid>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Small,
        Large,
    }

    #[test]
    fn says_which_parameter_is_wrong_and_what_would_be_right() {
        for (query, field, value, expected) in [
            ("page=x", "page", "\"x\"", "a whole number, not negative"),
            ("page=", "page", "\"\"", "a whole number, not negative"),
            ("page=-1", "page", "\"-1\"", "a whole number, not negative"),
            ("page=99999999999", "page", "\"99999999999\"", "smaller"),
            ("mine=maybe", "mine", "\"maybe\"", "true or false"),
            ("from=now", "from", "\"now\"", "an instant as RFC 3339"),
            ("kind=tiny", "kind", "\"tiny\"", "small"),
            ("user=x", "user", "\"x\"", "a UUID"),
            (
                "where=8",
                "where",
                "\"8\"",
                "`page`, `mine`, `from`, `kind`",
            ),
            ("page=1&page=2", "page", "\"1\"", "one value"),
            ("page=%ff", "page", "\"%ff\"", "UTF-8"),
            ("page=1&kind=%c3%28", "kind", "\"%c3%28\"", "UTF-8"),
            ("kind=%ed%a0%80", "kind", "\"%ed%a0%80\"", "UTF-8"),
            ("kind=100%", "kind", "\"100%\"", "`%25`"),
            ("kind=%zz", "kind", "\"%zz\"", "`%25`"),
            ("%ff=1", "query", "\"%ff\"", "UTF-8"),
        ] {
            let uri: Uri = format!("http://x/y?{query}").parse().unwrap();
            let error = parse::<Asked>(&uri).unwrap_err();
            let details = error.details().unwrap();
            assert_eq!(details["field"], field, "{query}");
            assert_eq!(details["value"].to_string(), value, "{query}");
            let said = details["expected"].as_str().unwrap();
            assert!(said.contains(expected), "{query}: {said}");
        }
    }

    #[test]
    fn text_is_taken_as_it_is_encoded() {
        for (query, kind) in [
            ("", None),
            ("kind=small", Some("Small")),
            ("%6bind=sm%61ll&", Some("Small")),
        ] {
            let uri: Uri = format!("http://x/y?{query}").parse().unwrap();
            let asked = parse::<Asked>(&uri).unwrap();
            assert_eq!(
                asked.kind.map(|kind| format!("{kind:?}")).as_deref(),
                kind,
                "{query}"
            );
        }
        assert_eq!(decoded("a+b%20%E0%B9%81"), Some("a+b แ".to_owned()));
    }
}
