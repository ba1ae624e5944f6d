//! Section `auth`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use onsale_settings::{ConfigProblem, NamedFile, Secret, check_range, secret_text};
use serde::{Deserialize, Serialize};

use crate::key;

/// A shorter HS256 secret can be guessed; RFC 7518 asks for as many bits as the hash has.
const HS256_SECRET_MIN_BYTES: usize = 32;
/// Tokens cannot be revoked, so by default they live no longer than this (31 days).
const TOKEN_LIFETIME_DEFAULT_SECONDS: u64 = 31 * 86_400;
/// Ten years: what has to last longer needs another kind of key.
const TOKEN_LIFETIME_MAX_SECONDS: u64 = 315_360_000;
/// More leeway than this makes short-lived tokens meaningless.
const LEEWAY_MAX_SECONDS: u64 = 300;

/// Longest name of a key, in bytes.
const KID_MAX_BYTES: usize = 128;
/// Keys that may be listed: more than two are in use at once only in an emergency.
const KEYS_MAX: usize = 16;

/// How tokens are verified: by one key without a name, by any number of named ones, or by both.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Secret shared with the issuer of tokens (HS256), at least 32 bytes.
    pub hs256_secret: Option<Secret>,
    /// File that holds that secret; white space around it is cut off.
    pub hs256_secret_file: Option<PathBuf>,
    /// PEM file with an Ed25519 public key (EdDSA).
    pub ed25519_public_key_file: Option<PathBuf>,
    /// PEM file with an RSA public key (RS256).
    pub rsa_public_key_file: Option<PathBuf>,
    /// Secret that links to receipts, confirmation codes, and the hashes of discount and access codes are
    /// derived from, at least 32 bytes, the same on every node. Unset: derived from the secret of HS256; with a public key it has to be
    /// set where there are several nodes, and is created once in the data folder where there is one.
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
    /// Named keys, so that an old and a new one are valid at the same time while keys are changed.
    /// As soon as there are any, a token that names a key (`kid`) is checked by that one alone.
    pub keys: Vec<NamedKey>,
    /// Which of `keys` signs the tokens of sessions. Unset: the secret that `onsale token` signs with, or
    /// where there is none the first private key.
    pub session_kid: Option<String>,
}

/// A key that tokens ask for by name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamedKey {
    /// Its name, as `kid` in the head of a token.
    pub kid: String,
    /// File that holds a secret (HS256); white space around it is cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hs256_secret_file: Option<PathBuf>,
    /// PEM file with an Ed25519 public key (EdDSA).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ed25519_public_key_file: Option<PathBuf>,
    /// PEM file with an RSA public key (RS256).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rsa_public_key_file: Option<PathBuf>,
    /// PEM file with an Ed25519 private key (PKCS#8), which signs tokens of sessions and verifies them;
    /// others find its public half at `/.well-known/jwks.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ed25519_private_key_file: Option<PathBuf>,
}

impl NamedKey {
    fn files(&self) -> [Option<&Path>; 4] {
        [
            self.ed25519_private_key_file.as_deref(),
            self.hs256_secret_file.as_deref(),
            self.ed25519_public_key_file.as_deref(),
            self.rsa_public_key_file.as_deref(),
        ]
    }
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
            keys: Vec::new(),
            session_kid: None,
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

    /// Whether there is any key.
    pub fn has_key(&self) -> bool {
        self.unnamed_keys() > 0 || !self.keys.is_empty()
    }

    /// The files that its settings name.
    pub fn files(&self) -> Vec<NamedFile> {
        let mut files = key_files(
            "auth",
            [
                &self.hs256_secret_file,
                &self.ed25519_public_key_file,
                &self.rsa_public_key_file,
                &None,
            ],
        );
        let bookings = self.booking_secret_file.iter();
        files.extend(bookings.map(|path| secret_file("auth.booking_secret_file", path)));
        for (index, key) in self.keys.iter().enumerate() {
            files.extend(key_files(
                &format!("auth.keys[{index}]"),
                [
                    &key.hs256_secret_file,
                    &key.ed25519_public_key_file,
                    &key.rsa_public_key_file,
                    &key.ed25519_private_key_file,
                ],
            ));
        }
        files
    }

