//! Changing a password, and setting one without knowing the old.

use onsale_auth::Role;
use onsale_private::Private;
use onsale_store::account::{OneTimeToken, Purpose};
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::email::Email;
use crate::error::AccountError;
use crate::one_time::OneTimeSecret;
use crate::passwords::weakness;

/// The action of who forgot a password.
const FORGOT: &str = "account.forgot_password";

impl Accounts {
    /// Changes the password of who knows it, and ends every other session.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`] where `current` is not the password.
    pub async fn change_password(
        &self,
        user: Uuid,
        session: Option<Uuid>,
        current: &Private,
        new: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(|row| row.is_active());
        let row = row.ok_or(AccountError::NotFound("account"))?;
        let profile = self.vault(now_ms).await?.open_profile(&row)?;
        let email = profile.email.as_ref().and_then(Email::parse);
        if let Some(why) = weakness(new, email.as_ref(), profile.name.as_ref()) {
            return Err(AccountError::Weak(why));
        }
        let before = row.password.as_ref();
        if !self.passwords.verify(current, before).await? {
            return Err(AccountError::InvalidCredentials);
        }
        let hash = self.passwords.hash(new).await?;
        let entry = origin.own(user, Role::Buyer, "account.password");
        let set = self
            .store
            .set_password(user, &hash, before, session, now_ms, entry);
        if set.await? {
            Ok(())
        } else {
            // Another change came before this one.
            Err(AccountError::InvalidCredentials)
        }
    }

    /// Sends a link that sets a new password, where an account has this address. Whether one has is not
    /// said, and both take one write: the mail is a job.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn forgot_password(
        &self,
        email: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let Some(email) = Email::parse(email) else {
            return Ok(());
        };
        let vault = self.vault(now_ms).await?;
        let user = self.store.user_by_email(vault.email_hash(&email)).await?;
        let by = origin.anonymous();
        let Some(user) = user.filter(|user| user.is_active()) else {
            let entry = by.did(FORGOT, "user", "unknown");
            return Ok(self.store.append_audit(entry).await?);
        };
        let life_ms = self.config.reset_link_seconds.saturating_mul(1_000);
        let (token, mail): (OneTimeToken, _) =
            self.link(vault, &user, Purpose::ResetPassword, life_ms, now_ms)?;
        let entry = by.did(FORGOT, "user", user.user_id);
        self.store
            .issue_one_time_token(&token, Some(mail), entry)
            .await?;
        Ok(())
    }

    /// Sets a password by the token of a link, and ends every session.
    ///
    /// # Errors
    /// [`AccountError::BadLink`] where the token is not good any more.
    pub async fn reset_password(
        &self,
        token: &Private,
        password: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let secret = OneTimeSecret::parse(token.expose()).ok_or(AccountError::BadLink)?;
        // A guess costs no password's hash.
        let purpose = Purpose::ResetPassword;
        let good = self.store.one_time_token(secret.hash(), purpose, now_ms);
        let good = good.await?.ok_or(AccountError::BadLink)?;
        let user = good.user_id.ok_or(AccountError::BadLink)?;
        let row = self.store.user(user).await?.ok_or(AccountError::BadLink)?;
        let profile = self.vault(now_ms).await?.open_profile(&row)?;
        let email = profile.email.as_ref().and_then(Email::parse);
        if let Some(why) = weakness(password, email.as_ref(), profile.name.as_ref()) {
            return Err(AccountError::Weak(why));
        }
        let hash = self.passwords.hash(password).await?;
        let origin = origin.clone();
        let audit = move |user| origin.own(user, Role::Buyer, "account.reset_password");
        self.store
            .reset_password(secret.hash(), &hash, now_ms, audit)
            .await?
            .map(drop)
            .ok_or(AccountError::BadLink)
    }
}
