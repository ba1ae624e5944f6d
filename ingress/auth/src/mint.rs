//! Mints tokens with a configured secret.

use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use onsale_schemas::{MemberRole, TenantId, UserId};
use onsale_settings::Secret;
use uuid::Uuid;

use crate::claims::{Claims, GuestClaim};
use crate::config::AuthConfig;
use crate::identity::Purchase;
use crate::key::{KeyError, private_key, read_secret};
use crate::role::Role;

/// The account of operators' verbs and of nodes that mint a token for a call of their own.
pub(crate) const INSTALLATION: UserId =
    UserId(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001));

/// Why no token can be minted.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// There is no key of this name.
    #[error("auth.keys has no key named {0:?}")]
    UnknownKey(String),
    /// The key of this name is public.
    #[error("the key named {0:?} is public and only verifies: mint where the private key is")]
    PublicKey(String),
    /// All keys are public.
    #[error("public keys only verify: mint where the private key is")]
    PublicKeysOnly,
    /// There is no key.
    #[error(
        "no secret to mint tokens with is configured: set auth.hs256_secret \
         (ONSALE_AUTH__HS256_SECRET) or auth.hs256_secret_file to that of the server"
    )]
    NoSecret,
    /// The secret cannot be read, or is too short.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The library refused to sign.
    #[error("the token cannot be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// A secret that tokens are signed with, and its name where it has one.
#[derive(Clone, Debug)]
pub struct SigningSecret {
    /// Its name, as `kid` in the head of a token.
    pub kid: Option<String>,
    /// The secret.
    pub secret: Secret,
}

impl AuthConfig {
    /// Whether tokens can be minted with this configuration; public keys only verify.
    pub fn can_mint(&self) -> bool {
        let mut named = self.keys.iter();
        self.hs256_secret.is_some()
            || self.hs256_secret_file.is_some()
            || named.any(|key| key.hs256_secret_file.is_some())
    }

    /// The secret to sign with: the one named `kid`; without a name the one that has none, else the
    /// first of `keys`.
    ///
    /// # Errors
    /// When there is no such secret, or its file cannot be used.
    pub fn signing_secret(&self, kid: Option<&str>) -> Result<SigningSecret, MintError> {
        if let Some(kid) = kid {
            let key = self.keys.iter().find(|key| key.kid == kid);
            let key = key.ok_or_else(|| MintError::UnknownKey(kid.to_owned()))?;
            let file = key.hs256_secret_file.as_deref();
            let file = file.ok_or_else(|| MintError::PublicKey(kid.to_owned()))?;
            return named(kid, file);
        }
        if let Some(secret) = self.unnamed_secret()? {
            return Ok(SigningSecret { kid: None, secret });
        }
        let mut keys = self.keys.iter();
        let first = keys.find_map(|key| Some((&key.kid, key.hs256_secret_file.as_deref()?)));
        match first {
            Some((kid, file)) => named(kid, file),
            None if self.has_key() => Err(MintError::PublicKeysOnly),
            None => Err(MintError::NoSecret),
        }
    }
}

fn named(kid: &str, file: &Path) -> Result<SigningSecret, MintError> {
    let setting = format!("hs256_secret_file of {kid:?} in auth.keys");
    Ok(SigningSecret {
        kid: Some(kid.to_owned()),
        secret: read_secret(&setting, file)?,
    })
}

/// What a token is to allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The account.
    pub user: UserId,
    /// What it may do.
    pub role: Role,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// For how long, in seconds.
    pub life_seconds: u64,
}

/// What a token of a session says besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OfSession {
    /// The session.
    pub session: Uuid,
    /// What the account is to the tenant of its grant.
    pub member: Option<MemberRole>,
    /// Whether the account's e-mail address is verified.
    pub email_verified: bool,
}

/// What a token says beside its grant.
#[derive(Clone, Copy)]
enum Beside {
    Nothing,
    Session(OfSession),
    Guest(Purchase),
}

/// Mints tokens that a server with the same configuration accepts.
pub struct Minter {
    header: Header,
    key: EncodingKey,
    issuer: String,
    audience: String,
}

