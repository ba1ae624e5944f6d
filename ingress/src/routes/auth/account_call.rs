//! What every call about an account brings along.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::header::USER_AGENT;
use http::request::Parts;
use onsale_accounts::{AccountError, Accounts, Follower, Origin, Repeat};
use onsale_private::Private;
use onsale_schemas::{TenantId, UserId};
use serde::Serialize;
use uuid::Uuid;

use crate::auth::Caller;
use crate::client_address::ClientAddress;
use crate::context::RequestContext;
use crate::error::{ApiError, Code};
use crate::rate_limit::{Class, Key};
use crate::remembered;
use crate::state::AppState;

/// See the module. As an extractor it refuses calls where there are no accounts.
pub(crate) struct AccountCall {
    pub(in crate::routes) state: AppState,
    pub(in crate::routes) accounts: Arc<Accounts>,
    pub(in crate::routes) context: RequestContext,
    pub(in crate::routes) origin: Origin,
    pub(in crate::routes) now_ms: u64,
}

impl FromRequestParts<AppState> for AccountCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let context = RequestContext::from_request_parts(parts, state).await?;
        let address = ClientAddress::from_request_parts(parts, state).await?;
        let accounts = state.accounts.clone().ok_or_else(|| {
            ApiError::new(
                Code::NotSupported,
                "There are no accounts in this installation: tokens come from elsewhere. (To have \
                 them, set accounts.key and a key that signs.)",
            )
        })?;
        let request_id = context.request_id();
        let agent = parts.headers.get(USER_AGENT);
        let origin = Origin {
            request_id: (!request_id.is_empty()).then(|| request_id.to_owned()),
            address: Some(address.0),
            agent: agent
                .and_then(|agent| agent.to_str().ok())
                .filter(|agent| !agent.is_empty())
                .map(Private::new),
            caller: parts
                .extensions
                .get::<Caller>()
                .map(|caller| (caller.user.0, caller.role)),
            repeat: parts.extensions.get::<Repeat>().cloned(),
        };
        Ok(Self {
            now_ms: state.clock.now_ms(),
            state: state.clone(),
            accounts,
            context,
            origin,
        })
    }
}

impl AccountCall {
    /// Where the request comes from, with what it is answered (200) where it does what it asks for. That is remembered
    /// together with what it does: for what cannot be done a second time, as what uses a link up.
    ///
    /// # Errors
    /// Where the answer cannot be written.
    pub(in crate::routes) fn telling<T: Serialize>(&self, data: &T) -> Result<Origin, ApiError> {
        let mut origin = self.origin.clone();
        if let Some(repeat) = origin.repeat.take() {
            let kept = remembered::kept(false, data)?;
            origin.repeat = Some(repeat.telling(StatusCode::OK.as_u16(), kept));
        }
        Ok(origin)
    }

    /// Counts an attempt to sign in to the account of an address, whether or not there is one. An address
    /// that the account has signed in from is not held up by what others try: only by its own limit,
    /// which was counted before.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub(super) async fn count_sign_in(&self, email: &Private) -> Result<(), ApiError> {
        let Some(account) = self.accounts.account_key(email, self.now_ms).await? else {
            return Ok(());
        };
        let counted = self
            .state
            .limits
            .check(Class::LoginByAccount, Key::Account(account));
        let Err((error, _passed)) = counted else {
            return Ok(());
        };
        let is_known = self
            .accounts
            .knows(email, &self.origin, self.now_ms)
            .await?;
        if is_known { Ok(()) } else { Err(error) }
    }

    /// Counts a token of a guest by the address of e-mail that it gives, whether or not anyone has it.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub(super) async fn count_guest(&self, email: &Private) -> Result<(), ApiError> {
        let Some(address) = self.accounts.account_key(email, self.now_ms).await? else {
            return Ok(());
        };
        let counted = self
            .state
            .limits
            .check(Class::GuestByEmail, Key::Account(address));
        counted.map(drop).map_err(|(error, _passed)| error)
    }

    /// Counts an attempt to confirm the password of the account that a token is of, so that a stolen token
    /// is no way to try passwords from many addresses. As with a sign-in, addresses that the account has
    /// signed in from are held up by their own limit alone.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub(in crate::routes) async fn count_confirmation(&self, user: UserId) -> Result<(), ApiError> {
        let Err((error, _passed)) = self.state.limits.check(Class::Login, Key::User(user)) else {
            return Ok(());
        };
        let is_known = self
            .accounts
            .knows_user(user.0, &self.origin, self.now_ms)
            .await?;
        if is_known { Ok(()) } else { Err(error) }
    }

    /// Who follows a mailed link, as far as session and password show it. A password counts as an attempt to confirm
    /// that of the account that the link is of, which is looked for only then.
    ///
    /// # Errors
    /// `RATE_LIMITED`, and those of `whose`.
    pub(super) async fn follower<'a>(
        &self,
        caller: Option<Caller>,
        password: Option<&'a Private>,
        whose: impl Future<Output = Result<Uuid, AccountError>>,
    ) -> Result<Follower<'a>, ApiError> {
        if password.is_some() {
            self.count_confirmation(UserId(whose.await?)).await?;
        }
        Ok(Follower {
            session: caller.and_then(|caller| Some((caller.user.0, caller.session?))),
            password,
        })
    }
}

/// The tenant that a caller's session acts for.
pub(super) fn acting_for(caller: &Caller) -> Option<Uuid> {
    let TenantId(tenant) = caller.tenant;
    (!tenant.is_nil()).then_some(tenant)
}
