//! Sign-ins that wait for a second factor, and how many codes were tried.

use uuid::Uuid;

use super::{notices, users};
use crate::Store;
use crate::account::{TokenHash, UserRow};
use crate::audit::{Audit, Unaudited};
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;
use crate::factor::{ATTEMPTS_MAX, Attempt, ChallengeRow, CodePace, Tried};
use crate::notice::NoticeJob;

/// Challenges of an account that can be answered at a time; one more ends the oldest.
const CHALLENGES_PER_USER_MAX: u32 = 10;

/// Those beyond the ones that an account may have, the oldest.
const END_SUPERFLUOUS: &str = "DELETE FROM sign_in_challenges WHERE user_id = $1 \
     AND challenge_hash IN (SELECT challenge_hash FROM sign_in_challenges WHERE user_id = $1 \
     ORDER BY expires_at_ms DESC, challenge_hash LIMIT 1000 OFFSET $2)";

impl Store {
    /// Lets a person who has shown its password go on with its second factor. False where the account
    /// cannot sign in by now.
    ///
    /// # Errors
    /// As every write.
    pub async fn issue_challenge(
        &self,
        challenge: &ChallengeRow,
        audit: impl Into<Audit>,
    ) -> Result<bool, StoreError> {
        let (challenge, audit) = (challenge.clone(), audit.into());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let user = challenge.user_id;
                let account = users::lock(&mut transaction, user).await?;
                if !account.is_some_and(|account| account.is_active()) {
                    return Ok(false);
                }
                let values = [
                    Value::Bytes(&challenge.challenge_hash),
                    user.into(),
                    challenge.tenant_id.into(),
                    integer("expires_at_ms", challenge.expires_at_ms)?.into(),
                ];
                transaction
                    .execute(
                        "INSERT INTO sign_in_challenges (challenge_hash, user_id, tenant_id, \
                         attempts, expires_at_ms) VALUES ($1, $2, $3, 0, $4)",
                        &values,
                    )
                    .await?;
                let values = [user.into(), CHALLENGES_PER_USER_MAX.into()];
                transaction.execute(END_SUPERFLUOUS, &values).await?;
                transaction.commit(audit).await?;
                Ok(true)
            })
            .await
    }

    /// A challenge that can be answered.
    ///
    /// # Errors
    /// As every read.
    pub async fn challenge(
        &self,
        hash: TokenHash,
        now_ms: u64,
    ) -> Result<Option<ChallengeRow>, StoreError> {
        self.database
            .fetch_optional(
                "SELECT challenge_hash, user_id, tenant_id, expires_at_ms FROM sign_in_challenges \
                 WHERE challenge_hash = $1 AND expires_at_ms > $2",
                &[Value::Bytes(&hash), integer("now_ms", now_ms)?.into()],
            )
            .await?
            .map(|row| challenge_row(&row))
            .transpose()
    }

    /// Counts a code that is about to be compared. It is counted first, so that a thousand guesses at once
    /// are no more than one after another; one that is right is not counted in the end.
    ///
    /// # Errors
    /// As every write.
    pub async fn count_code(
        &self,
        user: Uuid,
        tried: Tried,
        pace: CodePace,
        now_ms: u64,
    ) -> Result<Attempt, StoreError> {
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let account = users::lock(&mut transaction, user).await?;
                if !account.as_ref().is_some_and(UserRow::is_active) {
                    return Ok(Attempt::Gone);
                }
                let attempt = match tried {
                    Tried::OnChallenge(hash) => {
                        count_on_account(&mut transaction, user, hash, pace, now_ms).await?
                    }
                    Tried::RecoveryOnChallenge(hash) => {
                        count_on_challenge(&mut transaction, user, hash, now_ms).await?
                    }
                    Tried::InSession(id) => {
                        count_in_session(&mut transaction, user, id, now_ms).await?
                    }
                };
                if matches!(attempt, Attempt::Counted { .. }) {
                    transaction.commit(Unaudited::Automatic).await?;
                }
                Ok(attempt)
            })
            .await
    }

    /// Writes down that a code was not right, and enqueues the mail that tells the person, where there is
    /// one.
    ///
    /// # Errors
    /// As every write.
    pub async fn refuse_code(
        &self,
        notice: Option<NoticeJob>,
        audit: impl Into<Audit>,
    ) -> Result<(), StoreError> {
        let audit = audit.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if let Some(notice) = notice {
                    notices::tell(&mut transaction, &notice).await?;
                }
                transaction.commit(audit).await
            })
            .await
    }

    /// Forgets challenges and used ceremonies that had expired before `before_ms`; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_challenges(&self, before_ms: u64) -> Result<u64, StoreError> {
        let challenges = self
            .forget_in_steps(
                "DELETE FROM sign_in_challenges WHERE challenge_hash IN (SELECT challenge_hash \
                 FROM sign_in_challenges WHERE expires_at_ms < $1 LIMIT $2)",
                before_ms,
            )
            .await?;
        let ceremonies = self
            .forget_in_steps(
                "DELETE FROM used_ceremonies WHERE ceremony_id IN (SELECT ceremony_id \
                 FROM used_ceremonies WHERE expires_at_ms < $1 LIMIT $2)",
                before_ms,
            )
            .await?;
        Ok(challenges + ceremonies)
    }
}

