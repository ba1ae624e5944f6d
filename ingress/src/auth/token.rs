//! Verifies bearer tokens.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use onsale_schemas::UserId;
use serde::Deserialize;
use uuid::Uuid;

use super::caller::{Caller, Role};
use super::key::{self, KeyError};
use crate::config::AuthConfig;
use crate::error::{ApiError, Code};

/// Verified tokens that are remembered.
const TOKENS_CACHED_MAX: u64 = 131_072;
/// Longest token that is looked at, in bytes.
const TOKEN_MAX_BYTES: usize = 8_192;

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    role: Role,
    #[serde(default)]
    tenant: Uuid,
    exp: u64,
    #[serde(default)]
    nbf: u64,
}

/// Verifies tokens and remembers the ones that it verified, by a cryptographic hash: a collision
/// would hand one user's identity to another.
pub(crate) struct Authenticator {
    key: DecodingKey,
    validation: Validation,
    leeway_seconds: u64,
    verified: moka::sync::Cache<[u8; 32], Caller>,
}

impl Authenticator {
    pub(crate) fn new(config: &AuthConfig) -> Result<Self, KeyError> {
        let (key, algorithm) = key::load(config)?;
        Ok(Self {
            key,
            validation: validation(config, algorithm),
            leeway_seconds: config.leeway_seconds,
            verified: moka::sync::Cache::new(TOKENS_CACHED_MAX),
        })
    }

    /// The caller that the value of an `Authorization` header stands for.
    pub(crate) fn authenticate(&self, header: &[u8], now_ms: u64) -> Result<Caller, ApiError> {
        let token = bearer(header).ok_or_else(|| {
            ApiError::new(
                Code::Unauthorized,
                "The Authorization header is not `Bearer <token>`.",
            )
        })?;
        let now_seconds = now_ms / 1_000;
        let hash = *blake3::hash(token).as_bytes();
        if let Some(caller) = self.verified.get(&hash) {
            return self.not_expired(caller, now_seconds);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|_| {
                // Which check failed is nobody's business but the minter's.
                ApiError::new(Code::Unauthorized, "The token is not valid here.")
            })?
            .claims;
        if claims.nbf > now_seconds.saturating_add(self.leeway_seconds) {
            return Err(ApiError::new(
                Code::Unauthorized,
                "The token is not valid yet.",
            ));
        }
        let caller = Caller {
            user: UserId(claims.sub),
            role: claims.role,
            tenant: claims.tenant,
            expires_at_seconds: claims.exp,
        };
        let caller = self.not_expired(caller, now_seconds)?;
        self.verified.insert(hash, caller);
        Ok(caller)
    }

    fn not_expired(&self, caller: Caller, now_seconds: u64) -> Result<Caller, ApiError> {
        if caller
            .expires_at_seconds
            .saturating_add(self.leeway_seconds)
            <= now_seconds
        {
            return Err(ApiError::new(
                Code::Unauthorized,
                "The token has expired; get a new one.",
            ));
        }
        Ok(caller)
    }
}

fn validation(config: &AuthConfig, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    // Times are compared here, with the one clock of this crate, on every use of a token.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let (scheme, token) = header.split_at_checked(SCHEME.len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty() && token.len() <= TOKEN_MAX_BYTES)
        .then_some(token)
}
