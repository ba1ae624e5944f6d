//! `POST /tenants/{id}/members`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{Action, EMAIL_MAX_BYTES, LOCALE_MAX_BYTES};
use onsale_private::Private;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{ROLES, role};
use super::{MANAGE_MEMBERS, acting, permit};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, LANGUAGE_TAG, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::routes::auth::body::{DONE, DoneBody};
use crate::state::AppState;

const SCHEMA: &str = "InviteRequest";

pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "email"), Bound::Length(EMAIL_MAX_BYTES)),
    (Of::Field(SCHEMA, "role"), Bound::OneOf(ROLES)),
    (
        Of::Field(SCHEMA, "locale"),
        Bound::Form(LANGUAGE_TAG, LOCALE_MAX_BYTES),
    ),
];

/// Who is invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteRequest {
    #[schema(value_type = String, example = "nobody@example.test")]
    email: Private,
    /// `owner`, `manager`, `finance`, `box_office` or `scanner`.
    role: String,
    /// The tag of the language that the mail is written in.
    locale: Option<String>,
}

impl RequestBody for InviteRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_MEMBERS)
    }
}

/// Invite someone to a tenant by mail.
///
/// An earlier invitation to the same address is withdrawn.
#[utoipa::path(
    post, path = "/api/v1/tenants/{id}/members", operation_id = "invite_member", tag = "tenants",
    request_body = InviteRequest,
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 202, description = "The invitation is sent", body = Success<DoneBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 401, description = "`SECOND_FACTOR_REQUIRED`: show the second factor of your account first, where it has one (`POST /auth/step-up`); `UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`TOO_MANY_INVITATIONS`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn invite(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
    body: JsonBody<InviteRequest>,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_MEMBERS)?;
    let InviteRequest {
        email,
        role: name,
        locale,
    } = body.value;
    let role = role(&name)?;
    let call = call?;
    let by = acting(&caller, &call, Action::ManageMembers);
    call.accounts
        .invite(id, &email, role, locale, &by, call.now_ms)
        .await?;
    envelope::success(&call.context, StatusCode::ACCEPTED, &DONE)
}