    fn unnamed_keys(&self) -> usize {
        let keys = [
            self.hs256_secret.is_some(),
            self.hs256_secret_file.is_some(),
            self.ed25519_public_key_file.is_some(),
            self.rsa_public_key_file.is_some(),
        ];
        keys.iter().filter(|set| **set).count()
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let count = self.unnamed_keys();
        if count > 1 || !self.has_key() {
            problems.push(ConfigProblem::new(
                "auth",
                format!("{count} keys"),
                "exactly one of hs256_secret, hs256_secret_file, ed25519_public_key_file, \
                 rsa_public_key_file, or named keys in auth.keys; a secret is made by `openssl rand \
                 -hex 32` and set as ONSALE_AUTH__HS256_SECRET",
            ));
        }
        self.check_named_keys(problems);
        if let Some(secret) = &self.hs256_secret {
            check_secret(problems, "auth.hs256_secret", secret.expose());
        }
        if let Some(secret) = &self.booking_secret {
            check_secret(problems, "auth.booking_secret", secret.expose());
        }
        Secret::check_once(
            problems,
            ("auth", "booking_secret"),
            self.booking_secret.as_ref(),
            self.booking_secret_file.as_deref(),
        );
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

    fn check_named_keys(&self, problems: &mut Vec<ConfigProblem>) {
        if self.keys.len() > KEYS_MAX {
            let found = format!("{} keys", self.keys.len());
            let expected = format!("at most {KEYS_MAX}");
            problems.push(ConfigProblem::new("auth.keys", found, expected));
        }
        if let Some(kid) = &self.session_kid {
            let signs = |key: &&NamedKey| {
                key.hs256_secret_file.is_some() || key.ed25519_private_key_file.is_some()
            };
            let mut signing = self.keys.iter().filter(signs);
            if !signing.any(|key| key.kid == *kid) {
                problems.push(ConfigProblem::new(
                    "auth.session_kid",
                    format!("{kid:?}"),
                    "the name of a key of auth.keys with a secret or a private key",
                ));
            }
        }
        let mut names = BTreeSet::new();
        for (index, key) in self.keys.iter().enumerate() {
            let at = format!("auth.keys[{index}]");
            let kid = &key.kid;
            if kid.is_empty() || kid.len() > KID_MAX_BYTES {
                problems.push(ConfigProblem::new(
                    format!("{at}.kid"),
                    format!("{} bytes", kid.len()),
                    format!("a name of 1 to {KID_MAX_BYTES} bytes"),
                ));
            } else if !names.insert(kid) {
                problems.push(ConfigProblem::new(
                    format!("{at}.kid"),
                    format!("{kid:?}"),
                    "a name that no other key of auth.keys has",
                ));
            }
            let count = key.files().iter().flatten().count();
            if count != 1 {
                problems.push(ConfigProblem::new(
                    at,
                    format!("{count} files"),
                    "exactly one of hs256_secret_file, ed25519_private_key_file, \
                     ed25519_public_key_file, rsa_public_key_file",
                ));
            }
        }
    }
}

/// The file of a secret that the setting `key` names: at least 32 bytes, without the white space around it.
pub fn secret_file(key: &str, path: &Path) -> NamedFile {
    let expected = format!("a secret of at least {HS256_SECRET_MIN_BYTES} bytes");
    NamedFile::secret(key, path, expected, |bytes| {
        match secret_text(bytes)?.len() {
            HS256_SECRET_MIN_BYTES.. => Ok(()),
            short => Err(format!("its secret has {short} bytes")),
        }
    })
}

/// The files of keys at `place`: with a secret, with a public key of Ed25519 and of RSA, and with a private key of
/// Ed25519.
fn key_files(place: &str, files: [&Option<PathBuf>; 4]) -> Vec<NamedFile> {
    let [secret, ed25519, rsa, private] = files.map(Option::as_deref);
    let mut named = Vec::new();
    named.extend(secret.map(|path| secret_file(&format!("{place}.hs256_secret_file"), path)));
    if let Some(path) = ed25519 {
        let key = format!("{place}.ed25519_public_key_file");
        named.push(NamedFile::public(key, path, key::ED25519_PUBLIC, |bytes| {
            key::ed25519_public(bytes).map(drop).map_err(|_| no_key())
        }));
    }
    if let Some(path) = rsa {
        let key = format!("{place}.rsa_public_key_file");
        named.push(NamedFile::public(key, path, key::RSA_PUBLIC, |bytes| {
            key::rsa_public(bytes).map(drop).map_err(|_| no_key())
        }));
    }
    if let Some(path) = private {
        let key = format!("{place}.ed25519_private_key_file");
        named.push(NamedFile::secret(
            key,
            path,
            key::ED25519_PRIVATE,
            |bytes| key::ed25519_private(bytes).map(drop).map_err(|_| no_key()),
        ));
    }
    named
}

fn no_key() -> String {
    "it holds no such key".to_owned()
}

/// Adds a problem when the secret is too short to be one.
pub fn check_secret(problems: &mut Vec<ConfigProblem>, key: &str, secret: &str) {
    if secret.len() < HS256_SECRET_MIN_BYTES {
        problems.push(ConfigProblem::new(
            key,
            format!("a secret of {} bytes", secret.len()),
            format!("at least {HS256_SECRET_MIN_BYTES} bytes"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, secret: bool, public: bool) -> NamedKey {
        NamedKey {
            kid: kid.to_owned(),
            hs256_secret_file: secret.then(|| "secret".into()),
            ed25519_public_key_file: public.then(|| "public".into()),
            ..NamedKey::default()
        }
    }

    #[test]
    fn named_keys_have_one_name_and_one_file_each() {
        let long = "k".repeat(KID_MAX_BYTES + 1);
        for (keys, wrong) in [
            (vec![], "auth"),
            (vec![key("a", true, false), key("b", false, true)], ""),
            (vec![key("", true, false)], "auth.keys[0].kid"),
            (vec![key(&long, true, false)], "auth.keys[0].kid"),
            (
                vec![key("a", true, false), key("a", false, true)],
                "auth.keys[1].kid",
            ),
            (vec![key("a", false, false)], "auth.keys[0]"),
            (vec![key("a", true, true)], "auth.keys[0]"),
        ] {
            let config = AuthConfig {
                keys,
                ..AuthConfig::default()
            };
            let mut problems = Vec::new();
            config.check(&mut problems);
            let named: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
            let expected: Vec<&str> = Some(wrong).filter(|w| !w.is_empty()).into_iter().collect();
            assert_eq!(named, expected, "{config:?}");
        }
    }
}
