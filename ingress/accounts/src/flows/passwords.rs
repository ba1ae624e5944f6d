//! Changing a password, and setting one without knowing the old.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_private::Private;
use onsale_store::account::{Act, Purpose};
use onsale_store::reset::ResetRequest;
use onsale_store::sealed_columns;
use serde_json::json;
use uuid::Uuid;

use super::consent::Confirmation;
use crate::accounts::{Accounts, Origin};
use crate::email::Email;
use crate::error::AccountError;
use crate::fields;
use crate::passwords::weakness;
use crate::secret::OneTimeSecret;

/// When there should be room again where too many requests for links wait, in seconds.
const RETRY_AFTER_SECONDS: u64 = 30;

impl Accounts {
    /// Changes the password of who knows it, ends every other session, and unlinks accounts elsewhere whose
    /// provider does not vouch for the address.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`] where `current` is not the password; [`AccountError::Invalid`] where the
    /// new one is the same: who changes it because somebody else knows it would be none the safer;
    /// [`AccountError::NoPassword`] where there is none: a link that sets the first one is mailed;
    /// [`AccountError::StepUp`] and others.
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
            return Err(AccountError::Weak {
                field: "new_password",
                why,
            });
        }
        if row.password.is_none() {
            return Err(AccountError::NoPassword);
        }
        let doing = "account.password";
        let confirmation = Confirmation {
            session,
            password: Some(current),
        };
        let row = self
            .consent(user, confirmation, doing, origin, now_ms)
            .await?;
        if current.expose() == new.expose() {
            return Err(AccountError::Invalid {
                field: "new_password",
                expected: "another password than the account has",
            });
        }
        let hash = self.passwords.hash(new).await?;
        let before = row.password.as_ref();
        let act = Act::new(origin.own(user, doing), confirmation.mandate(user, now_ms));
        let set = self
            .store
            .set_password(user, &hash, before, session, now_ms, act);
        if set.await? {
            Ok(())
        } else {
            // Another change came before this one.
            Err(AccountError::InvalidCredentials)
        }
    }

    /// Writes down that someone with an account's token did not know its password.
    pub(crate) async fn note_wrong_confirmation(
        &self,
        user: Uuid,
        confirming: &'static str,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let entry = origin
            .own(user, "session.refuse")
            .with(json!({ "why": "credentials", "confirming": confirming }));
        Ok(self.store.append_audit(entry).await?)
    }

    /// Has a link sent that sets a new password, where an account has this address and was not sent one just now.
    /// Whether one has is not said, nor told by the time that this takes: nobody is looked for here, and one row is
    /// written for whatever address. A worker does the rest ([`onsale_store::reset`]).
    ///
    /// # Errors
    /// [`AccountError::Invalid`] for what is no address, whoever asks; [`AccountError::Busy`] where too many wait for
    /// that, and when the database cannot be used.
    pub async fn forgot_password(
        &self,
        email: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let email = fields::email(email)?;
        let vault = self.vault(now_ms).await?;
        let secret = OneTimeSecret::random();
        let mail_id = Uuid::now_v7();
        let sealed = vault.ring().seal(
            sealed_columns::mailed_token(mail_id),
            &Private::new(secret.expose()),
        );
        let request = ResetRequest {
            mail_id,
            address_hash: *vault.email_hash(&email).as_bytes(),
            token_hash: secret.hash(),
            token: URL_SAFE_NO_PAD.encode(sealed.as_bytes()),
            life_ms: self.config.reset_link_seconds.saturating_mul(1_000),
            by: origin.anonymous(),
        };
        if self.store.ask_for_reset(&request).await? {
            Ok(())
        } else {
            Err(AccountError::Busy {
                retry_after_seconds: RETRY_AFTER_SECONDS,
            })
        }
    }

    /// Sets a password by the token of a link, and ends every session; and the second factors of an account whose
    /// address was not known to be its person's.
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
        let purpose = Purpose::ResetPassword;
        let bad = || AccountError::BadLink(purpose);
        let secret = OneTimeSecret::parse(token.expose()).ok_or_else(bad)?;
        // A guess costs no password's hash.
        let good = self.store.one_time_token(secret.hash(), purpose, now_ms);
        let user = good.await?.and_then(|good| good.user_id).ok_or_else(bad)?;
        let row = self.store.user(user).await?.ok_or_else(bad)?;
        let profile = self.vault(now_ms).await?.open_profile(&row)?;
        let email = profile.email.as_ref().and_then(Email::parse);
        if let Some(why) = weakness(password, email.as_ref(), profile.name.as_ref()) {
            return Err(AccountError::Weak {
                field: "password",
                why,
            });
        }
        // They may be those of someone else, who has registered the address.
        let drops_factors = !row.owns_address() && self.store.has_second_factor(user).await?;
        let hash = self.passwords.hash(password).await?;
        let origin = origin.clone();
        let audit = move |user| {
            let entry = origin.own(user, "account.reset_password");
            if drops_factors {
                entry.with(json!({ "second_factors": "removed" }))
            } else {
                entry
            }
        };
        self.store
            .reset_password(secret.hash(), &hash, now_ms, audit)
            .await?
            .map(drop)
            .ok_or_else(bad)
    }
}
