//! Where shows take place: venues, their maps in versions, and the charts that pages draw.
//!
//! A version of a map is never changed, so a show goes on to be what it was made from. What lies in the
//! database of it is deflated; whoever writes it says how long it was.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::Changes;

/// Venues of one tenant.
pub const VENUES_PER_TENANT_MAX: u64 = 1_000;
/// Maps of one venue, each in whatever number of versions.
pub const MAPS_PER_VENUE_MAX: u64 = 100;
/// Versions of all maps of one venue.
pub const VERSIONS_PER_VENUE_MAX: u64 = 2_000;
/// What the maps of one tenant take together as they are stored, in bytes.
pub const MAP_BYTES_PER_TENANT_MAX: u64 = 256 << 20;

/// A place on earth, in millionths of a degree (11 cm).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Position {
    /// Degrees north of the equator.
    pub latitude_e6: i32,
    /// Degrees east of Greenwich.
    pub longitude_e6: i32,
}

/// What people say of a venue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Venue {
    /// Its name.
    pub name: String,
    /// Street and number.
    pub address: Option<String>,
    /// In which city.
    pub city: Option<String>,
    /// In which country: two letters of ISO 3166-1.
    pub country: Option<String>,
    /// Where it is.
    pub position: Option<Position>,
    /// The time that its clocks show: a name of the IANA database.
    pub time_zone: String,
    /// Its own page.
    pub website: Option<String>,
}

impl Venue {
    /// What is other `after` a change.
    pub(crate) fn changes(&self, after: &Self) -> Changes {
        let mut changes = Changes::default();
        changes.field("name", &self.name, &after.name);
        changes.field("address", &self.address, &after.address);
        changes.field("city", &self.city, &after.city);
        changes.field("country", &self.country, &after.country);
        changes.field("position", &self.position, &after.position);
        changes.field("time_zone", &self.time_zone, &after.time_zone);
        changes.field("website", &self.website, &after.website);
        changes
    }
}

/// A venue of a tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VenueRow {
    /// Its id.
    pub venue_id: Uuid,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// What people say of it.
    pub venue: Venue,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it was changed last, in milliseconds since 1970.
    pub updated_at_ms: u64,
}

/// What became of a change of a venue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VenueChanged {
    /// There is no such venue.
    NotThere,
    /// It is at another version than the one that was expected, this one; nothing was changed.
    IsAt(u64),
    /// The venue as it is after the change, or as it was where nothing was to be changed.
    Done(VenueRow),
}

/// What became of the deletion of a venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VenueDeleted {
    /// There is no such venue.
    NotThere,
    /// It is at another version than the one that was expected, this one; nothing was changed.
    IsAt(u64),
    /// This number of shows take place in it; nothing was changed.
    HasShows(u64),
    /// This number of events take place in it; nothing was changed.
    HasEvents(u64),
    /// It is gone, with its maps.
    Done,
}

/// A hall as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredHall {
    /// Its name.
    pub name: String,
    /// Seats and standing room.
    pub places: u64,
    /// BLAKE3 of its canonical JSON.
    pub address: [u8; 32],
    /// That JSON, deflated.
    pub deflated: Vec<u8>,
    /// Bytes of that JSON.
    pub bytes: u64,
}

/// Which map.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MapId {
    /// Its venue.
    pub venue_id: Uuid,
    /// Its id.
    pub map_id: Uuid,
}

/// A version of a map, without its hall.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapRow {
    /// Which map.
    pub id: MapId,
    /// Whose it is.
    pub tenant_id: Uuid,
    /// Counts its versions, from 1.
    pub version: u32,
    /// Name of the hall.
    pub name: String,
    /// Seats and standing room.
    pub places: u64,
    /// BLAKE3 of the hall's canonical JSON.
    pub address: [u8; 32],
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// A version of a map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapVersion {
    /// What it is.
    pub row: MapRow,
    /// Its hall.
    pub hall: Deflated,
}

/// JSON that is stored deflated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deflated {
    /// As it is stored.
    pub deflated: Vec<u8>,
    /// Bytes of the JSON.
    pub bytes: u64,
}

/// A chart, under the BLAKE3 of its JSON.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredChart {
    /// That hash.
    pub address: [u8; 32],
    /// The JSON.
    pub json: Deflated,
}

/// What a show was made from. It stands in the document of the show, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ShowMap {
    /// The venue.
    pub venue_id: Uuid,
    /// The map.
    pub map_id: Uuid,
    /// Its version.
    pub version: u32,
    /// The address of the show's chart.
    pub chart: [u8; 32],
}
