//! How nodes of a cluster know one another.
//!
//! A node that asks another one shows a token that lives for a minute. It is signed with a key derived
//! from the secret of the cluster, which is used for nothing else. So nodes that verify the tokens of
//! users with public keys only can still ask each other, and the issuer of those tokens cannot act as
//! a node. In a cluster without such a secret a node mints the token of an operator instead.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use onsale_settings::Secret;
use serde::{Deserialize, Serialize};

use crate::compact;
use crate::config::AuthConfig;
use crate::identity::Identity;
use crate::key::KeyError;
use crate::mint::{INSTALLATION, MintError, Minter};
use crate::role::Role;
use crate::token::{Authenticator, bearer};

/// What the signing key is derived for. It never changes: nodes of two versions ask each other.
const KEY_PURPOSE: &str = "onsale 2026 calls between nodes of a cluster";
/// `typ` of a node's token, by which no other use takes it.
const TOKEN_TYPE: &str = "node+jwt";
/// `aud` of a node's token.
const AUDIENCE: &str = "onsale-nodes";
/// Life of the token for one call, in seconds. Clocks of two nodes may differ by about as much.
const LIFE_SECONDS: u64 = 60;

#[derive(Serialize, Deserialize)]
struct NodeClaims {
    /// The node that asks.
    iss: String,
    aud: String,
    exp: u64,
}

fn key_of(secret: &Secret) -> [u8; blake3::KEY_LEN] {
    blake3::derive_key(KEY_PURPOSE, secret.expose().as_bytes())
}

/// The tokens by which this node asks others.
pub struct PeerTokens {
    node: String,
    signing: Signing,
}

enum Signing {
    Node(EncodingKey),
    Operator(Minter),
}

impl PeerTokens {
    /// Those of `node`, signed with the secret of the cluster, or minted as an operator's where the
    /// cluster has none.
    ///
    /// # Errors
    /// When there is neither that secret nor one to mint with.
    pub fn new(
        node: impl Into<String>,
        cluster: Option<&Secret>,
        auth: &AuthConfig,
    ) -> Result<Self, MintError> {
        let signing = match cluster {
            Some(secret) => Signing::Node(EncodingKey::from_secret(&key_of(secret))),
            None => Signing::Operator(Minter::new(auth, None)?),
        };
        let node = node.into();
        Ok(Self { node, signing })
    }

    /// A token for one call.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn mint(&self, now_ms: u64) -> Result<String, MintError> {
        match &self.signing {
            Signing::Operator(minter) => minter.mint_operator(LIFE_SECONDS, now_ms),
            Signing::Node(key) => {
                let header = Header {
                    typ: Some(TOKEN_TYPE.to_owned()),
                    ..Header::new(Algorithm::HS256)
                };
                let claims = NodeClaims {
                    iss: self.node.clone(),
                    aud: AUDIENCE.to_owned(),
                    exp: (now_ms / 1_000).saturating_add(LIFE_SECONDS),
                };
                Ok(jsonwebtoken::encode(&header, &claims, key)?)
            }
        }
    }
}

impl std::fmt::Debug for PeerTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerTokens")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// Who makes a call that is for nodes and operators only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admitted {
    /// A node, or what has the secret that tokens are minted with: the installation itself.
    Node,
    /// An operator.
    Operator(Identity),
}

/// Says who may make the calls that are for nodes and operators only.
pub struct PeerGate {
    nodes: Option<DecodingKey>,
    operators: Authenticator,
    leeway_seconds: u64,
}

impl PeerGate {
    /// For nodes with this secret of the cluster, and for operators with tokens of the configured
    /// keys.
    ///
    /// # Errors
    /// When a key cannot be used.
    pub fn new(cluster: Option<&Secret>, auth: &AuthConfig) -> Result<Self, KeyError> {
        Ok(Self {
            nodes: cluster.map(|secret| DecodingKey::from_secret(&key_of(secret))),
            operators: Authenticator::new(auth)?,
            leeway_seconds: auth.leeway_seconds,
        })
    }

