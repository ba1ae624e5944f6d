//! Whether the catalog has the shows of the log, and whether what it lacks is there by now.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use onsale_engine::Partition;
use onsale_schemas::ShowId;
use onsale_schemas::command::Subject;
use onsale_store::document::Document;
use onsale_store::{Store, StoreError};

use super::Misfit;

/// How often a catalog that lacks shows is looked at again, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;
/// Missing shows that are asked for at one look: each costs a short statement.
const SHOWS_PER_LOOK: usize = 100;

/// What the catalog lacks of shows that can still be sold.
#[derive(Debug, Default)]
struct MissingShows {
    /// Shows that their documents in the log bring back.
    described: BTreeSet<ShowId>,
    /// Shows that only a backup of the database brings back: the log has no document of them that
    /// this program can read.
    undescribed: BTreeSet<ShowId>,
    /// How many the log knows.
    known: usize,
}

/// The shows of these machines that the catalog lacks. Of a cancelled one there is nothing to sell.
///
/// # Errors
/// When the database cannot be read.
async fn missing_shows<'a>(
    machines: impl IntoIterator<Item = &'a Partition>,
    store: &Store,
) -> Result<MissingShows, StoreError> {
    let mut found = MissingShows::default();
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
            if is_described {
                found.described.insert(show.show);
            } else {
                found.undescribed.insert(show.show);
            }
        }
    }
    Ok(found)
}

/// What the catalog was found to lack, and still lacks.
#[derive(Debug)]
pub(crate) struct Catalog(Arc<Mutex<Lacks>>);

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

impl Catalog {
    /// Logs which shows of these machines are missing, and looks again as long as any is.
    pub(crate) async fn look<'a>(
        machines: impl IntoIterator<Item = &'a Partition>,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let missing = missing_shows(machines, store).await?;
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
        let misfit = found.misfit();
        let lacks = Arc::new(Mutex::new(found));
        if let Some(misfit) = misfit {
            tracing::error!("{misfit}");
            tokio::spawn(look_again(Arc::downgrade(&lacks), store.clone()));
        }
        Ok(Self(lacks))
    }

    /// What is still missing.
    pub(crate) fn misfit(&self) -> Option<Misfit> {
        lock(&self.0).misfit()
    }
}

/// Until every show is there: brought by the projection of the log, or by a reconciliation.
async fn look_again(lacks: Weak<Mutex<Lacks>>, store: Store) {
    let mut after = Bound::Unbounded;
    loop {
        tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
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
        if lock(&lacks).missing.is_empty() {
            tracing::info!("the catalog has every show of the log again");
            return;
        }
    }
}

/// The shows of the next look, one look after the other in turn.
fn asked_next(missing: &BTreeSet<ShowId>, after: &mut Bound<ShowId>) -> Vec<ShowId> {
    let rest = missing.range((*after, Bound::Unbounded));
    let asked: Vec<ShowId> = rest.take(SHOWS_PER_LOOK).copied().collect();
    *after = match asked.last() {
        Some(&last) if asked.len() == SHOWS_PER_LOOK => Bound::Excluded(last),
        _ => Bound::Unbounded,
    };
    asked
}

/// There is nothing in it that a panic could leave half done.
fn lock(lacks: &Mutex<Lacks>) -> MutexGuard<'_, Lacks> {
    lacks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_show_gets_its_turn() {
        let show = |n: usize| ShowId::from_bytes((n as u128).to_be_bytes());
        let missing: BTreeSet<ShowId> = (0..2 * SHOWS_PER_LOOK + 1).map(show).collect();
        let mut after = Bound::Unbounded;
        let looks = [0; 4].map(|_| asked_next(&missing, &mut after));
        let sizes = looks.each_ref().map(Vec::len);
        assert_eq!(sizes, [SHOWS_PER_LOOK, SHOWS_PER_LOOK, 1, SHOWS_PER_LOOK]);
        let seen: BTreeSet<ShowId> = looks.into_iter().flatten().collect();
        assert_eq!(seen, missing);
    }
}
