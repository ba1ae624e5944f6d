//! `POST /auth/factors/passkeys`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{NAME_MAX_CHARS, PasskeyAnswer};
use onsale_private::Private;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::exposed;
use super::session_of;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::routes::auth::account_call::AccountCall;
use crate::state::AppState;

pub(super) const BOUNDS: Bounds = &[(
    Of::Field("PasskeyRequest", "name"),
    Bound::Line(NAME_MAX_CHARS),
)];

/// A passkey that the browser has created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyRequest {
    /// That of `POST /auth/factors/passkeys/options`.
    #[schema(value_type = String)]
    ceremony: Private,
    /// What `navigator.credentials.create()` answered, as `PublicKeyCredential.toJSON()` writes it.
    #[schema(value_type = Object)]
    credential: Value,
    /// What the person calls it.
    #[schema(value_type = Option<String>)]
    name: Option<Private>,
}

/// A new passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = NewPasskey)]
pub(crate) struct NewPasskeyBody {
    passkey_id: Uuid,
    /// They are not shown again. `null`: those that were given out before are still good.
    recovery_codes: Option<Vec<String>>,
}

impl RequestBody for PasskeyRequest {
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Register a passkey.
///
/// From now on nobody signs in to the account with its password alone; its other sessions end.
#[utoipa::path(
    post, path = "/api/v1/auth/factors/passkeys", operation_id = "add_passkey", tag = "accounts",
    request_body = PasskeyRequest,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The passkey is registered; recovery codes where the account had none left", body = Success<NewPasskeyBody>),
        (status = 401, description = "`INVALID_CREDENTIALS`: what the browser answered is not valid here; `SECOND_FACTOR_REQUIRED`: show the second factor that is in use first", body = Problem),
        (status = 403, description = "`FORBIDDEN`: the token belongs to no session; `EMAIL_NOT_VERIFIED`; `CONFIRMATION_REQUIRED`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 409, description = "`PASSKEY_TAKEN`, or `QUOTA_EXCEEDED`: the account has as many as it may", body = Problem),
        (status = 410, description = "`CHALLENGE_EXPIRED`: the ceremony was used, took too long, or is another's", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere, or browsers have no passkeys at the address of the pages", body = Problem),
    ),
)]
pub(crate) async fn add_passkey(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<PasskeyRequest>,
) -> Result<Response, ApiError> {
    let (user, session) = (caller.user.0, session_of(&caller)?);
    let PasskeyRequest {
        ceremony,
        credential,
        name,
    } = body.value;
    let answer = PasskeyAnswer {
        ceremony,
        credential,
    };
    let added = call
        .accounts
        .add_passkey(
            user,
            session,
            answer,
            name.as_ref(),
            &call.origin,
            call.now_ms,
        )
        .await?;
    let body = NewPasskeyBody {
        passkey_id: added.passkey_id,
        recovery_codes: added.recovery_codes.map(exposed),
    };
    envelope::success(&call.context, StatusCode::CREATED, &body)
}
