//! What someone has deleted from a database by hand.

use std::collections::BTreeMap;

use onsale_schemas::ShowId;
use onsale_store::catalog::ZonesOfShow;
use onsale_store::{Store, StoreError};

use super::Misfit;

/// Missing tables, columns, indexes and triggers that a message names.
const NAMED_MAX: usize = 8;

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

pub(super) fn lacking(
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
