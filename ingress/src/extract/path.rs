//! Ids in paths.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use onsale_private::Private;
use onsale_schemas::{BookingId, CodeGroup};
use uuid::Uuid;

use crate::error::ApiError;

/// The parameters of a path, in their order.
async fn of_path<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    nothing: impl Fn() -> ApiError,
) -> Result<RawPathParams, ApiError> {
    RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| nothing())
}

/// The first parameter as an id and the second as a number.
fn id_and_number(parameters: &RawPathParams) -> Option<(Uuid, u32)> {
    let mut texts = parameters.iter().map(|(_, text)| text);
    let id = texts.next()?.parse().ok()?;
    let number = texts.next()?.parse().ok()?;
    Some((id, number))
}

/// The id in a path. What is not a UUID names nothing, so it is not found.
pub(crate) struct PathId(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let nothing = || ApiError::not_found("resource");
        let parameters = of_path(parts, state, nothing).await?;
        let id = parameters
            .iter()
            .next()
            .and_then(|(_, text)| text.parse().ok());
        id.map(Self).ok_or_else(nothing)
    }
}

/// The two ids in a path, in their order.
pub(crate) struct PathIds(pub(crate) Uuid, pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for PathIds {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let nothing = || ApiError::not_found("resource");
        let parameters = of_path(parts, state, nothing).await?;
        let mut ids = parameters.iter().filter_map(|(_, text)| text.parse().ok());
        let (Some(one), Some(other)) = (ids.next(), ids.next()) else {
            return Err(nothing());
        };
        Ok(Self(one, other))
    }
}

/// The id in a path and the number behind it. What is neither names nothing, so it is not found.
pub(crate) struct PathNumber(pub(crate) Uuid, pub(crate) u32);

impl<S: Send + Sync> FromRequestParts<S> for PathNumber {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let nothing = || ApiError::not_found("resource");
        let parameters = of_path(parts, state, nothing).await?;
        let (id, number) = id_and_number(&parameters).ok_or_else(nothing)?;
        Ok(Self(id, number))
    }
}

/// The token in a path, which nobody should see.
pub(crate) struct PathToken(pub(crate) Private);

impl<S: Send + Sync> FromRequestParts<S> for PathToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let nothing = || ApiError::not_found("resource");
        let parameters = of_path(parts, state, nothing).await?;
        let token = parameters.iter().next().map(|(_, text)| Private::new(text));
        token.map(Self).ok_or_else(nothing)
    }
}

/// The name in a path.
pub(crate) struct PathName(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathToken(name) = PathToken::from_request_parts(parts, state).await?;
        Ok(Self(name.into_exposed()))
    }
}

/// A show in a path, and the number of one of its groups of codes.
pub(crate) struct PathGroup(pub(crate) Uuid, pub(crate) CodeGroup);

/// As [`PathGroup`], and one of the codes: its id or its text, which nobody should see.
pub(crate) struct PathCode(pub(crate) PathGroup, pub(crate) Private);

impl<S: Send + Sync> FromRequestParts<S> for PathGroup {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let nothing = || ApiError::not_found("group of codes");
        let parameters = of_path(parts, state, nothing).await?;
        let (show, group) = id_and_number(&parameters).ok_or_else(nothing)?;
        Ok(Self(show, group))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathCode {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let group = PathGroup::from_request_parts(parts, state).await?;
        let nothing = || ApiError::not_found("code");
        let parameters = of_path(parts, state, nothing).await?;
        let code = parameters.iter().nth(2).map(|(_, text)| Private::new(text));
        code.map(|code| Self(group, code)).ok_or_else(nothing)
    }
}

/// The booking with this id, where one that we made can have it and the log has its partition.
pub(crate) fn parse_booking(id: Uuid, partitions: u16) -> Result<BookingId, ApiError> {
    BookingId::from_uuid(id)
        .filter(|booking| booking.partition().0 < partitions)
        .ok_or_else(|| ApiError::not_found("booking"))
}
