//! Recovery codes: for a person who has lost its authenticator app. Each is good once. They are kept as keyed
//! hashes, so a stolen database is no way to try them.

use std::fmt;

use totp_rs::Secret;

/// Codes that a person gets at once.
pub(crate) const RECOVERY_CODES: usize = 10;
/// 80 bits: nobody guesses one.
const CODE_BYTES: usize = 10;
/// Letters of one, of 5 bits each.
const LETTERS: usize = CODE_BYTES * 8 / 5;
/// Letters between two hyphens.
const GROUP: usize = 4;

/// A recovery code. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RecoveryCode([u8; CODE_BYTES]);

impl RecoveryCode {
    /// A new one, at random.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// Reads one without its hyphens, in either case; `None` for what is none. The alphabet (RFC 4648, base 32)
    /// has no 0, 1 and 8, so they can only be the letters that they look like.
    pub(crate) fn parse(bare: &str) -> Option<Self> {
        if bare.len() != LETTERS {
            return None;
        }
        let letters: String = bare
            .chars()
            .map(|c| match c.to_ascii_uppercase() {
                '0' => 'O',
                '1' => 'L',
                '8' => 'B',
                letter => letter,
            })
            .collect();
        let bytes = Secret::try_from_base32(&letters).ok()?;
        bytes.as_bytes().try_into().ok().map(Self)
    }

    /// As it is shown once.
    pub(crate) fn expose(&self) -> String {
        let letters = Secret::from(self.0.to_vec()).to_base32().to_lowercase();
        let mut shown = String::with_capacity(letters.len() + letters.len() / GROUP);
        for (at, letter) in letters.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                shown.push('-');
            }
            shown.push(letter);
        }
        shown
    }

    /// What its hash is computed of.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_was_shown() {
        let code = RecoveryCode([0xb5; CODE_BYTES]);
        let shown = code.expose();
        assert_eq!(shown, "ww23-lnnv-ww23-lnnv");
        let bare = shown.replace('-', "");
        assert_eq!(RecoveryCode::parse(&bare), Some(code.clone()));
        assert_eq!(RecoveryCode::parse(&bare.to_uppercase()), Some(code));
        for wrong in [
            "",
            &bare[1..],
            "wwww",
            &format!("{bare}a"),
            "9w23lnnvww23lnnv",
        ] {
            assert_eq!(RecoveryCode::parse(wrong), None, "{wrong}");
        }
        let looks = RecoveryCode::parse("0o1l8b2lnnvww23l");
        assert_eq!(looks, RecoveryCode::parse("oollbb2lnnvww23l"));
        assert!(looks.is_some());
    }
}
