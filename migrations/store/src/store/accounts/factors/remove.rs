//! Removing second factors: one by its person, or all by an operator.

use uuid::Uuid;

use super::super::sessions::{self, Whose};
use super::super::{notices, users};
use super::{consents, delete, has_any};
use crate::Store;
use crate::account::SessionEnd;
use crate::audit::{Audit, AuditEntry};
use crate::database::Durability;
use crate::error::StoreError;
use crate::factor::{Consent, FactorsReset, Removed};
use crate::notice::NoticeJob;

impl Store {
    /// Removes a factor. With the last one its recovery codes go, too. False where there is none, or the
    /// account has another password by now.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn remove_factor(
        &self,
        factor: Removed,
        by: Consent,
        notice: NoticeJob,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !consents(&mut transaction, &by).await? {
                    return Ok(false);
                }
                let user = by.mandate.user_id;
                let removed = match factor {
                    Removed::Totp => {
                        let delete = "DELETE FROM totp_factors WHERE user_id = $1 \
                             AND confirmed_at_ms IS NOT NULL";
                        transaction.execute(delete, &[user.into()]).await?
                    }
                    Removed::Passkey(id) => {
                        let delete = "DELETE FROM passkeys WHERE user_id = $1 AND passkey_id = $2";
                        let values = [user.into(), id.into()];
                        transaction.execute(delete, &values).await?
                    }
                };
                if removed == 0 {
                    return Ok(false);
                }
                if !has_any(&mut transaction, user).await? {
                    delete(&mut transaction, user).await?;
                }
                notices::tell(&mut transaction, &notice).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Removes every second factor of an account that is not erased, with its recovery codes, and ends its
    /// sessions. Of an account that has none nothing is changed, and no entry written. `None` where there is no such
    /// account.
    ///
    /// # Errors
    /// As every write.
    pub async fn reset_factors(
        &self,
        user: Uuid,
        notice: NoticeJob,
        now_ms: u64,
        audit: impl FnOnce(&FactorsReset) -> AuditEntry + Send + 'static,
    ) -> Result<Option<FactorsReset>, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let account = users::lock(&mut transaction, user).await?;
                if account.is_none_or(|account| account.erased_at_ms.is_some()) {
                    return Ok(None);
                }
                let mut reset = delete(&mut transaction, user).await?;
                if !reset.has_removed() {
                    return Ok(Some(reset));
                }
                let (whose, why) = (Whose::AllBut(user, None), SessionEnd::Operator);
                reset.sessions = sessions::end(&mut transaction, whose, why, now_ms).await?;
                if reset.totp + reset.passkeys > 0 {
                    notices::tell(&mut transaction, &notice).await?;
                }
                transaction.commit(audit(&reset)).await?;
                Ok(Some(reset))
            })
            .await
    }
}