impl Minter {
    /// With the private key named `kid`, or with the secret that [`AuthConfig::signing_secret`] finds.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(config: &AuthConfig, kid: Option<&str>) -> Result<Self, MintError> {
        let private = config.keys.iter().find_map(|key| {
            let file = key.ed25519_private_key_file.as_deref()?;
            (Some(key.kid.as_str()) == kid).then_some(file)
        });
        if let (Some(kid), Some(file)) = (kid, private) {
            return Self::with_private(config, kid, file);
        }
        let SigningSecret { kid, secret } = config.signing_secret(kid)?;
        Ok(Self {
            header: Header {
                kid,
                ..Header::default()
            },
            key: EncodingKey::from_secret(secret.expose().as_bytes()),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
        })
    }

    /// As [`Minter::new`] for the tokens of sessions: with the key that [`AuthConfig::session_kid`]
    /// names. Where it names none, with the secret that [`Minter::new`] takes, or if there is none with
    /// the first private key.
    ///
    /// # Errors
    /// When there is no such key, or it cannot be used.
    pub fn of_sessions(config: &AuthConfig) -> Result<Self, MintError> {
        let first_private = || {
            let mut keys = config.keys.iter();
            let first = keys.find(|key| key.ed25519_private_key_file.is_some());
            first.map(|key| key.kid.as_str())
        };
        let kid = match config.session_kid.as_deref() {
            None if !config.can_mint() => first_private(),
            kid => kid,
        };
        Self::new(config, kid)
    }

    /// With a private key.
    fn with_private(config: &AuthConfig, kid: &str, file: &Path) -> Result<Self, MintError> {
        Ok(Self {
            header: Header {
                kid: Some(kid.to_owned()),
                ..Header::new(Algorithm::EdDSA)
            },
            key: private_key(file)?,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
        })
    }

    /// A token that begins now.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn mint(&self, grant: &Grant, now_ms: u64) -> Result<String, MintError> {
        self.sign(grant, Beside::Nothing, now_ms)
    }

    /// As [`Minter::mint`], for a session.
    ///
    /// # Errors
    /// As [`Minter::mint`].
    pub fn mint_in_session(
        &self,
        grant: &Grant,
        of: OfSession,
        now_ms: u64,
    ) -> Result<String, MintError> {
        self.sign(grant, Beside::Session(of), now_ms)
    }

    /// As [`Minter::mint`], for a guest.
    ///
    /// # Errors
    /// As [`Minter::mint`].
    pub fn mint_for_guest(
        &self,
        grant: &Grant,
        purchase: Purchase,
        now_ms: u64,
    ) -> Result<String, MintError> {
        self.sign(grant, Beside::Guest(purchase), now_ms)
    }

    fn sign(&self, grant: &Grant, beside: Beside, now_ms: u64) -> Result<String, MintError> {
        let now_seconds = now_ms / 1_000;
        let (session, guest) = match beside {
            Beside::Nothing => (None, None),
            Beside::Session(of) => (Some(of), None),
            Beside::Guest(purchase) => (None, Some(purchase)),
        };
        let claims = Claims {
            sub: grant.user.0,
            role: grant.role,
            tenant: grant.tenant.0,
            member: session.and_then(|of| of.member),
            sid: session.map(|of| of.session),
            email_verified: session.is_some_and(|of| of.email_verified),
            guest: guest.map(|purchase| GuestClaim {
                show: purchase.show.map(|show| show.0),
            }),
            iat: Some(now_seconds),
            exp: now_seconds.saturating_add(grant.life_seconds),
            nbf: None,
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
        };
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.key)?)
    }

    /// A token of the installation itself, as an operator.
    ///
    /// # Errors
    /// As [`Minter::mint`].
    pub fn mint_operator(&self, life_seconds: u64, now_ms: u64) -> Result<String, MintError> {
        let grant = Grant {
            user: INSTALLATION,
            role: Role::Operator,
            tenant: TenantId(Uuid::nil()),
            life_seconds,
        };
        self.mint(&grant, now_ms)
    }
}

