//! Second factors of accounts: added, listed, removed.

use uuid::Uuid;

use super::{challenges, mandate, notices, users};
use crate::Store;
use crate::account::UserRow;
use crate::database::Transaction;
use crate::error::StoreError;
use crate::factor::{Consent, FactorsReset};
use crate::notice::Notice;

macro_rules! totp_columns {
    () => {
        "factor_id, user_id, secret_sealed, created_at_ms, confirmed_at_ms, last_step"
    };
}

macro_rules! passkey_columns {
    () => {
        "passkey_id, user_id, credential_hash, credential_sealed, name_sealed, created_at_ms, \
         last_used_at_ms"
    };
}

// Behind the macros that they use.
mod add;
mod codes;
mod read;
mod remove;

/// Whether an account has a second factor that is asked for.
const HAS_ANY: &str = "SELECT 1 AS one FROM users u WHERE u.user_id = $1 AND (EXISTS \
     (SELECT 1 FROM totp_factors t WHERE t.user_id = u.user_id AND t.confirmed_at_ms IS NOT NULL) \
     OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.user_id))";

impl Store {
    /// Whether an account has a second factor, without which nobody signs in to it.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_second_factor(&self, user: Uuid) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(HAS_ANY, &[user.into()])
            .await?;
        Ok(found.is_some())
    }
}

/// Whether an account has a second factor that is asked for.
pub(super) async fn has_any(transaction: &mut Transaction, user: Uuid) -> Result<bool, StoreError> {
    let found = transaction.fetch_optional(HAS_ANY, &[user.into()]).await?;
    Ok(found.is_some())
}

/// Deletes everything about the second factors of an account.
pub(super) async fn delete(
    transaction: &mut Transaction,
    user: Uuid,
) -> Result<FactorsReset, StoreError> {
    let values = [user.into()];
    let totp = "DELETE FROM totp_factors WHERE user_id = $1";
    let totp = transaction.execute(totp, &values).await?;
    let passkeys = "DELETE FROM passkeys WHERE user_id = $1";
    let passkeys = transaction.execute(passkeys, &values).await?;
    let codes = "DELETE FROM recovery_codes WHERE user_id = $1";
    let recovery_codes = transaction.execute(codes, &values).await?;
    challenges::void(transaction, user).await?;
    challenges::forget_attempts(transaction, user).await?;
    Ok(FactorsReset {
        totp,
        passkeys,
        recovery_codes,
        sessions: 0,
    })
}

/// Removes the second factors of an account whose address someone else may have registered, and tells the one who
/// reads its mail.
pub(super) async fn drop_all(
    transaction: &mut Transaction,
    user: Uuid,
    now_ms: u64,
) -> Result<(), StoreError> {
    let dropped = delete(transaction, user).await?;
    for (count, notice) in [
        (dropped.totp, Notice::TotpRemoved),
        (dropped.passkeys, Notice::PasskeyRemoved),
    ] {
        if count > 0 {
            notices::tell(transaction, &notice.job(user, now_ms)?).await?;
        }
    }
    Ok(())
}

/// Whether a person's right holds, and its password is the one that was shown.
async fn consents(transaction: &mut Transaction, by: &Consent) -> Result<bool, StoreError> {
    let user = users::lock(transaction, by.mandate.user_id).await?;
    mandate::check(transaction, Some(by.mandate)).await?;
    let is_right = |user: &UserRow| user.is_active() && user.password == by.password;
    Ok(user.as_ref().is_some_and(is_right))
}
