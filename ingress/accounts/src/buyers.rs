//! Who the buyers of bookings are, for those who may read bookings.

use std::collections::BTreeMap;

use onsale_private::{LookupHash, Private};
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::email::Email;
use crate::error::AccountError;
use crate::vault::Profile;

impl Accounts {
    /// By what an address of e-mail is found; `None` for what is no address.
    ///
    /// # Errors
    /// As [`Accounts::vault`].
    pub async fn lookup_hash(
        &self,
        email: &Private,
        now_ms: u64,
    ) -> Result<Option<LookupHash>, AccountError> {
        let Some(email) = Email::parse(email) else {
            return Ok(None);
        };
        Ok(Some(self.vault(now_ms).await?.email_hash(&email)))
    }

    /// What is known of these buyers, who have accounts or bought as guests; those of whom nothing is known are left
    /// out. The caller has compared rights, and writes down what was read.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn buyers(
        &self,
        ids: &[Uuid],
        now_ms: u64,
    ) -> Result<BTreeMap<Uuid, Profile>, AccountError> {
        let vault = self.vault(now_ms).await?;
        let mut known = BTreeMap::new();
        for id in ids.iter().copied() {
            if known.contains_key(&id) {
                continue;
            }
            if let Some(user) = self.store.user(id).await? {
                known.insert(id, vault.show_profile(&user));
            } else if let Some(guest) = self.store.guest(id).await? {
                let mut is_unreadable = false;
                let email = vault.shown(vault.open_guest_email(&guest), &mut is_unreadable);
                let profile = Profile {
                    email,
                    name: None,
                    phone: None,
                    is_unreadable,
                };
                known.insert(id, profile);
            }
        }
        Ok(known)
    }
}
