//! The one behind a request.

use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::Extensions;
use http::request::Parts;
use onsale_accounts::{Action, Actions, may};
use onsale_auth::{Identity, TokenError};

use crate::error::{ApiError, Code};

/// A verified caller. As an extractor it refuses requests without a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Caller {
    identity: Identity,
    /// What a program may do for its tenant, of one that sent an API key of an organizer.
    actions: Option<Actions>,
}

/// That the caller is known by the cookie of a browser.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByCookie;

/// That a guest asks for what a guest's token does not open: it is nobody there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestElsewhere;

impl From<Identity> for Caller {
    fn from(identity: Identity) -> Self {
        Self {
            identity,
            actions: None,
        }
    }
}

impl Deref for Caller {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl Caller {
    /// As a program that may do these actions for its tenant, and nothing else.
    pub(crate) fn with_actions(self, actions: Actions) -> Self {
        Self {
            actions: Some(actions),
            ..self
        }
    }

    /// Whether an organizer is of the tenant's team, a member or a program of it; otherwise it works on the
    /// events of its own account.
    pub(crate) fn is_of_team(&self) -> bool {
        self.identity.member.is_some() || self.actions.is_some()
    }

    /// Whether one of the team may do this for the tenant; `None` for others.
    pub(crate) fn may_for_tenant(&self, action: Action) -> Option<bool> {
        match (self.actions, self.identity.member) {
            (Some(actions), _) => Some(actions.contains(action)),
            (None, Some(member)) => Some(may(member, action)),
            (None, None) => None,
        }
    }

    /// The error where a token is needed and none was sent.
    pub(crate) fn missing() -> ApiError {
        ApiError::new(
            Code::Unauthorized,
            "Send a token as `Authorization: Bearer …`.",
        )
    }

    /// The error of a request that needs a caller and has none: no token was sent, or a guest's.
    pub(crate) fn absent(extensions: &Extensions) -> ApiError {
        match extensions.get::<GuestElsewhere>() {
            Some(GuestElsewhere) => ApiError::forbidden(
                "A guest's token is for its purchase alone: register, or sign in with an account.",
            ),
            None => Self::missing(),
        }
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
            .ok_or_else(|| Self::absent(&parts.extensions))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, ApiError> {
        Ok(parts.extensions.get::<Self>().copied())
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for ByCookie {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, ApiError> {
        Ok(parts.extensions.get::<Self>().copied())
    }
}
