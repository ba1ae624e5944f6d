//! Texts of clients: which ones are kept, and how much of one comes back in an answer.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Characters of a client's text that an answer repeats.
pub(crate) const ECHO_MAX_CHARS: usize = 64;

/// At most [`ECHO_MAX_CHARS`] characters of what a client sent, so that no answer grows with it.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    cut_at(text, ECHO_MAX_CHARS)
}

/// At most `max_chars` characters, with a mark where some are missing.
pub(crate) fn cut_at(text: &str, max_chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max_chars) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// True for what is drawn as nothing: white space, controls, and what only directs other characters.
fn is_invisible(char: char) -> bool {
    char.is_whitespace()
        || char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// True for what reverses the text beside it: a name with one reads as another.
fn overrides_direction(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// True for what has no place within a line.
fn breaks_line(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}')
}

/// A name: one line of at most `max_chars` characters, at least one of them visible, and none that
/// breaks the line or reverses the text beside it.
pub(crate) fn is_line(text: &str, max_chars: usize) -> bool {
    is_readable(text, max_chars, breaks_line)
}

/// A search text: as [`is_line`], but it may be empty or invisible.
pub(crate) fn is_search(text: &str, max_chars: usize) -> bool {
    text.chars().count() <= max_chars
        && !text
            .chars()
            .any(|char| breaks_line(char) || overrides_direction(char))
}

/// As [`is_line`], in any number of lines.
pub(crate) fn is_text(text: &str, max_chars: usize) -> bool {
    is_readable(text, max_chars, |char| {
        char.is_control() && !matches!(char, '\n' | '\r' | '\t')
    })
}

fn is_readable(text: &str, max_chars: usize, is_refused: impl Fn(char) -> bool) -> bool {
    // Bytes bound characters from above, so most texts need no counting.
    let fits = text.len() <= max_chars || text.chars().count() <= max_chars;
    fits && text.chars().any(|char| !is_invisible(char))
        && !text
            .chars()
            .any(|char| is_refused(char) || overrides_direction(char))
}

/// Letters, digits and the marks that belong to a letter: tone and vowel signs, accents. A mark
/// needs a letter before it.
pub(crate) fn is_alphanumeric(text: &str) -> bool {
    let mut after_letter = false;
    text.chars().all(|char| {
        let is_mark = is_combining_mark(char);
        let is_fine = char.is_alphanumeric() || (is_mark && after_letter);
        after_letter = is_fine;
        is_fine
    })
}

/// The text with every letter and its accents written in the one way that texts are compared in
/// (NFC): `Å` is the same whether it was typed as one character or as two.
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
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let exact = "é".repeat(ECHO_MAX_CHARS);
        assert_eq!(cut(&exact), exact);
        assert_eq!(cut(&format!("{exact}é")), format!("{exact}…"));
    }

    #[test]
    fn a_name_is_one_line_with_something_to_see() {
        for good in ["A", "แถวที่1", "👩\u{200d}🎤 live", "שלום \u{200f}a", "a  b"]
        {
            assert!(is_line(good, 20), "{good:?}");
            assert!(is_text(good, 20), "{good:?}");
        }
        for bad in [
            "",
            " ",
            "\u{200b}",
            "\u{200b}\u{feff}\u{3164}\u{2800}",
            "\u{e0041}",
            "a\u{202e}b",
            "a\u{2066}b",
            "a\u{0}",
            "a\u{9b}",
            &"a".repeat(21),
        ] {
            assert!(!is_line(bad, 20), "{bad:?}");
            assert!(!is_text(bad, 20), "{bad:?}");
        }
        for lines in ["a\nb", "a\r\nb", "a\tb", "a\u{2028}b"] {
            assert!(!is_line(lines, 20), "{lines:?}");
            assert!(is_text(lines, 20), "{lines:?}");
        }
    }

    #[test]
    fn marks_belong_to_letters() {
        for good in ["A", "แถวที่1", "A\u{30a}", "हिन्दी", "7"] {
            assert!(is_alphanumeric(good), "{good:?}");
        }
        for bad in ["\u{30a}", "A b", "-", "A\u{200b}", "A.\u{30a}"] {
            assert!(!is_alphanumeric(bad), "{bad:?}");
        }
        assert_eq!(composed("A\u{30a}"), "Å");
        assert_eq!(composed("\u{212b}"), "Å");
        assert!(matches!(composed("Å"), Cow::Borrowed(_)));
    }
}
