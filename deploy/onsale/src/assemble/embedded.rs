//! Puts an embedded process together.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use onsale_ingress::{Ingress, SystemClock};
use onsale_log::LogError;
use onsale_log::journal::Journal;
use onsale_processor::embedded::{Embedded, EmbeddedOptions, Retention, StartError};
use onsale_processor::metrics::Metrics;
use onsale_processor::standings::Standings;
use onsale_schemas::NodeName;
use onsale_store::Store;
use prometheus::Registry;

use super::{Parts, payments, resume_openings, serve_ingress};
use crate::audit_keeping;
use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::exit::{Failure, OrFail};
use crate::in_place::InPlace;
use crate::log_source::log_source;
use crate::operations::EmbeddedOperations;
use crate::private;
use crate::second_layer;
use crate::secrets;

/// Everything in this process.
pub(super) async fn parts(config: &Config) -> Result<Parts, Failure> {
    let registry = Registry::new();
    let (embedded, store) = start(config, &registry).await?;
    audit_keeping::write_down(&store, &config.retention).await;
    let embedded = Arc::new(embedded);
    let operations = Arc::new(EmbeddedOperations::new(
        embedded.clone(),
        store.clone(),
        &config.node.id,
        standings(config, embedded.clone()),
        Descriptors::watch(&registry).or_found()?,
        InPlace::new(config),
    ));
    let mut settings = config.ingress();
    if !settings.auth.has_booking_secret() {
        let secret = secrets::booking_secret(&config.data.dir).or_use()?;
        settings.auth.booking_secret = Some(secret);
    }
    let log = Arc::new(embedded.log());
    let (executor, simulated) = payments::executor(config, &store, log.clone(), &registry)?;
    let ingress = Ingress::new(
        settings,
        log,
        store.clone(),
        operations,
        Arc::new(SystemClock),
        registry.clone(),
    )
    .context("cannot set up the ingress")
    .or_use()?
    .with_payments(payments::desk(config, &executor, simulated));
    ingress.add_first_categories().await;
    resume_openings(&ingress).await;
    tokio::spawn(ingress.clone().describe_catalog());
    tokio::spawn(ingress.clone().follow_catalog());
    let failure = embedded.failure();
    Ok(Parts {
        store,
        registry,
        payments: Some(executor),
        serve: serve_ingress(ingress),
        failure: Box::pin(failure),
        before_stop: Box::pin(async {}),
        stop: Box::pin(async move { embedded.stop().await }),
    })
}

/// How requests fared: from the open journal, so that nobody has to look through its files first.
fn standings(config: &Config, embedded: Arc<Embedded>) -> Standings {
    let source = log_source(config);
    let open = move || match embedded.read_log() {
        Some(log) => Ok(log),
        // It was closed a moment ago.
        None => source.open(),
    };
    Standings::new(open, config.snapshots_dir())
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
        if !Journal::is_there(&config.journal_dir()) {
            let dir = config.journal_dir();
            return Err(Failure::Reach(anyhow!(
                "there is no journal in {}: check the path of the data folder (--data, data.dir)",
                dir.display()
            )));
        }
        let (embedded, store) = start(config, &Registry::new()).await?;
        let result = work(&embedded, &store).await;
        embedded.stop().await;
        store.close().await;
        result.or_found()
    })
}

async fn start(config: &Config, registry: &Registry) -> Result<(Embedded, Store), Failure> {
    let dir = &config.data.dir;
    private::data_folder(dir).or_use()?;
    let store = Store::connect(&config.database_url()?, config.database.connections_max)
        .await
        .context("cannot open the database")
        .or_reach()?
        .for_installation();
    second_layer::report(&store).await;
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
        Err(error @ StartError::Migrations(_)) => return Err(Failure::Found(error.into())),
        Err(error) => {
            return Err(Failure::Found(
                anyhow::Error::new(error).context("cannot recover"),
            ));
        }
    };
    Ok((embedded, store))
}

fn options(config: &Config) -> EmbeddedOptions {
    EmbeddedOptions {
        node: NodeName(config.node.id.clone()),
        journal_dir: config.journal_dir(),
        snapshots_dir: config.snapshots_dir(),
        journal: config.log.journal_options(),
        snapshots: config.snapshots.policy(),
        retention: Retention {
            snapshots_kept: config.snapshots.keep,
            log_age_max_ms: config.log.retention_ms(),
            in_database: config.snapshots.in_database,
        },
        silence_max_days: config.log.silence_max_days,
    }
}
