//! Which texts a hall may hold. Rows and seats follow the same rules as those of a new show.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Characters of a text that a message repeats.
const ECHO_MAX_CHARS: usize = 40;

/// As much of a text as a message repeats.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_MAX_CHARS) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// A name for people: one line of at most `max_chars` characters with a letter or digit, without
/// space around it and without what reverses the text beside it.
pub(crate) fn is_name(text: &str, max_chars: usize) -> bool {
    text.len() <= max_chars.saturating_mul(4)
        && text.chars().count() <= max_chars
        && text.trim() == text
        && text.chars().any(char::is_alphanumeric)
        && !text.chars().any(|char| {
            char.is_control()
                || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        })
}

/// Letters, digits and the marks that belong to a letter. A mark needs a letter before it.
fn is_alphanumeric(text: &str) -> bool {
    let mut after_letter = false;
    text.chars().all(|char| {
        let is_mark = is_combining_mark(char);
        let is_fine = char.is_alphanumeric() || (is_mark && after_letter);
        after_letter = is_fine;
        is_fine
    })
}

/// Label of a seat within its row.
pub(crate) fn is_seat_label(text: &str, max_chars: usize) -> bool {
    !text.is_empty()
        && text.len() <= max_chars.saturating_mul(4)
        && text.chars().count() <= max_chars
        && is_alphanumeric(text)
}

/// Name of a row: letters and digits, and single spaces between them.
pub(crate) fn is_row_label(text: &str, max_chars: usize) -> bool {
    !text.is_empty()
        && text.len() <= max_chars.saturating_mul(4)
        && text.chars().count() <= max_chars
        && text
            .split(' ')
            .all(|word| !word.is_empty() && is_alphanumeric(word))
}

/// The text in the one way that texts are compared in (NFC).
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_name() {
        for good in ["A", "Grand Théâtre", "โรงละคร", "Row #1 (left)"] {
            assert!(is_name(good, 20), "{good:?}");
        }
        let long = "a".repeat(21);
        for bad in [
            "",
            " ",
            " A",
            "A ",
            "--",
            "a\nb",
            "a\u{202e}b",
            "a\u{2028}b",
            &long,
        ] {
            assert!(!is_name(bad, 20), "{bad:?}");
        }
    }

    #[test]
    fn what_may_be_a_label() {
        for good in ["A", "14", "14a", "แถวที่1", "A\u{30a}"] {
            assert!(is_seat_label(good, 8), "{good:?}");
            assert!(is_row_label(good, 8), "{good:?}");
        }
        for bad in ["", "A-3", "A_3", "\u{30a}A", "123456789", "a\u{200b}b"] {
            assert!(!is_seat_label(bad, 8), "{bad:?}");
            assert!(!is_row_label(bad, 8), "{bad:?}");
        }
        assert!(is_row_label("Box 1 A", 8) && !is_seat_label("Box 1 A", 8));
        for bad in ["A  B", " A", "A "] {
            assert!(!is_row_label(bad, 8), "{bad:?}");
        }
        assert_eq!(composed("A\u{30a}"), "Å");
    }
}
