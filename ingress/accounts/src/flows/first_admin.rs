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
    /// [`AccountError::BadLink`] where the token is not good, or there is an admin by now. It is good still after
    /// [`AccountError::AddressTaken`].
    pub async fn become_first_admin(
        &self,
        token: &Private,
        registration: Registration,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let purpose = Purpose::FirstAdmin;
        let bad = || AccountError::BadLink(purpose);
        let secret = OneTimeSecret::parse(token.expose()).ok_or_else(bad)?;
        // A guess costs no password's hash.
        let good = self.store.one_time_token(secret.hash(), purpose, now_ms);
        let good = good.await?;
        if good.is_none() && origin.repeat.is_none() {
            return Err(bad());
        }
        let registration = Checked::of(registration)?;
        // The first try has used the link up.
        if let Some(user) = self
            .registered_before(&registration, origin, now_ms)
            .await?
        {
            return self.open(user, None, origin, now_ms).await;
        }
        good.ok_or_else(bad)?;
        let created = self.create(&registration, UserRole::Admin, origin, now_ms);
        let user = created.await.map_err(|error| match error {
            AccountError::EmailTaken => AccountError::AddressTaken(purpose),
            other => other,
        })?;
        let vault = self.vault(now_ms).await?;
        let proof = self.verification(vault, &user, now_ms)?;
        let entry = origin.own_as(user.user_id, Role::Operator, "account.first_admin");
        let added = self
            .store
            .add_first_admin(secret.hash(), &user, proof, now_ms, entry);
        match added.await {
            Ok(true) => self.open(user, None, origin, now_ms).await,
            Ok(false) => Err(bad()),
            Err(StoreError::Exists(_)) => Err(AccountError::AddressTaken(purpose)),
            Err(error) => Err(error.into()),
        }
    }
}
