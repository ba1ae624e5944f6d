//! The names of zones and seats of a show, from the database. The log knows only their numbers.

use std::collections::HashMap;
use std::path::Path;

use onsale_schemas::{PartitionId, SeatIndex, ShowId, ZoneIndex};
use onsale_store::Store;
use onsale_store::catalog::ShowRow;
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::labels;

/// Connections to the database: one thing is asked at a time.
const CONNECTIONS: u32 = 1;

/// Names of shows, read when first needed. Without a database there are none.
pub(super) struct Names {
    catalog: Option<(Runtime, Store)>,
    shows: HashMap<ShowId, Option<Named>>,
}

struct Named {
    zones: Vec<(String, String)>,
    seats: Vec<String>,
}

impl Names {
    /// From the database of this configuration, if it can be read.
    pub(super) fn open(config: &Config) -> Self {
        let catalog = match Self::catalog(config) {
            Ok(catalog) => catalog,
            Err(error) => {
                tracing::warn!(%error, "the database cannot be read: zones and seats are shown without names");
                None
            }
        };
        Self {
            catalog,
            shows: HashMap::new(),
        }
    }

    fn catalog(config: &Config) -> anyhow::Result<Option<(Runtime, Store)>> {
        let url = config.database_url().map_err(|error| error.into_error())?;
        let is_missing = url
            .strip_prefix("sqlite://")
            .is_some_and(|path| !Path::new(path).exists());
        if is_missing {
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let store = runtime
            .block_on(Store::connect(&url, CONNECTIONS))?
            .for_installation();
        Ok(Some((runtime, store)))
    }

    fn show(&mut self, id: ShowId) -> Option<&Named> {
        if !self.shows.contains_key(&id) {
            let found = self.catalog.as_ref().and_then(|(runtime, store)| {
                // A name that cannot be read is not shown.
                runtime.block_on(store.show(id)).ok().flatten()
            });
            self.shows.insert(id, found.map(|row| Named::of(&row)));
        }
        self.shows.get(&id)?.as_ref()
    }

    /// The partition of a show.
    pub(super) fn partition(&self, show: ShowId) -> Option<PartitionId> {
        let (runtime, store) = self.catalog.as_ref()?;
        let row = runtime.block_on(store.show(show)).ok().flatten()?;
        Some(row.partition)
    }

    /// The name of a zone.
    pub(super) fn zone(&mut self, show: ShowId, zone: ZoneIndex) -> Option<&str> {
        let (name, _) = self.show(show)?.zones.get(usize::from(zone))?;
        Some(name)
    }

    /// The currency of a zone's prices.
    pub(super) fn currency(&mut self, show: ShowId, zone: ZoneIndex) -> Option<&str> {
        let (_, currency) = self.show(show)?.zones.get(usize::from(zone))?;
        Some(currency)
    }

    /// The label of a seat.
    pub(super) fn seat(&mut self, show: ShowId, seat: SeatIndex) -> Option<&str> {
        let place = usize::try_from(seat).ok()?;
        self.show(show)?.seats.get(place).map(String::as_str)
    }
}

impl Named {
    fn of(row: &ShowRow) -> Self {
        Self {
            zones: row
                .zones
                .iter()
                .map(|zone| (zone.name.clone(), zone.currency.clone()))
                .collect(),
            seats: labels::of_show(row),
        }
    }
}
