//! Becoming the first admin of an installation by the link that a server prints.

use onsale_auth::Role;
use onsale_private::Private;
use onsale_store::StoreError;
use onsale_store::account::{Purpose, UserRole};

use super::register::Checked;
use crate::accounts::{Accounts, Origin, SignedIn};
use crate::error::AccountError;
use crate::flows::Registration;
use crate::secret::OneTimeSecret;

impl Accounts {
    /// Creates the account of the first admin by the token of a link, and signs the person in. Whether
    /// people may register does not matter to it.
    ///
    /// # Errors
    /// [`AccountError::BadLink`] where the token is not good, or there is an admin by now.
    pub async fn become_first_admin(
        &self,
        token: &Private,
        registration: Registration,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let secret = OneTimeSecret::parse(token.expose()).ok_or(AccountError::BadLink)?;
        // A guess costs no password's hash.
        let purpose = Purpose::FirstAdmin;
        let good = self.store.one_time_token(secret.hash(), purpose, now_ms);
        let good = good.await?;
        if good.is_none() && origin.repeat.is_none() {
            return Err(AccountError::BadLink);
        }
        let registration = Checked::of(registration)?;
        // The first try has used the link up.
        if let Some(user) = self
            .registered_before(&registration, origin, now_ms)
            .await?
        {
            return self.open(user, None, origin, now_ms).await;
        }
        good.ok_or(AccountError::BadLink)?;
        let user = self
            .create(&registration, UserRole::Admin, origin, now_ms)
            .await?;
        let vault = self.vault(now_ms).await?;
        let proof = self.verification(vault, &user, now_ms)?;
        let entry = origin.own_as(user.user_id, Role::Operator, "account.first_admin");
        let added = self
            .store
            .add_first_admin(secret.hash(), &user, proof, now_ms, entry);
        match added.await {
            Ok(true) => self.open(user, None, origin, now_ms).await,
            Ok(false) => Err(AccountError::BadLink),
            Err(StoreError::Exists(_)) => Err(AccountError::EmailTaken),
            Err(error) => Err(error.into()),
        }
    }
}
