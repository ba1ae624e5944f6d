//! Connecting to PostgreSQL.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::time::timeout;

use super::lent;
use super::writes::Writes;
use super::{Latch, classify, tls};
use crate::error::StoreError;
use crate::scope::{self, Scope};

/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection is replaced after this long, so that load follows a moved server, in seconds.
const CONNECTION_AGE_MAX_SECONDS: u64 = 1_800;
/// How long a statement may take in all. The server's limits below come first wherever there is a
/// server (a lock that is waited for while the statement is prepared, then the statement itself), so
/// this one is for a server that has fallen silent.
pub(super) const STATEMENT_MAX: Duration = Duration::from_secs(15);
/// What a server is expected to take in at least: the larger values of a statement (a copy of a
/// snapshot) have that much more time, which the server's limit does not count.
pub(super) const UPLOAD_MIN_BYTES_PER_SECOND: u64 = 1 << 20;
/// How long a statement may take after [`RAISE_STATEMENT_TIMEOUT`].
pub(super) const RAISED_STATEMENT_MAX: Duration = Duration::from_secs(3_605);
/// Lets the next statements of a transaction take an hour.
pub(super) const RAISE_STATEMENT_TIMEOUT: &str = "SET LOCAL statement_timeout = '3600s'";
/// How long the look at a connection may take that was idle, which sets its scope. One that does not answer is
/// replaced while its caller waits.
const PING_MAX: Duration = Duration::from_secs(2);
/// The server's time limits, which also end what nobody waits for any more. The keepalive times are in
/// seconds, and for connections whose client has vanished.
const SESSION_OPTIONS: [(&str, &str); 8] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "5s"),
    // A projector that hangs must not keep its partition's watermark from the next owner.
    ("idle_in_transaction_session_timeout", "10s"),
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    // Until it is lent.
    (scope::SCOPE, scope::NOTHING),
    // A policy looks like much work to the planner, and is none for nearly every statement.
    ("jit", "off"),
];

/// The pool of one PostgreSQL database.
#[derive(Clone, Debug)]
pub(crate) struct PostgresPool {
    pub(crate) pool: PgPool,
    pub(crate) writes: Writes,
    pub(crate) latch: Latch,
    /// For whom it works; `None`: for whom the task works that asks.
    scope: Option<Scope>,
}

impl PostgresPool {
    fn new(pool: PgPool) -> Self {
        let writes = Writes::new(pool.options().get_max_connections(), ACQUIRE_TIMEOUT);
        Self {
            pool,
            writes,
            latch: Latch::opened(),
            scope: None,
        }
    }

    /// For whom a statement works that is asked for now.
    pub(crate) fn scope(&self) -> Scope {
        self.scope.unwrap_or_else(Scope::current)
    }

    /// The same pool, for whom `scope` says; `None`: for whom the task works that asks.
    pub(crate) fn within(&self, scope: Option<Scope>) -> Self {
        Self {
            scope,
            ..self.clone()
        }
    }
}

pub(crate) async fn connect(url: &str, connections_max: u32) -> Result<PostgresPool, StoreError> {
    pool(connections_max)
        .connect_with(options(url)?)
        .await
        .map(PostgresPool::new)
        .map_err(classify)
}

/// A pool that connects when it is used first.
pub(crate) fn connect_lazily(url: &str, connections_max: u32) -> Result<PostgresPool, StoreError> {
    let pool = pool(connections_max).connect_lazy_with(options(url)?);
    Ok(PostgresPool::new(pool))
}

/// One connection to where `pool` connects, in a transaction that reads everything as of its begin.
/// `is_first` says no to any further connection: it would be of another moment. It works for whom `scope` says
/// from the begin on.
pub(crate) async fn connect_at_one_moment(
    pool: &PgPool,
    scope: Scope,
    is_first: impl Fn() -> bool + Send + Sync + Clone + 'static,
) -> Result<PostgresPool, StoreError> {
    let options = (*pool.connect_options())
        .clone()
        .options([("idle_in_transaction_session_timeout", "300s")]);
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let is_first = is_first();
            Box::pin(async move {
                if !is_first {
                    return Err(sqlx::Error::PoolClosed);
                }
                sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .execute(&mut *connection)
                    .await?;
                put_within(connection, scope).await
            })
        })
        .connect_with(options)
        .await
        .map(|pool| PostgresPool::new(pool).within(Some(scope)))
        .map_err(classify)
}

fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let url = tls::with_known_parameters(url);
    let options = PgConnectOptions::from_str(&url).map_err(|_| StoreError::Url(redacted(&url)))?;
    Ok(tls::checked(options, &url)?
        .application_name("onsale")
        .options(SESSION_OPTIONS))
}

fn pool(connections_max: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections_max.max(1))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(Duration::from_secs(CONNECTION_AGE_MAX_SECONDS))
        // Its own look at a connection has no limit but the caller's patience.
        .test_before_acquire(false)
        // Both run within the call that asks for the connection.
        .after_connect(|connection, _| Box::pin(put_within(connection, lent::lent_for())))
        .before_acquire(|connection, _| {
            Box::pin(async move {
                let answer =
                    timeout(PING_MAX, put_where_written(connection, lent::lent_for())).await;
                Ok(answer.is_ok_and(|answer| answer.unwrap_or(false)))
            })
        })
}

/// Sets for whom the session of a connection works, whatever it did before.
async fn put_within(connection: &mut PgConnection, scope: Scope) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(scope.statements()))
        .execute(connection)
        .await
        .map(drop)
}

/// The same in a session that was used before; says whether the server takes writes. It costs what a ping
/// does, and finds one that has become a replica.
async fn put_where_written(
    connection: &mut PgConnection,
    scope: Scope,
) -> Result<bool, sqlx::Error> {
    let statements = format!("{}; SHOW transaction_read_only", scope.statements());
    let row = sqlx::raw_sql(AssertSqlSafe(statements))
        .fetch_one(connection)
        .await?;
    Ok(row.try_get::<String, _>(0)? == "off")
}

/// The URL for messages: without its password and its parameters, which may hold one too.
pub(crate) fn redacted(url: &str) -> String {
    let (shown, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = match shown.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), shown),
    };
    // The mark may belong to the password, or the sign before the host to a parameter.
    if parameters.contains('@') {
        return format!("{scheme}***");
    }
    match rest.rsplit_once('@') {
        Some((credentials, host)) => {
            let user = credentials.split(':').next().unwrap_or_default();
            format!("{scheme}{user}:***@{host}")
        }
        None => shown.to_owned(),
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
        for url in [
            "postgres://h/db?user=a&password=s3cret&sslmode=bogus",
            "postgres://h/db?user=a&password=x@s3cret",
            "postgres://me:x?s3cret@h/db",
            "postgres://me:s3cret@h/db?sslmode=bogus",
            "postgres:/h/db?password=s3cret",
            "me:s3cret@h/db",
        ] {
            let shown = redacted(url);
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
}
