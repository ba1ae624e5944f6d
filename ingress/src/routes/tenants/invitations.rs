//! `GET /tenants/{id}/invitations`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{Action, OpenInvitation};
use onsale_private::Private;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{MANAGE_MEMBERS, permit};
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::PathId;
use crate::routes::auth::account_call::AccountCall;
use crate::routes::still;
use crate::values::Instant;

/// An invitation that waits for an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationBody {
    invitation_id: Uuid,
    /// `null` where what is kept of it does not open: it is damaged, or its key is not configured.
    email: Option<String>,
    /// `owner`, `manager`, `finance`, `box_office` or `scanner`.
    role: &'static str,
    /// The account that invited.
    invited_by: Option<Uuid>,
    invited_at: Instant,
    expires_at: Instant,
}

impl From<OpenInvitation> for InvitationBody {
    fn from(invitation: OpenInvitation) -> Self {
        let OpenInvitation { row, email } = invitation;
        Self {
            invitation_id: row.invitation_id,
            email: email.map(Private::into_exposed),
            role: row.role.as_str(),
            invited_by: row.invited_by,
            invited_at: Instant(row.issued_at_ms),
            expires_at: Instant(row.expires_at_ms),
        }
    }
}

/// The invitations of a tenant that wait for an answer, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{id}/invitations", operation_id = "list_invitations", tag = "tenants",
    params(("id" = Uuid, Path, description = "The tenant")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The invitations", body = Success<Vec<InvitationBody>>),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended, or the right was withdrawn", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn invitations(
    caller: Caller,
    call: Result<AccountCall, ApiError>,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    permit(&caller, id, &MANAGE_MEMBERS)?;
    let call = call?;
    still::check(
        &call.state,
        &caller,
        still::required(&caller, Action::ManageMembers),
    )
    .await?;
    let open = call.accounts.invitations(id, call.now_ms).await?;
    let body: Vec<InvitationBody> = open.into_iter().map(InvitationBody::from).collect();
    envelope::success(&call.context, StatusCode::OK, &body)
}
