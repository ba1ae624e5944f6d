//! Codes of authenticator apps (TOTP, RFC 6238): SHA-1, six digits, a new one every 30 seconds, because some
//! apps ignore what a URI says otherwise. Collisions of SHA-1 do not weaken HMAC.

use std::fmt;

use onsale_private::Private;
use totp_rs::{Builder, Totp};

use crate::error::AccountError;

/// What RFC 4226 recommends: 160 bits.
const SECRET_BYTES: usize = 20;
/// A clock of a telephone may be a step ahead or behind.
const SKEW_STEPS: u16 = 1;

/// What app and server share. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TotpSecret([u8; SECRET_BYTES]);

impl TotpSecret {
    /// A new one, at random.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// As it was kept; `None` for what is none.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// As it is kept.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The time step that a code is of; `None` where it is of none near `now_ms`. The caller refuses steps
    /// of which a code was used, or of before.
    pub(crate) fn step_of(&self, code: &str, now_ms: u64) -> Option<u64> {
        let totp = self.builder().build().ok()?;
        totp.check(code, now_ms / 1_000)
    }

    /// For a person who types it into an app.
    pub(crate) fn base32(&self) -> Private {
        Private::new(totp_rs::Secret::from(self.0.to_vec()).to_base32())
    }

    /// For an app that reads it from a picture: `issuer` and `account` are what it shows beside the code.
    ///
    /// # Errors
    /// [`AccountError::Internal`] where an app could not read it.
    pub(crate) fn uri(&self, issuer: &str, account: &Private) -> Result<Private, AccountError> {
        // Neither may have what stands between the two. No address has one.
        let plain = |text: &str| text.replace(':', " ");
        let totp: Result<Totp, _> = self
            .builder()
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(account.expose()))
            .build();
        let uri = totp.and_then(|totp| totp.to_url());
        // What is wrong is not said: it could name the person.
        uri.map(Private::new).map_err(|_error| {
            AccountError::Internal("no URI for an authenticator app can be made".to_owned())
        })
    }

    fn builder(&self) -> Builder {
        Builder::new()
            .with_secret(self.0.to_vec())
            .with_skew(SKEW_STEPS)
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: TotpSecret = TotpSecret(*b"12345678901234567890");

    #[test]
    fn the_codes_are_those_of_the_standard() {
        // RFC 6238, appendix B: the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = SECRET.step_of(code, seconds * 1_000);
            assert_eq!(step, Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off() {
        let seconds = 1_111_111_111;
        let step = seconds / 30;
        let at = |seconds: u64| SECRET.step_of("050471", seconds * 1_000);
        assert_eq!(at(seconds), Some(step));
        assert_eq!(at((step - 1) * 30), Some(step));
        assert_eq!(at((step + 2) * 30 - 1), Some(step));
        assert_eq!(at((step - 1) * 30 - 1), None);
        assert_eq!(at((step + 2) * 30), None);
        for wrong in ["", "50471", "0050471", "05047a", "+50471"] {
            assert_eq!(SECRET.step_of(wrong, seconds * 1_000), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_reads_the_secret_from_the_uri() {
        let account = Private::new("nobody@example.test");
        let uri = SECRET.uri("Opera: House", &account).unwrap();
        let uri = uri.expose();
        assert!(uri.starts_with("otpauth://totp/Opera"), "{uri}");
        let secret = SECRET.base32();
        assert_eq!(secret.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(
            uri.contains(&format!("secret={}", secret.expose())),
            "{uri}"
        );
        assert!(uri.contains("issuer=Opera"), "{uri}");
        assert!(uri.contains("example.test"), "{uri}");
        assert!(TotpSecret::from_bytes(&[0; 19]).is_none());
        assert_eq!(format!("{SECRET:?}"), "TotpSecret(hidden)");
    }
}
