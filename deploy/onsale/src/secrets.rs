//! Keys and the tokens made with them.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use onsale_settings::Secret;
use serde::Serialize;
use uuid::Uuid;

use crate::config::Config;

/// Name of the file with the key of `onsale dev`, in its data folder.
const DEV_SECRET_FILE: &str = "dev-secret";
/// Name of the file with the secret of bookings, in the data folder of the only node.
const BOOKING_SECRET_FILE: &str = "booking-secret";
/// The account of a verb that mints a token for itself.
const OPERATOR: Uuid = Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001);

#[derive(Serialize)]
struct Claims<'a> {
    sub: Uuid,
    role: &'a str,
    tenant: Uuid,
    iat: u64,
    exp: u64,
    iss: &'a str,
    aud: &'a str,
}

/// The key of `onsale dev` in this folder, if there is one.
pub(crate) fn read_dev_secret(data: &Path) -> Option<Secret> {
    read_secret(&data.join(DEV_SECRET_FILE))
}

fn read_secret(path: &Path) -> Option<Secret> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| Secret::new(text))
}

/// The key of `onsale dev` in this folder; made at the first start, so that tokens outlive restarts.
pub(crate) fn dev_secret(data: &Path) -> anyhow::Result<Secret> {
    kept_secret(&data.join(DEV_SECRET_FILE))
}

/// The secret of bookings of the only node, in its data folder; made at the first start, because
/// links and codes that were given out have to work after every other.
pub(crate) fn booking_secret(data: &Path) -> anyhow::Result<Secret> {
    kept_secret(&data.join(BOOKING_SECRET_FILE))
}

fn kept_secret(path: &Path) -> anyhow::Result<Secret> {
    if let Some(secret) = read_secret(path) {
        return Ok(secret);
    }
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(secret.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Secret::new(secret))
}

/// A secret that tokens are signed with, and its name where it has one.
struct Signing {
    kid: Option<String>,
    secret: String,
}

/// The configured secret to sign with: the named one, else the one without a name, else the first
/// named one.
fn signing_secret(config: &Config, kid: Option<&str>) -> anyhow::Result<Signing> {
    let auth = &config.auth;
    if let Some(kid) = kid {
        let key = auth.keys.iter().find(|key| key.kid == kid);
        let key = key.with_context(|| format!("--kid {kid}: auth.keys has no such key"))?;
        let file = key.hs256_secret_file.as_deref().with_context(|| {
            format!("--kid {kid}: a public key only verifies: mint where the private key is")
        })?;
        return named(kid, file);
    }
    if let Some(secret) = &auth.hs256_secret {
        let secret = secret.expose().to_owned();
        return Ok(Signing { kid: None, secret });
    }
    if let Some(file) = &auth.hs256_secret_file {
        let secret = read_signing_secret("auth.hs256_secret_file", file)?;
        return Ok(Signing { kid: None, secret });
    }
    for key in &auth.keys {
        if let Some(file) = &key.hs256_secret_file {
            return named(&key.kid, file);
        }
    }
    bail!(
        "tokens are minted with auth.hs256_secret (ONSALE_AUTH__HS256_SECRET); none is \
         configured{}",
        if auth.has_key() {
            " and public keys only verify: mint where the private key is, or pass --token"
        } else {
            ", and there is no key of `onsale dev` in the data folder"
        }
    )
}

/// A secret whose tokens are taken without a name in their head.
pub(crate) fn plain_secret(config: &Config) -> anyhow::Result<String> {
    signing_secret(config, None).map(|signing| signing.secret)
}

fn named(kid: &str, file: &Path) -> anyhow::Result<Signing> {
    let secret = read_signing_secret(&format!("the secret of key {kid} in auth.keys"), file)?;
    let kid = Some(kid.to_owned());
    Ok(Signing { kid, secret })
}

fn read_signing_secret(what: &str, file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{what}: {}", file.display()));
    Ok(text?.trim().to_owned())
}

/// An operator's token for a verb's own calls.
pub(crate) fn mint_operator(config: &Config, ttl_s: u64) -> anyhow::Result<String> {
    mint(config, OPERATOR, "operator", Uuid::nil(), ttl_s, None)
}

/// A token signed with a configured secret, with `kid` in its head where the secret has a name.
pub(crate) fn mint(
    config: &Config,
    user: Uuid,
    role: &str,
    tenant: Uuid,
    ttl_s: u64,
    kid: Option<&str>,
) -> anyhow::Result<String> {
    let Signing { kid, secret } = signing_secret(config, kid)?;
    let now = onsale_processor::clock::now_ms() / 1_000;
    let claims = Claims {
        sub: user,
        role,
        tenant,
        iat: now,
        exp: now.saturating_add(ttl_s),
        iss: &config.auth.issuer,
        aud: &config.auth.audience,
    };
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let header = jsonwebtoken::Header {
        kid,
        ..jsonwebtoken::Header::default()
    };
    Ok(jsonwebtoken::encode(&header, &claims, &key)?)
}