impl std::fmt::Debug for Minter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minter")
            .field("header", &self.header)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::ShowId;

    use super::*;
    use crate::config::NamedKey;
    use crate::token::Authenticator;

    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn what_is_minted_is_what_is_verified() {
        let auth = AuthConfig {
            hs256_secret: Some(Secret::new("s".repeat(32))),
            ..AuthConfig::default()
        };
        let (minter, users) = (
            Minter::new(&auth, None).unwrap(),
            Authenticator::new(&auth).unwrap(),
        );
        for role in Role::ALL {
            let grant = Grant {
                user: UserId::from_bytes([7; 16]),
                role,
                tenant: TenantId::from_bytes([9; 16]),
                life_seconds: 60,
            };
            let header = format!("Bearer {}", minter.mint(&grant, NOW_MS).unwrap());
            let identity = users.authenticate(header.as_bytes(), NOW_MS).unwrap();
            assert_eq!(
                (identity.user, identity.role, identity.tenant),
                (grant.user, role, grant.tenant)
            );
            assert_eq!(identity.expires_at_seconds, NOW_MS / 1_000 + 60);
            assert_eq!(role.to_string().parse::<Role>(), Ok(role));
        }
    }

    #[test]
    fn a_token_of_a_session_says_which_and_as_what() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        std::fs::write(&file, include_str!("../tests/ed25519/private.pem")).unwrap();
        let secret = Some(Secret::new("s".repeat(32)));
        let mut auth = AuthConfig {
            keys: vec![NamedKey {
                kid: "2027".to_owned(),
                ed25519_private_key_file: Some(file),
                ..NamedKey::default()
            }],
            hs256_secret: secret,
            ..AuthConfig::default()
        };
        let grant = Grant {
            user: UserId::from_bytes([7; 16]),
            role: Role::Organizer,
            tenant: TenantId::from_bytes([9; 16]),
            life_seconds: 60,
        };
        let of = OfSession {
            session: Uuid::from_u128(3),
            member: Some(MemberRole::Finance),
            email_verified: true,
        };
        for (kid, algorithm) in [(None, Algorithm::HS256), (Some("2027"), Algorithm::EdDSA)] {
            auth.session_kid = kid.map(str::to_owned);
            let minter = Minter::of_sessions(&auth).unwrap();
            let token = minter.mint_in_session(&grant, of, NOW_MS).unwrap();
            let header = jsonwebtoken::decode_header(&token).unwrap();
            assert_eq!((header.kid.as_deref(), header.alg), (kid, algorithm));
            let users = Authenticator::new(&auth).unwrap();
            let identity = users.authenticate(format!("Bearer {token}").as_bytes(), NOW_MS);
            let identity = identity.unwrap();
            assert_eq!(identity.session, Some(of.session));
            assert_eq!(identity.member, of.member);
            assert!(identity.email_verified);
            assert_eq!(identity.guest, None);
        }
        auth.session_kid = None;
        auth.hs256_secret = None;
        let minter = Minter::of_sessions(&auth).unwrap();
        assert_eq!(minter.header.kid.as_deref(), Some("2027"), "all there is");
        auth.session_kid = Some("other".to_owned());
        let error = Minter::of_sessions(&auth).unwrap_err();
        assert!(matches!(error, MintError::UnknownKey(_)), "{error}");
    }

    #[test]
    fn a_guests_token_says_what_it_is_for() {
        let auth = AuthConfig {
            hs256_secret: Some(Secret::new("s".repeat(32))),
            ..AuthConfig::default()
        };
        let minter = Minter::new(&auth, None).unwrap();
        let users = Authenticator::new(&auth).unwrap();
        let grant = Grant {
            user: UserId::from_bytes([7; 16]),
            role: Role::Buyer,
            tenant: TenantId(Uuid::nil()),
            life_seconds: 60,
        };
        for show in [None, Some(ShowId::from_bytes([3; 16]))] {
            let purchase = Purchase { show };
            let token = minter.mint_for_guest(&grant, purchase, NOW_MS).unwrap();
            let identity = users.identity_of(token.as_bytes(), NOW_MS).unwrap();
            assert_eq!(identity.guest, Some(purchase));
            assert!(!identity.email_verified, "nobody has shown that");
            assert_eq!(identity.session, None);
        }
        let token = minter.mint(&grant, NOW_MS).unwrap();
        let identity = users.identity_of(token.as_bytes(), NOW_MS).unwrap();
        assert_eq!((identity.guest, identity.email_verified), (None, false));
    }

    #[test]
    fn the_secret_is_the_one_asked_for_or_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let named = |kid: &str, secret: Option<&str>| NamedKey {
            kid: kid.to_owned(),
            hs256_secret_file: secret.map(|secret| {
                let file = folder.path().join(kid);
                std::fs::write(&file, format!(" {secret}\n")).unwrap();
                file
            }),
            ed25519_public_key_file: secret.is_none().then(|| "public.pem".into()),
            ..NamedKey::default()
        };
        let (old, new) = ("o".repeat(32), "n".repeat(32));
        let mut auth = AuthConfig {
            keys: vec![
                named("partner", None),
                named("old", Some(&old)),
                named("new", Some(&new)),
                named("short", Some("short")),
            ],
            ..AuthConfig::default()
        };
        let found = |auth: &AuthConfig, kid: Option<&str>| {
            let signing = auth.signing_secret(kid);
            signing.map(|signing| (signing.kid, signing.secret.expose().to_owned()))
        };
        let first = (Some("old".to_owned()), old);
        assert_eq!(found(&auth, None).unwrap(), first);
        assert_eq!(found(&auth, Some("old")).unwrap(), first);
        assert_eq!(found(&auth, Some("new")).unwrap().1, new);
        assert!(matches!(
            found(&auth, Some("partner")),
            Err(MintError::PublicKey(_))
        ));
        assert!(matches!(
            found(&auth, Some("other")),
            Err(MintError::UnknownKey(_))
        ));
        assert!(matches!(
            found(&auth, Some("short")),
            Err(MintError::Key(KeyError::Secret(_)))
        ));
        assert!(auth.can_mint());

        let plain = "p".repeat(32);
        auth.hs256_secret = Some(Secret::new(&plain));
        assert_eq!(found(&auth, None).unwrap(), (None, plain));

        auth.hs256_secret = None;
        auth.keys.truncate(1);
        assert!(!auth.can_mint());
        assert!(matches!(found(&auth, None), Err(MintError::PublicKeysOnly)));
        auth.keys.clear();
        assert!(matches!(found(&auth, None), Err(MintError::NoSecret)));
    }
}
