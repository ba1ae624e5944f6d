//! The link by which an installation gets its first admin, printed while there is none: there is no
//! default password.

use onsale_accounts::Office;
use onsale_auth::Minter;
use onsale_processor::clock;
use onsale_store::Store;

use crate::config::{Config, NodeRole};
use crate::{output, secrets};

/// How long a link is good, in hours.
const LINK_LIFE_HOURS: u64 = 24;
const HOUR_MS: u64 = 3_600_000;

/// Prints a link where people have accounts here and none of them is an admin. A database that cannot be
/// asked keeps no server from starting.
pub(crate) async fn announce(mut config: Config, api: &str, store: &Store) {
    if config.kafka.is_used() && !config.node.is(NodeRole::Ingress) {
        return;
    }
    config.accounts = secrets::accounts(&config);
    // Tokens come from elsewhere.
    if Minter::of_sessions(&config.auth).is_err() {
        return;
    }
    match token(&config, store).await {
        Ok(Some(token)) => {
            let pages = config.links_url().trim_end_matches('/');
            output::announce(format_args!(
                "There is no admin yet. To create the first one, open this link on your pages, or POST to \
                 {api}/api/v1/auth/first-admin with \"email\", \"password\" and, as \"token\", what stands behind \
                 \"#token=\" here. The link works once, within {LINK_LIFE_HOURS} hours; each start prints a new \
                 one:\n  \
                 {pages}/first-admin#token={token}"
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
async fn token(config: &Config, store: &Store) -> anyhow::Result<Option<String>> {
    let Some(ring) = config.accounts.ring()? else {
        return Ok(None);
    };
    let now_ms = clock::now_ms();
    let cost = config.accounts.bcrypt_cost;
    let office = Office::open(store.clone(), ring, cost, now_ms).await?;
    let life_ms = LINK_LIFE_HOURS * HOUR_MS;
    let issued = office.first_admin_token(life_ms, now_ms).await?;
    Ok(issued.map(|token| token.expose()))
}
