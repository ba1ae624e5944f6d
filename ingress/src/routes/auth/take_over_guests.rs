//! `POST /auth/me/guest-bookings`

use axum::response::Response;
use http::StatusCode;
use onsale_store::account::Requirement;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::account_call::AccountCall;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::routes::tenants::acting_as;

/// What is the account's from now on.
#[derive(Serialize, ToSchema)]
pub(crate) struct GuestsTakenOver {
    /// The guests, by the ids that `POST /auth/guest` gave them.
    guests: Vec<Uuid>,
}

/// Take what was bought as a guest with the address of the account into the account.
///
/// The address has to be verified, and account and mailbox shown to be one person's: that is what shows that these
/// purchases are the caller's. The link of a mail shows it where it is followed in a session of the account, and so
/// does a password that is set by mail. Purchases that were neither paid for nor are held stay where they are. Once
/// taken over, the bookings are listed, read and cancelled as the account's own; the ticket limit of an event goes on
/// counting those for the guest.
#[utoipa::path(
    post, path = "/api/v1/auth/me/guest-bookings", operation_id = "take_over_guest_bookings", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What is the account's now; none where there was nothing", body = Success<GuestsTakenOver>),
        (status = 403, description = "`EMAIL_NOT_VERIFIED`; `CONFIRMATION_REQUIRED`: the address is verified, and the account may be another person's than the mailbox. Follow the link of another mail while signed in, or set the password anew by mail", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn take_over_guests(
    caller: Caller,
    call: AccountCall,
) -> Result<Response, ApiError> {
    let by = acting_as(&caller, &call, Requirement::OwnsAddress);
    let guests = call
        .accounts
        .take_over_guests(caller.user.0, &by, call.now_ms)
        .await?;
    let body = GuestsTakenOver { guests };
    envelope::success(&call.context, StatusCode::OK, &body)
}
