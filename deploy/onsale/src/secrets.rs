//! Keys and the tokens made with them.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow};
use onsale_accounts::AccountsConfig;
use onsale_auth::{MintError, Minter};
use onsale_processor::clock;
use onsale_settings::Secret;
use uuid::Uuid;

use crate::config::Config;

/// Name of the file with the key of `onsale dev`, in its data folder.
const DEV_SECRET_FILE: &str = "dev-secret";
/// Name of the file with the secret of bookings, in the data folder of the only node.
const BOOKING_SECRET_FILE: &str = "booking-secret";
/// Name of the file with the secret of personal data, in the data folder of the only node.
const ACCOUNTS_SECRET_FILE: &str = "accounts-secret";

/// The key of `onsale dev` in this folder, if there is one.
pub(crate) fn read_dev_secret(data: &Path) -> Option<Secret> {
    read_secret(&data.join(DEV_SECRET_FILE))
}

fn read_secret(path: &Path) -> Option<Secret> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| Secret::new(text))
}

/// The key of `onsale dev` in this folder; created at the first start, so that tokens outlive restarts.
pub(crate) fn dev_secret(data: &Path) -> anyhow::Result<Secret> {
    kept_secret(&data.join(DEV_SECRET_FILE))
}

/// The secret of bookings of the only node, in its data folder; created at the first start, because
/// existing links and codes have to work after every later one.
pub(crate) fn booking_secret(data: &Path) -> anyhow::Result<Secret> {
    kept_secret(&data.join(BOOKING_SECRET_FILE))
}

/// The secret of personal data of the only node, in its data folder; created at the first start, because
/// what it sealed opens with nothing else.
pub(crate) fn accounts_secret(data: &Path) -> anyhow::Result<Secret> {
    kept_secret(&data.join(ACCOUNTS_SECRET_FILE))
}

/// The accounts of a configuration, with the secret of personal data that the only node keeps in its data
/// folder, where none is configured and there is one.
pub(crate) fn accounts(config: &Config) -> AccountsConfig {
    let mut accounts = config.accounts.clone();
    if !accounts.has_key() {
        accounts.key = read_secret(&config.data.dir.join(ACCOUNTS_SECRET_FILE));
    }
    accounts
}

fn kept_secret(path: &Path) -> anyhow::Result<Secret> {
    if let Some(secret) = read_secret(path) {
        return Ok(secret);
    }
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, onsale_disk::FILE_MODE);
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(secret.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Secret::new(secret))
}

/// What mints tokens with a configured secret: the one named `kid`, else as
/// [`onsale_auth::AuthConfig::signing_secret`] says.
pub(crate) fn minter(config: &Config, kid: Option<&str>) -> anyhow::Result<Minter> {
    Minter::new(&config.auth, kid).map_err(|error| advise(error, config))
}

/// A secret whose tokens are accepted without a name in their head.
pub(crate) fn plain_secret(config: &Config) -> anyhow::Result<Secret> {
    let signing = config.auth.signing_secret(None);
    let signing = signing.map_err(|error| advise(error, config))?;
    Ok(signing.secret)
}

/// Says what was tried if nothing is configured.
fn advise(error: MintError, config: &Config) -> anyhow::Error {
    match error {
        MintError::NoSecret => anyhow!(
            "{error}; the data folder {} has no key of `onsale dev`: name that of the server by --data",
            config.data.dir.display()
        ),
        other => other.into(),
    }
}

/// An operator's token for a verb's own calls.
pub(crate) fn mint_operator(config: &Config, ttl_s: u64) -> anyhow::Result<String> {
    Ok(minter(config, None)?.mint_operator(ttl_s, clock::now_ms())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_key_learns_where_it_was_looked_for() {
        let mut config = Config::default();
        config.data.dir = "/nowhere/data".into();
        let error = minter(&config, None).err().unwrap().to_string();
        assert!(error.contains("/nowhere/data"), "{error}");
        assert!(error.contains("--data"), "{error}");
    }
}
