//! Whether the database has by now what a start found it to lack.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use onsale_schemas::{Offset, PartitionId, ShowId};
use onsale_store::{Store, StoreError};

use super::recovery::Recovered;
use crate::fit::{self, Misfit, REPAIR};
use crate::projector::Projected;

/// How often a catalog that lacks shows is looked at again, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;

/// What the start found. An empty database is filled from the log by itself, as long as the log
/// goes back to its beginning and has documents of its shows; readiness says what is missing until
/// then.
#[derive(Debug)]
pub(super) struct Database {
    lacks: Arc<Mutex<Lacks>>,
    /// Where the log ended when a database was found empty or older.
    behind: Vec<(PartitionId, Offset)>,
}

#[derive(Debug)]
struct Lacks {
    missing: BTreeSet<ShowId>,
    known: usize,
}

impl Lacks {
    fn misfit(&self) -> Option<Misfit> {
        (!self.missing.is_empty()).then_some(Misfit::CatalogLacks {
            missing: self.missing.len(),
            known: self.known,
        })
    }
}

impl Database {
    /// Says what does not fit, and looks again as long as shows are missing.
    pub(super) async fn look(
        recovered: &[Recovered],
        store: &Store,
        misfit: Option<Misfit>,
    ) -> Result<Self, StoreError> {
        let owners = || recovered.iter().map(|found| &found.owner);
        let behind = match &misfit {
            Some(misfit) => {
                tracing::error!("{misfit}");
                owners()
                    .map(|owner| (owner.id(), owner.next_offset()))
                    .collect()
            }
            None => Vec::new(),
        };
        let missing = fit::missing_shows(owners(), store).await?;
        if !missing.undescribed.is_empty() {
            // Waiting would not bring them, and the others can be sold without them.
            tracing::warn!(
                shows = ?missing.undescribed,
                "the catalog lacks shows of which the log has no document: restore them from a \
                 backup of the database; they are not sold until then"
            );
        }
        let found = Lacks {
            missing: missing.described,
            known: missing.known,
        };
        let is_whole = match found.misfit() {
            Some(misfit) => {
                tracing::error!("{misfit}");
                false
            }
            None => true,
        };
        let lacks = Arc::new(Mutex::new(found));
        if !is_whole {
            tokio::spawn(look_again(Arc::downgrade(&lacks), store.clone()));
        }
        Ok(Self { lacks, behind })
    }

    /// What stands in the way, in a sentence.
    pub(super) fn problem(&self, projected: &Projected) -> Option<String> {
        if let Some(misfit) = lock(&self.lacks).misfit() {
            return Some(misfit.to_string());
        }
        let (partition, end) = self
            .behind
            .iter()
            .find(|(partition, end)| projected.offset(*partition) < *end)?;
        Some(format!(
            "the database was lost or is older than the log and is filled from it: partition \
             {partition} stands at {} of {end}; if that does not go on, {REPAIR}",
            projected.offset(*partition)
        ))
    }
}

/// Until every show is there: brought by the projection of the log, or by a reconciliation.
async fn look_again(lacks: Weak<Mutex<Lacks>>, store: Store) {
    loop {
        tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
        let Some(lacks) = lacks.upgrade() else {
            return;
        };
        // A database that does not answer has its own sentence in readiness.
        let Ok(there) = store.show_ids().await else {
            continue;
        };
        let mut lacks = lock(&lacks);
        lacks.missing.retain(|show| !there.contains(show));
        if lacks.missing.is_empty() {
            tracing::info!("the catalog has every show of the log again");
            return;
        }
    }
}

/// There is nothing in it that a panic could leave half done.
fn lock(lacks: &Mutex<Lacks>) -> MutexGuard<'_, Lacks> {
    lacks.lock().unwrap_or_else(PoisonError::into_inner)
}