/// Until when the codes that were tried on an account are not forgotten, in milliseconds since 1970.
async fn attempted_until(transaction: &mut Transaction, user: Uuid) -> Result<u64, StoreError> {
    let select = "SELECT until_ms FROM code_attempts WHERE user_id = $1";
    let row = transaction.fetch_optional(select, &[user.into()]).await?;
    row.map_or(Ok(0), |row| row.number("until_ms"))
}

/// Counts a code against the account, and against the challenge that it answers.
async fn count_on_account(
    transaction: &mut Transaction,
    user: Uuid,
    hash: TokenHash,
    pace: CodePace,
    now_ms: u64,
) -> Result<Attempt, StoreError> {
    let until_ms = attempted_until(transaction, user).await?;
    let next_ms = match pace.next(until_ms, now_ms) {
        Ok(next_ms) => next_ms,
        Err(wait_ms) => return Ok(Attempt::Wait { wait_ms }),
    };
    if count_on_challenge(transaction, user, hash, now_ms).await? == Attempt::Gone {
        return Ok(Attempt::Gone);
    }
    transaction
        .execute(
            "INSERT INTO code_attempts (user_id, until_ms) VALUES ($1, $2) \
             ON CONFLICT (user_id) DO UPDATE SET until_ms = excluded.until_ms",
            &[user.into(), integer("until_ms", next_ms)?.into()],
        )
        .await?;
    Ok(Attempt::Counted {
        is_last: pace.next(next_ms, now_ms).is_err(),
    })
}

/// Counts a code against the challenge that it answers.
async fn count_on_challenge(
    transaction: &mut Transaction,
    user: Uuid,
    hash: TokenHash,
    now_ms: u64,
) -> Result<Attempt, StoreError> {
    let taken = transaction
        .execute(
            "UPDATE sign_in_challenges SET attempts = attempts + 1 WHERE challenge_hash = $1 \
             AND user_id = $2 AND expires_at_ms > $3 AND attempts < $4",
            &[
                Value::Bytes(&hash),
                user.into(),
                integer("now_ms", now_ms)?.into(),
                ATTEMPTS_MAX.into(),
            ],
        )
        .await?;
    Ok(counted_unless_gone(taken))
}

/// Counts a code against the session that it is tried in.
async fn count_in_session(
    transaction: &mut Transaction,
    user: Uuid,
    session: Uuid,
    now_ms: u64,
) -> Result<Attempt, StoreError> {
    let taken = transaction
        .execute(
            "UPDATE sessions SET factor_attempts = factor_attempts + 1 WHERE session_id = $1 \
             AND user_id = $2 AND ended_at_ms IS NULL AND expires_at_ms > $3 \
             AND factor_attempts < $4",
            &[
                session.into(),
                user.into(),
                integer("now_ms", now_ms)?.into(),
                ATTEMPTS_MAX.into(),
            ],
        )
        .await?;
    Ok(counted_unless_gone(taken))
}

/// What it means that a code was counted on this many rows.
fn counted_unless_gone(taken: u64) -> Attempt {
    match taken {
        0 => Attempt::Gone,
        _ => Attempt::Counted { is_last: false },
    }
}

/// Uses a challenge up; false where there is none.
pub(super) async fn use_up(
    transaction: &mut Transaction,
    user: Uuid,
    hash: TokenHash,
    now_ms: u64,
) -> Result<bool, StoreError> {
    let used = transaction
        .execute(
            "DELETE FROM sign_in_challenges WHERE challenge_hash = $1 AND user_id = $2 \
             AND expires_at_ms > $3",
            &[
                Value::Bytes(&hash),
                user.into(),
                integer("now_ms", now_ms)?.into(),
            ],
        )
        .await?;
    Ok(used > 0)
}

/// No challenge of an account can be answered any more; how many there were.
pub(super) async fn void(transaction: &mut Transaction, user: Uuid) -> Result<u64, StoreError> {
    let delete = "DELETE FROM sign_in_challenges WHERE user_id = $1";
    transaction.execute(delete, &[user.into()]).await
}

/// Codes that were tried on an account count no more.
pub(super) async fn forget_attempts(
    transaction: &mut Transaction,
    user: Uuid,
) -> Result<(), StoreError> {
    let delete = "DELETE FROM code_attempts WHERE user_id = $1";
    transaction.execute(delete, &[user.into()]).await.map(drop)
}

fn challenge_row(row: &Row) -> Result<ChallengeRow, StoreError> {
    Ok(ChallengeRow {
        challenge_hash: row.exactly("challenge_hash")?,
        user_id: row.uuid("user_id")?,
        tenant_id: row.uuid_or_null("tenant_id")?,
        expires_at_ms: row.number("expires_at_ms")?,
    })
}
