//! `PUT /users/{id}/role`

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{ROLES, role};
use super::{LOOK_AFTER_ACCOUNTS, acting, admit};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};
use crate::state::AppState;

pub(super) const BOUNDS: Bounds = &[(Of::Field("AccountRole", "role"), Bound::OneOf(ROLES))];

/// What an account is to be to the installation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountRole {
    /// `buyer` or `admin`.
    role: String,
}

impl RequestBody for AccountRole {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&LOOK_AFTER_ACCOUNTS)
    }
}

/// Make an account an admin of the installation, or a buyer again, the caller's own too.
///
/// Its sessions end, for their tokens say the old role; the role that it has already changes nothing.
///
/// Anyone may have registered another person's address, so only an account whose person has shown that the address
/// is theirs becomes an admin here.
#[utoipa::path(
    put, path = "/api/v1/users/{id}/role", operation_id = "set_role_of_user", tag = "accounts",
    request_body = AccountRole,
    params(("id" = Uuid, Path, description = "The account")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It has the role", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: show the second factor of your account first, where it has one (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`; `CONFIRMATION_REQUIRED`: the account may be another person's than the mailbox", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`LAST_ADMIN`: nobody could look after the installation any more", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn set_role(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
    body: JsonBody<AccountRole>,
) -> Result<Response, ApiError> {
    admit(&caller)?;
    let role = role(&body.value.role)?;
    let call = call?;
    let by = acting(&caller, &call);
    call.accounts
        .set_account_role(id, role, &by, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::OK, &DONE)
}
