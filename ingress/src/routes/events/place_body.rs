//! Where an event is, as clients read it.

use onsale_store::catalog::EventRow;
use serde::Serialize;
use utoipa::ToSchema;

/// Where an event is: what it says itself, and for what it does not say, its venue. It is read alone: no request takes
/// it, so that nothing of a venue becomes the event's own words by a `PUT` of what was read.
#[derive(Serialize, ToSchema)]
#[schema(as = EventPlace)]
pub(crate) struct PlaceBody {
    /// `venue` of the event, otherwise the name of its venue.
    venue: Option<String>,
    /// `city` of the event, otherwise that of its venue.
    city: Option<String>,
}

impl PlaceBody {
    /// That of an event, where anything is known of it.
    pub(super) fn of(row: &EventRow) -> Option<Self> {
        let place = Self {
            venue: row.place().map(str::to_owned),
            city: row.place_city().map(str::to_owned),
        };
        (place.venue.is_some() || place.city.is_some()).then_some(place)
    }
}
