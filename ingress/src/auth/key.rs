//! The key that tokens are verified with.

use std::path::{Path, PathBuf};

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::config::{AuthConfig, ConfigProblem, Secret, check_secret};

/// Why the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read.
    #[error("cannot read the key file {file}: {source}")]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no such key.
    #[error("{file} holds no {expected}: {source}")]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        source: jsonwebtoken::errors::Error,
    },
    /// The secret in the file is no good.
    #[error(transparent)]
    Secret(ConfigProblem),
    /// None is configured.
    #[error("no key to verify tokens with is configured")]
    Missing,
    /// Public keys only verify: nothing can be derived from them.
    #[error(
        "auth.booking_secret (or auth.booking_secret_file) is not set: links to receipts and \
         confirmation codes are made with it, or with auth.hs256_secret where tokens are signed \
         with that; set one of at least 32 bytes, the same on every node"
    )]
    NoBookingSecret,
}

/// The configured key and the only algorithm that goes with it. A token that names another
/// algorithm is refused, so a public key can never be taken for a secret.
pub(super) fn load(config: &AuthConfig) -> Result<(DecodingKey, Algorithm), KeyError> {
    if let Some(secret) = &config.hs256_secret {
        return Ok((
            DecodingKey::from_secret(secret.expose().as_bytes()),
            Algorithm::HS256,
        ));
    }
    if let Some(file) = &config.hs256_secret_file {
        let secret = read_secret("auth.hs256_secret_file", file)?;
        return Ok((
            DecodingKey::from_secret(secret.expose().as_bytes()),
            Algorithm::HS256,
        ));
    }
    if let Some(file) = &config.ed25519_public_key_file {
        let key = DecodingKey::from_ed_pem(&read(file)?)
            .map_err(|source| pem(file, "Ed25519 public key in PEM", source))?;
        return Ok((key, Algorithm::EdDSA));
    }
    if let Some(file) = &config.rsa_public_key_file {
        let key = DecodingKey::from_rsa_pem(&read(file)?)
            .map_err(|source| pem(file, "RSA public key in PEM", source))?;
        return Ok((key, Algorithm::RS256));
    }
    Err(KeyError::Missing)
}

/// The secret in a file, without the white space around it.
pub(crate) fn read_secret(key: &str, file: &Path) -> Result<Secret, KeyError> {
    let text = read(file)?;
    let text = String::from_utf8_lossy(&text);
    let secret = text.trim();
    let mut problems = Vec::new();
    check_secret(&mut problems, key, secret);
    match problems.pop() {
        Some(problem) => Err(KeyError::Secret(problem)),
        None => Ok(Secret::new(secret)),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, KeyError> {
    std::fs::read(file).map_err(|source| KeyError::File {
        file: file.to_owned(),
        source,
    })
}

fn pem(file: &Path, expected: &'static str, source: jsonwebtoken::errors::Error) -> KeyError {
    KeyError::Pem {
        file: file.to_owned(),
        expected,
        source,
    }
}
