//! The codes that a request creates.

use onsale_schemas::limits::CODES_PER_COMMAND_MAX;
use onsale_schemas::{CodeHash, RequestId, ShowId, TenantId};
use onsale_store::code::NewCode;
use serde_json::Value;

use crate::codes::{CODE_MAX_CHARS, Codes, GENERATED_MAX_CHARS, GENERATED_MIN_CHARS, normalised};
use crate::error::ApiError;
use crate::text;

/// Longest beginning that generated codes share.
pub(super) const PREFIX_MAX_CHARS: usize = 16;
/// What it consists of.
pub(super) const PREFIX_FORM: &str = "^[A-Za-z0-9]+$";
/// Codes that an answer shows; more are exported.
pub(super) const SHOWN_MAX: usize = 100;

/// Which codes are asked for.
pub(super) enum Wanted {
    /// This one.
    One(String),
    /// So many, generated.
    Many {
        count: u32,
        prefix: String,
        chars: usize,
    },
}

/// Codes with their texts.
pub(super) struct Made {
    pub(super) codes: Vec<NewCode>,
    /// Those of which the answer tells the texts: none where there are too many.
    pub(super) shown: Vec<(CodeHash, String)>,
}

impl Wanted {
    /// What a request says of it.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with the field that is wrong.
    pub(super) fn of(
        code: Option<String>,
        count: Option<u32>,
        prefix: Option<String>,
        length: Option<u32>,
    ) -> Result<Self, ApiError> {
        let max = u32::try_from(CODES_PER_COMMAND_MAX).unwrap_or(u32::MAX);
        match (code, count) {
            (Some(code), None) => {
                if prefix.is_some() || length.is_some() {
                    let field = if prefix.is_some() { "prefix" } else { "length" };
                    let expected = "count: generated codes alone have prefix and length";
                    return Err(ApiError::invalid(field, Value::Null, expected));
                }
                normalised(&code)?;
                if !text::is_line(&code, CODE_MAX_CHARS) {
                    let expected = format!("at most {CODE_MAX_CHARS} visible characters");
                    return Err(ApiError::invalid("code", Value::Null, &expected));
                }
                Ok(Self::One(code.trim().to_owned()))
            }
            (None, Some(count)) if (1..=max).contains(&count) => Ok(Self::Many {
                count,
                prefix: prefix.map_or_else(|| Ok(String::new()), check_prefix)?,
                chars: length.map_or(Ok(GENERATED_MIN_CHARS), check_length)?,
            }),
            (None, Some(count)) => Err(ApiError::invalid("count", count, &format!("1 to {max}"))),
            (None, None) => Err(ApiError::invalid("code", Value::Null, "code or count")),
            (Some(_), Some(count)) => Err(ApiError::invalid(
                "count",
                count,
                "either code or count, not both",
            )),
        }
    }

    /// How many.
    pub(super) fn count(&self) -> u32 {
        match self {
            Self::One(_) => 1,
            Self::Many { count, .. } => *count,
        }
    }

    /// Makes them for a request: the same ones when it is repeated.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` for a text that is no code.
    pub(super) fn make(
        &self,
        by: &Codes,
        tenant: TenantId,
        show: ShowId,
        request: RequestId,
    ) -> Result<Made, ApiError> {
        let texts: Vec<String> = match self {
            Self::One(code) => vec![code.clone()],
            Self::Many {
                count,
                prefix,
                chars,
            } => (0..*count)
                .map(|number| by.generated(request, number, prefix, *chars))
                .collect(),
        };
        let mut made = Made {
            codes: Vec::with_capacity(texts.len()),
            shown: Vec::new(),
        };
        let is_shown = texts.len() <= SHOWN_MAX;
        for text in texts {
            let code = by.hash(tenant, show, &text)?;
            made.codes.push(NewCode {
                code,
                sealed: by.seal(code, &text),
            });
            if is_shown {
                made.shown.push((code, text));
            }
        }
        Ok(made)
    }
}

fn check_prefix(prefix: String) -> Result<String, ApiError> {
    let is_fine = (1..=PREFIX_MAX_CHARS).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_fine {
        return Ok(prefix.to_ascii_uppercase());
    }
    let expected = format!("1 to {PREFIX_MAX_CHARS} letters A to Z and digits");
    Err(ApiError::invalid("prefix", prefix, &expected))
}

fn check_length(length: u32) -> Result<usize, ApiError> {
    usize::try_from(length)
        .ok()
        .filter(|chars| (GENERATED_MIN_CHARS..=GENERATED_MAX_CHARS).contains(chars))
        .ok_or_else(|| {
            let expected = format!("{GENERATED_MIN_CHARS} to {GENERATED_MAX_CHARS} characters");
            ApiError::invalid("length", length, &expected)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let code = |text: &str| Some(text.to_owned());
        for (wanted, field) in [
            (Wanted::of(code("EARLY"), None, None, None), None),
            (Wanted::of(None, Some(10_000), code("ab1"), Some(32)), None),
            (Wanted::of(None, None, None, None), Some("code")),
            (
                Wanted::of(code("EARLY"), Some(1), None, None),
                Some("count"),
            ),
            (Wanted::of(code("abc"), None, None, None), Some("code")),
            (
                Wanted::of(code("EARLY\u{202e}"), None, None, None),
                Some("code"),
            ),
            (
                Wanted::of(code("EARLY"), None, code("A"), None),
                Some("prefix"),
            ),
            (
                Wanted::of(code("EARLY"), None, None, Some(20)),
                Some("length"),
            ),
            (Wanted::of(None, Some(0), None, None), Some("count")),
            (Wanted::of(None, Some(10_001), None, None), Some("count")),
            (Wanted::of(None, Some(1), code(""), None), Some("prefix")),
            (Wanted::of(None, Some(1), code("a-b"), None), Some("prefix")),
            (
                Wanted::of(None, Some(1), code("abcdefghijklmnopq"), None),
                Some("prefix"),
            ),
            (Wanted::of(None, Some(1), None, Some(11)), Some("length")),
            (Wanted::of(None, Some(1), None, Some(33)), Some("length")),
        ] {
            let found = wanted
                .err()
                .map(|error| error.details().unwrap()["field"].clone());
            assert_eq!(found, field.map(Value::from));
        }
    }
}
