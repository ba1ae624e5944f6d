//! Whether the catalog has the shows of the log, and whether what it lacks is there by now.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use onsale_engine::Partition;
use onsale_schemas::command::Subject;
use onsale_schemas::{EventId, ShowId};
use onsale_store::document::Document;
use onsale_store::{Store, StoreError};

use super::{Misfit, damage::Watch};

/// How often a catalog that lacks shows is looked at again, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;
/// The same for one that lacks only what a backup brings back, in milliseconds.
const LOOK_FOR_BACKUP_EVERY_MS: u64 = 5_000;
/// Missing shows that are asked for at one look: each costs a short statement.
const SHOWS_PER_LOOK: usize = 100;

/// Where a show that is missing can come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    /// Its document in the log.
    Log,
    /// Only a backup of the database: the log has no document of it that this program can read.
    Backup,
}

/// A show that is missing.
#[derive(Clone, Copy, Debug)]
struct Missing {
    event: EventId,
    source: Source,
}

/// The shows of a machine that the catalog lacks although the projection has passed them.
///
/// # Errors
/// When the database cannot be read.
pub async fn look_at_shows(
    store: &Store,
    machine: &Partition,
) -> Result<Option<Misfit>, StoreError> {
    let found = missing_shows([machine], store).await?;
    let first = found.missing.first_key_value().map(|(show, _)| *show);
    Ok(first.map(|first| Misfit::ShowsDeleted {
        missing: found.missing.len(),
        known: found.known,
        first,
    }))
}

/// The shows of these machines that the catalog lacks. Of a cancelled one there is nothing to sell.
///
/// # Errors
/// When the database cannot be read.
async fn missing_shows<'a>(
    machines: impl IntoIterator<Item = &'a Partition>,
    store: &Store,
) -> Result<Lacks, StoreError> {
    let mut found = Lacks::default();
    let there = store.show_ids().await?;
    for machine in machines {
        for show in machine.shows().filter(|show| !show.cancelled) {
            found.known += 1;
            if there.contains(&show.show) {
                continue;
            }
            let subject = Subject::Show {
                show: show.show,
                event: show.event,
            };
            let is_described = machine
                .document(&subject)
                .is_some_and(|bytes| Document::decode(bytes).is_ok());
            let source = if is_described {
                Source::Log
            } else {
                Source::Backup
            };
            let event = show.event;
            found.missing.insert(show.show, Missing { event, source });
        }
    }
    Ok(found)
}

/// What the catalog was found to lack, and still lacks.
#[derive(Debug)]
pub(crate) struct Catalog {
    lacks: Arc<Mutex<Lacks>>,
    damage: Watch,
}

/// What the catalog lacks of shows that can still be sold.
#[derive(Debug, Default)]
struct Lacks {
    missing: BTreeMap<ShowId, Missing>,
    /// How many shows the log knows.
    known: usize,
}

impl Lacks {
    fn count(&self, from: Source) -> usize {
        let all = self.missing.values();
        all.filter(|missing| missing.source == from).count()
    }

    fn misfit(&self) -> Option<Misfit> {
        let missing = self.count(Source::Log);
        (missing > 0).then_some(Misfit::CatalogLacks {
            missing,
            known: self.known,
        })
    }

    fn only_in_a_backup(&self) -> Option<String> {
        let missing = self.count(Source::Backup);
        (missing > 0).then(|| {
            format!(
                "the catalog lacks {missing} of {} shows of which the log has no document: restore \
                 them from a backup of the database; they are not sold until then",
                self.known
            )
        })
    }
}

