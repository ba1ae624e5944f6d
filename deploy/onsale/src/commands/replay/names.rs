//! The names of zones, seats, ticket types, phases and bundles of a show, from the database. The log knows only their numbers.

use std::collections::HashMap;
use std::path::Path;

use onsale_schemas::{BookingId, PartitionId, SeatIndex, ShowId, TicketTypeId, ZoneIndex};
use onsale_store::Store;
use onsale_store::catalog::{Named as Numbered, OfferRow, ShowRow};
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
    /// With names of what is offered no more.
    offer: OfferRow,
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

    /// The show of a booking, as far as it is projected.
    pub(super) fn show_of(&self, booking: BookingId) -> Option<ShowId> {
        let (runtime, store) = self.catalog.as_ref()?;
        let row = runtime.block_on(store.booking(booking)).ok().flatten()?;
        Some(row.show_id)
    }

    /// The name of a ticket type; of the ordinary one of a show that lists none, nothing.
    pub(super) fn ticket_type(&mut self, show: ShowId, id: TicketTypeId) -> Option<&str> {
        let known = self.show(show)?.offer.type_name(id)?;
        Some(&known.name)
    }

    /// The name of a price phase.
    pub(super) fn phase(&mut self, show: ShowId, id: u8) -> Option<&str> {
        name_of(&self.show(show)?.offer.phases, id)
    }

    /// The name of a bundle.
    pub(super) fn bundle(&mut self, show: ShowId, id: u8) -> Option<&str> {
        name_of(&self.show(show)?.offer.bundles, id)
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
            offer: row.offer.clone().unwrap_or_default(),
        }
    }
}

fn name_of(numbered: &[Numbered], id: u8) -> Option<&str> {
    let mut numbered = numbered.iter();
    numbered
        .find(|known| known.id == id)
        .map(|known| known.name.as_str())
}
