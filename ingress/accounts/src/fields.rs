//! What the fields of a person may be.

use onsale_private::Private;

use crate::email::Email;
use crate::error::AccountError;

/// Longest name, in characters.
pub const NAME_MAX_CHARS: usize = 200;
/// Fewest and most digits of a telephone number (E.164 allows 15).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 6..=15;
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
    let is_drawn = |c: char| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c);
    let length = name.chars().count();
    if !(1..=NAME_MAX_CHARS).contains(&length) || !name.chars().all(is_drawn) {
        return Err(AccountError::Invalid {
            field: "name",
            expected: "1 to 200 characters on one line",
        });
    }
    Ok(Private::new(name))
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
        Err(AccountError::Invalid {
            field: "locale",
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
        assert!(name(&"x".repeat(NAME_MAX_CHARS + 1)).is_err());
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
        assert_eq!(locale("th-TH".to_owned()).unwrap(), "th-TH");
        for wrong in ["", "t", "th_TH", "th-", "1h"] {
            assert!(locale(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
