//! Connecting to PostgreSQL.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::classify;
use crate::error::StoreError;

/// How long a caller waits for a free connection, in seconds.
const ACQUIRE_TIMEOUT_SECONDS: u64 = 5;
/// A connection is replaced after this long, so that load follows a moved server, in seconds.
const CONNECTION_AGE_MAX_SECONDS: u64 = 1_800;
/// Time limits are the server's, because a future of sqlx that is dropped half-way may leave its
/// connection unusable. The keepalive times are in seconds.
const SESSION_OPTIONS: [(&str, &str); 6] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "5s"),
    // A projector that hangs must not keep its partition's watermark from the next owner.
    ("idle_in_transaction_session_timeout", "10s"),
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

pub(crate) async fn connect(url: &str, connections_max: u32) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Url(redacted(url)))?
        .application_name("onsale")
        .options(SESSION_OPTIONS);
    PgPoolOptions::new()
        .max_connections(connections_max.max(1))
        .acquire_timeout(Duration::from_secs(ACQUIRE_TIMEOUT_SECONDS))
        .max_lifetime(Duration::from_secs(CONNECTION_AGE_MAX_SECONDS))
        .test_before_acquire(true)
        .connect_with(options)
        .await
        .map_err(classify)
}

/// The URL without its password, for messages.
pub(crate) fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn a_message_never_shows_the_password() {
        assert_eq!(
            redacted("postgres://me:se@cret@host:1/x"),
            "postgres://me:***@host:1/x"
        );
        assert_eq!(redacted("postgres://host/x"), "postgres://host/x");
        assert_eq!(redacted("nonsense"), "nonsense");
    }
}
