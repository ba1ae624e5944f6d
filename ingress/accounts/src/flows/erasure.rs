//! Erasing a person's account.

use onsale_store::account::Erasure;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::flows::Confirmation;

impl Accounts {
    /// Erases what is personal of the account of a person who has confirmed it. Bookings stay, under an
    /// id that names nobody any more.
    ///
    /// # Errors
    /// [`AccountError::Invalid`] where the password is missing, [`AccountError::InvalidCredentials`] where
    /// it is another, [`AccountError::SignInAgain`] where there is none and the session is not of just now;
    /// [`AccountError::LastOwner`].
    pub async fn erase(
        &self,
        user: Uuid,
        confirmation: Confirmation<'_>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(|row| row.erased_at_ms.is_none());
        let row = row.ok_or(AccountError::NotFound("account"))?;
        let shown = row.password.as_ref();
        self.confirm(&row, confirmation, "account.erase", origin, now_ms)
            .await?;
        let origin = origin.clone();
        let audit = move |erasure: &Erasure| {
            let entry = origin.own(user, "account.erase");
            match erasure {
                Erasure::Erased {
                    sessions,
                    memberships,
                    guests,
                    identities,
                } => entry.with(json!({
                    "erased": [
                        "email", "name", "phone", "password", "locale", "second_factors", "links",
                        "identities",
                    ],
                    "sessions": sessions,
                    "memberships": memberships,
                    "guests": guests,
                    "identities": identities,
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
