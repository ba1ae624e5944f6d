//! What someone has deleted from a database by hand, and the watch over it while the process runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use onsale_engine::Partition;
use onsale_schemas::{EventId, ShowId};
use onsale_store::catalog::ZonesOfShow;
use onsale_store::{Store, StoreError};

use super::Misfit;

/// Missing tables, columns, indexes and triggers that a message names.
const NAMED_MAX: usize = 8;
/// How often tables and zones are looked at, in milliseconds.
const DAMAGE_EVERY_MS: u64 = 5_000;
/// The pause after a look in lengths of it: a look reads the schema and counts the zones of all shows.
const DAMAGE_PAUSE_LOOKS: u32 = 100;

/// Whether tables, columns, indexes or triggers are missing that the migrations have left.
///
/// # Errors
/// When the database cannot be read.
pub async fn look_at_schema(store: &Store) -> Result<Option<Misfit>, StoreError> {
    let missing = store.missing_objects().await?;
    if missing.is_empty() {
        return Ok(None);
    }
    let named: Vec<String> = missing
        .iter()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    let mut named = named.join(", ");
    if missing.len() > NAMED_MAX {
        named.push_str(&format!(" and {} more", missing.len() - NAMED_MAX));
    }
    Ok(Some(Misfit::SchemaLacks { missing: named }))
}

/// Whether zones of shows are missing. `expected` is how many a show has, as far as that is known.
///
/// # Errors
/// When the database cannot be read.
pub async fn look_at_zones(
    store: &Store,
    expected: &BTreeMap<ShowId, u16>,
) -> Result<Option<Misfit>, StoreError> {
    Ok(lacking(&store.zones_of_shows().await?, expected))
}

/// Whether codes were changed in a way that the database was not told of.
///
/// # Errors
/// When the database cannot be read.
pub async fn look_at_codes(store: &Store) -> Result<Option<Misfit>, StoreError> {
    let shows = store.shows_lacking_codes().await?;
    Ok(shows.first().map(|(first, _)| Misfit::CodesLack {
        groups: shows.iter().map(|(_, groups)| groups).sum(),
        shows: shows.len(),
        first: *first,
    }))
}

fn lacking(
    found: &BTreeMap<ShowId, ZonesOfShow>,
    expected: &BTreeMap<ShowId, u16>,
) -> Option<Misfit> {
    let mut lacking = found
        .iter()
        .filter(|(show, zones)| !zones.are_all(expected.get(show).copied()));
    let (first, _) = lacking.next()?;
    Some(Misfit::ZonesLack {
        shows: 1 + lacking.count(),
        first: *first,
    })
}

/// Looks at tables and zones for as long as it is held.
#[derive(Debug)]
pub(super) struct Watch(Arc<Mutex<Found>>);

/// What was found deleted at the last look.
#[derive(Debug, Default)]
struct Found {
    misfits: Vec<Misfit>,
    /// How many zones each show has: by the machines, or by the most that were seen.
    zones: BTreeMap<ShowId, u16>,
    /// Shows that a look has found and that were not cancelled then, each with its event. What a start
    /// did not find is another matter.
    seen: BTreeMap<ShowId, EventId>,
}

impl Found {
    /// Shows that were there and are not any more.
    fn gone(&self, found: &BTreeMap<ShowId, ZonesOfShow>) -> Option<Misfit> {
        let mut gone = self.seen.keys().filter(|show| !found.contains_key(show));
        let first = *gone.next()?;
        Some(Misfit::ShowsDeleted {
            missing: 1 + gone.count(),
            known: self.seen.len(),
            first,
        })
    }

    /// Keeps in mind what a look has found of shows that can still be sold.
    fn saw(&mut self, found: &BTreeMap<ShowId, ZonesOfShow>) {
        for (show, zones) in found {
            let most = self.zones.entry(*show).or_default();
            *most = zones.zones.max(*most);
            if zones.is_cancelled {
                self.seen.remove(show);
            } else {
                self.seen.insert(*show, zones.event);
            }
        }
    }
}

