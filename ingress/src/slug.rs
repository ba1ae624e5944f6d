//! Names in addresses, made of names for people: small letters and digits of any script, joined by single hyphens.
//! Latin letters lose their accents; letters of other scripts stay, with the marks that belong to them, because no
//! transcription of Thai is one that its readers would guess.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest name in addresses, in characters.
pub(crate) const SLUG_MAX_CHARS: usize = 80;

/// What is right, for errors.
pub(crate) const SLUG_EXPECTED: &str = "1 to 80 small letters and digits of any script, in words joined by single hyphens and without accents on \
     Latin letters, as spring-concert-2030";

/// The name in addresses of a name; empty where nothing of it can be one.
pub(crate) fn of(name: &str) -> String {
    let mut slug = String::new();
    // Whether the letter that marks would belong to is a Latin one.
    let mut is_latin = false;
    let mut chars = 0;
    for char in name.chars().map(narrow).flat_map(char::to_lowercase).nfd() {
        if is_combining_mark(char) {
            let has_letter = !slug.is_empty() && !slug.ends_with('-');
            if has_letter && !is_latin && chars < SLUG_MAX_CHARS {
                slug.push(char);
                chars += 1;
            }
            continue;
        }
        if let Some(letters) = plain(char) {
            is_latin = true;
            for letter in letters.chars().take(SLUG_MAX_CHARS - chars) {
                slug.push(letter);
                chars += 1;
            }
        } else if char.is_alphanumeric() {
            is_latin = char.is_ascii();
            if chars < SLUG_MAX_CHARS {
                slug.push(char);
                chars += 1;
            }
        } else if is_separator(char)
            && !slug.is_empty()
            && !slug.ends_with('-')
            && chars < SLUG_MAX_CHARS
        {
            slug.push('-');
            chars += 1;
        }
        if chars >= SLUG_MAX_CHARS {
            // A mark that belongs to the last letter would not fit, and nothing else does.
            break;
        }
    }
    // Composing makes it no longer.
    let slug: String = slug.nfc().collect();
    slug.trim_matches('-').to_owned()
}

/// Whether a text is a name in addresses as it is.
pub(crate) fn is_slug(text: &str) -> bool {
    !text.is_empty() && text.len() <= SLUG_MAX_CHARS * 4 && of(text) == text
}

/// What stands between words. An apostrophe stands within one.
fn is_separator(char: char) -> bool {
    !matches!(
        char,
        '\'' | '\u{2019}' | '\u{2bc}' | '\u{200b}'..='\u{200d}' | '\u{feff}'
    )
}

/// Letters and digits as wide as Chinese ones, as they are otherwise.
fn narrow(char: char) -> char {
    match char {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char),
        other => other,
    }
}

/// Latin letters that have no plain one within them.
fn plain(char: char) -> Option<&'static str> {
    Some(match char {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'þ' => "th",
        'ı' => "i",
        'ħ' => "h",
        'ŋ' => "ng",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_one_in_addresses() {
        for (name, slug) in [
            ("Spring Concert", "spring-concert"),
            ("  A  night -- out! ", "a-night-out"),
            ("Café Ölberg & Søren's Straße", "cafe-olberg-sorens-strasse"),
            ("Don\u{2019}t stop", "dont-stop"),
            ("ＡＢＣ １", "abc-1"),
            ("ทำเพลง", "ทำเพลง"),
            ("คอนเสิร์ต ฤดูใบไม้ผลิ", "คอนเสิร์ต-ฤดูใบไม้ผลิ"),
            ("春の音楽会 2030", "春の音楽会-2030"),
            ("Весна", "весна"),
            ("🎤🎤", ""),
            ("-", ""),
            ("\u{301}", ""),
            ("İstanbul", "istanbul"),
        ] {
            assert_eq!(of(name), slug, "{name}");
            assert!(slug.is_empty() || is_slug(slug), "{slug}");
        }
    }

    #[test]
    fn one_is_never_too_long_and_stays_what_it_is() {
        for name in [
            "a".repeat(500),
            "ab ".repeat(100),
            "ก้".repeat(100),
            "ß".repeat(90),
        ] {
            let slug = of(&name);
            assert!(slug.chars().count() <= SLUG_MAX_CHARS, "{slug}");
            assert_eq!(of(&slug), slug);
        }
        for bad in [
            "",
            "A",
            "a b",
            "-a",
            "a-",
            "a--b",
            "é",
            "a/b",
            "a.b",
            &"a".repeat(81),
        ] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
