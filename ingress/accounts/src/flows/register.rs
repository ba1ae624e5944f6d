//! Creating an account.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_auth::Role;
use onsale_private::Private;
use onsale_store::StoreError;
use onsale_store::account::{OneTimeToken, Purpose, UserRole, UserRow};
use onsale_store::job::NewJob;
use onsale_store::mail::LinkMail;
use onsale_store::sealed_columns;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin, SignedIn};
use crate::email::Email;
use crate::error::AccountError;
use crate::fields;
use crate::passwords::weakness;
use crate::repeat::Repeat;
use crate::secret::OneTimeSecret;
use crate::vault::Vault;

/// What ids of accounts are derived as.
const ACCOUNT: &str = "account";

/// What a person who registers sends.
#[derive(Debug)]
pub struct Registration {
    /// The address.
    pub email: Private,
    /// The password.
    pub password: Private,
    /// The name.
    pub name: Option<Private>,
    /// The language (BCP 47).
    pub locale: Option<String>,
}

impl Accounts {
    /// Creates an account, sends a link that verifies its address, and signs the person in.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn register(
        &self,
        registration: Registration,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<SignedIn, AccountError> {
        if !self.config.registration {
            return Err(AccountError::RegistrationClosed);
        }
        let registration = Checked::of(registration)?;
        if let Some(user) = self
            .registered_before(&registration, origin, now_ms)
            .await?
        {
            return self.open(user, None, origin, now_ms).await;
        }
        let user = self
            .create(&registration, UserRole::Buyer, origin, now_ms)
            .await?;
        let vault = self.vault(now_ms).await?;
        let address = vault.email_hash(&registration.email);
        self.count_mail(Purpose::VerifyEmail, &address, now_ms)?;
        let proof = self.verification(vault, &user, now_ms)?;
        let entry = origin.own_as(user.user_id, Role::Buyer, "account.register");
        taken(self.store.add_user(&user, Some(proof), entry).await)?;
        self.open(user, None, origin, now_ms).await
    }

    /// The account that an earlier try of the same request has created, where its person has not changed its
    /// password since: who knew that once is not let in for it.
    pub(crate) async fn registered_before(
        &self,
        registration: &Checked,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Option<UserRow>, AccountError> {
        let Some(repeat) = &origin.repeat else {
            return Ok(None);
        };
        let address = self.vault(now_ms).await?.email_hash(&registration.email);
        for id in repeat.ids(ACCOUNT) {
            let found = self.store.user(id).await?;
            let Some(user) = found.filter(|user| {
                let has_address = user.email.as_ref().is_some_and(|of| of.hash == address);
                has_address && user.is_active() && Repeat::is_recent(user.created_at_ms, now_ms)
            }) else {
                continue;
            };
            let password = &registration.password;
            if self
                .passwords
                .verify(password, user.password.as_ref())
                .await?
            {
                repeat.note_found();
                return Ok(Some(user));
            }
        }
        Ok(None)
    }

    /// The id of a new account. One that is erased keeps its id.
    async fn new_account_id(&self, origin: &Origin) -> Result<Uuid, AccountError> {
        if let Some(repeat) = &origin.repeat {
            let id = repeat.id(ACCOUNT);
            if self.store.user(id).await?.is_none() {
                return Ok(id);
            }
        }
        Ok(Uuid::new_v4())
    }

    /// The row of a new account; costs a password's hash, so a taken address is noticed before.
    pub(crate) async fn create(
        &self,
        registration: &Checked,
        role: UserRole,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<UserRow, AccountError> {
        let vault = self.vault(now_ms).await?;
        let hash = vault.email_hash(&registration.email);
        if self.store.user_by_email(hash).await?.is_some() {
            return Err(AccountError::EmailTaken);
        }
        let password = self.passwords.hash(&registration.password).await?;
        let user_id = self.new_account_id(origin).await?;
        Ok(UserRow {
            user_id,
            role,
            email: Some(vault.seal_email(user_id, &registration.email)),
            email_verified_at_ms: None,
            // Anyone may register another person's address; who is the first admin has the link that the server
            // prints to its operators.
            address_owned_at_ms: (role == UserRole::Admin).then_some(now_ms),
            name: registration
                .name
                .as_ref()
                .map(|name| vault.seal_name(user_id, name)),
            phone: None,
            password: Some(password),
            locale: registration.locale.clone(),
            created_at_ms: now_ms,
            disabled_at_ms: None,
            erased_at_ms: None,
        })
    }

    /// A token that proves the address of an account, and the mail that brings it.
    pub(crate) fn verification(
        &self,
        vault: &Vault,
        user: &UserRow,
        now_ms: u64,
    ) -> Result<(OneTimeToken, NewJob), AccountError> {
        let life_ms = self.config.verify_link_seconds.saturating_mul(1_000);
        self.link(vault, user, Purpose::VerifyEmail, life_ms, now_ms)
    }

    /// A token for an account, and the mail that brings it.
    pub(crate) fn link(
        &self,
        vault: &Vault,
        user: &UserRow,
        purpose: Purpose,
        life_ms: u64,
        now_ms: u64,
    ) -> Result<(OneTimeToken, NewJob), AccountError> {
        let secret = OneTimeSecret::random();
        let token = OneTimeToken {
            token_hash: secret.hash(),
            purpose,
            user_id: Some(user.user_id),
            email_hash: user.email.as_ref().map(|email| email.hash),
            invited: None,
            issued_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(life_ms),
        };
        let mail_id = Uuid::now_v7();
        let sealed = vault.ring().seal(
            sealed_columns::mailed_token(mail_id),
            &Private::new(secret.expose()),
        );
        let mail = LinkMail {
            mail_id,
            purpose: purpose.as_str().to_owned(),
            user_id: Some(user.user_id),
            invitation: None,
            address: None,
            expires_at_ms: token.expires_at_ms,
            token: URL_SAFE_NO_PAD.encode(sealed.as_bytes()),
        };
        Ok((token, mail.into_job()?))
    }
}

/// A registration that may be one.
pub(crate) struct Checked {
    pub(crate) email: Email,
    pub(crate) password: Private,
    pub(crate) name: Option<Private>,
    pub(crate) locale: Option<String>,
}

impl Checked {
    pub(crate) fn of(registration: Registration) -> Result<Self, AccountError> {
        let Registration {
            email,
            password,
            name,
            locale,
        } = registration;
        let email = fields::email(&email)?;
        let name = name.map(|name| fields::name(&name)).transpose()?;
        let locale = locale.map(fields::locale).transpose()?;
        if let Some(why) = weakness(&password, Some(&email), name.as_ref()) {
            return Err(AccountError::Weak {
                field: "password",
                why,
            });
        }
        Ok(Self {
            email,
            password,
            name,
            locale,
        })
    }
}

/// An address that another account got meanwhile.
pub(crate) fn taken(result: Result<(), StoreError>) -> Result<(), AccountError> {
    match result {
        Err(StoreError::Exists(_)) => Err(AccountError::EmailTaken),
        other => Ok(other?),
    }
}
