//! Whether the configured database and the snapshots belong to the log, in the data folder or on
//! Kafka, for verbs that look at them, also beside a running server.

use std::collections::BTreeMap;

use onsale_log::LogReader as _;
use onsale_log::journal::Journal;
use onsale_log::kafka::{KafkaReader, KafkaSettings, identity, refuse_faked_clock};
use onsale_processor::fit::{self, FitError, KeptSnapshots, Misfit};
use onsale_processor::node::database::{self, LogIdentity};
use onsale_schemas::PartitionId;
use onsale_store::Store;

use crate::config::Config;

/// What does not fit; `None` also if there is no log and nothing is left of one. Without a store, or
/// without Onsale's tables in it, there is no database.
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
        // It may be another log's besides, which matters more; without a table that cannot be asked.
        let foreign = look_at_log(config, Some(store)).await.ok().flatten();
        let foreign = foreign.filter(Misfit::is_foreign);
        return Ok(foreign.or(Some(missing)));
    }
    let misfit = look_at_log(config, store).await?;
    match (misfit, current) {
        // The machines know how many there have to be; without them what is missing before the last zone
        // is found, and a show that has none.
        (None, Some(store)) => match fit::look_at_zones(store, &BTreeMap::new()).await? {
            Some(lacking) => Ok(Some(lacking)),
            None => Ok(fit::look_at_codes(store).await?),
        },
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
    let store = match store {
        Some(store) if store.has_schema().await? => Some(store),
        _ => None,
    };
    if Journal::is_there(&config.journal_dir()) {
        return of_journal(config, store).await;
    }
    look_for_lost_log(config, store).await
}

/// What is left of a log that is not in the data folder.
pub(crate) async fn look_for_lost_log(
    config: &Config,
    store: Option<&Store>,
) -> Result<Option<Misfit>, FitError> {
    let kept = KeptSnapshots::read(&config.snapshots_dir())?;
    Ok(fit::look_for_lost_log(&config.journal_dir(), &kept, store).await?)
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
    match found.map(|found| found.misfit) {
        Some(foreign) if foreign.is_foreign() => Ok(Some(foreign)),
        misfit => Ok(of_this_node(config, settings, log_id).await?.or(misfit)),
    }
}

/// Snapshots in the data folder of this machine, which need not be a node.
async fn of_this_node(
    config: &Config,
    settings: KafkaSettings,
    log_id: [u8; 16],
) -> Result<Option<Misfit>, FitError> {
    // Beside a journal they are of another mode, and of nothing that is looked at here.
    if Journal::is_there(&config.journal_dir()) {
        return Ok(None);
    }
    let folder = config.snapshots_dir();
    let looked = tokio::task::spawn_blocking(move || {
        let kept = KeptSnapshots::read(&folder)?;
        Ok(kept.look(log_id, &KafkaReader::new(&settings)?)?)
    });
    let looked = looked.await;
    looked.map_err(|error| FitError::BrokenOff(error.to_string()))?
}

async fn of_journal(config: &Config, store: Option<&Store>) -> Result<Option<Misfit>, FitError> {
    // Before the log is read: what a running server writes meanwhile is not ahead of it then.
    let kept = KeptSnapshots::read(&config.snapshots_dir());
    let journal = Journal::open_read_only(&config.journal_dir())?;
    let Some(store) = store else {
        if let Ok(kept) = &kept
            && let Some(foreign) = kept.look(journal.log_id(), &journal.reader())?
        {
            return Ok(Some(foreign));
        }
        let records = records(&journal)?;
        return Ok((records > 0).then_some(Misfit::Empty { records }));
    };
    let (log_id, partitions) = (journal.log_id(), journal.partitions());
    let misfit = fit::look(store, log_id, partitions, &mut journal.reader()).await?;
    if let Some(
        Misfit::LogSetBack {
            partition,
            projected,
            ..
        }
        | Misfit::WatermarkBeyond {
            partition,
            projected,
            ..
        },
    ) = misfit
    {
        // A running server may have advanced since the journal was opened.
        let (_, end) = Journal::open_read_only(&config.journal_dir())?
            .reader()
            .bounds(partition)?;
        if projected <= end {
            return Ok(None);
        }
    }
    // Those that cannot be read have a check of their own.
    let Ok(kept) = kept else {
        return Ok(misfit);
    };
    if misfit.as_ref().is_some_and(Misfit::is_foreign) {
        return Ok(misfit);
    }
    if let Some(foreign) = kept.look(log_id, &journal.reader())? {
        return Ok(Some(foreign));
    }
    match misfit {
        None => Ok(fit::look_back(store, kept.offsets()).await?),
        misfit => Ok(misfit),
    }
}

fn records(journal: &Journal) -> Result<u64, FitError> {
    let reader = journal.reader();
    let mut records = 0;
    for partition in (0..journal.partitions()).map(PartitionId) {
        records += reader.bounds(partition)?.1;
    }
    Ok(records)
}
