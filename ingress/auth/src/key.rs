//! The keys that tokens are verified with.

use std::path::{Path, PathBuf};

use jsonwebtoken::errors::Error as JwtError;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use onsale_settings::{ConfigProblem, Secret, read_named, secret_text};

use crate::config::{AuthConfig, check_secret};

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read.
    #[error("cannot read the key file {file}")]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no such key.
    #[error("{file} holds no {expected}")]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        source: JwtError,
    },
    /// The secret in the file is too short, or the file holds none.
    #[error(transparent)]
    Secret(ConfigProblem),
    /// None is configured.
    #[error("no key to verify tokens with is configured")]
    Missing,
    /// Public keys only verify: nothing can be derived from them.
    #[error(
        "auth.booking_secret (or auth.booking_secret_file) is not set: links to receipts and \
         confirmation codes are derived from it, or from auth.hs256_secret where tokens are signed \
         with that; set one of at least 32 bytes, the same on every node"
    )]
    NoBookingSecret,
}

/// One key, with the one algorithm that goes with it: a token that names another is refused, so a
/// public key can never be taken for a secret.
pub(crate) struct Key {
    pub(crate) decoding: DecodingKey,
    pub(crate) validation: Validation,
    algorithm: Algorithm,
}

/// Every configured key.
pub(crate) struct Keys {
    unnamed: Option<Key>,
    /// In their configured order.
    named: Vec<(String, Key)>,
}

impl Keys {
    /// Reads every configured key; `validation` says what else a token of this algorithm must hold.
    pub(crate) fn load(
        config: &AuthConfig,
        validation: impl Fn(Algorithm) -> Validation,
    ) -> Result<Self, KeyError> {
        let key = |(decoding, algorithm)| Key {
            decoding,
            validation: validation(algorithm),
            algorithm,
        };
        let unnamed = match config.unnamed_secret()? {
            Some(secret) => Some(of_secret(&secret)),
            None => of_public_key(
                config.ed25519_public_key_file.as_deref(),
                config.rsa_public_key_file.as_deref(),
            )?,
        };
        let mut named = Vec::new();
        for (index, listed) in config.keys.iter().enumerate() {
            let read = match (&listed.hs256_secret_file, &listed.ed25519_private_key_file) {
                (Some(file), _) => {
                    let setting = format!("auth.keys[{index}].hs256_secret_file");
                    of_secret(&read_secret(&setting, file)?)
                }
                (None, Some(file)) => {
                    let public = DecodingKey::from_jwk(&public_half(file)?)
                        .map_err(|source| pem(file, ED25519_PRIVATE, source))?;
                    (public, Algorithm::EdDSA)
                }
                (None, None) => of_public_key(
                    listed.ed25519_public_key_file.as_deref(),
                    listed.rsa_public_key_file.as_deref(),
                )?
                .ok_or(KeyError::Missing)?,
            };
            named.push((listed.kid.clone(), key(read)));
        }
        if unnamed.is_none() && named.is_empty() {
            return Err(KeyError::Missing);
        }
        Ok(Self {
            unnamed: unnamed.map(key),
            named,
        })
    }

    /// The key to check a token by: the one it names, where keys have names; else the first of its
    /// algorithm.
    pub(crate) fn of(&self, header: &Header) -> Option<&Key> {
        match &header.kid {
            Some(kid) if !self.named.is_empty() => {
                let mut named = self.named.iter();
                named.find(|(name, _)| name == kid).map(|(_, key)| key)
            }
            // Where no key is named here, a name that an issuer gives means nothing.
            _ => {
                let named = self.named.iter().map(|(_, key)| key);
                let mut all = self.unnamed.iter().chain(named);
                all.find(|key| key.algorithm == header.alg)
            }
        }
    }
}

fn of_secret(secret: &Secret) -> (DecodingKey, Algorithm) {
    let key = DecodingKey::from_secret(secret.expose().as_bytes());
    (key, Algorithm::HS256)
}

/// What files of keys should hold.
pub(crate) const ED25519_PRIVATE: &str = "Ed25519 private key in PEM (PKCS#8)";
pub(crate) const ED25519_PUBLIC: &str = "Ed25519 public key in PEM";
pub(crate) const RSA_PUBLIC: &str = "RSA public key in PEM";

/// The public key of [`ED25519_PUBLIC`].
pub(crate) fn ed25519_public(bytes: &[u8]) -> Result<DecodingKey, JwtError> {
    DecodingKey::from_ed_pem(bytes)
}

