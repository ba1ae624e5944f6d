//! Showing that an address is one's own.
//!
//! Reading the mail shows whose the address is, and not that this person created the account: anyone may have
//! registered the address and wait, signed in, until its owner follows the link. So the link alone verifies the
//! address, which is all that it says; what belongs to the owner of the address takes more. That account and
//! mailbox are one person's is shown by following the link in a session of the account or with its password, or
//! by setting a new one by mail, which ends whatever someone else may have set up.

use onsale_private::Private;
use onsale_store::account::{AccountProof, Purpose, UserRow};
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::secret::OneTimeSecret;

/// The action of verifying an address.
const VERIFY: &str = "account.verify_email";

/// What may show that a link is followed by who created the account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Follower<'a> {
    /// Account and session of the token that came along.
    pub session: Option<(Uuid, Uuid)>,
    /// The password of the account.
    pub password: Option<&'a Private>,
}

/// What has shown it, as the audit trail names it.
pub(super) fn shown_by(proof: Option<&AccountProof>) -> &'static str {
    match proof {
        None => "mail",
        Some(AccountProof::Session(_)) => "session",
        Some(AccountProof::Password(_)) => "password",
    }
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

    /// Uses the token of a link up: the address is verified, and is known to be the account's person's where the
    /// follower is that person. A session that is another account's, or has ended, shows nothing.
    ///
    /// # Errors
    /// [`AccountError::BadLink`] where it is not good any more; [`AccountError::InvalidCredentials`], after which
    /// it is good still, where the password is another.
    pub async fn verify_email(
        &self,
        token: &Private,
        follower: Follower<'_>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let (secret, row) = self.verifying(token, now_ms).await?;
        let proof = self
            .proof_of(&row, follower, VERIFY, origin, now_ms)
            .await?;
        let by = shown_by(proof.as_ref());
        let origin = origin.clone();
        let audit = move |user| origin.own(user, VERIFY).with(json!({ "by": by }));
        self.store
            .verify_email(secret.hash(), proof, now_ms, audit)
            .await?
            .map(drop)
            .ok_or(AccountError::BadLink(Purpose::VerifyEmail))
    }

    /// Sends another link to the address of an account; none where it is verified and known to be its person's.
    /// Earlier links stay good.
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
        if row.owns_address() && row.email_verified_at_ms.is_some() {
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
        let bad = || AccountError::BadLink(Purpose::VerifyEmail);
        let secret = OneTimeSecret::parse(token.expose()).ok_or_else(bad)?;
        let purpose = Purpose::VerifyEmail;
        let good = self.store.one_time_token(secret.hash(), purpose, now_ms);
        let user = good.await?.and_then(|good| good.user_id).ok_or_else(bad)?;
        let row = self.store.user(user).await?.filter(UserRow::is_active);
        Ok((secret, row.ok_or_else(bad)?))
    }

    /// What shows that the follower of a link is the account's person.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`] for another password than the account's.
    pub(super) async fn proof_of(
        &self,
        row: &UserRow,
        follower: Follower<'_>,
        doing: &'static str,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Option<AccountProof>, AccountError> {
        if let Some((user, session)) = follower.session
            && user == row.user_id
        {
            let found = self.store.session(session).await?;
            if found.is_some_and(|found| found.user_id == user && found.is_live(now_ms)) {
                return Ok(Some(AccountProof::Session(session)));
            }
        }
        let Some(password) = follower.password else {
            return Ok(None);
        };
        let shown = row.password.as_ref();
        if self.passwords.verify(password, shown).await? {
            return Ok(shown.cloned().map(AccountProof::Password));
        }
        let detail = json!({ "why": "credentials", "confirming": doing });
        self.note_refusal_with(Some(row.user_id), detail, origin)
            .await?;
        Err(AccountError::InvalidCredentials)
    }
}
