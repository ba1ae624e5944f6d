//! What a person types as its second factor.

use onsale_private::Private;

use super::recovery::RecoveryCode;
use crate::error::AccountError;

/// Longest code, with what people type between its parts, in bytes.
pub const CODE_MAX_BYTES: usize = 64;
/// Digits of a code of an authenticator app.
const DIGITS: usize = 6;

/// See the module. `Debug` shows nothing.
#[derive(Debug)]
pub(crate) enum Code {
    /// Of an authenticator app.
    Totp(Private),
    /// A recovery code.
    Recovery(RecoveryCode),
}

impl Code {
    /// Reads a code, with or without what people type between its parts.
    ///
    /// # Errors
    /// [`AccountError::Invalid`] for what is none: that is no attempt.
    pub(crate) fn parse(text: &Private) -> Result<Self, AccountError> {
        let invalid = || AccountError::Invalid {
            field: "code",
            expected: "the 6 digits of an authenticator app, or a recovery code",
        };
        let text = text.expose();
        if text.len() > CODE_MAX_BYTES {
            return Err(invalid());
        }
        let bare: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .collect();
        if bare.len() == DIGITS && bare.bytes().all(|digit| digit.is_ascii_digit()) {
            return Ok(Self::Totp(Private::new(bare)));
        }
        RecoveryCode::parse(&bare)
            .map(Self::Recovery)
            .ok_or_else(invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let read = |text: &str| Code::parse(&Private::new(text));
        assert!(matches!(read(" 123 456 "), Ok(Code::Totp(code)) if code.expose() == "123456"));
        let code = RecoveryCode::random();
        let typed = code.expose().to_uppercase();
        assert!(matches!(read(&typed), Ok(Code::Recovery(read)) if read == code));
        for wrong in ["", "12345", "1234567", "+12345", "abcd-efgh-ijkl"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let shown = format!("{:?} {:?}", read("123456"), read(&typed));
        assert!(
            !shown.contains("123456") && !shown.contains(&typed[..4]),
            "{shown}"
        );
    }
}
