//! What the fields of a person may be.

use onsale_private::Private;

use crate::email::{Email, is_invisible};
use crate::error::AccountError;

/// Longest name, in characters.
pub const NAME_MAX_CHARS: usize = 200;
/// Fewest and most digits of a telephone number (E.164 allows 15).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 6..=15;
/// Longest name of a tenant, in characters.
pub const TENANT_NAME_MAX_CHARS: usize = 100;
/// Longest slug, in bytes: a label of a host name.
pub const SLUG_MAX_BYTES: usize = 63;
/// Longest tag of a language, in bytes (RFC 5646, 4.4.1).
pub const LOCALE_MAX_BYTES: usize = 35;

pub(crate) fn email(text: &Private) -> Result<Email, AccountError> {
    Email::parse(text).ok_or(AccountError::Invalid {
        field: "email",
        expected: "an e-mail address, as nobody@example.test",
    })
}

pub(crate) fn name(text: &Private) -> Result<Private, AccountError> {
    let name = text.expose().trim();
    if !is_name(name, NAME_MAX_CHARS) {
        return Err(AccountError::Invalid {
            field: "name",
            expected: "1 to 200 characters on one line, without a link",
        });
    }
    Ok(Private::new(name))
}

/// One line with something to see, and nothing that reverses what stands beside it.
pub(crate) fn is_line(text: &str, max_chars: usize) -> bool {
    let is_of_line = |c: char| {
        !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().count() <= max_chars
        && text.chars().all(is_of_line)
        && text.chars().any(|c| !is_invisible(c))
}

/// As [`is_line`], in any number of lines.
pub(crate) fn is_text(text: &str, max_chars: usize) -> bool {
    let is_of_text = |c: char| {
        (!c.is_control() || matches!(c, '\n' | '\r' | '\t'))
            && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().count() <= max_chars
        && text.chars().all(is_of_text)
        && text.chars().any(|c| !is_invisible(c))
}

/// A line that people read in mails of this installation: so it has no link, which would seem to be one
/// of the house.
fn is_name(name: &str, max_chars: usize) -> bool {
    let folded = name.to_lowercase();
    is_line(name, max_chars) && !folded.contains("://") && !folded.contains("www.")
}

/// Digits behind a `+`, without what people write between them.
pub(crate) fn phone(text: &Private) -> Result<Private, AccountError> {
    let bare: String = text
        .expose()
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
        .collect();
    let digits = bare.strip_prefix('+').filter(|digits| {
        PHONE_DIGITS.contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_digit())
            && !digits.starts_with('0')
    });
    match digits {
        Some(_) => Ok(Private::new(bare)),
        None => Err(AccountError::Invalid {
            field: "phone",
            expected: "a number with its country, as +66 2 123 4567",
        }),
    }
}

/// The name of a tenant for people.
pub(crate) fn tenant_name(text: &str) -> Result<String, AccountError> {
    let name = text.trim();
    if is_name(name, TENANT_NAME_MAX_CHARS) {
        Ok(name.to_owned())
    } else {
        Err(AccountError::Invalid {
            field: "name",
            expected: "1 to 100 characters on one line, without a link",
        })
    }
}

/// The name of a tenant in addresses.
pub(crate) fn slug(text: &str) -> Result<String, AccountError> {
    let is_fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=SLUG_MAX_BYTES).contains(&text.len())
        && text.bytes().all(is_fine)
        && !text.starts_with('-')
        && !text.ends_with('-')
    {
        Ok(text.to_owned())
    } else {
        Err(AccountError::InvalidValue {
            field: "slug",
            value: text.to_owned(),
            expected: "1 to 63 small letters, digits and hyphens, as opera-house",
        })
    }
}

pub(crate) fn locale(tag: String) -> Result<String, AccountError> {
    let is_subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let mut parts = tag.split('-');
    let is_language =
        |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_tag = tag.len() <= LOCALE_MAX_BYTES
        && parts.next().is_some_and(is_language)
        && parts.all(is_subtag);
    if is_tag {
        Ok(tag)
    } else {
        Err(AccountError::InvalidValue {
            field: "locale",
            value: tag,
            expected: "the tag of a language, as en or th-TH",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_taken_as_people_write_them_and_refused_otherwise() {
        let name = |text: &str| name(&Private::new(text)).map(Private::into_exposed);
        assert_eq!(name(" Somchai ").unwrap(), "Somchai");
        assert!(name(" ").is_err() && name("a\nb").is_err());
        assert!(name("\u{200b}\u{ad}").is_err() && tenant_name("\u{3164}").is_err());
        assert!(name(&"x".repeat(NAME_MAX_CHARS + 1)).is_err());
        for link in [
            "go to https://evil.example",
            "Go to WWW.evil.example",
            "a\u{2067}b",
        ] {
            assert!(name(link).is_err() && tenant_name(link).is_err(), "{link}");
        }
        let phone = |text: &str| phone(&Private::new(text)).map(Private::into_exposed);
        assert_eq!(phone("+66 (2) 123-4567").unwrap(), "+6621234567");
        for wrong in [
            "",
            "021234567",
            "+0212345678",
            "+66 2 12x",
            "+1234567890123456",
        ] {
            assert!(phone(wrong).is_err(), "{wrong}");
        }
        assert_eq!(slug("opera-2").unwrap(), "opera-2");
        for wrong in ["", "-opera", "opera-", "Opera", "op era", &"x".repeat(64)] {
            assert!(slug(wrong).is_err(), "{wrong}");
        }
        assert_eq!(tenant_name(" Opera House ").unwrap(), "Opera House");
        assert!(tenant_name("").is_err() && tenant_name("a\nb").is_err());
        assert_eq!(locale("th-TH".to_owned()).unwrap(), "th-TH");
        for wrong in ["", "t", "th_TH", "th-", "1h"] {
            assert!(locale(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
