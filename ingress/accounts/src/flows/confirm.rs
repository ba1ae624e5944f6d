//! Showing once more who one is, before something that a stolen token should not do.

use onsale_private::Private;
use onsale_store::account::UserRow;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;

/// How long ago the session of an account without a password may have been opened, in milliseconds: 10
/// minutes.
const RECENT_MS: u64 = 600_000;

/// What a person shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Confirmation<'a> {
    /// The session that it asks in.
    pub session: Option<Uuid>,
    /// The password, of an account that has one.
    pub password: Option<&'a Private>,
}

impl Accounts {
    /// Looks at what a person shows: the password, or of an account without one a session that was opened
    /// just now. `confirming` is what for, for the audit trail.
    ///
    /// # Errors
    /// [`AccountError::Invalid`] where the password is missing, [`AccountError::InvalidCredentials`] where
    /// it is another, [`AccountError::SignInAgain`] where the session is none of just now.
    pub(crate) async fn confirm(
        &self,
        row: &UserRow,
        confirmation: Confirmation<'_>,
        confirming: &'static str,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let shown = row.password.as_ref();
        if shown.is_none() {
            return match self.is_recent(row, confirmation.session, now_ms).await? {
                true => Ok(()),
                false => Err(AccountError::SignInAgain),
            };
        }
        let password = confirmation.password.ok_or(AccountError::Invalid {
            field: "password",
            expected: "the password of the account",
        })?;
        if self.passwords.verify(password, shown).await? {
            return Ok(());
        }
        self.note_wrong_confirmation(row.user_id, confirming, origin)
            .await?;
        Err(AccountError::InvalidCredentials)
    }

    async fn is_recent(
        &self,
        row: &UserRow,
        session: Option<Uuid>,
        now_ms: u64,
    ) -> Result<bool, AccountError> {
        let Some(session) = session else {
            return Ok(false);
        };
        let session = self.store.session(session).await?;
        Ok(session.is_some_and(|session| {
            session.user_id == row.user_id
                && session.is_live(now_ms)
                && now_ms.saturating_sub(session.created_at_ms) <= RECENT_MS
        }))
    }
}
