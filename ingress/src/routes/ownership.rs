//! Whose bookings are whose.
//!
//! The log has a booking under the UUID that reserved it, for ever. What a person bought as a guest and has
//! taken over is its own all the same: the account lists and reads it, and for the log it acts as that guest.
//! The database says who has taken over whom ([`onsale_store::account::GuestRow`]).

use onsale_schemas::{BookingId, UserId};
use onsale_store::StoreError;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::AppState;

/// The guests that a user has taken over.
pub(super) async fn guests_of(state: &AppState, user: UserId) -> Result<Vec<UserId>, ApiError> {
    if state.accounts.is_none() {
        return Ok(Vec::new());
    }
    let guests = state.store.guests_of(user.0).await?;
    Ok(guests
        .into_iter()
        .map(|guest| UserId(guest.guest_id))
        .collect())
}

/// Whether what `buyer` reserved belongs to `user`.
pub(super) async fn is_of(state: &AppState, user: UserId, buyer: UserId) -> Result<bool, ApiError> {
    if user == buyer {
        return Ok(true);
    }
    Ok(has_taken_over(state, user, buyer).await?)
}

/// As whom a buyer acts on a booking for the log: as itself, or as the guest that reserved it, where it has
/// taken that one over. While the database is away it acts as itself, so that its own bookings do not wait
/// for that.
pub(super) async fn acts_as(state: &AppState, caller: &Caller, booking: BookingId) -> UserId {
    if state.accounts.is_none() || caller.guest.is_some() {
        return caller.user;
    }
    match reserved_by(state, caller.user, booking).await {
        Ok(buyer) => buyer,
        Err(error) => {
            tracing::warn!(%booking, %error, "who reserved it is not known; its caller acts as itself");
            caller.user
        }
    }
}

async fn reserved_by(
    state: &AppState,
    user: UserId,
    booking: BookingId,
) -> Result<UserId, StoreError> {
    // What was taken over was projected before; what is not projected yet is the caller's, or nobody's.
    let row = state.store.booking(booking).await?;
    match row.map(|row| row.user_id) {
        Some(buyer) if buyer != user && has_taken_over(state, user, buyer).await? => Ok(buyer),
        _ => Ok(user),
    }
}

async fn has_taken_over(state: &AppState, user: UserId, buyer: UserId) -> Result<bool, StoreError> {
    if state.accounts.is_none() {
        return Ok(false);
    }
    let owner = state.store.owner_of_guest(buyer.0).await?;
    Ok(owner == Some(user.0))
}
