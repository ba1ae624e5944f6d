//! Changing a password, and setting one without knowing the old.

use std::sync::Arc;

use onsale_private::Private;
use onsale_store::account::{Act, LinkPace, Purpose, UserRow};
use serde_json::json;
use tracing::Instrument;
use uuid::Uuid;

use super::consent::Confirmation;
use crate::accounts::{Accounts, LINKS_AT_ONCE, Origin};
use crate::email::Email;
use crate::error::AccountError;
use crate::passwords::weakness;
use crate::secret::OneTimeSecret;

/// The action of who forgot a password.
const FORGOT: &str = "account.forgot_password";
/// Within how long unused links of an account are counted, in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// Links within that time that follow one another after the short pause; then the pause is half of their
/// life.
const SHORT_PAUSES: u32 = 5;
/// The short pause, in milliseconds: 5 minutes.
const SHORT_PAUSE_MS: u64 = 5 * 60 * 1_000;

impl Accounts {
    /// Changes the password of who knows it, ends every other session, and unlinks accounts elsewhere whose
    /// provider does not vouch for the address.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`] where `current` is not the password;
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

    /// Sends a link that sets a new password, where an account has this address and was not sent one just
    /// now. Whether one has is not said, nor told by the time that this takes: what follows from it is
    /// done behind the answer.
    ///
    /// # Errors
    /// [`AccountError::Busy`], and when the database cannot be used.
    pub async fn forgot_password(
        self: &Arc<Self>,
        email: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let Some(email) = Email::parse(email) else {
            return Ok(());
        };
        let busy = |_full| AccountError::Busy {
            retry_after_seconds: 1,
        };
        let turn = self.links.clone().try_acquire_owned().map_err(busy)?;
        let hash = self.vault(now_ms).await?.email_hash(&email);
        let user = self.store.user_by_email(hash).await?;
        let (accounts, origin) = (self.clone(), origin.clone());
        let work = async move {
            let user = user.filter(UserRow::is_active);
            if let Err(error) = accounts.send_reset(user, &origin, now_ms).await {
                tracing::warn!(%error, "a link that sets a new password could not be sent");
            }
            drop(turn);
        };
        tokio::spawn(work.in_current_span());
        Ok(())
    }

    async fn send_reset(
        &self,
        user: Option<UserRow>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let by = origin.anonymous();
        let Some(user) = user else {
            let entry = by.did(FORGOT, "user", "unknown");
            return Ok(self.store.append_audit(entry).await?);
        };
        let vault = self.vault(now_ms).await?;
        let life_ms = self.config.reset_link_seconds.saturating_mul(1_000);
        let (token, mail) = self.link(vault, &user, Purpose::ResetPassword, life_ms, now_ms)?;
        let entry = by.did(FORGOT, "user", user.user_id);
        let pace = LinkPace {
            within_ms: DAY_MS,
            short_pauses: SHORT_PAUSES,
            short_pause_ms: SHORT_PAUSE_MS,
            // So the last link is good for as long again when the next one may be sent: whoever asks all
            // the time keeps nobody from setting a password.
            long_pause_ms: (life_ms / 2).max(SHORT_PAUSE_MS),
        };
        let sent = self.store.issue_at_pace(&token, mail, pace, entry);
        sent.await?;
        Ok(())
    }

    /// Waits until what was asked for behind answers is done.
    pub async fn settled(&self) {
        let all = self.links.acquire_many(LINKS_AT_ONCE.into()).await;
        drop(all);
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
            .ok_or(AccountError::BadLink)
    }
}
