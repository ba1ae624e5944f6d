//! Showing that an address is one's own.

use onsale_private::Private;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::secret::OneTimeSecret;

impl Accounts {
    /// Uses the token of a link up.
    ///
    /// # Errors
    /// [`AccountError::BadLink`] where it is not good any more.
    pub async fn verify_email(
        &self,
        token: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let secret = OneTimeSecret::parse(token.expose()).ok_or(AccountError::BadLink)?;
        let origin = origin.clone();
        let audit = move |user| origin.own(user, "account.verify_email");
        self.store
            .verify_email(secret.hash(), now_ms, audit)
            .await?
            .map(drop)
            .ok_or(AccountError::BadLink)
    }
}
