//! Verifies bearer tokens.

use jsonwebtoken::{Algorithm, Header, Validation};
use onsale_schemas::{ShowId, TenantId, UserId};

use crate::claims::Claims;
use crate::compact;
use crate::config::AuthConfig;
use crate::error::TokenError;
use crate::identity::{Identity, Purchase};
use crate::key::{KeyError, Keys};

/// Verified tokens that are remembered.
const TOKENS_CACHED_MAX: u64 = 131_072;
/// Longest token that is looked at, in bytes.
const TOKEN_MAX_BYTES: usize = 8_192;

/// Verifies tokens and remembers the ones that it verified, by a cryptographic hash: a collision
/// would hand one user's identity to another.
pub struct Authenticator {
    keys: Keys,
    leeway_seconds: u64,
    lifetime_max_seconds: u64,
    verified: moka::sync::Cache<[u8; 32], Identity>,
}

impl Authenticator {
    /// With the configured keys.
    ///
    /// # Errors
    /// When a key cannot be used, or there is none.
    pub fn new(config: &AuthConfig) -> Result<Self, KeyError> {
        let keys = Keys::load(config, |algorithm| validation(config, algorithm))?;
        Ok(Self {
            keys,
            leeway_seconds: config.leeway_seconds,
            lifetime_max_seconds: config.token_lifetime_max_seconds,
            verified: moka::sync::Cache::new(TOKENS_CACHED_MAX),
        })
    }

    /// Whom the value of an `Authorization` header stands for.
    ///
    /// # Errors
    /// When it holds no token, or one that is not valid at this time.
    pub fn authenticate(&self, header: &[u8], now_ms: u64) -> Result<Identity, TokenError> {
        let token = bearer(header).ok_or(TokenError::Malformed)?;
        self.identity_of(token, now_ms)
    }

    /// Whom a token stands for, without what a header has around it.
    ///
    /// # Errors
    /// As [`Authenticator::authenticate`].
    pub fn identity_of(&self, token: &[u8], now_ms: u64) -> Result<Identity, TokenError> {
        if token.len() > TOKEN_MAX_BYTES {
            return Err(TokenError::Malformed);
        }
        let now_seconds = now_ms / 1_000;
        let hash = *blake3::hash(token).as_bytes();
        if let Some(identity) = self.verified.get(&hash) {
            return self.not_expired(identity, now_seconds);
        }
        compact::check(token)?;
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Refused)?;
        let key = self.keys.of(&header).ok_or(TokenError::Refused)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &key.validation)
            .map_err(|_| TokenError::Refused)?
            .claims;
        if !is_access_token(&header) {
            return Err(TokenError::Refused);
        }
        // Without a beginning it is counted from now, and one that lies ahead adds nothing.
        let began = claims
            .iat
            .map_or(now_seconds, |began| began.min(now_seconds));
        let lives = claims.exp.saturating_sub(began);
        if lives
            > self
                .lifetime_max_seconds
                .saturating_add(self.leeway_seconds)
        {
            return Err(TokenError::TooLong);
        }
        let begins = claims.nbf.unwrap_or(0);
        if begins > now_seconds.saturating_add(self.leeway_seconds) {
            return Err(TokenError::NotYet);
        }
        let identity = Identity {
            user: UserId(claims.sub),
            role: claims.role,
            tenant: TenantId(claims.tenant),
            member: claims.member,
            session: claims.sid,
            email_verified: claims.email_verified,
            guest: claims.guest.map(|guest| Purchase {
                show: guest.show.map(ShowId),
            }),
            expires_at_seconds: claims.exp,
        };
        let identity = self.not_expired(identity, now_seconds)?;
        self.verified.insert(hash, identity);
        Ok(identity)
    }

    fn not_expired(&self, identity: Identity, now_seconds: u64) -> Result<Identity, TokenError> {
        let ends = identity
            .expires_at_seconds
            .saturating_add(self.leeway_seconds);
        if ends <= now_seconds {
            return Err(TokenError::Expired);
        }
        Ok(identity)
    }
}

/// What access tokens call themselves, those of RFC 9068 included (2.1).
const ACCESS_TOKEN_TYPES: [&str; 3] = ["JWT", "at+jwt", "application/at+jwt"];

/// A token of another type is meant for something else.
fn is_access_token(header: &Header) -> bool {
    let typ = header.typ.as_deref();
    typ.is_none_or(|typ| {
        ACCESS_TOKEN_TYPES
            .iter()
            .any(|known| typ.eq_ignore_ascii_case(known))
    })
}

fn validation(config: &AuthConfig, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    // Times are compared on every use of a token, by the clock of the caller.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

/// The token in the value of an `Authorization` header.
pub(crate) fn bearer(header: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let (scheme, token) = header.split_at_checked(SCHEME.len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty() && token.len() <= TOKEN_MAX_BYTES)
        .then_some(token)
}
