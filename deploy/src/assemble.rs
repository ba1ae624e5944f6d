//! Puts a process together from its configuration, and takes it apart again in order.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use onsale_ingress::{Ingress, SystemClock};
use onsale_log::LogError;
use onsale_log::journal::JournalOptions;
use onsale_processor::clock;
use onsale_processor::embedded::runtime::StartError;
use onsale_processor::embedded::snapshots::Retention;
use onsale_processor::embedded::{Embedded, EmbeddedOptions};
use onsale_processor::metrics::Metrics;
use onsale_processor::replica::SnapshotPolicy;
use onsale_schemas::NodeName;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_store::Store;
use prometheus::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::operations::EmbeddedOperations;
use crate::telemetry;

/// Hours in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// Runs a server until SIGINT or SIGTERM, or until its core fails. `announce` runs once it is ready.
pub(crate) fn serve_until_stopped<F>(
    config: Config,
    announce: impl FnOnce(SocketAddr) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_found()?;
    runtime.block_on(async {
        let _telemetry = telemetry::start(&config.telemetry, &config.node.id).or_use()?;
        serve(config, announce).await
    })
}

async fn serve<F>(config: Config, announce: impl FnOnce(SocketAddr) -> F) -> Result<(), Failure>
where
    F: Future<Output = anyhow::Result<()>>,
{
    // First of all: a port that is taken should not cost a recovery.
    let listener = TcpListener::bind(config.http.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.http.listen))
        .or_use()?;
    let address = listener.local_addr().or_found()?;
    let registry = Registry::new();
    let (embedded, store) = start(&config, &registry).await?;
    let embedded = Arc::new(embedded);
    let operations = Arc::new(EmbeddedOperations::new(
        embedded.clone(),
        store.clone(),
        &config.node.id,
    ));
    let ingress = Ingress::new(
        config.ingress(),
        Arc::new(embedded.log()),
        store.clone(),
        operations,
        Arc::new(SystemClock),
        registry,
    )
    .context("cannot set up the ingress")
    .or_use()?;
    match ingress.resume_openings().await {
        Ok(0) => {}
        Ok(shows) => tracing::info!(
            shows,
            "openings that a crash interrupted were handed in again"
        ),
        Err(error) => tracing::warn!(?error, "shows whose opening was interrupted stay unopened"),
    }

    let stop = CancellationToken::new();
    let failure = embedded.failure();
    let housekeeping = tokio::spawn(forget_old_answers(store, stop.clone()));
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move { ingress.serve(listener, stop.cancelled_owned()).await }
    });
    let announced = announce(address);
    let announced_then_waiting = async {
        announced.await?;
        std::future::pending::<anyhow::Result<()>>().await
    };
    let result = tokio::select! {
        () = stop_signal() => Ok(()),
        why = failure => Err(Failure::Found(anyhow!("{why}; start again to recover"))),
        Err(error) = announced_then_waiting => Err(Failure::Found(error)),
    };
    tokio::spawn(async {
        stop_signal().await;
        tracing::warn!("asked to stop again: stopping at once; the log is safe");
        std::process::exit(1);
    });
    tracing::info!("stopping: requests in flight are finished first");
    stop.cancel();
    let served = serving.await.or_found()?.context("HTTP server").or_found();
    drop(housekeeping.await);
    embedded.stop().await;
    tracing::info!("stopped");
    result.and(served)
}

/// Opens database and log without HTTP, for verbs that work on a stopped data folder.
pub(crate) fn offline<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Embedded, &Store) -> anyhow::Result<T>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_found()?;
    runtime.block_on(async {
        if !config.journal_dir().exists() {
            let dir = config.journal_dir();
            return Err(Failure::Reach(anyhow!(
                "there is no log in {}",
                dir.display()
            )));
        }
        let (embedded, store) = start(config, &Registry::new()).await?;
        let result = work(&embedded, &store).await;
        embedded.stop().await;
        result.or_found()
    })
}

async fn start(config: &Config, registry: &Registry) -> Result<(Embedded, Store), Failure> {
    let dir = &config.data.dir;
    std::fs::create_dir_all(dir)
        .with_context(|| format!("cannot make the data folder {}", dir.display()))
        .or_use()?;
    let store = Store::connect(&config.database_url()?, config.database.connections_max)
        .await
        .context("cannot open the database")
        .or_reach()?;
    let applied = store
        .migrate()
        .await
        .context("database migrations")
        .or_found()?;
    if applied > 0 {
        tracing::info!(applied, "database schema brought up to date");
    }
    let metrics = Metrics::register(registry).or_found()?;
    let embedded = Embedded::start(options(config), store.clone(), metrics).await;
    let embedded = match embedded {
        Ok(embedded) => embedded,
        Err(error @ StartError::Log(LogError::Locked { .. })) => {
            return Err(Failure::Reach(error.into()));
        }
        Err(error @ StartError::Log(_)) => {
            return Err(Failure::Found(
                anyhow::Error::new(error).context("the log cannot be opened"),
            ));
        }
        Err(error) => {
            return Err(Failure::Found(
                anyhow::Error::new(error).context("cannot recover"),
            ));
        }
    };
    Ok((embedded, store))
}

fn options(config: &Config) -> EmbeddedOptions {
    let mut journal = JournalOptions::new(config.log.partitions);
    journal.segment_size_bytes = config.log.segment_size_mib << 20;
    let retention_hours = config.log.retention_hours;
    EmbeddedOptions {
        node: NodeName(config.node.id.clone()),
        journal_dir: config.journal_dir(),
        snapshots_dir: config.snapshots_dir(),
        journal,
        snapshots: SnapshotPolicy {
            every_records: config.snapshots.every_records,
            every_ms: config.snapshots.every_seconds * 1_000,
        },
        retention: Retention {
            snapshots_kept: config.snapshots.keep,
            log_age_max_ms: (retention_hours > 0).then_some(retention_hours * HOUR_MS),
            in_database: config.snapshots.in_database,
        },
    }
}

/// Forgets answers of catalog calls whose idempotency key is no longer remembered.
async fn forget_old_answers(store: Store, stop: CancellationToken) {
    let mut every_hour = tokio::time::interval(std::time::Duration::from_millis(HOUR_MS));
    loop {
        // Only the waiting is cut short: a database call that is dropped half-way poisons its
        // connection.
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every_hour.tick() => {}
        }
        let before_ms = clock::now_ms().saturating_sub(IDEMPOTENCY_WINDOW_MS);
        match store.forget_answers(before_ms).await {
            Ok(0) => {}
            Ok(answers) => tracing::debug!(answers, "old answers of catalog calls forgotten"),
            Err(error) => tracing::warn!(%error, "old answers of catalog calls are kept"),
        }
    }
}

/// Completes at SIGINT or SIGTERM.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be caught; stop with Ctrl-C");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminate => {}
        result = tokio::signal::ctrl_c() => {
            if let Err(error) = result {
                tracing::warn!(%error, "Ctrl-C cannot be caught");
            }
        }
    }
}
