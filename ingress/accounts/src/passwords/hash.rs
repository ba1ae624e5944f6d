//! How a password is hashed.
//!
//! bcrypt reads 72 bytes and stops at a zero byte; what is longer would be cut in silence. So it never
//! sees a password: it gets the base64 text, of 43 bytes, of a BLAKE3 hash of it. That hash is derived
//! for this purpose alone (its context string is used nowhere else), so one of these that leaked
//! elsewhere, or the plain hash of a known password, is no shorter way to try passwords here. Before
//! that the password is put into Unicode's form C, because two keyboards may write the same letter in
//! two ways.
//!
//! The scheme stands in front of the stored hash, so another can follow it: `b1` is the one above.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_private::Private;
use onsale_store::account::PasswordHash;
use unicode_normalization::UnicodeNormalization;

/// The scheme of the module's documentation.
const SCHEME: &str = "b1";
/// What the hash before bcrypt is derived for. It never changes, or no password is right any more.
const PURPOSE: &str = "onsale 2026 password before bcrypt";

/// Why a hash could not be computed or compared.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum HashError {
    /// It is of no known scheme.
    #[error("the stored hash of a password is of no known scheme")]
    Scheme,
    /// The library could not.
    #[error("bcrypt: {0}")]
    Bcrypt(String),
}

/// Hashes a new password. It takes as long as the cost says.
pub(crate) fn hash(password: &Private, cost: u32) -> Result<PasswordHash, HashError> {
    let hash = bcrypt::hash(prehashed(password), cost)
        .map_err(|error| HashError::Bcrypt(error.to_string()))?;
    Ok(PasswordHash::new(format!("{SCHEME}{hash}")))
}

/// Whether a password is the one of this hash. It takes as long as the cost of the hash says.
pub(crate) fn verify(password: &Private, hash: &PasswordHash) -> Result<bool, HashError> {
    let hash = hash
        .expose()
        .strip_prefix(SCHEME)
        .ok_or(HashError::Scheme)?;
    bcrypt::verify(prehashed(password), hash).map_err(|error| HashError::Bcrypt(error.to_string()))
}

/// The cost of a hash; `None` where it is of no known scheme.
pub(crate) fn cost(hash: &PasswordHash) -> Option<u32> {
    let parts: bcrypt::HashParts = hash.expose().strip_prefix(SCHEME)?.parse().ok()?;
    Some(parts.get_cost())
}

/// A hash that no password has, of this cost: to compare with where there is no account, so that a
/// wrong address takes as long as a wrong password.
pub(crate) fn nobodys(cost: u32) -> PasswordHash {
    // 16 zero bytes of salt and 23 zero bytes of hash, in bcrypt's base64.
    let (salt, hash) = (".".repeat(22), ".".repeat(31));
    PasswordHash::new(format!("{SCHEME}$2b${cost:02}${salt}{hash}"))
}

fn prehashed(password: &Private) -> String {
    let form_c: String = password.expose().nfc().collect();
    URL_SAFE_NO_PAD.encode(blake3::derive_key(PURPOSE, form_c.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As cheap as bcrypt can be.
    const COST: u32 = 4;

    fn is_same(one: &str, other: &str) -> bool {
        let hash = hash(&Private::new(one), COST).unwrap();
        verify(&Private::new(other), &hash).unwrap()
    }

    #[test]
    fn every_byte_of_a_password_counts() {
        let long = "x".repeat(72);
        assert!(is_same(&long, &long));
        assert!(!is_same(&format!("{long}a"), &format!("{long}b")));
        assert!(!is_same(&long, &format!("{long}a")));
        assert!(!is_same("before\0one", "before\0other"));
        assert!(is_same("e\u{301}tude au piano", "\u{e9}tude au piano"));
    }

    #[test]
    fn the_hash_before_bcrypt_is_no_password() {
        let password = Private::new("a long and winding road");
        let hash = hash(&password, COST).unwrap();
        assert!(!verify(&Private::new(prehashed(&password)), &hash).unwrap());
        let plain = bcrypt::hash("a long and winding road", COST).unwrap();
        let foreign = PasswordHash::new(plain);
        assert_eq!(verify(&password, &foreign), Err(HashError::Scheme));
    }

    #[test]
    fn nobodys_hash_is_compared_and_never_equal() {
        for cost in [COST, 10, 12] {
            assert_eq!(super::cost(&nobodys(cost)), Some(cost));
        }
        assert_eq!(cost(&PasswordHash::new("foreign")), None);
        assert_eq!(verify(&Private::new(""), &nobodys(COST)), Ok(false));
    }

    #[test]
    fn what_bcrypt_gets_never_changes() {
        // By another implementation of BLAKE3; bcrypt's own form is older than this program.
        let kept = "AvN3wF0joK1aUpxEK-Aq0GR5I7bNuS3Nz_LOa6r8j30";
        let password = Private::new("a long and winding road");
        assert_eq!(prehashed(&password), kept);
        let bcrypt = bcrypt::hash(kept, COST).unwrap();
        let hash = PasswordHash::new(format!("b1{bcrypt}"));
        assert_eq!(verify(&password, &hash), Ok(true));
    }
}
