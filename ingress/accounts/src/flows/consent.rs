//! Showing once more who one is, before something that a stolen token should not do.

use onsale_private::Private;
use onsale_store::StoreError;
use onsale_store::account::{Mandate, Requirement, UserRow};
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::acting::Acting;
use crate::config::SecondFactorRule;
use crate::error::AccountError;

/// For how long a second factor that was shown in a session is enough for what is sensitive, in milliseconds:
/// 15 minutes. It is also how old a session may be in which an account without a password does that.
const RECENT_MS: u64 = 15 * 60 * 1_000;

/// What a person shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Confirmation<'a> {
    /// The session that it asks in.
    pub session: Option<Uuid>,
    /// The password, of an account that has one.
    pub password: Option<&'a Private>,
}

impl Confirmation<'_> {
    /// The right by which it asks; `None` for a token of no session.
    pub(super) fn mandate(&self, user: Uuid, now_ms: u64) -> Option<Mandate> {
        self.session
            .map(|session| in_session(user, session, now_ms))
    }
}

impl Accounts {
    /// The account of a person who shows that it is the one who asks for `doing`: in a session that is live it has
    /// shown its second factor lately, where it has one, and shows its password. An account without a password
    /// has signed in lately.
    ///
    /// What is done then compares the right and the password again, in its own transaction.
    ///
    /// # Errors
    /// [`AccountError::StepUp`]; [`AccountError::Invalid`] where the password is missing,
    /// [`AccountError::InvalidCredentials`] where it is another; [`AccountError::SignInAgain`] where there is
    /// none and the session is not of just now; [`StoreError::RightWithdrawn`] where the session has ended.
    pub(super) async fn consent(
        &self,
        user: Uuid,
        confirmation: Confirmation<'_>,
        doing: &'static str,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<UserRow, AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(UserRow::is_active);
        let row = row.ok_or(AccountError::NotFound("account"))?;
        let opened_at_ms = match confirmation.session {
            Some(session) => Some(self.opened_at(user, session, now_ms).await?),
            None => None,
        };
        self.require_recent_factor(user, confirmation.session, now_ms)
            .await?;
        let shown = row.password.as_ref();
        if shown.is_none() {
            let is_recent = |at_ms: u64| now_ms.saturating_sub(at_ms) < RECENT_MS;
            return match opened_at_ms.is_some_and(is_recent) {
                true => Ok(row),
                false => Err(AccountError::SignInAgain),
            };
        }
        let password = confirmation.password.ok_or(AccountError::Invalid {
            field: "password",
            expected: "the password of the account",
        })?;
        if !self.passwords.verify(password, shown).await? {
            self.note_wrong_confirmation(user, doing, origin).await?;
            return Err(AccountError::InvalidCredentials);
        }
        Ok(row)
    }

    /// Refuses what is sensitive where the account has a second factor that was not shown in this session
    /// lately. A token of no session cannot show one.
    ///
    /// # Errors
    /// [`AccountError::StepUp`].
    pub(crate) async fn require_recent_factor(
        &self,
        user: Uuid,
        session: Option<Uuid>,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        if !self.store.has_second_factor(user).await? {
            return Ok(());
        }
        let at_ms = match session {
            Some(session) => self.store.proven_at(user, session, now_ms).await?,
            None => None,
        };
        if at_ms.is_some_and(|at_ms| now_ms.saturating_sub(at_ms) < RECENT_MS) {
            return Ok(());
        }
        Err(AccountError::StepUp {
            ways: self.ways(user).await?,
        })
    }

    /// As [`Accounts::require_recent_factor`], of who acts for a tenant: what gives rights to others, or outlives
    /// the session, would otherwise be the way around everything that takes the factor. A token of no session
    /// does what it says.
    ///
    /// # Errors
    /// [`AccountError::StepUp`].
    pub(super) async fn require_recent_factor_of(
        &self,
        by: &Acting,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let Some(by) = &by.mandate else {
            return Ok(());
        };
        self.require_recent_factor(by.user_id, Some(by.session_id), now_ms)
            .await
    }

    /// As [`Accounts::require_recent_factor_of`], where staff needs a second factor: a stolen session would otherwise
    /// read everyone's address.
    ///
    /// # Errors
    /// [`AccountError::StepUp`].
    pub(super) async fn require_recent_factor_of_staff(
        &self,
        by: &Acting,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        match self.config.require_second_factor {
            SecondFactorRule::None => Ok(()),
            // Who reads accounts is an admin, and so meant by both.
            SecondFactorRule::Operators | SecondFactorRule::Staff => {
                self.require_recent_factor_of(by, now_ms).await
            }
        }
    }

    /// When a session of an account was opened, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`] where it is no live one.
    async fn opened_at(&self, user: Uuid, session: Uuid, now_ms: u64) -> Result<u64, AccountError> {
        let session = self.store.session(session).await?;
        let session = session.filter(|row| row.user_id == user && row.is_live(now_ms));
        let session = session.ok_or(StoreError::RightWithdrawn)?;
        Ok(session.created_at_ms)
    }
}

/// The right of a person over its own account, in a session of it.
pub(super) fn in_session(user: Uuid, session: Uuid, now_ms: u64) -> Mandate {
    Mandate {
        user_id: user,
        session_id: session,
        requires: Requirement::Account,
        at_ms: now_ms,
    }
}
