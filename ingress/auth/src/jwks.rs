//! The public halves of the keys that sign here, for others who verify (RFC 7517).

use jsonwebtoken::jwk::{JwkSet, PublicKeyUse};

use crate::config::AuthConfig;
use crate::key::{KeyError, public_half};

/// Why the set cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The set has no JSON.
    #[error("the set of keys has no JSON")]
    Json(#[from] serde_json::Error),
}

impl AuthConfig {
    /// `/.well-known/jwks.json`: the public half of every private key, the ones that sign no more too, so
    /// that tokens of both are verified while keys are changed. Keys that only verify are others' to
    /// publish, and secrets are nobody's.
    ///
    /// # Errors
    /// When a private key cannot be used.
    pub fn jwks(&self) -> Result<String, JwksError> {
        let mut keys = Vec::new();
        for listed in &self.keys {
            if let Some(file) = &listed.ed25519_private_key_file {
                let mut key = public_half(file)?;
                key.common.key_id = Some(listed.kid.clone());
                key.common.public_key_use = Some(PublicKeyUse::Signature);
                keys.push(key);
            }
        }
        Ok(serde_json::to_string(&JwkSet { keys })?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::NamedKey;

    #[test]
    fn the_set_has_the_public_halves_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        std::fs::write(&file, include_str!("../tests/ed25519/private.pem")).unwrap();
        let config = AuthConfig {
            keys: vec![
                NamedKey {
                    kid: "2027".to_owned(),
                    ed25519_private_key_file: Some(file),
                    ..NamedKey::default()
                },
                NamedKey {
                    kid: "secret".to_owned(),
                    hs256_secret_file: Some("nowhere".into()),
                    ..NamedKey::default()
                },
            ],
            ..AuthConfig::default()
        };
        let set: Value = serde_json::from_str(&config.jwks().unwrap()).unwrap();
        let key = &set["keys"][0];
        assert_eq!(set["keys"].as_array().map(Vec::len), Some(1));
        // RFC 8037, appendix A.
        assert_eq!(
            *key,
            json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "2027",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            })
        );
        assert_eq!(AuthConfig::default().jwks().unwrap(), "{\"keys\":[]}");
    }
}
