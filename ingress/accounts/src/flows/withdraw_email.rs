//! Withdrawing another address that was asked for.

use onsale_store::account::Act;
use uuid::Uuid;

use super::consent::Confirmation;
use crate::accounts::{Accounts, Origin};
use crate::error::AccountError;

impl Accounts {
    /// Makes the link useless by which an account would get another address. Where none waits nothing is done. It takes
    /// no more than a session: nothing is lost by it, and whoever asked for the wrong address is in a hurry.
    ///
    /// # Errors
    /// [`onsale_store::StoreError::RightWithdrawn`]; when the database cannot be used.
    pub async fn withdraw_email(
        &self,
        user: Uuid,
        session: Option<Uuid>,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let confirmation = Confirmation {
            session,
            password: None,
        };
        let entry = origin.own(user, "account.withdraw_email");
        let act = Act::new(entry, confirmation.mandate(user, now_ms));
        let withdrawn = self.store.withdraw_address_changes(user, now_ms, act);
        withdrawn.await?;
        Ok(())
    }
}
