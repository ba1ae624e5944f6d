//! What only this installation can compute of a booking.
//!
//! A booking's id is its position in the log, so anyone can compute ids, and an id alone opens
//! nothing. What a link opens, or what is shown at a door, is a MAC over the id with keys derived
//! from one secret of the installation: the same on every node, and the same after a restart.

use onsale_auth::{AuthConfig, KeyError};
use onsale_schemas::BookingId;

/// What keys are derived for. A new purpose gets a text of its own; these never change, because
/// links and codes that were given out would stop working.
const RECEIPT_PURPOSE: &str = "onsale 2026 link to the receipt of a booking";
const CODE_PURPOSE: &str = "onsale 2026 confirmation code of a booking";
/// Bytes of a receipt's token: more than can be guessed.
const RECEIPT_TOKEN_BYTES: usize = 16;
/// Crockford's base 32, without look-alikes.
const CODE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a confirmation code, five bits each.
const CODE_CHARS: usize = 8;

/// Keys derived from `auth.booking_secret`; see the module.
pub struct BookingKeys {
    receipt: [u8; blake3::KEY_LEN],
    code: [u8; blake3::KEY_LEN],
}

impl BookingKeys {
    /// With the secret that [`AuthConfig::secret_of_bookings`] finds.
    ///
    /// # Errors
    /// When the secret cannot be read or is too short, and when there is none.
    pub fn new(config: &AuthConfig) -> Result<Self, KeyError> {
        let secret = config.secret_of_bookings()?;
        Ok(Self::of(secret.expose().as_bytes()))
    }

    fn of(secret: &[u8]) -> Self {
        Self {
            receipt: blake3::derive_key(RECEIPT_PURPOSE, secret),
            code: blake3::derive_key(CODE_PURPOSE, secret),
        }
    }

    /// The token in the link to a booking's receipt: 32 hexadecimal digits.
    pub(crate) fn receipt_token(&self, booking: &BookingId) -> String {
        let hash = blake3::keyed_hash(&self.receipt, booking.as_uuid().as_bytes());
        let mut token = String::with_capacity(2 * RECEIPT_TOKEN_BYTES);
        for byte in &hash.as_bytes()[..RECEIPT_TOKEN_BYTES] {
            for digit in [byte >> 4, byte & 0x0f] {
                token.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
        }
        token
    }

    /// True for the token that [`BookingKeys::receipt_token`] makes. How long it takes says nothing
    /// about where a wrong one differs.
    pub(crate) fn is_receipt_token(&self, booking: &BookingId, given: &str) -> bool {
        // Hashes are compared in constant time, and equal only where the texts are.
        let right = self.receipt_token(booking);
        blake3::hash(right.as_bytes()) == blake3::hash(given.as_bytes())
    }

    /// The eight characters that a person shows at the door, in Crockford's base 32. Give them only
    /// for a booking that is confirmed.
    pub fn confirmation_code(&self, booking: &BookingId) -> String {
        let hash = blake3::keyed_hash(&self.code, booking.as_uuid().as_bytes());
        let [a, b, c, d, e, ..] = *hash.as_bytes();
        code_of(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }
}

/// The lowest 40 bits as a confirmation code.
pub(crate) fn code_of(mut bits: u64) -> String {
    let mut code = String::with_capacity(CODE_CHARS);
    for _ in 0..CODE_CHARS {
        let index = usize::try_from(bits & 31).unwrap_or(0);
        code.push(char::from(CODE_ALPHABET[index]));
        bits >>= 5;
    }
    code
}

impl std::fmt::Debug for BookingKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BookingKeys(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::PartitionId;
    use onsale_settings::Secret;

    use super::*;

    fn keys(token: Option<&str>, booking: Option<&str>) -> Result<BookingKeys, KeyError> {
        BookingKeys::new(&AuthConfig {
            hs256_secret: token.map(Secret::new),
            booking_secret: booking.map(Secret::new),
            ..AuthConfig::default()
        })
    }

    #[test]
    fn they_differ_by_booking_and_by_secret_and_one_tells_nothing_of_the_other() {
        let ours = keys(Some("the secret of tokens, 32 bytes long"), None).unwrap();
        let theirs = keys(Some("another secret of tokens, 32 bytes"), None).unwrap();
        let booking = BookingId::new(PartitionId(0), 1);
        let next = BookingId::new(PartitionId(0), 2);
        let token = ours.receipt_token(&booking);
        assert!(ours.is_receipt_token(&booking, &token));
        for (keys, booking, token) in [
            (&theirs, booking, token.as_str()),
            (&ours, next, token.as_str()),
            (&ours, booking, ""),
            (&ours, booking, &token[1..]),
            (&ours, booking, &token.to_ascii_uppercase()),
        ] {
            assert!(!keys.is_receipt_token(&booking, token), "{token}");
        }
        assert_ne!(
            ours.confirmation_code(&booking),
            theirs.confirmation_code(&booking)
        );
        assert_ne!(
            ours.confirmation_code(&booking),
            ours.confirmation_code(&next)
        );
    }

    #[test]
    fn a_secret_of_its_own_outlives_a_new_key_of_tokens() {
        let own = "a secret for bookings only, 32 bytes";
        let before = keys(Some("the first secret of tokens, 32 bytes"), Some(own)).unwrap();
        let after = keys(Some("the next secret of tokens, 32 bytes!"), Some(own)).unwrap();
        let booking = BookingId::new(PartitionId(0), 1);
        assert_eq!(
            before.receipt_token(&booking),
            after.receipt_token(&booking)
        );
        assert!(matches!(keys(None, None), Err(KeyError::NoBookingSecret)));
    }
}
