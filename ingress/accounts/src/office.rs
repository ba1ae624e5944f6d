//! What operators do with accounts, on the database itself: no server needs to run.

use std::sync::Arc;

use onsale_private::{KeyId, KeyRing, Private};
use onsale_store::Store;
use onsale_store::account::{OneTimeToken, Purpose, UserRole, UserRow};
use onsale_store::audit::{Actor, Unaudited};
use onsale_store::factor::FactorsReset;
use onsale_store::notice::Notice;
use uuid::Uuid;

use crate::acting::Acting;
use crate::directory::{AccountQuery, AccountsPage, Directory, ListedAccount};
use crate::email::Email;
use crate::error::AccountError;
use crate::fields;
use crate::flows::taken;
use crate::passwords::{hash_here, weakness};
use crate::secret::OneTimeSecret;
use crate::vault::{Profile, Vault};

/// See the module.
pub struct Office {
    store: Store,
    vault: Vault,
    bcrypt_cost: u32,
}

/// Whose account is created.
#[derive(Debug)]
pub struct NewPerson {
    /// The account's id; `None` for a new one.
    pub user_id: Option<Uuid>,
    /// The address. Operators vouch for it, so it counts as verified and as the person's own.
    pub email: Private,
    /// The password.
    pub password: Private,
    /// The name.
    pub name: Option<Private>,
    /// What the person is to the installation.
    pub role: UserRole,
}

impl Office {
    /// On this database, with these keys.
    ///
    /// # Errors
    /// When the database cannot be used, or its key of hashes does not open with them.
    pub async fn open(
        store: Store,
        ring: KeyRing,
        bcrypt_cost: u32,
        now_ms: u64,
    ) -> Result<Self, AccountError> {
        let vault = Vault::open(&store, Arc::new(ring), now_ms).await?;
        Ok(Self {
            store,
            vault,
            bcrypt_cost,
        })
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The keys that are configured, the current one first.
    pub fn configured_keys(&self) -> impl Iterator<Item = KeyId> {
        self.ring().ids()
    }

    /// The keys.
    pub(crate) fn ring(&self) -> &KeyRing {
        self.vault.ring()
    }

    /// The account of an e-mail address, or with this id.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn find(&self, who: &Private) -> Result<Option<UserRow>, AccountError> {
        if let Ok(id) = who.expose().parse::<Uuid>() {
            return Ok(self.store.user(id).await?);
        }
        match Email::parse(who) {
            Some(email) => {
                let hash = self.vault.email_hash(&email);
                Ok(self.store.user_by_email(hash).await?)
            }
            None => Ok(None),
        }
    }

    /// What an account holds of its person, to be shown: what does not open is left out.
    pub fn shown_profile(&self, user: &UserRow) -> Profile {
        self.vault.show_profile(user)
    }

    /// A page of accounts; that they were read is written down.
    ///
    /// # Errors
    /// [`AccountError::Invalid`] for what is no address; when the database cannot be used.
    pub async fn accounts(
        &self,
        query: &AccountQuery,
        by: &Actor,
    ) -> Result<AccountsPage, AccountError> {
        let by = Acting::of(by.clone());
        self.directory().list(query, &by).await
    }

    /// An account; that it was read is written down.
    ///
    /// # Errors
    /// [`AccountError::NotFound`]; when the database cannot be used.
    pub async fn account(&self, id: Uuid, by: &Actor) -> Result<ListedAccount, AccountError> {
        let by = Acting::of(by.clone());
        self.directory().one(id, &by).await
    }

    fn directory(&self) -> Directory<'_> {
        Directory {
            store: &self.store,
            vault: &self.vault,
        }
    }

    /// Creates an account.
    ///
    /// # Errors
    /// [`AccountError::EmailTaken`], [`AccountError::Weak`] and others.
    pub async fn create(
        &self,
        person: NewPerson,
        by: &Actor,
        now_ms: u64,
    ) -> Result<UserRow, AccountError> {
        let email = fields::email(&person.email)?;
        let name = person.name.map(|name| fields::name(&name)).transpose()?;
        if let Some(why) = weakness(&person.password, Some(&email), name.as_ref()) {
            return Err(AccountError::Weak {
                field: "password",
                why,
            });
        }
        let user_id = person.user_id.unwrap_or_else(Uuid::new_v4);
        let user = UserRow {
            user_id,
            role: person.role,
            email: Some(self.vault.seal_email(user_id, &email)),
            email_verified_at_ms: Some(now_ms),
            address_owned_at_ms: Some(now_ms),
            name: name.map(|name| self.vault.seal_name(user_id, &name)),
            phone: None,
            password: Some(hash_here(&person.password, self.bcrypt_cost)?),
            locale: None,
            created_at_ms: now_ms,
            disabled_at_ms: None,
            erased_at_ms: None,
        };
        let entry = by
            .did("account.create", "user", user_id)
            .with(serde_json::json!({ "role": person.role.as_str() }));
        taken(self.store.add_user(&user, None, entry).await)?;
        Ok(user)
    }

    /// A token by which its bearer becomes the first admin; `None` where there is an admin who can sign
    /// in. Several may be good at once, one of each node; the first that is used ends all of them.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn first_admin_token(
        &self,
        life_ms: u64,
        now_ms: u64,
    ) -> Result<Option<OneTimeSecret>, AccountError> {
        if self.store.has_admin().await? {
            return Ok(None);
        }
        let secret = OneTimeSecret::random();
        let token = OneTimeToken {
            token_hash: secret.hash(),
            purpose: Purpose::FirstAdmin,
            user_id: None,
            email_hash: None,
            invited: None,
            issued_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(life_ms),
        };
        let audit = Unaudited::Automatic;
        self.store.issue_one_time_token(&token, None, audit).await?;
        Ok(Some(secret))
    }

    /// Sets a password, and ends every session of the account.
    ///
    /// # Errors
    /// [`AccountError::Weak`] and others.
    pub async fn set_password(
        &self,
        user: &UserRow,
        password: &Private,
        by: &Actor,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        // A name that does not open keeps nobody from another password.
        let profile = self.shown_profile(user);
        let email = profile.email.as_ref().and_then(Email::parse);
        if let Some(why) = weakness(password, email.as_ref(), profile.name.as_ref()) {
            return Err(AccountError::Weak {
                field: "password",
                why,
            });
        }
        let hash = hash_here(password, self.bcrypt_cost)?;
        let id = user.user_id;
        let entry = by.did("account.password", "user", id);
        let set = self
            .store
            .set_password(id, &hash, None, None, now_ms, entry);
        if set.await? {
            Ok(())
        } else {
            Err(AccountError::NotFound("account"))
        }
    }

    /// Removes every second factor of an account, for a person who has lost them, and ends its sessions. The
    /// person is told by mail. Of an account that has none nothing is changed. `None` for an account that was erased.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn reset_factors(
        &self,
        user: Uuid,
        by: &Actor,
        now_ms: u64,
    ) -> Result<Option<FactorsReset>, AccountError> {
        let notice = Notice::FactorsReset.job(user, now_ms)?;
        let entry = by.did("factor.reset", "user", user);
        let audit = move |reset: &FactorsReset| {
            entry.with(serde_json::json!({
                "totp": reset.totp,
                "passkeys": reset.passkeys,
                "recovery_codes": reset.recovery_codes,
                "sessions": reset.sessions,
            }))
        };
        let reset = self.store.reset_factors(user, notice, now_ms, audit);
        Ok(reset.await?)
    }
}
