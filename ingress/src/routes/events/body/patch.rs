//! What changes of an event, as clients write it.

use onsale_store::catalog::{EventRow, EventStatus};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    CATEGORY_MAX_CHARS, CHANGE_EVENTS, DESCRIPTION_MAX_CHARS, EventRequest, MINIMUM_AGE_MAX_YEARS,
    NAME_MAX_CHARS, PLACE_MAX_CHARS, SLUG, given,
};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::error::ApiError;
use crate::extract::RequestBody;
use crate::local_time::{When, ZONE_MAX_BYTES};
use crate::state::AppState;
use crate::values::Instant;

const SCHEMA: &str = "EventPatch";

/// What requests with a change may hold.
pub(in crate::routes::events) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "name"), Bound::Line(NAME_MAX_CHARS)),
    (
        Of::Field(SCHEMA, "description"),
        Bound::Text(DESCRIPTION_MAX_CHARS),
    ),
    (Of::Field(SCHEMA, "venue"), Bound::Line(PLACE_MAX_CHARS)),
    (Of::Field(SCHEMA, "city"), Bound::Line(PLACE_MAX_CHARS)),
    (
        Of::Field(SCHEMA, "category"),
        Bound::Line(CATEGORY_MAX_CHARS),
    ),
    (
        Of::Field(SCHEMA, "minimum_age"),
        Bound::Range(0, MINIMUM_AGE_MAX_YEARS as u64),
    ),
    (
        Of::Field(SCHEMA, "max_tickets_per_user"),
        Bound::Range(0, u16::MAX as u64),
    ),
    (
        Of::Field(SCHEMA, "status"),
        Bound::OneOf(&["draft", "published", "cancelled"]),
    ),
    (Of::Field(SCHEMA, "slug"), SLUG),
    (
        Of::Field(SCHEMA, "time_zone"),
        Bound::Length(ZONE_MAX_BYTES),
    ),
];

/// New values of an event; what is left out stays. Where `null` may stand it takes a value away.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventPatch {
    name: Option<String>,
    /// Markdown.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    venue: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    city: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    category: Option<Option<String>>,
    /// With an offset, or as clocks of the event's time zone show it.
    #[schema(value_type = Option<String>)]
    starts_at: Option<When>,
    /// For all its shows; 0 is no limit.
    max_tickets_per_user: Option<u16>,
    /// In years.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u8>)]
    minimum_age: Option<Option<u8>>,
    requires_verified_account: Option<bool>,
    /// As in a `PUT`: `cancelled` cancels all its shows and is for ever.
    #[schema(value_type = Option<String>)]
    status: Option<EventStatus>,
    slug: Option<String>,
    performers: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    venue_id: Option<Option<Uuid>>,
    /// A new one alone moves nothing: the event begins at the same instant, told otherwise.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<Option<String>>,
}

impl RequestBody for EventPatch {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&CHANGE_EVENTS)
    }
}

impl EventPatch {
    /// The event as it is to be.
    pub(in crate::routes::events) fn onto(self, row: &EventRow) -> EventRequest {
        let or =
            |new: Option<Option<String>>, old: &Option<String>| new.unwrap_or_else(|| old.clone());
        EventRequest {
            name: self.name.unwrap_or_else(|| row.name.clone()),
            description: or(self.description, &row.description),
            venue: or(self.venue, &row.venue),
            city: or(self.city, &row.city),
            category: or(self.category, &row.category),
            starts_at: self
                .starts_at
                .unwrap_or(When::Instant(Instant(row.starts_at_ms))),
            max_tickets_per_user: self.max_tickets_per_user,
            minimum_age: self.minimum_age.unwrap_or(row.minimum_age),
            requires_verified_account: self.requires_verified_account,
            status: self.status,
            slug: self.slug,
            performers: self.performers,
            venue_id: self.venue_id,
            time_zone: self.time_zone,
        }
    }
}
