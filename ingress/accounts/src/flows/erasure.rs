//! Erasing a person's account.

use onsale_auth::Role;
use onsale_private::Private;
use onsale_store::account::Erasure;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;

impl Accounts {
    /// Erases what is personal of the account of a person who knows its password. Bookings stay, under an
    /// id that names nobody any more.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`] where `password` is not the account's;
    /// [`AccountError::LastOwner`].
    pub async fn erase(
        &self,
        user: Uuid,
        role: Role,
        password: Option<&Private>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(|row| row.erased_at_ms.is_none());
        let row = row.ok_or(AccountError::NotFound("account"))?;
        let shown = row.password.as_ref();
        if shown.is_some() {
            let password = password.ok_or(AccountError::Invalid {
                field: "password",
                expected: "the password of the account",
            })?;
            if !self.passwords.verify(password, shown).await? {
                self.note_wrong_confirmation(user, "account.erase", origin)
                    .await?;
                return Err(AccountError::InvalidCredentials);
            }
        }
        let origin = origin.clone();
        let audit = move |erasure: &Erasure| {
            let entry = origin.own(user, role, "account.erase");
            match erasure {
                Erasure::Erased {
                    sessions,
                    memberships,
                } => entry.with(json!({
                    "erased": [
                        "email", "name", "phone", "password", "locale", "second_factors", "links",
                    ],
                    "sessions": sessions,
                    "memberships": memberships,
                    "kept": ["bookings"],
                })),
                Erasure::NotThere | Erasure::LastOwner => entry,
            }
        };
        match self.store.erase_user(user, shown, now_ms, audit).await? {
            Erasure::Erased { .. } => Ok(()),
            Erasure::LastOwner => Err(AccountError::LastOwner),
            // Another change came before this one.
            Erasure::NotThere => Err(AccountError::InvalidCredentials),
        }
    }
}
