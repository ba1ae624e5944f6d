//! What lists tell.

use onsale_schemas::ZoneIndex;
use uuid::Uuid;

use super::ShowRow;

/// A page of a list with the number of all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The rows of the page.
    pub rows: Vec<T>,
    /// All rows that the filter takes.
    pub total: u64,
}

/// A show as a list tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedShow {
    /// The show, without its zones.
    pub show: ShowRow,
    /// Its zones in order of their index, without their layouts.
    pub zones: Vec<ListedZone>,
}

/// A zone as a list tells of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedZone {
    /// Its id for clients.
    pub zone_id: Uuid,
    /// Its index in the show.
    pub index: ZoneIndex,
    /// Its name.
    pub name: String,
    /// Price of one ticket in minor units.
    pub unit_price: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// True for named seats.
    pub is_seated: bool,
    /// How many places.
    pub places: u32,
}

/// What an answer about an event and its shows depends on: it is another one after each change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PageStamp {
    /// The version of the event's row.
    pub event_version: u64,
    /// Since when its last show is known to be over.
    pub ended_at_ms: Option<u64>,
    /// The versions of its shows, added up.
    pub shows_version: u64,
    /// How many of them were removed.
    pub removed_shows: u64,
    /// How many are left.
    pub shows: u64,
    /// When the newest of them was created, in milliseconds; 0 where there is none. One that the log refused is
    /// gone, and with it its version.
    pub newest_at_ms: u64,
    /// The version of its venue; 0 where it has none.
    pub venue_version: u64,
}