/// The public key of [`RSA_PUBLIC`].
pub(crate) fn rsa_public(bytes: &[u8]) -> Result<DecodingKey, JwtError> {
    DecodingKey::from_rsa_pem(bytes)
}

/// The private key of [`ED25519_PRIVATE`], and its public half.
pub(crate) fn ed25519_private(bytes: &[u8]) -> Result<(EncodingKey, Jwk), JwtError> {
    let key = EncodingKey::from_ed_pem(bytes)?;
    let public = Jwk::from_encoding_key(&key, Algorithm::EdDSA)?;
    Ok((key, public))
}

/// The private key in a file.
pub(crate) fn private_key(file: &Path) -> Result<EncodingKey, KeyError> {
    let (key, _) =
        ed25519_private(&read(file)?).map_err(|source| pem(file, ED25519_PRIVATE, source))?;
    Ok(key)
}

/// The public half of the private key in a file.
pub(crate) fn public_half(file: &Path) -> Result<Jwk, KeyError> {
    let (_, public) =
        ed25519_private(&read(file)?).map_err(|source| pem(file, ED25519_PRIVATE, source))?;
    Ok(public)
}

/// The public key in the file that is set, if any is.
fn of_public_key(
    ed25519: Option<&Path>,
    rsa: Option<&Path>,
) -> Result<Option<(DecodingKey, Algorithm)>, KeyError> {
    if let Some(file) = ed25519 {
        let key =
            ed25519_public(&read(file)?).map_err(|source| pem(file, ED25519_PUBLIC, source))?;
        return Ok(Some((key, Algorithm::EdDSA)));
    }
    if let Some(file) = rsa {
        let key = rsa_public(&read(file)?).map_err(|source| pem(file, RSA_PUBLIC, source))?;
        return Ok(Some((key, Algorithm::RS256)));
    }
    Ok(None)
}

impl AuthConfig {
    /// The secret of the key without a name, where that is one.
    pub(crate) fn unnamed_secret(&self) -> Result<Option<Secret>, KeyError> {
        secret(
            self.hs256_secret.as_ref(),
            "auth.hs256_secret_file",
            self.hs256_secret_file.as_deref(),
        )
    }

    /// The secret that links to receipts and confirmation codes are derived from. Where none is
    /// configured and tokens are signed with a shared secret, it is that one.
    ///
    /// # Errors
    /// When the secret cannot be read or is too short, and when there is none.
    pub fn secret_of_bookings(&self) -> Result<Secret, KeyError> {
        let own = secret(
            self.booking_secret.as_ref(),
            "auth.booking_secret_file",
            self.booking_secret_file.as_deref(),
        )?;
        match own {
            Some(own) => Ok(own),
            None => self.unnamed_secret()?.ok_or(KeyError::NoBookingSecret),
        }
    }
}

/// A secret from the configuration itself, or from the file that the setting `key` names.
///
/// # Errors
/// When the file cannot be read, holds no text, or its secret is too short to be one.
pub fn secret(
    given: Option<&Secret>,
    key: &str,
    file: Option<&Path>,
) -> Result<Option<Secret>, KeyError> {
    match (given, file) {
        (Some(secret), _) => Ok(Some(secret.clone())),
        (None, Some(file)) => read_secret(key, file).map(Some),
        (None, None) => Ok(None),
    }
}

/// The secret in the file that the setting `key` names, without the white space around it.
///
/// # Errors
/// When the file cannot be read, holds no text, or its secret is too short to be one.
pub(crate) fn read_secret(key: &str, file: &Path) -> Result<Secret, KeyError> {
    let bytes = read(file)?;
    let secret = secret_text(&bytes).map_err(|what| {
        let found = format!("{} ({what})", file.display());
        KeyError::Secret(ConfigProblem::new(key, found, "a secret as text"))
    })?;
    let mut problems = Vec::new();
    check_secret(&mut problems, key, secret);
    match problems.pop() {
        Some(problem) => Err(KeyError::Secret(problem)),
        None => Ok(Secret::new(secret)),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, KeyError> {
    read_named(file).map_err(|source| KeyError::File {
        file: file.to_owned(),
        source,
    })
}

fn pem(file: &Path, expected: &'static str, source: JwtError) -> KeyError {
    KeyError::Pem {
        file: file.to_owned(),
        expected,
        source,
    }
}
