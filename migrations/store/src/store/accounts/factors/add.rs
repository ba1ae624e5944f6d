//! Adding second factors, with what follows from a new one.

use onsale_private::LookupHash;
use uuid::Uuid;

use super::super::sessions::{self, Whose};
use super::super::{mandate, notices, proofs, users};
use super::codes::replace_codes;
use super::consents;
use crate::Store;
use crate::account::{Mandate, SessionEnd};
use crate::audit::Audit;
use crate::database::{Durability, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::factor::{Added, Consent, PASSKEYS_PER_USER_MAX, PasskeyRow, TotpRow};
use crate::notice::NoticeJob;

impl Store {
    /// Begins to set an authenticator app up, in the place of another that was being set up. The one that is
    /// in use stays so until a first code confirms this one. Codes that were tried in the session until now
    /// count no more. False where the account has another password by now.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn set_up_totp(
        &self,
        factor: &TotpRow,
        by: Consent,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (factor, audit) = (factor.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !consents(&mut transaction, &by).await? {
                    return Ok(false);
                }
                transaction
                    .execute(
                        "DELETE FROM totp_factors WHERE user_id = $1 AND confirmed_at_ms IS NULL",
                        &[factor.user_id.into()],
                    )
                    .await?;
                transaction
                    .execute(
                        concat!(
                            "INSERT INTO totp_factors (",
                            totp_columns!(),
                            ") VALUES ($1, $2, $3, $4, NULL, NULL)"
                        ),
                        &[
                            factor.factor_id.into(),
                            factor.user_id.into(),
                            Value::from(&factor.secret),
                            integer("created_at_ms", factor.created_at_ms)?.into(),
                        ],
                    )
                    .await?;
                // Its person consents, so it has shown more than a code could.
                proofs::begin_anew(&mut transaction, by.mandate).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// Puts an authenticator app to use whose code of time step `step` was shown; it takes the place of
    /// another. `codes` become the recovery codes of an account that has none left. Every other session of
    /// the account ends: nobody has shown the factor there.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], and as every write.
    pub async fn confirm_totp(
        &self,
        factor: Uuid,
        step: u64,
        codes: Vec<LookupHash>,
        notice: NoticeJob,
        by: Mandate,
        audit: impl Into<Audit>,
    ) -> Result<Added, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let (user, now_ms) = (by.user_id, by.at_ms);
                users::lock(&mut transaction, user).await?;
                mandate::check(&mut transaction, Some(by)).await?;
                let pending = "SELECT factor_id FROM totp_factors WHERE factor_id = $1 \
                     AND user_id = $2 AND confirmed_at_ms IS NULL";
                let values = [factor.into(), user.into()];
                let pending = transaction.fetch_optional(pending, &values).await?;
                if pending.is_none() {
                    return Ok(Added::Gone);
                }
                transaction
                    .execute(
                        "DELETE FROM totp_factors WHERE user_id = $1 \
                         AND confirmed_at_ms IS NOT NULL",
                        &[user.into()],
                    )
                    .await?;
                transaction
                    .execute(
                        "UPDATE totp_factors SET confirmed_at_ms = $2, last_step = $3 \
                         WHERE factor_id = $1",
                        &[
                            factor.into(),
                            integer("now_ms", now_ms)?.into(),
                            integer("step", step)?.into(),
                        ],
                    )
                    .await?;
                let with_codes = begin(&mut transaction, by, &codes, &notice).await?;
                transaction.commit(audit).await?;
                Ok(Added::Added { with_codes })
            })
            .await
    }

    /// Adds a passkey, whose ceremony (until `ceremony.1`, in milliseconds since 1970) is used up. Otherwise
    /// as [`Store::confirm_totp`].
    ///
    /// # Errors
    /// [`StoreError::Exists`] for a passkey that is there already, [`StoreError::RightWithdrawn`], and as
    /// every write.
    pub async fn add_passkey(
        &self,
        passkey: &PasskeyRow,
        ceremony: (Uuid, u64),
        codes: Vec<LookupHash>,
        notice: NoticeJob,
        by: Mandate,
        audit: impl Into<Audit>,
    ) -> Result<Added, StoreError> {
        let (passkey, audit) = (passkey.clone(), audit.into());
        let result = self
            .database
            .write(Durability::Durable, move |mut transaction| async move {
                users::lock(&mut transaction, by.user_id).await?;
                mandate::check(&mut transaction, Some(by)).await?;
                let (ceremony, expires_at_ms) = ceremony;
                if !proofs::use_ceremony(&mut transaction, ceremony, expires_at_ms).await? {
                    return Ok(Added::Gone);
                }
                if passkeys(&mut transaction, by.user_id).await? >= PASSKEYS_PER_USER_MAX {
                    return Ok(Added::TooMany);
                }
                insert_passkey(&mut transaction, &passkey).await?;
                let with_codes = begin(&mut transaction, by, &codes, &notice).await?;
                transaction.commit(audit).await?;
                Ok(Added::Added { with_codes })
            })
            .await;
        match result {
            Err(error) if is_unique_violation(&error) => Err(StoreError::Exists("passkey")),
            other => other,
        }
    }
}

/// What follows from a new factor: recovery codes where there are none left, the end of the other sessions,
/// and the mail that tells of it. Whether `codes` are the recovery codes now.
async fn begin(
    transaction: &mut Transaction,
    by: Mandate,
    codes: &[LookupHash],
    notice: &NoticeJob,
) -> Result<bool, StoreError> {
    let (user, now_ms) = (by.user_id, by.at_ms);
    let unused = "SELECT code_hash FROM recovery_codes WHERE user_id = $1 \
         AND used_at_ms IS NULL LIMIT 1";
    let has_codes = transaction.fetch_optional(unused, &[user.into()]).await?;
    let with_codes = has_codes.is_none();
    if with_codes {
        replace_codes(transaction, user, codes, now_ms).await?;
    }
    let others = Whose::AllBut(user, Some(by.session_id));
    sessions::end(transaction, others, SessionEnd::Factor, now_ms).await?;
    proofs::note(transaction, user, by.session_id, now_ms).await?;
    notices::tell(transaction, notice).await?;
    Ok(with_codes)
}

/// How many passkeys an account has.
async fn passkeys(transaction: &mut Transaction, user: Uuid) -> Result<u32, StoreError> {
    let count = "SELECT COUNT(*) AS passkeys FROM passkeys WHERE user_id = $1";
    let row = transaction.fetch_optional(count, &[user.into()]).await?;
    row.map_or(Ok(0), |row| row.number("passkeys"))
}

async fn insert_passkey(
    transaction: &mut Transaction,
    passkey: &PasskeyRow,
) -> Result<(), StoreError> {
    transaction
        .execute(
            concat!(
                "INSERT INTO passkeys (",
                passkey_columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, NULL)"
            ),
            &[
                passkey.passkey_id.into(),
                passkey.user_id.into(),
                Value::Bytes(&passkey.credential_hash),
                Value::from(&passkey.credential),
                passkey.name.as_ref().into(),
                integer("created_at_ms", passkey.created_at_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}
