//! `POST /auth/guest`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{EMAIL_MAX_BYTES, GuestSignedIn, LOCALE_MAX_BYTES};
use onsale_private::Private;
use onsale_schemas::ShowId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::account_call::AccountCall;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, LANGUAGE_TAG, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

const SCHEMA: &str = "GuestRequest";

pub(in crate::routes) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "email"), Bound::Length(EMAIL_MAX_BYTES)),
    (
        Of::Field(SCHEMA, "locale"),
        Bound::Form(LANGUAGE_TAG, LOCALE_MAX_BYTES),
    ),
];

/// Who buys without an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuestRequest {
    /// Where tickets go, and by which an account takes the purchase over later.
    #[schema(value_type = String, example = "nobody@example.test")]
    email: Private,
    /// The only show of which the token reserves places. Left out: of any one.
    show_id: Option<Uuid>,
    /// The tag of a language, as `th` or `en-GB`: mails are written in it.
    locale: Option<String>,
}

impl RequestBody for GuestRequest {
    const PUBLIC: bool = true;
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &["show_id", "locale"];

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// A guest with its token.
#[derive(Serialize, ToSchema)]
#[schema(as = GuestSignedIn)]
pub(crate) struct GuestBody {
    guest_id: Uuid,
    /// For `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Life of the token, in seconds. There is no other one after it.
    expires_in: u64,
}

/// Get a token for one purchase without an account.
///
/// It reserves places once, of one show, and reads, pays for and gives back that booking alone: not those of
/// another guest with the same address. The answer says nothing about the address. Later the booking is taken
/// into an account whose address is the same and verified (`POST /auth/me/guest-bookings`).
#[utoipa::path(
    post, path = "/api/v1/auth/guest", operation_id = "open_guest", tag = "accounts", request_body = GuestRequest,
    responses(
        (status = 201, description = "A guest", body = Success<GuestBody>),
        (status = 400, description = "`VALIDATION_ERROR`: no address", body = Problem),
        (status = 403, description = "`FORBIDDEN`: guests do not buy here", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many from this address, or for this address of e-mail", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn guest(
    call: AccountCall,
    body: JsonBody<GuestRequest>,
) -> Result<Response, ApiError> {
    let guest = open(&call, body.value).await?;
    let body = GuestBody {
        guest_id: guest.guest_id,
        access_token: guest.access_token.into_exposed(),
        token_type: "Bearer",
        expires_in: guest.expires_in_seconds,
    };
    envelope::success(&call.context, StatusCode::CREATED, &body)
}

/// Counts and creates a guest.
pub(super) async fn open(
    call: &AccountCall,
    request: GuestRequest,
) -> Result<GuestSignedIn, ApiError> {
    let GuestRequest {
        email,
        show_id,
        locale,
    } = request;
    call.count_guest(&email).await?;
    let show = show_id.map(ShowId);
    let opened = call
        .accounts
        .open_guest(&email, show, locale, &call.origin, call.now_ms);
    Ok(opened.await?)
}
