//! Tokens, good and bad.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use onsale_schemas::UserId;
use serde::Serialize;
use uuid::Uuid;

pub(crate) const SECRET: &str = "a secret that is at least 32 bytes long";

#[derive(Clone, Serialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) role: String,
    pub(crate) tenant: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) member: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<u64>,
    pub(crate) iss: String,
    pub(crate) aud: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<u64>,
}

impl Claims {
    pub(crate) fn new(user: UserId, role: &str) -> Self {
        Self {
            sub: user.to_string(),
            role: role.to_owned(),
            tenant: Uuid::from_u128(7),
            member: None,
            exp: Some(super::world::NOW_MS / 1_000 + 900),
            iss: "onsale".to_owned(),
            aud: "onsale".to_owned(),
            nbf: None,
        }
    }

    pub(crate) fn token(&self) -> String {
        sign(self, SECRET, Algorithm::HS256)
    }
}

pub(crate) fn sign(claims: &impl Serialize, secret: &str, algorithm: Algorithm) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

/// A token of this key, with these fields of its head.
pub(crate) fn sign_with(claims: &impl Serialize, key: &EncodingKey, head: &Header) -> String {
    jsonwebtoken::encode(head, claims, key).unwrap()
}
