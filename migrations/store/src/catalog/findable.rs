//! Events as the search of each node knows them, and what tells it of their changes.

use onsale_schemas::{EventId, PartitionId, ShowId};

use super::{EventRow, ShowStatus};

/// An event with what a search needs to know of its shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindableEvent {
    /// The event.
    pub event: EventRow,
    /// Its shows by their beginning, those included that are over, cancelled or not open yet.
    pub shows: Vec<FindableShow>,
    /// The venue that it names, where it says nothing of its own of the place or of the city.
    pub venue: Option<FindableVenue>,
}

/// A venue as lists and the search know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindableVenue {
    /// Its name.
    pub name: String,
    /// Its city.
    pub city: Option<String>,
}

/// A show as a search knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindableShow {
    /// Its id.
    pub show_id: ShowId,
    /// The partition it lives on.
    pub partition: PartitionId,
    /// When it begins.
    pub starts_at_ms: u64,
    /// From when on nothing of it is sold any more.
    pub sale_closes_at_ms: u64,
    /// Where it stands, as projected.
    pub status: ShowStatus,
    /// What anybody pays for its places, by currency: those of the ticket types that the public is shown. Where
    /// there is no offer, what its zones cost.
    pub prices: Vec<ShowPrices>,
}

/// What the places of a show cost that are sold in the same currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShowPrices {
    /// ISO 4217 code.
    pub currency: String,
    /// The cheapest place, in minor units.
    pub min: i64,
    /// The dearest place, in minor units.
    pub max: i64,
}

/// How far somebody knows the changes of the catalog. It is made by the store alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangeCursor {
    /// All changes of earlier moments are known.
    pub(crate) known_before: i64,
    /// Where a read that was cut short ended, and what is known once it is at its end.
    pub(crate) within: Option<Within>,
}

/// A place within the changes that are not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Within {
    pub(crate) moment: i64,
    pub(crate) sequence: i64,
    pub(crate) then_known_before: i64,
}

impl ChangeCursor {
    /// Whether a change will be read again: it is of a moment at which not everything was known. (A
    /// transaction that began earlier may not have been over.)
    pub fn reads_again(&self, change: &CatalogChange) -> bool {
        change.moment >= self.known_before
    }
}

/// That an event was added, changed or deleted, or one of its shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CatalogChange {
    /// The event.
    pub event_id: EventId,
    /// When: the number of the transaction on PostgreSQL, that of the change on SQLite.
    pub moment: i64,
    /// The number of the change.
    pub sequence: i64,
}

/// Changes of the catalog since a cursor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatalogChanges {
    /// The changes by their moments. Some may have been read before.
    pub changes: Vec<CatalogChange>,
    /// Where to go on.
    pub cursor: ChangeCursor,
    /// There are more to be read at once.
    pub has_more: bool,
    /// Changes between the cursor and these were deleted, or the database is of an earlier time than the
    /// cursor: only the catalog itself tells what it holds.
    pub is_lost: bool,
}
