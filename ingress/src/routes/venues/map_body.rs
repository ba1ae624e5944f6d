//! A map of a venue as clients read it.

use std::borrow::Cow;

use onsale_halls::Address;
use onsale_store::venue::MapRow;
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::values::Instant;

/// A version of a map.
#[derive(Serialize, ToSchema)]
#[schema(as = VenueMap)]
pub(crate) struct MapBody {
    map_id: Uuid,
    venue_id: Uuid,
    /// Counts the versions of the map, from 1. One never changes.
    version: u32,
    /// Name of the hall.
    name: String,
    /// Seats and standing room.
    places: u64,
    /// BLAKE3 of the hall's canonical JSON: halls that say the same have the same.
    address: String,
    created_at: Instant,
}

impl From<MapRow> for MapBody {
    fn from(row: MapRow) -> Self {
        Self {
            map_id: row.id.map_id,
            venue_id: row.id.venue_id,
            version: row.version,
            name: row.name,
            places: row.places,
            address: Address(row.address).to_string(),
            created_at: Instant(row.created_at_ms),
        }
    }
}

/// A map that was imported.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportedMap)]
pub(crate) struct ImportedBody {
    #[serde(flatten)]
    pub(super) map: MapBody,
    /// What became of what has no counterpart in the format, for a person to look at.
    pub(super) notes: Vec<String>,
    /// How many notes there are beyond these.
    pub(super) more_notes: u64,
}

/// A map with its hall, for the document alone.
#[derive(Serialize, ToSchema)]
#[schema(as = VenueMapWithHall)]
pub(crate) struct MapWithHall {
    #[serde(flatten)]
    map: MapBody,
    /// The hall in the format `onsale-hall/1`.
    #[schema(value_type = Object)]
    hall: serde_json::Value,
}

/// A hall in the format `onsale-hall/1`, for the document alone: its JSON Schema is with the program.
pub(crate) enum HallDocument {}

impl PartialSchema for HallDocument {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A hall in the format `onsale-hall/1`"))
            .into()
    }
}

impl ToSchema for HallDocument {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Hall")
    }
}
