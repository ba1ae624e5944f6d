//! Passwords that are tried with a mailed link.

use onsale_private::Private;
use onsale_store::account::Purpose;

use crate::accounts::Accounts;
use crate::error::AccountError;
use crate::secret::OneTimeSecret;

impl Accounts {
    /// What following a link has led to, once a wrong password was counted against the link: after a few
    /// ([`onsale_store::account::WRONG_PASSWORDS_PER_LINK_MAX`]) it is good no more, so that it is no way to try the
    /// passwords of someone else for days.
    ///
    /// # Errors
    /// That of `done`; when the database cannot be used.
    pub async fn counted_against_link(
        &self,
        done: Result<(), AccountError>,
        purpose: Purpose,
        token: &Private,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        if matches!(done, Err(AccountError::InvalidCredentials))
            && let Some(secret) = OneTimeSecret::parse(token.expose())
        {
            let counted = self
                .store
                .count_wrong_password(secret.hash(), purpose, now_ms);
            counted.await?;
        }
        done
    }
}
