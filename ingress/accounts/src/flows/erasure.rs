//! Erasing a person's account.

use onsale_store::account::Erasure;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;
use crate::flows::Confirmation;

impl Accounts {
    /// Erases what is personal of the account of a person who has confirmed it. Bookings stay, under an
    /// id that names nobody any more. `answer` is what is remembered of a call that came with a key, by status and
    /// text: nothing in it is the person's.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::InvalidCredentials`], [`AccountError::SignInAgain`],
    /// [`AccountError::LastOwner`] and others.
    pub async fn erase(
        &self,
        user: Uuid,
        confirmation: Confirmation<'_>,
        answer: (u16, &[u8]),
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let doing = "account.erase";
        let row = self
            .consent(user, confirmation, doing, origin, now_ms)
            .await?;
        let last = match &origin.repeat {
            Some(repeat) => Some(self.last_answer(repeat, answer, now_ms).await?),
            None => None,
        };
        let origin = origin.clone();
        let audit = move |erasure: &Erasure| {
            let entry = origin.own(user, doing);
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
        let (shown, by) = (row.password.as_ref(), confirmation.mandate(user, now_ms));
        let erased = self.store.erase_user(user, shown, by, last, now_ms, audit);
        match erased.await? {
            Erasure::Erased { .. } => Ok(()),
            Erasure::LastOwner => Err(AccountError::LastOwner),
            // Another change came before this one.
            Erasure::NotThere => Err(AccountError::InvalidCredentials),
        }
    }
}