impl Watch {
    /// Begins with what the start has found of the schema, and has said; `None` where it did not look. A
    /// show of these machines has as many zones as they say.
    pub(super) fn begin<'a>(
        machines: impl IntoIterator<Item = &'a Partition>,
        store: &Store,
        schema: Option<Option<Misfit>>,
    ) -> Self {
        let found = Arc::new(Mutex::new(Found {
            misfits: schema.iter().flatten().cloned().collect(),
            zones: zones_by_machines(machines),
            seen: BTreeMap::new(),
        }));
        tokio::spawn(watch(Arc::downgrade(&found), store.clone(), schema));
        Self(found)
    }

    /// What someone has deleted by hand, as of some seconds ago.
    pub(super) fn misfits(&self) -> Vec<Misfit> {
        lock(&self.0).misfits.clone()
    }
}

/// How many zones each show has by the machines.
fn zones_by_machines<'a>(
    machines: impl IntoIterator<Item = &'a Partition>,
) -> BTreeMap<ShowId, u16> {
    let mut zones = BTreeMap::new();
    for machine in machines {
        for show in machine.shows() {
            let of_show = u16::try_from(show.zones.len()).unwrap_or(u16::MAX);
            zones.insert(show.show, of_show);
        }
    }
    zones
}

/// Looks until nobody asks any more. The first look goes by what is known of the schema.
async fn watch(found: Weak<Mutex<Found>>, store: Store, mut known: Option<Option<Misfit>>) {
    loop {
        let began = Instant::now();
        let looked = look(&found, &store, known.take()).await;
        let pause = began.elapsed().saturating_mul(DAMAGE_PAUSE_LOOKS);
        // A database that does not answer has its own sentence in readiness.
        if matches!(looked, Ok(false)) {
            return;
        }
        tokio::time::sleep(pause.max(Duration::from_millis(DAMAGE_EVERY_MS))).await;
    }
}

/// False once nobody asks any more.
async fn look(
    found: &Weak<Mutex<Found>>,
    store: &Store,
    known: Option<Option<Misfit>>,
) -> Result<bool, StoreError> {
    let schema = match known {
        Some(schema) => schema,
        None => look_at_schema(store).await?,
    };
    // Without its tables the rest cannot be asked.
    let zones = match &schema {
        Some(_) => BTreeMap::new(),
        None => store.zones_of_shows().await?,
    };
    let Some(found) = found.upgrade() else {
        return Ok(false);
    };
    lock(&found).saw(&zones);
    if schema.is_none() && lock(&found).gone(&zones).is_some() {
        // Those of an event that was cancelled since are not waited for.
        let cancelled = store.cancelled_events().await?;
        let mut found = lock(&found);
        found
            .seen
            .retain(|show, event| zones.contains_key(show) || !cancelled.contains(event));
    }
    let mut found = lock(&found);
    let mut misfits: Vec<Misfit> = schema.into_iter().collect();
    // A table that is missing has been said.
    if misfits.is_empty() {
        misfits.extend(found.gone(&zones));
        misfits.extend(lacking(&zones, &found.zones));
    }
    for misfit in misfits
        .iter()
        .filter(|misfit| !found.misfits.contains(misfit))
    {
        tracing::error!("{misfit}");
    }
    if misfits.is_empty() && !found.misfits.is_empty() {
        tracing::info!("what was deleted from the database by hand is there again");
    }
    found.misfits = misfits;
    Ok(true)
}

/// There is nothing in it that a panic could leave half done.
fn lock(found: &Mutex<Found>) -> MutexGuard<'_, Found> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_cancelled_show_nothing_is_missed() {
        let show = |n: u8| ShowId::from_bytes([n; 16]);
        let zones = |is_cancelled| ZonesOfShow {
            zones: 1,
            places: 1,
            event: EventId::from_bytes([9; 16]),
            is_cancelled,
        };
        let mut found = Found::default();
        let both = BTreeMap::from([(show(1), zones(false)), (show(2), zones(false))]);
        found.saw(&both);
        assert_eq!(found.gone(&both), None);
        let gone = Misfit::ShowsDeleted {
            missing: 2,
            known: 2,
            first: show(1),
        };
        assert_eq!(found.gone(&BTreeMap::new()), Some(gone));
        found.saw(&BTreeMap::from([(show(2), zones(true))]));
        let gone = Misfit::ShowsDeleted {
            missing: 1,
            known: 1,
            first: show(1),
        };
        assert_eq!(found.gone(&BTreeMap::new()), Some(gone));
    }
}