    /// Who asks, by the value of an `Authorization` header; `None` when it is the valid token neither of
    /// a node nor of an operator.
    pub fn admit(&self, header: &[u8], now_ms: u64) -> Option<Admitted> {
        if self.is_node(header, now_ms) {
            return Some(Admitted::Node);
        }
        let identity = self.operators.authenticate(header, now_ms).ok()?;
        match (identity.role, identity.user) {
            (Role::Operator, INSTALLATION) => Some(Admitted::Node),
            (Role::Operator, _) => Some(Admitted::Operator(identity)),
            _ => None,
        }
    }

    fn is_node(&self, header: &[u8], now_ms: u64) -> bool {
        let (Some(key), Some(token)) = (&self.nodes, bearer(header)) else {
            return false;
        };
        if compact::check(token).is_err() {
            return false;
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_audience(&[AUDIENCE]);
        // Compared below, by the clock of the caller.
        validation.validate_exp = false;
        let Ok(token) = jsonwebtoken::decode::<NodeClaims>(token, key, &validation) else {
            return false;
        };
        let ends = token.claims.exp.saturating_add(self.leeway_seconds);
        token.header.typ.as_deref() == Some(TOKEN_TYPE) && ends > now_ms / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn secret(letter: &str) -> Secret {
        Secret::new(letter.repeat(32))
    }

    fn shared(letter: &str) -> AuthConfig {
        AuthConfig {
            hs256_secret: Some(secret(letter)),
            ..AuthConfig::default()
        }
    }

    fn admits(gate: &PeerGate, token: &str, now_ms: u64) -> bool {
        gate.admit(format!("Bearer {token}").as_bytes(), now_ms)
            .is_some()
    }

    #[test]
    fn nodes_with_one_secret_know_one_another_for_a_minute() {
        let (ours, auth) = (secret("c"), shared("a"));
        let gate = PeerGate::new(Some(&ours), &auth).unwrap();
        let token = PeerTokens::new("ingress-1", Some(&ours), &auth)
            .unwrap()
            .mint(NOW_MS)
            .unwrap();
        assert!(admits(&gate, &token, NOW_MS));
        assert!(admits(&gate, &token, NOW_MS + LIFE_SECONDS * 1_000));
        assert!(!admits(&gate, &token, NOW_MS + (LIFE_SECONDS + 5) * 1_000));

        let theirs = secret("d");
        let other = PeerGate::new(Some(&theirs), &auth).unwrap();
        assert!(!admits(&other, &token, NOW_MS));
        let none = PeerGate::new(None, &auth).unwrap();
        assert!(!admits(&none, &token, NOW_MS));
    }

    /// Even where both secrets are the same text, neither token is good where the other is.
    #[test]
    fn a_node_is_no_user_and_the_issuer_of_tokens_is_no_node() {
        let (ours, auth) = (secret("a"), shared("a"));
        let node = PeerTokens::new("ingress-1", Some(&ours), &auth)
            .unwrap()
            .mint(NOW_MS)
            .unwrap();
        let users = Authenticator::new(&auth).unwrap();
        let header = format!("Bearer {node}");
        assert!(users.authenticate(header.as_bytes(), NOW_MS).is_err());

        let forged = jsonwebtoken::encode(
            &Header {
                typ: Some(TOKEN_TYPE.to_owned()),
                ..Header::default()
            },
            &NodeClaims {
                iss: "ingress-1".to_owned(),
                aud: AUDIENCE.to_owned(),
                exp: NOW_MS / 1_000 + 60,
            },
            &EncodingKey::from_secret(ours.expose().as_bytes()),
        )
        .unwrap();
        let gate = PeerGate::new(Some(&ours), &auth).unwrap();
        assert!(!admits(&gate, &forged, NOW_MS));
    }

    #[test]
    fn without_a_secret_of_the_cluster_a_node_asks_as_an_operator() {
        let auth = shared("a");
        let token = PeerTokens::new("ingress-1", None, &auth)
            .unwrap()
            .mint(NOW_MS)
            .unwrap();
        // Also by a node that was given one already.
        for cluster in [None, Some(secret("c"))] {
            let gate = PeerGate::new(cluster.as_ref(), &auth).unwrap();
            assert!(admits(&gate, &token, NOW_MS));
        }
        let buyer = Minter::new(&auth, None).unwrap().mint(
            &crate::Grant {
                user: onsale_schemas::UserId::from_bytes([1; 16]),
                role: Role::Buyer,
                tenant: onsale_schemas::TenantId::from_bytes([1; 16]),
                life_seconds: 60,
            },
            NOW_MS,
        );
        let gate = PeerGate::new(None, &auth).unwrap();
        assert!(!admits(&gate, &buyer.unwrap(), NOW_MS));
    }

    /// A private key signed `token.txt` once, for 15 minutes from [`NOW_MS`], and is gone.
    #[test]
    fn nodes_with_public_keys_only_admit_each_other_and_operators_of_the_issuer() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rs256");
        let auth = AuthConfig {
            rsa_public_key_file: Some(format!("{folder}/public.pem").into()),
            ..AuthConfig::default()
        };
        let ours = secret("c");
        let gate = PeerGate::new(Some(&ours), &auth).unwrap();
        let node = PeerTokens::new("ingress-1", Some(&ours), &auth).unwrap();
        assert!(admits(&gate, &node.mint(NOW_MS).unwrap(), NOW_MS));

        let operator = std::fs::read_to_string(format!("{folder}/token.txt")).unwrap();
        let (head, _) = operator.rsplit_once('.').unwrap();
        assert!(admits(&gate, operator.trim(), NOW_MS));
        assert!(!admits(&gate, &format!("{head}."), NOW_MS));
        // The public key is no secret to sign with.
        let public = std::fs::read(auth.rsa_public_key_file.as_ref().unwrap()).unwrap();
        let claims = serde_json::json!({
            "sub": "00000000-0000-4000-8000-000000000007", "role": "operator",
            "iss": "onsale", "aud": "onsale", "exp": NOW_MS / 1_000 + 60,
        });
        let forged = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims,
            &EncodingKey::from_secret(&public),
        );
        assert!(!admits(&gate, &forged.unwrap(), NOW_MS));
    }

