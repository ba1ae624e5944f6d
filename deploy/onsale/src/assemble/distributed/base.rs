//! What all roles of a process share: topics, database, Redis, metrics.

use std::time::Duration;

use anyhow::{Context, anyhow};
use onsale_cluster::recorded_partitions;
use onsale_counts::Counts;
use onsale_log::kafka::{KafkaError, KafkaSettings, Topics, ensure_as};
use onsale_processor::metrics::Metrics;
use onsale_store::{Store, StoreError};
use prometheus::Registry;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exit::{Failure, OrFail, kafka_failure};

/// Pause before a database that does not answer is asked again for its schema.
const MIGRATE_RETRY: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct Base {
    pub(super) settings: KafkaSettings,
    pub(super) topics: Topics,
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) metrics: Metrics,
    pub(super) counts: Option<Counts>,
    /// Ends what runs in the background.
    pub(super) stop: CancellationToken,
}

impl Base {
    /// Checks the topics, or makes them, and connects to the databases.
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        let settings = config.kafka_settings();
        let topics = blocking({
            let settings = settings.clone();
            move || ensure_as(&settings, || recorded_partitions(&settings))
        })
        .await?;
        let store = database(config).await?;
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).or_found()?;
        let counts = counts(config, &topics, &registry)?;
        Ok(Self {
            settings,
            topics,
            store,
            registry,
            metrics,
            counts,
            stop: CancellationToken::new(),
        })
    }
}

/// The database, reached or not: it is brought up to date as soon as it answers.
async fn database(config: &Config) -> Result<Store, Failure> {
    let store = Store::connect_lazily(&config.database_url()?, config.database.connections_max)
        .await
        .context("database")
        .or_use()?;
    match store.migrate().await {
        Ok(0) => {}
        Ok(applied) => tracing::info!(applied, "database schema brought up to date"),
        Err(error @ StoreError::Unreachable(_)) => {
            tracing::warn!(%error, "starting without the database; it is asked until it answers");
            tokio::spawn(migrate_later(store.clone()));
        }
        Err(error) => {
            return Err(Failure::Found(
                anyhow::Error::new(error).context("database migrations"),
            ));
        }
    }
    Ok(store)
}

async fn migrate_later(store: Store) {
    loop {
        tokio::time::sleep(MIGRATE_RETRY).await;
        match store.migrate().await {
            Ok(_) => return tracing::info!("the database answers"),
            Err(StoreError::Unreachable(_)) => {}
            Err(error) => return tracing::error!(%error, "database migrations"),
        }
    }
}

/// Redis, where it is configured. Its keys name the log: counts of one say nothing about another.
fn counts(
    config: &Config,
    topics: &Topics,
    registry: &Registry,
) -> Result<Option<Counts>, Failure> {
    let log: String = topics.log_id.iter().map(|b| format!("{b:02x}")).collect();
    let prefix = format!("onsale:{log}");
    let Some(settings) = config.redis.settings(&prefix, &config.node.id).or_use()? else {
        return Ok(None);
    };
    let counts = Counts::new(&settings, registry).context("redis").or_use()?;
    tokio::spawn({
        let counts = counts.clone();
        async move {
            // What is not there is loaded when it is needed.
            if let Err(error) = counts.preload().await {
                tracing::warn!(%error, "Redis does not answer; the log decides alone");
            }
        }
    });
    Ok(Some(counts))
}

/// Kafka's clients block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(kafka_failure),
        Err(error) => Err(Failure::Found(anyhow!(error))),
    }
}
