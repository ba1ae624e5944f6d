//! The one behind a request.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use onsale_schemas::{TenantId, UserId};
use serde::Deserialize;

use crate::error::{ApiError, Code};

/// What a token allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Buys tickets.
    Buyer,
    /// Sells tickets for events of their own.
    Organizer,
    /// Manages a tenant: everything of it, and nothing of another.
    Admin,
    /// A service that works for one tenant, such as its payments.
    Service,
    /// Runs the installation: nodes, snapshots, repairs, and every tenant's catalog.
    Operator,
    /// A service of the installation's own that works for every tenant.
    Platform,
}

/// A verified caller. As an extractor it refuses requests without a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    /// The account.
    pub(crate) user: UserId,
    /// What it may do.
    pub(crate) role: Role,
    /// The tenant it belongs to.
    pub(crate) tenant: TenantId,
    /// End of the token, in seconds since 1970.
    pub(crate) expires_at_seconds: u64,
}

impl Caller {
    /// Refuses callers of any other role.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(crate) fn require(&self, roles: &[Role], detail: &'static str) -> Result<(), ApiError> {
        if roles.contains(&self.role) {
            Ok(())
        } else {
            Err(ApiError::forbidden(detail))
        }
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
