//! Giving an account another address.
//!
//! The change is asked for in a session, by who confirms to be the account's person, and done by the link that the new
//! address is sent. Whether another account has that address is not looked at before the link is followed, so asking
//! tells nothing about it. The address that the account has is told of both.
//!
//! Following the link shows that the new address is read by someone, and not that this is the account's person: that
//! one may have mistyped it, or asked for another person's address. So the link is followed in a session of the account
//! or with its password, which its person had a moment ago; alone it does nothing, and stays good. The address is known
//! to be the account's own from then on.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_private::{LookupHash, Place, Private};
use onsale_store::StoreError;
use onsale_store::account::{Act, Purpose, UserRow};
use onsale_store::address_change::{AddressAsked, AddressChange};
use onsale_store::job::NewJob;
use onsale_store::mail::LinkMail;
use onsale_store::notice::Notice;
use onsale_store::sealed_columns;
use serde_json::json;
use uuid::Uuid;

use super::consent::Confirmation;
use super::verify::{Follower, shown_by};
use crate::accounts::{Accounts, Origin};
use crate::email::Email;
use crate::error::AccountError;
use crate::fields;
use crate::masked::masked;
use crate::secret::OneTimeSecret;
use crate::vault::Vault;

/// The action of asking for another address.
const ASK: &str = "account.ask_email";
/// The action of getting it.
const CHANGE: &str = "account.change_email";

impl Accounts {
    /// Sends a link to an address that is to be the account's, and tells the one that it has. What was asked for
    /// before is good no more. It does the same whether or not another account has the address.
    ///
    /// # Errors
    /// [`AccountError::Invalid`] for no address, or the account's own; [`AccountError::TooManyMails`] where the new
    /// address was sent too many, [`AccountError::TooManyAddressChanges`] where the account asks too often;
    /// [`AccountError::InvalidCredentials`], [`AccountError::StepUp`], [`AccountError::SignInAgain`] and others.
    pub async fn change_email(
        &self,
        user: Uuid,
        confirmation: Confirmation<'_>,
        email: &Private,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let email = fields::email(email)?;
        let row = self
            .consent(user, confirmation, CHANGE, origin, now_ms)
            .await?;
        let vault = self.vault(now_ms).await?;
        let (Some(current), Some(written)) = (&row.email, vault.open_profile(&row)?.email) else {
            return Err(AccountError::NotFound("account"));
        };
        let secret = OneTimeSecret::random();
        let life_ms = self.config.verify_link_seconds.saturating_mul(1_000);
        let change = asked(
            vault,
            user,
            &email,
            current.hash,
            &secret,
            (now_ms, life_ms),
        );
        if change.email.hash == current.hash {
            return Err(AccountError::Invalid {
                field: "email",
                expected: "another address than the account has",
            });
        }
        let mail = mail(vault, &change, &email, &secret)?;
        let notice = Notice::AddressChangeAsked.job_to(user, now_ms, |mail_id| {
            seal(vault, sealed_columns::mailed_address(mail_id), &written)
        })?;
        self.count_change(&row, &change.email.hash, now_ms)?;
        let entry = origin
            .own(user, ASK)
            .with(json!({ "from": masked(&written), "to": masked(email.written()) }));
        let act = Act::new(entry, confirmation.mandate(user, now_ms));
        let shown = row.password.as_ref();
        let asked = self
            .store
            .ask_address_change(&change, mail, notice, shown, act);
        match asked.await? {
            AddressAsked::Asked => Ok(()),
            // Another change came before this one.
            AddressAsked::NotThere => Err(AccountError::InvalidCredentials),
            AddressAsked::TooMany { next_at_ms } => Err(AccountError::TooManyAddressChanges {
                retry_after_seconds: next_at_ms.saturating_sub(now_ms).div_ceil(1_000),
            }),
        }
    }

    /// Whose address a link changes.
    ///
    /// # Errors
    /// [`AccountError::BadLink`] where it is not good any more.
    pub async fn whose_address_change(
        &self,
        token: &Private,
        now_ms: u64,
    ) -> Result<Uuid, AccountError> {
        let (_secret, change, _row) = self.changing(token, now_ms).await?;
        Ok(change.user_id)
    }

