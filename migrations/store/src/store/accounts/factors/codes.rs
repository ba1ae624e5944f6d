//! Recovery codes.

use onsale_private::LookupHash;
use uuid::Uuid;

use super::{consents, has_any};
use crate::Store;
use crate::audit::Audit;
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;
use crate::factor::Consent;

impl Store {
    /// Gives an account that has a second factor other recovery codes. False where it has none, or another
    /// password by now.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn replace_recovery_codes(
        &self,
        codes: Vec<LookupHash>,
        by: Consent,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let (user, now_ms) = (by.mandate.user_id, by.mandate.at_ms);
                if !consents(&mut transaction, &by).await?
                    || !has_any(&mut transaction, user).await?
                {
                    return Ok(false);
                }
                replace_codes(&mut transaction, user, &codes, now_ms).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }
}

pub(super) async fn replace_codes(
    transaction: &mut Transaction,
    user: Uuid,
    codes: &[LookupHash],
    now_ms: u64,
) -> Result<(), StoreError> {
    let delete = "DELETE FROM recovery_codes WHERE user_id = $1";
    transaction.execute(delete, &[user.into()]).await?;
    for code in codes {
        transaction
            .execute(
                "INSERT INTO recovery_codes (user_id, code_hash, created_at_ms) VALUES ($1, $2, $3)",
                &[
                    user.into(),
                    Value::from(code),
                    integer("now_ms", now_ms)?.into(),
                ],
            )
            .await?;
    }
    Ok(())
}
