//! Access tokens as an issuer elsewhere makes them: nodes have its public key only, and a secret of
//! their own to ask each other with.

use std::path::Path;
use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use uuid::Uuid;

/// Secret of nodes alone.
const CLUSTER_SECRET: &str = "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1";
const BOOKING_SECRET: &str = "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0";
const LIFE_S: u64 = 86_400;

static ISSUER: LazyLock<rcgen::KeyPair> =
    LazyLock::new(|| rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap());

/// Settings by which a node knows tokens and other nodes. The public key stands in this folder.
pub(crate) fn settings(folder: &Path) -> Vec<(String, String)> {
    std::fs::create_dir_all(folder).unwrap();
    let file = folder.join("tokens.pem");
    if !file.exists() {
        std::fs::write(&file, ISSUER.public_key_pem()).unwrap();
    }
    let file = file.to_str().unwrap();
    [
        ("ONSALE_AUTH__ED25519_PUBLIC_KEY_FILE", file),
        ("ONSALE_AUTH__BOOKING_SECRET", BOOKING_SECRET),
        ("ONSALE_CLUSTER__SECRET", CLUSTER_SECRET),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// A token of this user in this role.
pub(crate) fn token(role: &str, user: Uuid) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({
        "sub": user, "role": role, "tenant": Uuid::nil(), "iat": now, "exp": now + LIFE_S,
        "iss": "onsale", "aud": "onsale",
    });
    let key = EncodingKey::from_ed_pem(ISSUER.serialize_pem().as_bytes()).unwrap();
    encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap()
}
