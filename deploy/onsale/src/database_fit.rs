//! Whether the configured database belongs to the log, in the data folder or on Kafka, for verbs that
//! look at both, also beside a running server.

use std::collections::BTreeMap;

use onsale_log::LogReader as _;
use onsale_log::journal::Journal;
use onsale_log::kafka::{identity, refuse_faked_clock};
use onsale_processor::fit::{self, FitError, Misfit};
use onsale_processor::node::database::{self, LogIdentity};
use onsale_processor::snapshots;
use onsale_schemas::PartitionId;
use onsale_store::Store;

use crate::config::Config;

/// What does not fit; `None` also if there is no log yet. Without a store, or without Onsale's
/// tables in it, there is no database.
pub(crate) async fn look(
    config: &Config,
    store: Option<&Store>,
) -> Result<Option<Misfit>, FitError> {
    // One of an earlier version lacks what the next start brings.
    let is_current = match store {
        Some(store) => store.check_schema().await.is_ok(),
        None => false,
    };
    let current = store.filter(|_| is_current);
    if let Some(store) = current
        && let Some(missing) = fit::look_at_schema(store).await?
    {
        return Ok(Some(missing));
    }
    let misfit = look_at_log(config, store).await?;
    match (misfit, current) {
        // The machines know how many there have to be; without them what is missing before the last zone
        // is found, and a show that has none.
        (None, Some(store)) => Ok(fit::look_at_zones(store, &BTreeMap::new()).await?),
        (misfit, _) => Ok(misfit),
    }
}

async fn look_at_log(config: &Config, store: Option<&Store>) -> Result<Option<Misfit>, FitError> {
    if config.kafka.is_used() {
        return match store {
            Some(store) => of_kafka(config, store).await,
            // The database is on a server that was not reached.
            None => Ok(None),
        };
    }
    if !config.journal_dir().exists() {
        return Ok(None);
    }
    of_journal(config, store).await
}

async fn of_kafka(config: &Config, store: &Store) -> Result<Option<Misfit>, FitError> {
    // Nothing of Kafka can be asked then, which is said where it is looked for first.
    if refuse_faked_clock().is_err() {
        return Ok(None);
    }
    let settings = config.kafka_settings();
    let asked = settings.clone();
    let log_id = tokio::task::spawn_blocking(move || identity(&asked)).await;
    let log_id = log_id.map_err(|error| FitError::BrokenOff(error.to_string()))??;
    let Some(log_id) = log_id else {
        return Ok(None);
    };
    let log = LogIdentity {
        log_id,
        partitions: config.log.partitions,
    };
    let found = database::look(&settings, log, store).await?;
    Ok(found.map(|found| found.misfit))
}

async fn of_journal(config: &Config, store: Option<&Store>) -> Result<Option<Misfit>, FitError> {
    let journal = Journal::open_read_only(&config.journal_dir())?;
    let store = match store {
        Some(store) if store.has_schema().await? => Some(store),
        _ => None,
    };
    let Some(store) = store else {
        let records = records(&journal)?;
        return Ok((records > 0).then_some(Misfit::Empty { records }));
    };
    let (log_id, partitions) = (journal.log_id(), journal.partitions());
    let misfit = fit::look(store, log_id, partitions, &mut journal.reader()).await?;
    if let Some(Misfit::LogSetBack {
        partition,
        projected,
        ..
    }) = misfit
    {
        // A running server may have advanced since the journal was opened.
        let (_, end) = Journal::open_read_only(&config.journal_dir())?
            .reader()
            .bounds(partition)?;
        if projected <= end {
            return Ok(None);
        }
    }
    if misfit.is_some() || !config.snapshots_dir().exists() {
        return Ok(misfit);
    }
    let Ok(kept) = snapshots::kept_in(&config.snapshots_dir()) else {
        // Those have their own check.
        return Ok(None);
    };
    let offsets = kept
        .iter()
        .map(|snapshot| (snapshot.partition, snapshot.next_offset));
    Ok(fit::look_back(store, offsets).await?)
}

fn records(journal: &Journal) -> Result<u64, FitError> {
    let reader = journal.reader();
    let mut records = 0;
    for partition in (0..journal.partitions()).map(PartitionId) {
        records += reader.bounds(partition)?.1;
    }
    Ok(records)
}
