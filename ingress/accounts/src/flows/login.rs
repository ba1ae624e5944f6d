//! Signing in with address and password.

use onsale_private::Private;
use onsale_store::account::PasswordHash;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{Accounts, Origin, SignedIn};
use crate::email::Email;
use crate::error::AccountError;
use crate::passwords::PasswordError;

/// What a person who signs in sends.
#[derive(Debug)]
pub struct Login {
    /// The address.
    pub email: Private,
    /// The password.
    pub password: Private,
    /// The tenant to act for, the nil one for oneself, as a buyer. Where none is named: the oldest
    /// membership, or oneself without one.
    pub tenant: Option<Uuid>,
    /// The code of the second factor, of an account that has one; without it, it is asked for.
    pub code: Option<Private>,
}

impl Accounts {
    /// Opens a session. A wrong address and a wrong password take the same time and say the same.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn login(
        &self,
        login: Login,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        let vault = self.vault(now_ms).await?;
        let user = match Email::parse(&login.email) {
            Some(email) => self.store.user_by_email(vault.email_hash(&email)).await?,
            None => None,
        };
        let hash = user.as_ref().and_then(|user| user.password.as_ref());
        let is_right = self.passwords.verify(&login.password, hash).await?;
        let user = match user {
            Some(user) if is_right && user.is_active() => user,
            user => {
                let id = user.map(|user| user.user_id);
                let (why, error) = match is_right {
                    true => ("disabled", AccountError::Disabled),
                    false => ("credentials", AccountError::InvalidCredentials),
                };
                self.note_refusal(id, why, origin).await?;
                return Err(error);
            }
        };
        let (id, shown) = (user.user_id, user.password.clone());
        let opened = self.open(user, login.tenant, origin, now_ms).await;
        let is_opened = matches!(&opened, Ok(_) | Err(AccountError::SecondFactor(_)));
        let why = match &opened {
            // A password is right, or was a moment ago: that is worth a line more than a guess is.
            Err(AccountError::NotFound(_)) => Some("tenant"),
            Err(AccountError::InvalidCredentials) => Some("changed"),
            _ => None,
        };
        if let Some(why) = why {
            self.note_refusal(Some(id), why, origin).await?;
        }
        if is_opened {
            let kept = self
                .keep_up_with_cost(id, &login.password, shown.as_ref())
                .await;
            if let Err(error) = kept {
                tracing::warn!(%error, "a password keeps a hash of another cost");
            }
        }
        match (opened, &login.code) {
            (Err(AccountError::SecondFactor(step)), Some(code)) => {
                self.second_step(&step.challenge, code, origin, now_ms)
                    .await
            }
            (opened, _) => opened,
        }
    }

    /// Writes down that a password opened nothing, or was not right.
    pub(crate) async fn note_refusal(
        &self,
        user: Option<Uuid>,
        why: &'static str,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let detail = json!({ "why": why });
        self.note_refusal_with(user, detail, origin).await
    }

    /// As [`Accounts::note_refusal`], with what else there is to know.
    pub(crate) async fn note_refusal_with(
        &self,
        user: Option<Uuid>,
        detail: Value,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let subject = user.map_or_else(|| "unknown".to_owned(), |user| user.to_string());
        let entry = origin
            .anonymous()
            .did("session.refuse", "user", subject)
            .with(detail);
        Ok(self.store.append_audit(entry).await?)
    }

    /// Hashes a password that was right anew where its hash has another cost than new ones: it would tell
    /// by the time that it takes that there is an account. Not while others wait for the threads.
    async fn keep_up_with_cost(
        &self,
        user: Uuid,
        password: &Private,
        shown: Option<&PasswordHash>,
    ) -> Result<(), AccountError> {
        let Some(shown) = shown.filter(|shown| !self.passwords.is_of_cost(shown)) else {
            return Ok(());
        };
        match self.passwords.hash(password).await {
            Ok(hash) => Ok(self.store.rehash_password(user, shown, &hash).await?),
            Err(PasswordError::Busy { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