    #[test]
    fn an_operator_is_distinguished_from_a_node() {
        let (ours, auth) = (secret("c"), shared("a"));
        let gate = PeerGate::new(Some(&ours), &auth).unwrap();
        let admitted = |token: &str| gate.admit(format!("Bearer {token}").as_bytes(), NOW_MS);
        for cluster in [None, Some(&ours)] {
            let node = PeerTokens::new("ingress-1", cluster, &auth).unwrap();
            let token = node.mint(NOW_MS).unwrap();
            assert_eq!(admitted(&token), Some(Admitted::Node));
        }
        let user = onsale_schemas::UserId::from_bytes([7; 16]);
        let grant = crate::Grant {
            user,
            role: Role::Operator,
            tenant: onsale_schemas::TenantId::from_bytes([0; 16]),
            life_seconds: 60,
        };
        let minter = Minter::new(&auth, None).unwrap();
        let admitted = admitted(&minter.mint(&grant, NOW_MS).unwrap());
        assert!(
            matches!(admitted, Some(Admitted::Operator(identity)) if identity.user == user),
            "{admitted:?}"
        );
    }

    #[test]
    fn public_keys_alone_are_no_way_to_ask() {
        let auth = AuthConfig {
            ed25519_public_key_file: Some("tokens.pem".into()),
            ..AuthConfig::default()
        };
        assert!(matches!(
            PeerTokens::new("ingress-1", None, &auth),
            Err(MintError::PublicKeysOnly)
        ));
        assert!(PeerTokens::new("ingress-1", Some(&secret("c")), &auth).is_ok());
    }
}
