//! The link by which an installation gets its first admin, printed while there is none: there is no
//! default password.

use anyhow::anyhow;
use onsale_accounts::Office;
use onsale_auth::Minter;
use onsale_processor::clock;
use onsale_store::Store;

use crate::config::{Config, NodeRole};
use crate::{output, secrets};

/// How long a link is good, in hours.
const LINK_LIFE_HOURS: u64 = 24;
const HOUR_MS: u64 = 3_600_000;
const CONNECTIONS: u32 = 2;

/// Prints a link where people have accounts here and none of them is an admin. A database that cannot be
/// asked keeps no server from starting.
pub(crate) async fn announce(mut config: Config, api: &str) {
    if config.kafka.is_used() && !config.node.is(NodeRole::Ingress) {
        return;
    }
    if !config.accounts.has_key() {
        config.accounts.key = secrets::read_accounts_secret(&config.data.dir);
    }
    // Tokens come from elsewhere.
    if Minter::of_sessions(&config.auth).is_err() {
        return;
    }
    match token(&config).await {
        Ok(Some(token)) => {
            let pages = config.mail.link_base_url.trim_end_matches('/');
            output::announce(format_args!(
                "There is no admin yet. Whoever follows this link becomes the first; it is good once, for \
                 {LINK_LIFE_HOURS} hours, and each start prints another:\n  \
                 {pages}/first-admin#token={token}\nOr POST {api}/api/v1/auth/first-admin with \"token\", \
                 \"email\" and \"password\"."
            ));
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(
            error = format!("{error:#}"),
            "whether there is an admin cannot be told; `onsale user create --admin` makes one"
        ),
    }
}

/// A new token, where there is no admin.
async fn token(config: &Config) -> anyhow::Result<Option<String>> {
    let Some(ring) = config.accounts.ring()? else {
        return Ok(None);
    };
    let url = config.database_url().map_err(|error| anyhow!("{error}"))?;
    let store = Store::connect(&url, CONNECTIONS).await?.for_installation();
    let now_ms = clock::now_ms();
    let issued = async {
        let cost = config.accounts.bcrypt_cost;
        let office = Office::open(store.clone(), ring, cost, now_ms).await?;
        office
            .first_admin_token(LINK_LIFE_HOURS * HOUR_MS, now_ms)
            .await
    }
    .await;
    store.close().await;
    Ok(issued?.map(|token| token.expose()))
}
