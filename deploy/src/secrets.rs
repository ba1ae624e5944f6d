//! Keys and the tokens made with them.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use onsale_ingress::Secret;
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

/// The configured secret that tokens are signed with.
pub(crate) fn signing_secret(config: &Config) -> anyhow::Result<String> {
    match (&config.auth.hs256_secret, &config.auth.hs256_secret_file) {
        (Some(secret), _) => Ok(secret.expose().to_owned()),
        (None, Some(file)) => Ok(std::fs::read_to_string(file)
            .with_context(|| format!("auth.hs256_secret_file {}", file.display()))?
            .trim()
            .to_owned()),
        (None, None) => bail!(
            "tokens are minted with auth.hs256_secret (ONSALE_AUTH__HS256_SECRET); none is \
             configured{}",
            if config.auth.ed25519_public_key_file.is_some()
                || config.auth.rsa_public_key_file.is_some()
            {
                " and public keys only verify: mint where the private key is, or pass --token"
            } else {
                ", and there is no key of `onsale dev` in the data folder"
            }
        ),
    }
}

/// An admin token for a verb's own calls.
pub(crate) fn mint_admin(config: &Config, ttl_s: u64) -> anyhow::Result<String> {
    mint(config, OPERATOR, "admin", Uuid::nil(), ttl_s)
}

/// A token signed with the configured secret.
pub(crate) fn mint(
    config: &Config,
    user: Uuid,
    role: &str,
    tenant: Uuid,
    ttl_s: u64,
) -> anyhow::Result<String> {
    let secret = signing_secret(config)?;
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
    Ok(jsonwebtoken::encode(
        &jsonwebtoken::Header::default(),
        &claims,
        &key,
    )?)
}
