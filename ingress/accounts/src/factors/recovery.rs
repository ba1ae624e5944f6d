//! Recovery codes: for a person who has lost its authenticator app. Each is good once. They are kept as keyed
//! hashes, so a stolen database is no way to try them.

use std::fmt;

/// Codes that a person gets at once.
pub(crate) const RECOVERY_CODES: usize = 10;
/// 80 bits: nobody guesses one.
const CODE_BYTES: usize = 10;
/// Symbols of one, of 5 bits each.
const SYMBOLS: usize = CODE_BYTES * 8 / SYMBOL_BITS;
/// What a symbol says.
const SYMBOL_BITS: usize = 5;
/// Symbols between two hyphens.
const GROUP: usize = 4;
/// Crockford's base 32: of what looks alike it has one, so nobody has to tell a 1 from an I or an L, or a 0 from
/// an O.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A recovery code. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RecoveryCode([u8; CODE_BYTES]);

impl RecoveryCode {
    /// A new one, at random.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// One that follows from something that only this installation knows.
    pub(crate) fn of(bytes: [u8; CODE_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads one without its hyphens, in either case; `None` for what is none. I and L are read as 1, O as 0.
    pub(crate) fn parse(bare: &str) -> Option<Self> {
        if bare.len() != SYMBOLS {
            return None;
        }
        let mut bits: u128 = 0;
        for symbol in bare.bytes() {
            let symbol = match symbol.to_ascii_lowercase() {
                b'i' | b'l' => b'1',
                b'o' => b'0',
                symbol => symbol,
            };
            let value = ALPHABET.iter().position(|known| *known == symbol)?;
            bits = (bits << SYMBOL_BITS) | u128::try_from(value).ok()?;
        }
        let bytes = bits.to_be_bytes();
        bytes.last_chunk().copied().map(Self)
    }

    /// As it is shown once.
    pub(crate) fn expose(&self) -> String {
        let mut shown = String::with_capacity(SYMBOLS + SYMBOLS / GROUP);
        let bits = self
            .0
            .iter()
            .fold(0, |bits: u128, byte| (bits << u8::BITS) | u128::from(*byte));
        for at in 0..SYMBOLS {
            if at > 0 && at % GROUP == 0 {
                shown.push('-');
            }
            let rest = (SYMBOLS - 1 - at) * SYMBOL_BITS;
            let value = usize::try_from((bits >> rest) & 0x1f).unwrap_or_default();
            shown.extend(ALPHABET.get(value).map(|symbol| char::from(*symbol)));
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
        assert_eq!(shown, "pptv-bddn-pptv-bddn");
        let bare = shown.replace('-', "");
        assert_eq!(RecoveryCode::parse(&bare), Some(code.clone()));
        assert_eq!(RecoveryCode::parse(&bare.to_uppercase()), Some(code));
        for wrong in [
            "",
            &bare[1..],
            "pppp",
            &format!("{bare}a"),
            "upvbddnpptvbddnp",
            "pptvbddnpptvbdé",
        ] {
            assert_eq!(RecoveryCode::parse(wrong), None, "{wrong}");
        }
        for bytes in [[0; CODE_BYTES], [0xff; CODE_BYTES], *b"0123456789"] {
            let code = RecoveryCode(bytes);
            let bare = code.expose().replace('-', "");
            assert_eq!(RecoveryCode::parse(&bare), Some(code), "{bare}");
        }
    }

    #[test]
    fn what_looks_alike_is_read_as_one() {
        let shown = "01108b21nnvm23nz";
        let code = RecoveryCode::parse(shown);
        assert!(code.is_some());
        for typed in ["oil08b2lnnvm23nz", "OIL08B2InnVM23nz", "O1IO8b2Lnnvm23nz"] {
            assert_eq!(RecoveryCode::parse(typed), code, "{typed}");
        }
    }
}
