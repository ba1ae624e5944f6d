//! Section `auth`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::problem::{ConfigProblem, check_range};
use super::secret::Secret;

/// A shorter HS256 secret can be guessed; RFC 7518 asks for as many bits as the hash has.
const HS256_SECRET_MIN_BYTES: usize = 32;
/// A token that cannot be taken back should not live longer than this by default (a day).
const TOKEN_LIFETIME_DEFAULT_SECONDS: u64 = 86_400;
/// Ten years: who needs more needs another kind of key.
const TOKEN_LIFETIME_MAX_SECONDS: u64 = 315_360_000;
/// More leeway than this makes short-lived tokens meaningless.
const LEEWAY_MAX_SECONDS: u64 = 300;

/// How tokens are verified. Exactly one key is set.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Secret shared with whoever mints tokens (HS256), at least 32 bytes.
    pub hs256_secret: Option<Secret>,
    /// File that holds that secret; white space around it is cut off.
    pub hs256_secret_file: Option<PathBuf>,
    /// PEM file with an Ed25519 public key (EdDSA).
    pub ed25519_public_key_file: Option<PathBuf>,
    /// PEM file with an RSA public key (RS256).
    pub rsa_public_key_file: Option<PathBuf>,
    /// Secret that links to receipts and confirmation codes are made with, at least 32 bytes, the
    /// same on every node. Unset: derived from the secret of HS256; with a public key it has to be
    /// set where there are several nodes, and is made once in the data folder where there is one.
    pub booking_secret: Option<Secret>,
    /// File that holds that secret; white space around it is cut off.
    pub booking_secret_file: Option<PathBuf>,
    /// `iss` that a token must have.
    pub issuer: String,
    /// `aud` that a token must have.
    pub audience: String,
    /// Tolerated difference of clocks, in seconds.
    pub leeway_seconds: u64,
    /// Longest life of a token that is accepted, from its `iat` (or from now, where it has none) to
    /// its `exp`, in seconds.
    pub token_lifetime_max_seconds: u64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            hs256_secret: None,
            hs256_secret_file: None,
            ed25519_public_key_file: None,
            rsa_public_key_file: None,
            booking_secret: None,
            booking_secret_file: None,
            issuer: "onsale".to_owned(),
            audience: "onsale".to_owned(),
            leeway_seconds: 5,
            token_lifetime_max_seconds: TOKEN_LIFETIME_DEFAULT_SECONDS,
        }
    }
}

impl AuthConfig {
    /// True where the secret of bookings is configured, or follows from that of tokens.
    pub fn has_booking_secret(&self) -> bool {
        self.booking_secret.is_some()
            || self.booking_secret_file.is_some()
            || self.hs256_secret.is_some()
            || self.hs256_secret_file.is_some()
    }

    pub(super) fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let keys = [
            self.hs256_secret.is_some(),
            self.hs256_secret_file.is_some(),
            self.ed25519_public_key_file.is_some(),
            self.rsa_public_key_file.is_some(),
        ];
        let count = keys.iter().filter(|set| **set).count();
        if count != 1 {
            problems.push(ConfigProblem::new(
                "auth",
                format!("{count} keys"),
                "exactly one of hs256_secret, hs256_secret_file, ed25519_public_key_file, \
                 rsa_public_key_file",
            ));
        }
        if let Some(secret) = &self.hs256_secret {
            check_secret(problems, "auth.hs256_secret", secret.expose());
        }
        if let Some(secret) = &self.booking_secret {
            check_secret(problems, "auth.booking_secret", secret.expose());
            if self.booking_secret_file.is_some() {
                problems.push(ConfigProblem::new(
                    "auth",
                    "booking_secret and booking_secret_file",
                    "one of them",
                ));
            }
        }
        for (key, value) in [
            ("auth.issuer", &self.issuer),
            ("auth.audience", &self.audience),
        ] {
            if value.is_empty() {
                problems.push(ConfigProblem::new(key, "\"\"", "a text that is not empty"));
            }
        }
        check_range(
            problems,
            "auth.leeway_seconds",
            self.leeway_seconds,
            0..=LEEWAY_MAX_SECONDS,
        );
        check_range(
            problems,
            "auth.token_lifetime_max_seconds",
            self.token_lifetime_max_seconds,
            60..=TOKEN_LIFETIME_MAX_SECONDS,
        );
    }
}

/// Adds a problem when the secret is too short to be one.
pub(crate) fn check_secret(problems: &mut Vec<ConfigProblem>, key: &str, secret: &str) {
    if secret.len() < HS256_SECRET_MIN_BYTES {
        problems.push(ConfigProblem::new(
            key,
            format!("a secret of {} bytes", secret.len()),
            format!("at least {HS256_SECRET_MIN_BYTES} bytes"),
        ));
    }
}
