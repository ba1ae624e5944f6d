//! `PUT /auth/me`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{LOCALE_MAX_BYTES, NAME_MAX_CHARS, ProfileUpdate};
use onsale_private::Private;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::account_call::{AccountCall, acting_for};
use super::me::MeBody;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, LANGUAGE_TAG, Of};
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, RequestBody};
use crate::state::AppState;

const SCHEMA: &str = "ProfileRequest";

pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "name"), Bound::Line(NAME_MAX_CHARS)),
    (
        Of::Field(SCHEMA, "locale"),
        Bound::Form(LANGUAGE_TAG, LOCALE_MAX_BYTES),
    ),
];

/// What changes. What is left out stays, and `null` removes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileRequest {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<Private>>,
    /// With its country, as `+66 2 123 4567`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    phone: Option<Option<Private>>,
    /// The tag of a language.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    locale: Option<Option<String>>,
}

/// A field that is there, be it `null`.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl RequestBody for ProfileRequest {
    const SECRET: bool = true;
    const OPEN: &'static [&'static str] = &["locale"];

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// Change the caller's profile.
#[utoipa::path(
    put, path = "/api/v1/auth/me", operation_id = "update_me", tag = "accounts", request_body = ProfileRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now", body = Success<MeBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn update_me(
    caller: Caller,
    call: AccountCall,
    body: JsonBody<ProfileRequest>,
) -> Result<Response, ApiError> {
    let ProfileRequest {
        name,
        phone,
        locale,
    } = body.value;
    let update = ProfileUpdate {
        name,
        phone,
        locale,
    };
    let (user, tenant) = (caller.user.0, acting_for(&caller));
    let person = call
        .accounts
        .update_me(
            user,
            tenant,
            caller.session,
            update,
            &call.origin,
            call.now_ms,
        )
        .await?;
    let body = MeBody::of(&call, user, person).await?;
    envelope::success(&call.context, StatusCode::OK, &body)
}
