//! Access tokens, minted with the key of the cluster under test.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use uuid::Uuid;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
const LIFE_S: u64 = 86_400;

/// A token of this user in this role.
pub(crate) fn token(role: &str, user: Uuid) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({
        "sub": user, "role": role, "tenant": Uuid::nil(), "iat": now, "exp": now + LIFE_S,
        "iss": "onsale", "aud": "onsale",
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}
