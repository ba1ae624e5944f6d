//! A venue as clients write and read it.

use onsale_store::venue::{Position, Venue, VenueRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::error::ApiError;
use crate::extract::RequestBody;
use crate::local_time::{self, ZONE_MAX_BYTES};
use crate::routes::events::body::check_line;
use crate::routes::managers::MANAGE_EVENTS;
use crate::state::AppState;
use crate::values::Instant;

const NAME_MAX_CHARS: usize = 200;
const ADDRESS_MAX_CHARS: usize = 500;
const CITY_MAX_CHARS: usize = 200;
const COUNTRY_CHARS: usize = 2;
const WEBSITE_MAX_CHARS: usize = 2_048;
/// Of a venue: 11 cm.
const PARTS_OF_DEGREE: f64 = 1e6;

const SCHEMA: &str = "VenueRequest";
/// Two capital letters.
const COUNTRY: &str = "^[A-Z]{2}$";
/// A name of the IANA database.
const TIME_ZONE: &str = "^[A-Za-z][A-Za-z0-9/_+-]*$";
/// The address of a page.
const WEBSITE: &str = "^https?://[!-~]+$";

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "name"), Bound::Line(NAME_MAX_CHARS)),
    (Of::Field(SCHEMA, "address"), Bound::Line(ADDRESS_MAX_CHARS)),
    (Of::Field(SCHEMA, "city"), Bound::Line(CITY_MAX_CHARS)),
    (
        Of::Field(SCHEMA, "country"),
        Bound::Form(COUNTRY, COUNTRY_CHARS),
    ),
    (
        Of::Field(SCHEMA, "time_zone"),
        Bound::Form(TIME_ZONE, ZONE_MAX_BYTES),
    ),
    (
        Of::Field(SCHEMA, "website"),
        Bound::Form(WEBSITE, WEBSITE_MAX_CHARS),
    ),
];

/// A place on earth.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VenuePosition {
    /// Degrees north of the equator, from -90 to 90.
    latitude: f64,
    /// Degrees east of Greenwich, from -180 to 180.
    longitude: f64,
}

/// A venue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Lyric Theatre", "address": "12 Charoen Krung Road", "city": "Bangkok", "country": "TH",
    "position": { "latitude": 13.7308, "longitude": 100.5137 }, "time_zone": "Asia/Bangkok",
}))]
pub(crate) struct VenueRequest {
    name: String,
    /// Street and number.
    address: Option<String>,
    city: Option<String>,
    /// Two capital letters of ISO 3166-1, such as TH.
    country: Option<String>,
    position: Option<VenuePosition>,
    /// The time that its clocks show: a name of the IANA database, such as Asia/Bangkok.
    time_zone: String,
    /// Its own page.
    website: Option<String>,
}

impl RequestBody for VenueRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

impl VenueRequest {
    /// What it says, checked.
    ///
    /// # Errors
    /// `VALIDATION_ERROR`.
    pub(super) fn into_venue(self) -> Result<Venue, ApiError> {
        check_line("name", &self.name, NAME_MAX_CHARS)?;
        for (field, line, max_chars) in [
            ("address", &self.address, ADDRESS_MAX_CHARS),
            ("city", &self.city, CITY_MAX_CHARS),
        ] {
            if let Some(line) = line {
                check_line(field, line, max_chars)?;
            }
        }
        if let Some(country) = &self.country {
            let is_code = country.len() == COUNTRY_CHARS
                && country.bytes().all(|byte| byte.is_ascii_uppercase());
            if !is_code {
                let expected = "two capital letters of ISO 3166-1, such as TH";
                return Err(ApiError::invalid("country", country, expected));
            }
        }
        if let Some(website) = &self.website {
            check_website(website)?;
        }
        let position = self.position.map(VenuePosition::checked).transpose()?;
        Ok(Venue {
            name: self.name,
            address: self.address,
            city: self.city,
            country: self.country,
            position,
            time_zone: local_time::zone("time_zone", &self.time_zone)?.1,
            website: self.website,
        })
    }
}

fn check_website(website: &str) -> Result<(), ApiError> {
    let rest = website
        .strip_prefix("https://")
        .or_else(|| website.strip_prefix("http://"));
    let is_address = website.len() <= WEBSITE_MAX_CHARS
        && rest.is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
        });
    if is_address {
        Ok(())
    } else {
        let expected =
            format!("https://… or http://…, at most {WEBSITE_MAX_CHARS} visible ASCII characters");
        Err(ApiError::invalid("website", website, &expected))
    }
}

impl VenuePosition {
    fn checked(self) -> Result<Position, ApiError> {
        Ok(Position {
            latitude_e6: millionths("position.latitude", self.latitude, 90)?,
            longitude_e6: millionths("position.longitude", self.longitude, 180)?,
        })
    }

    fn of(position: Position) -> Self {
        Self {
            latitude: f64::from(position.latitude_e6) / PARTS_OF_DEGREE,
            longitude: f64::from(position.longitude_e6) / PARTS_OF_DEGREE,
        }
    }
}

fn millionths(field: &str, degrees: f64, max: i32) -> Result<i32, ApiError> {
    if !(-f64::from(max)..=f64::from(max)).contains(&degrees) {
        return Err(ApiError::invalid(
            field,
            degrees,
            &format!("-{max} to {max}"),
        ));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "180 million at most, rounded"
    )]
    let parts = (degrees * PARTS_OF_DEGREE).round() as i32;
    Ok(parts)
}

/// A venue of a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Venue)]
pub(crate) struct VenueBody {
    venue_id: Uuid,
    name: String,
    address: Option<String>,
    city: Option<String>,
    country: Option<String>,
    position: Option<VenuePosition>,
    time_zone: String,
    website: Option<String>,
    created_at: Instant,
    updated_at: Instant,
}

impl From<VenueRow> for VenueBody {
    fn from(row: VenueRow) -> Self {
        let Venue {
            name,
            address,
            city,
            country,
            position,
            time_zone,
            website,
        } = row.venue;
        Self {
            venue_id: row.venue_id,
            name,
            address,
            city,
            country,
            position: position.map(VenuePosition::of),
            time_zone,
            website,
            created_at: Instant(row.created_at_ms),
            updated_at: Instant(row.updated_at_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_has_the_name_that_its_database_writes() {
        for (name, written) in [
            ("Asia/Bangkok", Some("Asia/Bangkok")),
            ("asia/bangkok", Some("Asia/Bangkok")),
            ("Europe/Zurich", Some("Europe/Zurich")),
            ("UTC", Some("UTC")),
            ("Bangkok", None),
            ("+07:00", None),
            ("", None),
            ("../etc/passwd", None),
        ] {
            let read = local_time::zone("time_zone", name).map(|(_, known)| known);
            assert_eq!(read.ok().as_deref(), written, "{name}");
        }
        assert!(local_time::zone("time_zone", &"A".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_position_comes_back_as_it_was_written() {
        for (degrees, parts) in [(13.7308, 13_730_800), (-90.0, -90_000_000), (0.0, 0)] {
            assert_eq!(millionths("latitude", degrees, 90).unwrap(), parts);
        }
        for wrong in [90.000_001, -91.0, f64::NAN, f64::INFINITY] {
            assert!(millionths("latitude", wrong, 90).is_err(), "{wrong}");
        }
    }
}
