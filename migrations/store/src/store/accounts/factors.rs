//! Second factors of accounts: added, listed, removed.

use onsale_private::{LookupHash, Sealed};
use uuid::Uuid;

use super::sessions::{self, Whose};
use super::{challenges, mandate, notices, proofs, users};
use crate::Store;
use crate::account::{Mandate, SessionEnd, TokenHash, UserRow};
use crate::audit::{Audit, AuditEntry};
use crate::database::{Durability, Row, Transaction, Value, integer, is_unique_violation};
use crate::error::StoreError;
use crate::factor::{
    Added, Consent, Factors, FactorsReset, PASSKEYS_PER_USER_MAX, PasskeyRow, Removed, TotpRow,
};
use crate::notice::{Notice, NoticeJob};

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

    /// The second factors of an account.
    ///
    /// # Errors
    /// As every read.
    pub async fn factors_of(&self, user: Uuid) -> Result<Factors, StoreError> {
        let mut factors = Factors::default();
        let totp = self
            .database
            .fetch(
                concat!(
                    "SELECT ",
                    totp_columns!(),
                    " FROM totp_factors WHERE user_id = $1"
                ),
                &[user.into()],
            )
            .await?;
        for row in &totp {
            let row = totp_row(row)?;
            match row.confirmed_at_ms {
                Some(_) => factors.totp = Some(row),
                None => factors.setting_up = Some(row),
            }
        }
        factors.passkeys = self
            .database
            .fetch(
                concat!(
                    "SELECT ",
                    passkey_columns!(),
                    " FROM passkeys WHERE user_id = $1 ORDER BY created_at_ms, passkey_id LIMIT $2"
                ),
                &[user.into(), PASSKEYS_PER_USER_MAX.into()],
            )
            .await?
            .iter()
            .map(passkey_row)
            .collect::<Result<_, _>>()?;
        let unused = self
            .database
            .fetch_optional(
                "SELECT COUNT(*) AS unused FROM recovery_codes \
                 WHERE user_id = $1 AND used_at_ms IS NULL",
                &[user.into()],
            )
            .await?;
        factors.recovery_codes = unused.map_or(Ok(0), |row| row.number("unused"))?;
        Ok(factors)
    }

    /// The passkey with this id at its authenticator.
    ///
    /// # Errors
    /// As every read.
    pub async fn passkey(&self, credential: TokenHash) -> Result<Option<PasskeyRow>, StoreError> {
        self.database
            .fetch_optional(
                concat!(
                    "SELECT ",
                    passkey_columns!(),
                    " FROM passkeys WHERE credential_hash = $1"
                ),
                &[Value::Bytes(&credential)],
            )
            .await?
            .map(|row| passkey_row(&row))
            .transpose()
    }

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

    /// Removes every second factor of an account that is not erased, with its recovery codes, and ends its
    /// sessions. `None` where there is no such account.
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
    sessions::end(transaction, others, SessionEnd::Logout, now_ms).await?;
    proofs::note(transaction, user, by.session_id, now_ms).await?;
    notices::tell(transaction, notice).await?;
    Ok(with_codes)
}

async fn replace_codes(
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

fn totp_row(row: &Row) -> Result<TotpRow, StoreError> {
    Ok(TotpRow {
        factor_id: row.uuid("factor_id")?,
        user_id: row.uuid("user_id")?,
        secret: Sealed::from_stored(row.bytes("secret_sealed")?),
        created_at_ms: row.number("created_at_ms")?,
        confirmed_at_ms: row.number_or_null("confirmed_at_ms")?,
        last_step: row.number_or_null("last_step")?,
    })
}

fn passkey_row(row: &Row) -> Result<PasskeyRow, StoreError> {
    Ok(PasskeyRow {
        passkey_id: row.uuid("passkey_id")?,
        user_id: row.uuid("user_id")?,
        credential_hash: row.exactly("credential_hash")?,
        credential: Sealed::from_stored(row.bytes("credential_sealed")?),
        name: row.sealed_or_null("name_sealed")?,
        created_at_ms: row.number("created_at_ms")?,
        last_used_at_ms: row.number_or_null("last_used_at_ms")?,
    })
}
