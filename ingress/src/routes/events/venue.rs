//! The venue that an event names.

use onsale_store::StoreError;
use onsale_store::catalog::EventDetails;
use onsale_store::venue::VenueRow;
use uuid::Uuid;

use crate::error::ApiError;
use crate::state::AppState;

/// The venue with this id, of the tenant of an event.
///
/// # Errors
/// `VALIDATION_ERROR` naming `venue_id` where the tenant has none.
pub(super) async fn of_tenant(
    state: &AppState,
    tenant: Uuid,
    id: Uuid,
) -> Result<VenueRow, ApiError> {
    let found = state.store.venue(id).await?;
    found
        .filter(|venue| venue.tenant_id == tenant)
        .ok_or_else(|| unknown(id))
}

/// Checks the venue that is asked for, if one is, and gives the event its time zone where that is to be the event's.
/// `before` is what the event was, if there was one.
///
/// # Errors
/// As [`of_tenant`].
pub(super) async fn settle(
    state: &AppState,
    tenant: Uuid,
    before: Option<&EventDetails>,
    (venue, time_zone): (Option<Uuid>, &mut Option<Option<String>>),
) -> Result<(), ApiError> {
    let Some(id) = venue else { return Ok(()) };
    let found = of_tenant(state, tenant, id).await?;
    if time_zone.is_none() {
        *time_zone = zone_with(state, &found, before).await?.map(Some);
    }
    Ok(())
}

/// The time zone that an event gets with a venue: that of the venue, unless the event has one of its own. One that is
/// that of the venue that it had `before` follows the venue.
async fn zone_with(
    state: &AppState,
    venue: &VenueRow,
    before: Option<&EventDetails>,
) -> Result<Option<String>, ApiError> {
    let zone = Some(venue.venue.time_zone.clone());
    let Some(EventDetails {
        venue_id,
        time_zone: Some(own),
        ..
    }) = before
    else {
        return Ok(zone);
    };
    let Some(id) = venue_id.filter(|id| *id != venue.venue_id) else {
        return Ok(None);
    };
    let left = state.store.venue(id).await?;
    Ok(zone.filter(|_| left.is_some_and(|left| left.venue.time_zone == *own)))
}

/// What a write says of an event whose venue was deleted at the same moment.
pub(super) fn refused(error: StoreError, asked: Option<Uuid>) -> ApiError {
    match (error, asked) {
        (StoreError::NotThere("venue"), Some(id)) => unknown(id),
        (error, _) => error.into(),
    }
}

fn unknown(id: Uuid) -> ApiError {
    ApiError::invalid(
        "venue_id",
        id,
        "a venue of the event's tenant, by its id in GET /venues, or null",
    )
}
