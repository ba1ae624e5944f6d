//! What a proof of a second factor opens. It is used up in the transaction of what it allows, so it is good
//! once, also where it is shown twice at the same moment.

use uuid::Uuid;

use super::{challenges, mandate, notices, sessions, users};
use crate::Store;
use crate::account::{Mandate, PasswordHash, SessionRow, TokenHash};
use crate::audit::Audit;
use crate::database::{Durability, Transaction, Value, integer};
use crate::error::StoreError;
use crate::factor::{Proof, Proven, Shown, SignedCeremony};

impl Store {
    /// Opens a session of an account that is active and has the password that it had when it was read
    /// (`password`), by a proof of its second factor. `challenge` is what the proof answers; a passkey that
    /// signs in by itself answers none.
    ///
    /// # Errors
    /// As every write.
    pub async fn open_proven_session(
        &self,
        session: &SessionRow,
        password: Option<&PasswordHash>,
        challenge: Option<TokenHash>,
        shown: Shown,
        audit: impl Into<Audit>,
    ) -> Result<Proven, StoreError> {
        let (session, password, audit) = (session.clone(), password.cloned(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let (user, now_ms) = (session.user_id, session.created_at_ms);
                let account = users::lock(&mut transaction, user).await?;
                let is_right =
                    account.is_some_and(|user| user.is_active() && user.password == password);
                if !is_right {
                    return Ok(Proven::Gone);
                }
                if let Some(hash) = challenge
                    && !challenges::use_up(&mut transaction, user, hash, now_ms).await?
                {
                    return Ok(Proven::Gone);
                }
                if !use_up(&mut transaction, user, &shown, now_ms).await? {
                    return Ok(Proven::Used);
                }
                sessions::add(&mut transaction, &session).await?;
                note(&mut transaction, user, session.session_id, now_ms).await?;
                transaction.commit(audit).await?;
                Ok(Proven::Opened)
            })
            .await
    }

    /// Notes that the second factor was shown in a session; false where the proof was used before.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`] where the session has ended; otherwise as every write.
    pub async fn prove_session(
        &self,
        by: Mandate,
        shown: Shown,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let (user, now_ms) = (by.user_id, by.at_ms);
                users::lock(&mut transaction, user).await?;
                mandate::check(&mut transaction, Some(by)).await?;
                if !use_up(&mut transaction, user, &shown, now_ms).await? {
                    return Ok(false);
                }
                note(&mut transaction, user, by.session_id, now_ms).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// When the second factor was last shown in a live session of an account, in milliseconds since 1970;
    /// `None` where it was not, or there is no such session.
    ///
    /// # Errors
    /// As every read.
    pub async fn proven_at(
        &self,
        user: Uuid,
        session: Uuid,
        now_ms: u64,
    ) -> Result<Option<u64>, StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT factor_at_ms FROM sessions WHERE session_id = $1 AND user_id = $2 \
                 AND ended_at_ms IS NULL AND expires_at_ms > $3",
                &[
                    session.into(),
                    user.into(),
                    integer("now_ms", now_ms)?.into(),
                ],
            )
            .await?;
        row.map_or(Ok(None), |row| row.number_or_null("factor_at_ms"))
    }
}

/// Notes that the second factor was shown in a session.
pub(super) async fn note(
    transaction: &mut Transaction,
    user: Uuid,
    session: Uuid,
    now_ms: u64,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE sessions SET factor_at_ms = $3, factor_attempts = 0 \
             WHERE session_id = $1 AND user_id = $2",
            &[
                session.into(),
                user.into(),
                integer("now_ms", now_ms)?.into(),
            ],
        )
        .await
        .map(drop)
}

/// Codes that were tried in a session until now count no more.
pub(super) async fn begin_anew(
    transaction: &mut Transaction,
    by: Mandate,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE sessions SET factor_attempts = 0 WHERE session_id = $1 AND user_id = $2",
            &[by.session_id.into(), by.user_id.into()],
        )
        .await
        .map(drop)
}

/// Uses a proof up; false where it was used before, or its factor is gone.
async fn use_up(
    transaction: &mut Transaction,
    user: Uuid,
    shown: &Shown,
    now_ms: u64,
) -> Result<bool, StoreError> {
    let now = Value::from(integer("now_ms", now_ms)?);
    let is_good = match &shown.proof {
        Proof::Totp { factor_id, step } => {
            let used = transaction
                .execute(
                    "UPDATE totp_factors SET last_step = $3 WHERE factor_id = $1 AND user_id = $2 \
                     AND confirmed_at_ms IS NOT NULL AND (last_step IS NULL OR last_step < $3)",
                    &[
                        (*factor_id).into(),
                        user.into(),
                        integer("step", *step)?.into(),
                    ],
                )
                .await?;
            used > 0
        }
        Proof::RecoveryCode(hash) => {
            let used = transaction
                .execute(
                    "UPDATE recovery_codes SET used_at_ms = $3 WHERE user_id = $1 \
                     AND code_hash = $2 AND used_at_ms IS NULL",
                    &[user.into(), Value::from(hash), now],
                )
                .await?;
            used > 0
        }
        Proof::Passkey(signed) => sign(transaction, user, signed, now_ms).await?,
    };
    if !is_good {
        return Ok(false);
    }
    transaction
        .execute(
            "UPDATE code_attempts SET until_ms = until_ms - $2 WHERE user_id = $1 \
             AND until_ms >= $2",
            &[user.into(), integer("counted_ms", shown.counted_ms)?.into()],
        )
        .await?;
    if let Some(notice) = &shown.notice {
        notices::tell(transaction, notice).await?;
    }
    Ok(true)
}

/// Uses a ceremony up, and keeps the passkey's counter.
async fn sign(
    transaction: &mut Transaction,
    user: Uuid,
    signed: &SignedCeremony,
    now_ms: u64,
) -> Result<bool, StoreError> {
    if !use_ceremony(
        transaction,
        signed.ceremony_id,
        signed.ceremony_expires_at_ms,
    )
    .await?
    {
        return Ok(false);
    }
    let kept = transaction
        .execute(
            "UPDATE passkeys SET credential_sealed = $4, last_used_at_ms = $5 \
             WHERE passkey_id = $1 AND user_id = $2 AND credential_sealed = $3",
            &[
                signed.passkey_id.into(),
                user.into(),
                Value::from(&signed.from),
                Value::from(&signed.to),
                integer("now_ms", now_ms)?.into(),
            ],
        )
        .await?;
    Ok(kept > 0)
}

/// Uses a ceremony up; false where it was used before.
pub(super) async fn use_ceremony(
    transaction: &mut Transaction,
    ceremony: Uuid,
    expires_at_ms: u64,
) -> Result<bool, StoreError> {
    let used = transaction
        .execute(
            "INSERT INTO used_ceremonies (ceremony_id, expires_at_ms) VALUES ($1, $2) \
             ON CONFLICT (ceremony_id) DO NOTHING",
            &[
                ceremony.into(),
                integer("expires_at_ms", expires_at_ms)?.into(),
            ],
        )
        .await?;
    Ok(used > 0)
}