    /// Uses the token of a link up, followed by the account's person: the account has the new address, which is
    /// verified, and known to be that person's. Every session ends but the one that the link is followed in. The
    /// address before is told.
    ///
    /// # Errors
    /// [`AccountError::BadLink`] where it is not good any more. It is good still after [`AccountError::NotFollower`]
    /// where neither a live session of the account nor its password came along, [`AccountError::InvalidCredentials`]
    /// where the password is another, and [`AccountError::AddressTaken`].
    pub async fn confirm_email(
        &self,
        token: &Private,
        follower: Follower<'_>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let (secret, change, row) = self.changing(token, now_ms).await?;
        let user = row.user_id;
        let proof = self
            .proof_of(&row, follower, CHANGE, origin, now_ms)
            .await?
            .ok_or(AccountError::NotFollower)?;
        let vault = self.vault(now_ms).await?;
        let place = sealed_columns::new_email(change.change_id);
        let opened = vault.ring().open(place, &change.email.sealed)?;
        let email = Email::parse(&opened).ok_or_else(|| {
            AccountError::Internal("address_changes.email_sealed holds no address".to_owned())
        })?;
        let before = vault.open_profile(&row)?.email;
        let before = before.ok_or(AccountError::BadLink(Purpose::ChangeEmail))?;
        let notice = Notice::AddressChanged.job_to(user, now_ms, |mail_id| {
            seal(vault, sealed_columns::mailed_address(mail_id), &before)
        })?;
        let detail = json!({
            "from": masked(&before),
            "to": masked(email.written()),
            "by": shown_by(Some(&proof)),
        });
        let told = self.told(origin, now_ms).await?;
        let origin = origin.clone();
        let audit = move |user| origin.own(user, CHANGE).with(detail).answering(told);
        let sealed = vault.seal_email(user, &email);
        let changed =
            self.store
                .change_address(secret.hash(), &sealed, proof, notice, now_ms, audit);
        match changed.await {
            Err(StoreError::Exists(_)) => Err(AccountError::AddressTaken(Purpose::ChangeEmail)),
            other => other?
                .map(drop)
                .ok_or(AccountError::BadLink(Purpose::ChangeEmail)),
        }
    }

    /// The change and the account of a link that is good, with the link's secret.
    async fn changing(
        &self,
        token: &Private,
        now_ms: u64,
    ) -> Result<(OneTimeSecret, AddressChange, UserRow), AccountError> {
        let bad = || AccountError::BadLink(Purpose::ChangeEmail);
        let secret = OneTimeSecret::parse(token.expose()).ok_or_else(bad)?;
        let change = self.store.address_change(secret.hash(), now_ms).await?;
        let change = change.ok_or_else(bad)?;
        let row = self.store.user(change.user_id).await?;
        let row = row.filter(UserRow::is_active).ok_or_else(bad)?;
        Ok((secret, change, row))
    }
}

/// The row of a change that is asked for, and since when and for how long it is good, in milliseconds.
fn asked(
    vault: &Vault,
    user: Uuid,
    email: &Email,
    from_hash: LookupHash,
    secret: &OneTimeSecret,
    (now_ms, life_ms): (u64, u64),
) -> AddressChange {
    let change_id = Uuid::now_v7();
    AddressChange {
        change_id,
        token_hash: secret.hash(),
        user_id: user,
        email: vault.seal_new_email(change_id, email),
        from_hash,
        issued_at_ms: now_ms,
        expires_at_ms: now_ms.saturating_add(life_ms),
    }
}

/// The mail that brings the link to the new address.
fn mail(
    vault: &Vault,
    change: &AddressChange,
    email: &Email,
    secret: &OneTimeSecret,
) -> Result<NewJob, StoreError> {
    // Whoever erases the account finds it by the change.
    let mail_id = change.change_id;
    let token = Private::new(secret.expose());
    let mail = LinkMail {
        mail_id,
        purpose: Purpose::ChangeEmail.as_str().to_owned(),
        user_id: Some(change.user_id),
        invitation: None,
        address: Some(seal(
            vault,
            sealed_columns::mailed_address(mail_id),
            email.written(),
        )),
        expires_at_ms: change.expires_at_ms,
        token: seal(vault, sealed_columns::mailed_token(mail_id), &token),
    };
    mail.into_job()
}

/// A value as it lies sealed in a payload.
fn seal(vault: &Vault, place: Place, value: &Private) -> String {
    URL_SAFE_NO_PAD.encode(vault.ring().seal(place, value).as_bytes())
}
