//! A dedicated PostgreSQL with default durability, started by `deploy/services`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::super::{Bench, ingress};
use crate::side::job::{self, Zone};

/// Connections to PostgreSQL: with more they mostly wait for each other's locks, with fewer, fewer
/// commits share a sync.
const CONNECTIONS: u32 = 32;
/// Rows of single tickets that are put on sale, over all zones.
const TICKET_ROWS: i32 = 400_000;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../deploy/services/postgres.sh"
);
const SCHEMA: &str = include_str!("schema.sql");
/// The port of the cluster; not the one that tests use.
const PORT: &str = "15439";

pub(in super::super) struct Server {
    pub(super) url: String,
    folder: PathBuf,
    runtime: tokio::runtime::Runtime,
}

/// Runs a verb of the script on the cluster of this benchmark.
fn script(folder: &std::path::Path, verb: &str) -> anyhow::Result<String> {
    let output = Command::new(SCRIPT)
        .arg(verb)
        .env("ONSALE_SERVICES_DIR", folder)
        .env("ONSALE_TEST_POSTGRES_PORT", PORT)
        .env("ONSALE_POSTGRES_DURABLE", "bench")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {SCRIPT}"))?;
    if !output.status.success() {
        bail!("{SCRIPT} {verb} ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Stops the cluster if a round left it running.
pub(in super::super) fn forget(bench: &Bench) {
    let folder = bench.folder.join("postgres");
    if folder.exists()
        && let Err(error) = script(&folder, "stop")
    {
        crate::side::say::progress(format_args!("PostgreSQL: {error:#}"));
    }
}

impl Server {
    /// Starts the cluster, which the rounds share, with an empty schema.
    pub(super) fn start(bench: &Bench) -> anyhow::Result<Self> {
        let folder = bench.folder.join("postgres");
        let url = script(&folder, "start")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let server = Self {
            url,
            folder,
            runtime,
        };
        server.with(async |connection| {
            let durable: String = sqlx::query_scalar("SHOW fsync")
                .fetch_one(&mut *connection)
                .await?;
            if durable != "on" {
                bail!("PostgreSQL runs with fsync={durable}: that would be no comparison");
            }
            sqlx::raw_sql(SCHEMA).execute(connection).await?;
            Ok(())
        })?;
        Ok(server)
    }

    fn with<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url).await?;
            let result = work(&mut connection).await?;
            connection.close().await?;
            Ok(result)
        })
    }

    pub(super) fn put_on_sale(&self, zones: &[Zone], rows: bool) -> anyhow::Result<()> {
        let capacity = i32::try_from(job::CAPACITY)?;
        let each = TICKET_ROWS / i32::try_from(zones.len().max(1))?;
        self.with(async |connection| {
            for zone in zones {
                let zone: Uuid = zone.zone.parse()?;
                sqlx::query("INSERT INTO zones VALUES ($1, $2, $2)")
                    .bind(zone)
                    .bind(capacity)
                    .execute(&mut *connection)
                    .await?;
                if rows {
                    sqlx::query("INSERT INTO tickets SELECT $1, generate_series(1, $2), NULL")
                        .bind(zone)
                        .bind(each)
                        .execute(&mut *connection)
                        .await?;
                }
            }
            // Creating them is not part of the job.
            sqlx::raw_sql("VACUUM ANALYZE")
                .execute(&mut *connection)
                .await?;
            sqlx::raw_sql("CHECKPOINT")
                .execute(&mut *connection)
                .await?;
            Ok(())
        })
    }

    /// Tickets sold, counted in three ways that must agree.
    pub(super) fn sold(&self, rows: bool) -> anyhow::Result<u64> {
        let sold = if rows {
            "SELECT count(*) FROM tickets WHERE booking_id IS NOT NULL"
        } else {
            "SELECT coalesce(sum(capacity - available), 0)::bigint FROM zones"
        };
        self.with(async |connection| {
            let sold: i64 = sqlx::query_scalar(sold).fetch_one(&mut *connection).await?;
            let booked: i64 =
                sqlx::query_scalar("SELECT coalesce(sum(quantity), 0)::bigint FROM bookings")
                    .fetch_one(&mut *connection)
                    .await?;
            let by_user: i64 =
                sqlx::query_scalar("SELECT coalesce(sum(tickets), 0)::bigint FROM user_tickets")
                    .fetch_one(&mut *connection)
                    .await?;
            if sold != booked || sold != by_user {
                bail!("PostgreSQL counts {sold} sold, {booked} booked and {by_user} by user");
            }
            Ok(u64::try_from(sold)?)
        })
    }

    /// Syncs of its log so far.
    pub(super) fn syncs(&self) -> anyhow::Result<u64> {
        self.with(async |connection| {
            let syncs: i64 = sqlx::query_scalar("SELECT wal_sync FROM pg_stat_wal")
                .fetch_one(connection)
                .await?;
            Ok(u64::try_from(syncs)?)
        })
    }

    /// Stops it, so that it does not slow the next peer.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        script(&self.folder, "stop")?;
        Ok(())
    }
}

/// The connections of the minimal server.
pub(in super::super) async fn pool(url: &str) -> anyhow::Result<PgPool> {
    Ok(PgPoolOptions::new()
        .min_connections(CONNECTIONS)
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect(url)
        .await?)
}

/// Calls a function that reserves, and returns its result or how it failed.
pub(super) async fn call(
    pool: &PgPool,
    sql: &'static str,
    ask: &ingress::Ask,
) -> anyhow::Result<ingress::Verdict> {
    let returned = sqlx::query_scalar(sql)
        .bind(ask.booking)
        .bind(ask.show)
        .bind(ask.zone)
        .bind(ask.user)
        .bind(ask.quantity)
        .bind(ask.limit)
        .bind(i64::try_from(ask.expires_at_ms)?)
        .fetch_one(pool)
        .await;
    match returned {
        Ok(0) => Ok(ingress::Verdict::Reserved),
        Ok(2) => Ok(ingress::Verdict::Limit),
        Ok(other) => bail!("the function returned {other}"),
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("ON001") => {
            Ok(ingress::Verdict::SoldOut)
        }
        Err(error) => Err(error.into()),
    }
}