impl Catalog {
    /// Logs which shows of these machines are missing, and looks again as long as any is. `schema` is what
    /// the start has found of it, and has said; `None` where it did not look.
    pub(crate) async fn look<'a>(
        machines: impl IntoIterator<Item = &'a Partition> + Clone,
        store: &Store,
        schema: Option<Option<Misfit>>,
    ) -> Result<Self, StoreError> {
        let found = missing_shows(machines.clone(), store).await?;
        let damage = Watch::begin(machines, store, schema);
        if let Some(only_in_a_backup) = found.only_in_a_backup() {
            let of_backup = found
                .missing
                .iter()
                .filter(|(_, missing)| missing.source == Source::Backup);
            let shows: Vec<&ShowId> = of_backup.map(|(show, _)| show).collect();
            tracing::warn!(?shows, "{only_in_a_backup}");
        }
        if let Some(misfit) = found.misfit() {
            tracing::error!("{misfit}");
        }
        let is_whole = found.missing.is_empty();
        let lacks = Arc::new(Mutex::new(found));
        if !is_whole {
            tokio::spawn(look_again(Arc::downgrade(&lacks), store.clone()));
        }
        Ok(Self { lacks, damage })
    }

    /// What the log is still to bring back.
    pub(crate) fn misfit(&self) -> Option<Misfit> {
        lock(&self.lacks).misfit()
    }

    /// What only a backup can bring back, in a sentence. It is no reason to be taken away: waiting
    /// would not bring it, and everything else can be sold.
    pub(crate) fn only_in_a_backup(&self) -> Option<String> {
        lock(&self.lacks).only_in_a_backup()
    }

    /// What someone has deleted by hand, as of some seconds ago.
    pub(crate) fn damage(&self) -> Vec<Misfit> {
        self.damage.misfits()
    }
}

/// Until every show is there: brought by the projection of the log, or by a reconciliation.
async fn look_again(lacks: Weak<Mutex<Lacks>>, store: Store) {
    let mut after = Bound::Unbounded;
    let mut pause_ms = LOOK_EVERY_MS;
    loop {
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        let Some(lacks) = lacks.upgrade() else {
            return;
        };
        let asked = asked_next(&lock(&lacks).missing, &mut after);
        for show in asked {
            match store.has_show(show).await {
                Ok(true) => drop(lock(&lacks).missing.remove(&show)),
                Ok(false) => {}
                // A database that does not answer has its own sentence in readiness.
                Err(_) => break,
            }
        }
        // Cancelled since: there is nothing of them to sell any more.
        if let Ok(cancelled) = store.cancelled_events().await {
            lock(&lacks)
                .missing
                .retain(|_, missing| !cancelled.contains(&missing.event));
        }
        let lacks = lock(&lacks);
        if lacks.missing.is_empty() {
            tracing::info!("the catalog has every show of the log that is not cancelled again");
            return;
        }
        pause_ms = match lacks.misfit() {
            Some(_) => LOOK_EVERY_MS,
            None => LOOK_FOR_BACKUP_EVERY_MS,
        };
    }
}

/// The shows of the next look, one look after the other in turn.
fn asked_next(missing: &BTreeMap<ShowId, Missing>, after: &mut Bound<ShowId>) -> Vec<ShowId> {
    let rest = missing.range((*after, Bound::Unbounded));
    let asked: Vec<ShowId> = rest.take(SHOWS_PER_LOOK).map(|(show, _)| *show).collect();
    *after = match asked.last() {
        Some(&last) if asked.len() == SHOWS_PER_LOOK => Bound::Excluded(last),
        _ => Bound::Unbounded,
    };
    asked
}

/// There is nothing in it that a panic could leave half done.
fn lock<T>(found: &Mutex<T>) -> MutexGuard<'_, T> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_show_gets_its_turn() {
        let show = |n: usize| ShowId::from_bytes((n as u128).to_be_bytes());
        let lacked = Missing {
            event: EventId::from_bytes([1; 16]),
            source: Source::Log,
        };
        let missing: BTreeMap<ShowId, Missing> = (0..2 * SHOWS_PER_LOOK + 1)
            .map(|n| (show(n), lacked))
            .collect();
        let mut after = Bound::Unbounded;
        let looks = [0; 4].map(|_| asked_next(&missing, &mut after));
        let sizes = looks.each_ref().map(Vec::len);
        assert_eq!(sizes, [SHOWS_PER_LOOK, SHOWS_PER_LOOK, 1, SHOWS_PER_LOOK]);
        let mut seen: Vec<ShowId> = looks.into_iter().flatten().collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.iter().eq(missing.keys()));
    }
}
