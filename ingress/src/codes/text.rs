//! How a code is read, whoever typed it.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::error::ApiError;

/// Fewest characters of a code.
pub(crate) const CODE_MIN_CHARS: usize = 4;
/// Most characters of a code.
pub(crate) const CODE_MAX_CHARS: usize = 64;
/// Longest text that is looked at, in bytes.
pub(crate) const TYPED_MAX_BYTES: usize = 1_024;

/// True for what people put into codes to read them better, or paste along with them.
fn is_left_out(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '-' | '\u{ad}' | '\u{2010}'
                ..='\u{2015}' | '\u{2212}' | '\u{200b}' | '\u{2060}' | '\u{feff}'
        )
}

/// The code that a text means: compatibility forms composed (NFKC), in capitals, without spaces and hyphens.
///
/// # Errors
/// `VALIDATION_ERROR` with the field `code` where fewer or more characters are left than a code has. It does
/// not repeat the text.
pub(crate) fn normalised(typed: &str) -> Result<String, ApiError> {
    let fits = |chars: usize| (CODE_MIN_CHARS..=CODE_MAX_CHARS).contains(&chars);
    let code: String = if typed.len() > TYPED_MAX_BYTES {
        String::new()
    } else {
        let capitals = typed.nfkc().flat_map(char::to_uppercase);
        // Once more, because capitals of some letters are written as two.
        capitals.nfkc().filter(|char| !is_left_out(*char)).collect()
    };
    if fits(code.chars().count()) && !code.chars().any(char::is_control) {
        return Ok(code);
    }
    let expected =
        format!("{CODE_MIN_CHARS} to {CODE_MAX_CHARS} characters besides spaces and hyphens");
    Err(ApiError::invalid("code", Value::Null, &expected))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        for (typed, code) in [
            ("EARLY", "EARLY"),
            ("early", "EARLY"),
            (" ear-ly ", "EARLY"),
            ("e a r l y\u{a0}", "EARLY"),
            ("ear\u{2011}ly", "EARLY"),
            ("ear\u{2013}\u{ad}ly\u{feff}", "EARLY"),
            ("ＥＡＲＬＹ", "EARLY"),
            ("ｅａｒｌｙ１", "EARLY1"),
            ("ﬁrst", "FIRST"),
            ("straße", "STRASSE"),
            ("cafe\u{301}", "CAFÉ"),
            ("CAFÉ", "CAFÉ"),
            ("①②③④", "1234"),
            ("ตั๋วถูก", "ตั๋วถูก"),
            ("a_b+c", "A_B+C"),
        ] {
            assert_eq!(normalised(typed).unwrap(), code, "{typed:?}");
            assert_eq!(normalised(code).unwrap(), code, "{code:?} again");
        }
    }

    #[test]
    fn what_no_code_looks_like_is_refused_without_repeating_it() {
        for bad in [
            "",
            "abc",
            "a - b - c",
            "----",
            "    ",
            "ab\u{0}cd",
            &"x".repeat(CODE_MAX_CHARS + 1),
            &" ".repeat(TYPED_MAX_BYTES + 1),
            // Fifteen letters each.
            &"\u{fdfa}".repeat(5),
        ] {
            let error = normalised(bad).unwrap_err();
            assert_eq!(error.code(), Code::ValidationError, "{bad:?}");
            let details = error.details().unwrap();
            assert_eq!(details["field"], "code");
            assert_eq!(details["value"], Value::Null);
        }
        let longest = "x".repeat(CODE_MAX_CHARS);
        assert_eq!(normalised(&longest).unwrap().len(), CODE_MAX_CHARS);
    }
}
