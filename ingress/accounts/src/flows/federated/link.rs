//! Linking someone whom a provider knows to an account, found, created or asked for.

use onsale_auth::Role;
use onsale_store::StoreError;
use onsale_store::account::{
    IdentityRow, LinkCondition, Linking, Purpose, SealedEmail, UserRole, UserRow,
};
use onsale_store::notice::Notice;
use serde_json::json;
use uuid::Uuid;

use super::Landed;
use super::refused::{Refused, Stop, refused};
use crate::accounts::{Accounts, Origin};
use crate::email::Email;
use crate::error::AccountError;
use crate::fields;
use crate::providers::{Provider, Subject};

impl Accounts {
    /// Links someone new to the account of its address, where both sides have verified it, or to a new account. Where
    /// account and mailbox are not known to be one person's, what someone else may have set up ends.
    pub(super) async fn by_address(
        &self,
        provider: &Provider,
        subject: &Subject,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), Stop> {
        let Some(email) = subject.email.as_ref().and_then(Email::parse) else {
            return refused(Refused::AddressMissing, None);
        };
        let hash = self.vault(now_ms).await?.email_hash(&email);
        let Some(user) = self.store.user_by_email(hash).await? else {
            return self
                .create_account(provider, subject, &email, origin, now_ms)
                .await;
        };
        let id = user.user_id;
        if !provider.vouches_for(subject) {
            return refused(Refused::AccountExists, Some(id));
        }
        // Only who has the address learns of it.
        if !user.is_active() {
            return refused(Refused::Disabled, Some(id));
        }
        if user.email_verified_at_ms.is_none() {
            return refused(Refused::AccountNotVerified, Some(id));
        }
        let identity = self.identity(provider, subject, id, true, now_ms).await?;
        let notice = Notice::IdentityLinked.job(id, now_ms)?;
        let mut detail = json!({ "provider": provider.name, "by": "address" });
        if !user.owns_address() {
            detail["ended_ways_in"] = json!(true);
        }
        let entry = origin.own(id, "identity.link").with(detail);
        let condition = LinkCondition::VerifiedAddress(hash);
        match self
            .store
            .link_identity(&identity, condition, notice, entry)
            .await?
        {
            Linking::Linked => Ok(()),
            Linking::Withdrawn | Linking::Taken => refused(Refused::TryAgain, Some(id)),
            Linking::TooMany => refused(Refused::TooManyIdentities, Some(id)),
        }
    }

    /// An account without a password. An address that the provider does not vouch for is sent a link, as
    /// after a registration.
    async fn create_account(
        &self,
        provider: &Provider,
        subject: &Subject,
        email: &Email,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), Stop> {
        if !self.config.registration {
            return refused(Refused::RegistrationClosed, None);
        }
        let vault = self.vault(now_ms).await?;
        let is_vouched = provider.vouches_for(subject);
        let user_id = Uuid::new_v4();
        // A name that would be none here is left out.
        let name = subject.name.as_ref();
        let name = name.and_then(|name| fields::name(name).ok());
        let user = UserRow {
            user_id,
            role: UserRole::Buyer,
            email: Some(vault.seal_email(user_id, email)),
            email_verified_at_ms: is_vouched.then_some(now_ms),
            address_owned_at_ms: is_vouched.then_some(now_ms),
            name: name.map(|name| vault.seal_name(user_id, &name)),
            phone: None,
            password: None,
            locale: None,
            created_at_ms: now_ms,
            disabled_at_ms: None,
            erased_at_ms: None,
        };
        let proof = if is_vouched {
            None
        } else {
            let hash = vault.email_hash(email);
            if self
                .count_mail(Purpose::VerifyEmail, &hash, now_ms)
                .is_err()
            {
                return refused(Refused::TryAgain, None);
            }
            Some(self.verification(vault, &user, now_ms)?)
        };
        let identity = self
            .identity(provider, subject, user_id, is_vouched, now_ms)
            .await?;
        let entry = origin
            .own_as(user_id, Role::Buyer, "account.register")
            .with(json!({ "provider": provider.name }));
        let added = self
            .store
            .add_user_with_identity(&user, &identity, proof, entry);
        match added.await {
            Err(StoreError::Exists(_)) => refused(Refused::TryAgain, None),
            other => Ok(other?),
        }
    }

    /// Links an identity to the account of who asked for it in a session.
    pub(super) async fn link_identity(
        &self,
        provider: &Provider,
        subject: &Subject,
        (user, session): (Uuid, Uuid),
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Landed, Stop> {
        let row = self.store.user(user).await?.filter(UserRow::is_active);
        let Some(row) = row else {
            return refused(Refused::SessionEnded, Some(user));
        };
        let vault = self.vault(now_ms).await?;
        let email = subject.email.as_ref().and_then(Email::parse);
        let theirs = email.map(|email| vault.email_hash(&email));
        let ours = row.email.as_ref().map(|email: &SealedEmail| email.hash);
        let is_vouched = theirs.is_some() && theirs == ours && provider.vouches_for(subject);
        let identity = self
            .identity(provider, subject, user, is_vouched, now_ms)
            .await?;
        let entry = origin
            .own(user, "identity.link")
            .with(json!({ "provider": provider.name, "by": "session" }));
        let notice = Notice::IdentityLinked.job(user, now_ms)?;
        let condition = LinkCondition::Session { session, now_ms };
        match self
            .store
            .link_identity(&identity, condition, notice, entry)
            .await?
        {
            Linking::Linked => Ok(Landed::Linked),
            Linking::Withdrawn => refused(Refused::SessionEnded, Some(user)),
            Linking::Taken => refused(Refused::IdentityTaken, Some(user)),
            Linking::TooMany => refused(Refused::TooManyIdentities, Some(user)),
        }
    }

    async fn identity(
        &self,
        provider: &Provider,
        subject: &Subject,
        user_id: Uuid,
        is_vouched: bool,
        now_ms: u64,
    ) -> Result<IdentityRow, AccountError> {
        let vault = self.vault(now_ms).await?;
        Ok(IdentityRow {
            identity_id: Uuid::now_v7(),
            user_id,
            provider: provider.name.clone(),
            subject_hash: vault.subject_hash(&provider.authority(), &subject.id),
            is_vouched,
            linked_at_ms: now_ms,
            last_used_at_ms: now_ms,
        })
    }
}
