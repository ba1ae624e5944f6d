//! Which letters are the same letter.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::spaceless::is_spaceless;

/// A word without case and diacritics, in compatibility form (so that full-width letters and
/// ligatures are the plain ones), appended to `out` up to `chars_max` characters.
///
/// Of Thai and Lao the vowels stay, which are letters though Unicode calls some of them marks. What goes
/// are the marks of tone, of shortness and of silence: those that people leave out or mistake.
pub(crate) fn fold_into(word: &str, chars_max: usize, out: &mut String) {
    let mut left = chars_max;
    for char in word.nfkd() {
        if is_dropped(char) {
            continue;
        }
        for char in char.to_lowercase() {
            if is_dropped(char) {
                continue;
            }
            let mut buffer = [0; 4];
            for char in same_as(char, &mut buffer).chars() {
                if left == 0 {
                    return;
                }
                left -= 1;
                out.push(char);
            }
        }
    }
}

/// A whole value without case and diacritics, its words separated by one space: equal for values
/// that people would call the same.
pub(crate) fn fold(value: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(value.len().min(chars_max));
    for word in value.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        fold_into(word, chars_max, &mut out);
    }
    out
}

fn is_dropped(char: char) -> bool {
    match char {
        // Thai: the short vowel sign, tones, silence. Lao: tones and silence.
        '\u{e47}'..='\u{e4c}' | '\u{e4e}' | '\u{ec8}'..='\u{ecc}' => true,
        // The voicing marks of kana make other letters; the last of these is not combining.
        '\u{3099}' | '\u{309a}' => false,
        _ => !is_spaceless(char) && is_combining_mark(char),
    }
}

/// Letters that no decomposition takes apart, as people without that keyboard type them.
fn same_as(char: char, buffer: &mut [u8; 4]) -> &str {
    match char {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ı' => "i",
        'ħ' => "h",
        'þ' => "th",
        'ς' => "σ",
        '๐'..='๙' => digit(char, '๐', buffer),
        '໐'..='໙' => digit(char, '໐', buffer),
        '٠'..='٩' => digit(char, '٠', buffer),
        '०'..='९' => digit(char, '०', buffer),
        _ => char.encode_utf8(buffer),
    }
}

fn digit(char: char, zero: char, buffer: &mut [u8; 4]) -> &str {
    let value = u32::from(char) - u32::from(zero);
    char::from_digit(value, 10)
        .unwrap_or(char)
        .encode_utf8(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_word() {
        for (word, folded) in [
            ("Café", "cafe"),
            ("Cafe\u{301}", "cafe"),
            ("MÜNCHEN", "munchen"),
            ("Straße", "strasse"),
            ("Đà Nẵng", "da nang"),
            ("Łódź", "lodz"),
            ("İstanbul", "istanbul"),
            ("ﬁn", "fin"),
            ("ＪＡＺＺ", "jazz"),
            ("ΟΔΥΣΣΕΎΣ", "οδυσσευσ"),
            ("คอนเสิร์ต", "คอนเสิรต"),
            ("ก้าว", "กาว"),
            ("๒๕๖๙", "2569"),
            ("  a \t b ", "a b"),
            ("", ""),
        ] {
            assert_eq!(fold(word, 100), folded, "{word}");
        }
    }

    #[test]
    fn a_word_is_cut_at_its_limit() {
        let mut out = String::new();
        fold_into("ßßß", 5, &mut out);
        assert_eq!(out, "sssss");
        out.clear();
        fold_into(&"é".repeat(1_000), 24, &mut out);
        assert_eq!(out.chars().count(), 24);
    }
}
