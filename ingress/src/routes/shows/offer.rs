//! What a show has for sale: ticket types and their prices, phases, bundles, fees, tax and rules of zones, with the
//! names that people know them by. The log knows their numbers alone.

mod body;
pub(super) mod one;
mod read;
mod request;
pub(super) mod set;

use onsale_schemas::limits::TICKETS_PER_BOOKING_MAX;
use onsale_store::catalog::{OfferRow, ZoneRow};

pub(super) use self::body::{OfferBody, Reader};
use self::read::{DESCRIPTION_MAX_CHARS, NAME_MAX_CHARS};
pub(super) use self::request::OfferRequest;
use crate::bounds::{Bound, Bounds, Of};
use crate::error::ApiError;

/// What requests with an offer may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("TicketTypeRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (
        Of::Field("TicketTypeRequest", "description"),
        Bound::Text(DESCRIPTION_MAX_CHARS),
    ),
    (
        Of::Field("TicketTypeRequest", "min"),
        Bound::Range(0, TICKETS_PER_BOOKING_MAX as u64),
    ),
    (
        Of::Field("TicketTypeRequest", "max"),
        Bound::Range(1, TICKETS_PER_BOOKING_MAX as u64),
    ),
    (
        Of::Field("PhaseRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (
        Of::Field("PhaseRequest", "places"),
        Bound::Range(1, u32::MAX as u64),
    ),
    (
        Of::Field("BundleRequest", "name"),
        Bound::Line(NAME_MAX_CHARS),
    ),
    (
        Of::Field("BundleRequest", "places"),
        Bound::Range(2, TICKETS_PER_BOOKING_MAX as u64),
    ),
];

/// The offer that a show with these zones opens with.
pub(super) fn of_new_show(request: &OfferRequest, zones: &[ZoneRow]) -> Result<OfferRow, ApiError> {
    let mut known = OfferRow::default();
    known.number(&read::names(request));
    read::read("offer.", request, zones, &known)
}
