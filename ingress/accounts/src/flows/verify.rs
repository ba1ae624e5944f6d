//! Showing that an address is one's own.
//!
//! Reading the mail shows whose the address is, and not that this person created the account: anyone may have
//! registered the address and wait, signed in, until its owner follows the link. So it takes both, the mail and
//! a session of the account or its password. Who has the mail alone sets a new password, which ends whatever
//! someone else may have set.

use onsale_private::Private;
use onsale_store::account::{Purpose, UserRow};
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::secret::OneTimeSecret;

/// The action of verifying an address.
const VERIFY: &str = "account.verify_email";

/// What shows that a link is followed by who created the account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Follower<'a> {
    /// Account and session of the token that came along.
    pub session: Option<(Uuid, Uuid)>,
    /// The password of the account.
    pub password: Option<&'a Private>,
}

impl Accounts {
    /// Whose address a link verifies.
    ///
    /// # Errors
    /// [`AccountError::BadLink`] where it is not good any more.
    pub async fn whose_verification(
        &self,
        token: &Private,
        now_ms: u64,
    ) -> Result<Uuid, AccountError> {
        let (_secret, row) = self.verifying(token, now_ms).await?;
        Ok(row.user_id)
    }

    /// Uses the token of a link up, by the account's person.
    ///
    /// # Errors
    /// [`AccountError::BadLink`] where it is not good any more; [`AccountError::NotItsPerson`] and
    /// [`AccountError::InvalidCredentials`], after which it is good still.
    pub async fn verify_email(
        &self,
        token: &Private,
        follower: Follower<'_>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let (secret, row) = self.verifying(token, now_ms).await?;
        if !self.has_session(&row, follower, now_ms).await? {
            self.require_password(&row, follower, origin).await?;
        }
        let origin = origin.clone();
        let audit = move |user| origin.own(user, VERIFY);
        self.store
            .verify_email(secret.hash(), now_ms, audit)
            .await?
            .map(drop)
            .ok_or(AccountError::BadLink)
    }

    /// Sends another link to the address of an account; none where it is verified. Earlier links stay good.
    ///
    /// # Errors
    /// [`AccountError::TooManyMails`]; [`AccountError::NotFound`] for a token's user that has no account here.
    pub async fn resend_verification(
        &self,
        user: Uuid,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(UserRow::is_active);
        let row = row.ok_or(AccountError::NotFound("account"))?;
        if row.email_verified_at_ms.is_some() {
            return Ok(());
        }
        let Some(email) = &row.email else {
            return Err(AccountError::NotFound("account"));
        };
        let vault = self.vault(now_ms).await?;
        let (token, mail) = self.verification(vault, &row, now_ms)?;
        self.count_mail(Purpose::VerifyEmail, &email.hash, now_ms)?;
        let entry = origin.own(user, "account.send_verification");
        let sent = self.store.issue_one_time_token(&token, Some(mail), entry);
        Ok(sent.await?)
    }

    /// The account of a link that is good, with the link's secret.
    async fn verifying(
        &self,
        token: &Private,
        now_ms: u64,
    ) -> Result<(OneTimeSecret, UserRow), AccountError> {
        let bad = || AccountError::BadLink;
        let secret = OneTimeSecret::parse(token.expose()).ok_or_else(bad)?;
        let purpose = Purpose::VerifyEmail;
        let good = self.store.one_time_token(secret.hash(), purpose, now_ms);
        let user = good.await?.and_then(|good| good.user_id).ok_or_else(bad)?;
        let row = self.store.user(user).await?.filter(UserRow::is_active);
        Ok((secret, row.ok_or_else(bad)?))
    }

    /// Whether the link is followed in a live session of the account.
    async fn has_session(
        &self,
        row: &UserRow,
        follower: Follower<'_>,
        now_ms: u64,
    ) -> Result<bool, AccountError> {
        let Some((user, session)) = follower.session else {
            return Ok(false);
        };
        if user != row.user_id {
            return Ok(false);
        }
        let session = self.store.session(session).await?;
        Ok(session.is_some_and(|session| session.user_id == user && session.is_live(now_ms)))
    }

    async fn require_password(
        &self,
        row: &UserRow,
        follower: Follower<'_>,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let shown = row.password.as_ref();
        let (Some(password), Some(_)) = (follower.password, shown) else {
            return Err(AccountError::NotItsPerson {
                has_password: shown.is_some(),
            });
        };
        if self.passwords.verify(password, shown).await? {
            return Ok(());
        }
        let detail = json!({ "why": "credentials", "confirming": VERIFY });
        self.note_refusal_with(Some(row.user_id), detail, origin)
            .await?;
        Err(AccountError::InvalidCredentials)
    }
}
