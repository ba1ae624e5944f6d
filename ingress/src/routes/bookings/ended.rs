//! Bookings that the machine does not know (any more).

use onsale_schemas::{BookingId, Rejection, UserId};
use onsale_store::booking::{BookingRow, BookingStatus};

use crate::error::ApiError;
use crate::rejection;
use crate::routes::projected;
use crate::state::AppState;

/// The answer to a refusal of a command on a booking. Where the machine has forgotten the booking it is
/// what the machine would have said before.
pub(super) async fn refusal(
    state: &AppState,
    booking: BookingId,
    owner: Option<UserId>,
    why: &Rejection,
) -> ApiError {
    match why {
        Rejection::UnknownBooking => match forgotten(state, booking, owner).await {
            Ok(row) => rejection::to_error(&ended(row.status), None, None),
            Err(error) => error,
        },
        why => rejection::to_error(why, None, None),
    }
}

/// The row of a booking that the machine does not know, for its owner.
pub(super) async fn forgotten(
    state: &AppState,
    booking: BookingId,
    owner: Option<UserId>,
) -> Result<BookingRow, ApiError> {
    projected::booking(state, booking)
        .await?
        .filter(|row| owner.is_none_or(|owner| owner == row.user_id))
        .ok_or_else(|| ApiError::not_found("booking"))
}

/// What the machine would have said while it still knew the booking.
pub(super) fn ended(status: BookingStatus) -> Rejection {
    match status {
        BookingStatus::Confirmed => Rejection::AlreadyConfirmed,
        BookingStatus::Cancelled => Rejection::AlreadyCancelled,
        BookingStatus::Expired => Rejection::ReservationExpired,
        // The machine forgets no live booking.
        BookingStatus::Reserved => Rejection::UnknownBooking,
    }
}
