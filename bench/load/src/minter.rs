//! Tokens of the load's users.

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use uuid::Uuid;

use crate::clock::RunClock;
use crate::error::LoadError;

#[derive(Serialize)]
struct Claims<'a> {
    sub: Uuid,
    role: &'a str,
    tenant: Uuid,
    exp: u64,
    iss: &'a str,
    aud: &'a str,
}

/// Signs tokens with the secret that the server verifies with (HS256).
pub struct Minter {
    key: EncodingKey,
    issuer: String,
    audience: String,
    tenant: Uuid,
}

impl Minter {
    /// With the server's secret, issuer and audience.
    #[must_use]
    pub fn new(secret: &str, issuer: &str, audience: &str) -> Self {
        Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            tenant: Uuid::new_v4(),
        }
    }

    /// A token of `user`, valid for `ttl_s` seconds.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn mint(&self, user: Uuid, role: &str, ttl_s: u64) -> Result<String, LoadError> {
        let now_s = RunClock::start().unix_ms_floor(0) / 1_000;
        let claims = Claims {
            sub: user,
            role,
            tenant: self.tenant,
            exp: now_s.saturating_add(ttl_s),
            iss: &self.issuer,
            aud: &self.audience,
        };
        jsonwebtoken::encode(&Header::default(), &claims, &self.key).map_err(LoadError::Mint)
    }
}

impl std::fmt::Debug for Minter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minter")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_and_until_when_and_hides_the_secret() {
        let minter = Minter::new("0123456789abcdef0123456789abcdef", "me", "you");
        let user = Uuid::from_u128(5);
        let token = minter.mint(user, "buyer", 60).unwrap();
        let key = jsonwebtoken::DecodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
        let mut validation = jsonwebtoken::Validation::default();
        validation.set_issuer(&["me"]);
        validation.set_audience(&["you"]);
        let claims = jsonwebtoken::decode::<serde_json::Value>(&token, &key, &validation)
            .unwrap()
            .claims;
        assert_eq!(claims["sub"], user.to_string());
        assert_eq!(claims["role"], "buyer");
        assert!(!format!("{minter:?}").contains("0123456789"));
    }
}
