//! The one behind a request.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use onsale_auth::{Identity, TokenError};

use crate::error::{ApiError, Code};

/// A verified caller. As an extractor it refuses requests without a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Caller(Identity);

impl From<Identity> for Caller {
    fn from(identity: Identity) -> Self {
        Self(identity)
    }
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl Caller {
    /// The error where a token is needed and none was sent.
    pub(crate) fn missing() -> ApiError {
        ApiError::new(
            Code::Unauthorized,
            "Send a token as `Authorization: Bearer …`.",
        )
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::new(Code::Unauthorized, error.to_string())
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .copied()
            .ok_or_else(Self::missing)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, ApiError> {
        Ok(parts.extensions.get::<Self>().copied())
    }
}
