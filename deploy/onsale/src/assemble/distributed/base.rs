//! What all roles of a process share: topics, database, Redis, metrics.

use std::time::Duration;

use anyhow::{Context, anyhow};
use onsale_cluster::recorded_partitions;
use onsale_counts::Counts;
use onsale_log::kafka::{KafkaError, KafkaSettings, Topics, ensure_as};
use onsale_processor::audit_months;
use onsale_processor::fit::{self, FitError, Misfit};
use onsale_processor::metrics::Metrics;
use onsale_processor::node::database::{self, LogIdentity};
use onsale_store::retention::RetentionConfig;
use onsale_store::{Latch, Store, StoreError};
use prometheus::Registry;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::audit_keeping;
use crate::config::Config;
use crate::exit::{Failure, OrFail, kafka_failure};
use crate::second_layer;

/// Pause before a database that does not answer, or is another log's, is looked at again.
const LOOK_RETRY: Duration = Duration::from_secs(2);
/// How long a start waits for the first look at the database. Migrations that do not get their locks, as beside a
/// backup, go on behind the start.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(10);

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
        let store = connect(config, &settings, &topics).await?;
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

/// The database, reached or not, behind a latch: all roles wait until it is known to belong to this log
/// and is brought up to date, which is tried until it succeeds. The start itself waits for moments only.
async fn connect(
    config: &Config,
    settings: &KafkaSettings,
    topics: &Topics,
) -> Result<Store, Failure> {
    let direct = Store::connect_lazily(&config.database_url()?, config.database.connections_max)
        .await
        .context("database")
        .or_use()?
        .for_installation();
    let (store, latch) = direct.behind_latch();
    let entrance = Entrance {
        kafka: settings.clone(),
        log: LogIdentity {
            log_id: topics.log_id,
            partitions: topics.partitions,
        },
        direct,
        latch,
        retention: config.retention,
    };
    // A task of its own, so that migrations that have begun go on when nobody waits for them any more.
    let mut looking = tokio::spawn(async move {
        let looked = entrance.admit().await;
        (entrance, looked)
    });
    let looked = timeout(FIRST_LOOK_MAX, &mut looking).await;
    let Ok(looked) = looked else {
        tracing::warn!(
            "starting without the database; it is still being looked at, or brought up to date"
        );
        tokio::spawn(async move {
            match looking.await {
                Ok((_, Ok(()))) => tracing::info!("the database is used from now on"),
                Ok((entrance, Err(refusal))) => {
                    refusal.say();
                    entrance.admit_later(refusal.to_string()).await;
                }
                Err(error) => tracing::error!(%error, "the look at the database broke off"),
            }
        });
        return Ok(store);
    };
    let (entrance, looked) = looked.context("database").or_found()?;
    match looked {
        Ok(()) => {}
        Err(Refusal::Migrations(error)) if !matches!(error, StoreError::Unreachable(_)) => {
            return Err(Failure::Found(
                anyhow::Error::new(error).context("database migrations"),
            ));
        }
        Err(refusal) => {
            refusal.say();
            tokio::spawn(entrance.admit_later(refusal.to_string()));
        }
    }
    Ok(store)
}

/// Why a database is not used yet.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Foreign(Misfit),
    #[error(transparent)]
    Unknown(FitError),
    #[error("database migrations: {0}")]
    Migrations(StoreError),
}

impl Refusal {
    fn say(&self) {
        match self {
            Self::Foreign(misfit) => {
                tracing::error!("the database is not used, and is looked at again: {misfit}");
            }
            Self::Unknown(FitError::Store(StoreError::Unreachable(_)))
            | Self::Migrations(StoreError::Unreachable(_)) => {
                tracing::warn!(
                    error = %self,
                    "starting without the database; it is asked until it answers"
                );
            }
            Self::Unknown(_) | Self::Migrations(_) => {
                tracing::error!(error = %self, "the database is not used, and is looked at again");
            }
        }
    }
}

/// Who may use the database, and when.
struct Entrance {
    kafka: KafkaSettings,
    log: LogIdentity,
    /// Past the latch.
    direct: Store,
    latch: Latch,
    retention: RetentionConfig,
}

impl Entrance {
    /// Opens the latch of a database that belongs to this log, with the schema of this program.
    async fn admit(&self) -> Result<(), Refusal> {
        let looked = database::look_first(&self.kafka, self.log, &self.direct).await;
        if let Some(foreign) = looked.map_err(Refusal::Unknown)? {
            self.latch.refuse(foreign.to_string());
            return Err(Refusal::Foreign(foreign));
        }
        match self.direct.migrate().await {
            Ok(0) => {}
            Ok(applied) => tracing::info!(applied, "database schema brought up to date"),
            Err(error) => {
                if !matches!(error, StoreError::Unreachable(_)) {
                    self.latch.refuse(format!("database migrations: {error}"));
                }
                return Err(Refusal::Migrations(error));
            }
        }
        fit::warn_of_later_version(&self.direct).await;
        audit_months::make(&self.direct).await;
        audit_keeping::write_down(&self.direct, &self.retention).await;
        second_layer::report(&self.direct).await;
        self.latch.open();
        Ok(())
    }

    /// Tries again until it succeeds. `said` is what was said of it.
    async fn admit_later(self, mut said: String) {
        loop {
            tokio::time::sleep(LOOK_RETRY).await;
            match self.admit().await {
                Ok(()) => return tracing::info!("the database answers"),
                Err(refusal) => {
                    let now = refusal.to_string();
                    if now != said {
                        refusal.say();
                        said = now;
                    }
                }
            }
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
