//! Answers of calls about accounts and tenants, remembered under an idempotency key.

use onsale_private::LookupHash;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use uuid::Uuid;

use super::mandate;
use crate::Store;
use crate::account::Mandate;
use crate::account_answer::{AccountAnswer, AnswerKey, Begun, LastAnswer, RUNNING_MS, Turn};
use crate::audit::Unaudited;
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;

/// One row, with the database's clock, also where there is no answer: then the rest of it is NULL.
const FIND: &str = "SELECT c.now_ms, a.fingerprint, a.running_until_ms, a.status, a.answer_sealed \
     FROM database_clock AS c LEFT JOIN account_answers AS a ON a.answer_id = $1";
const COUNT: &str = "SELECT COUNT(*) AS kept, MIN(created_at_ms) AS oldest_ms FROM \
     (SELECT created_at_ms FROM account_answers WHERE owner_id = $1 AND created_at_ms > $2 \
     ORDER BY created_at_ms LIMIT $3) AS those_kept";

impl Store {
    /// Begins what was asked under a key, unless it was begun before. An owner has at most `keys_max` keys within a
    /// day. Turns end by the database's clock, one for all nodes: whose own clock is wrong neither takes one that is
    /// running nor keeps one from the others.
    ///
    /// # Errors
    /// As every write.
    pub async fn begin_account_answer(
        &self,
        key: AnswerKey,
        keys_max: u32,
        now_ms: u64,
    ) -> Result<Begun, StoreError> {
        // A turn that a power cut takes back was no more than a turn: what it was for is found by its own id.
        self.database
            .write(Durability::Rebuildable, move |mut transaction| async move {
                let begun = begin(&mut transaction, key, keys_max, now_ms).await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(begun)
            })
            .await
    }

    /// Remembers the answer to what was done in a turn. False where the turn had passed on to another call.
    ///
    /// # Errors
    /// As every write.
    pub async fn keep_account_answer(
        &self,
        turn: Turn,
        answer: &AccountAnswer,
    ) -> Result<bool, StoreError> {
        let kept = self
            .database
            .execute_unaudited(
                Durability::Durable,
                "UPDATE account_answers SET running_until_ms = NULL, status = $3, \
                 answer_sealed = $4 WHERE answer_id = $1 AND running_until_ms = $2",
                &[
                    turn.answer_id.into(),
                    integer("until_ms", turn.until_ms)?.into(),
                    answer.status.into(),
                    Value::from(answer.sealed.as_ref()),
                ],
            )
            .await?;
        Ok(kept > 0)
    }

    /// Gives back a turn in which nothing was done: the key can be used as if it were new.
    ///
    /// # Errors
    /// As every write.
    pub async fn drop_account_turn(&self, turn: Turn) -> Result<(), StoreError> {
        self.database
            .execute_unaudited(
                Durability::Rebuildable,
                "DELETE FROM account_answers WHERE answer_id = $1 AND running_until_ms = $2",
                &[
                    turn.answer_id.into(),
                    integer("until_ms", turn.until_ms)?.into(),
                ],
            )
            .await
            .map(drop)
    }

    /// Forgets answers that were begun before `before_ms`; returns how many.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_account_answers(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.forget_in_steps(
            "DELETE FROM account_answers WHERE answer_id IN (SELECT answer_id FROM account_answers \
             WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2)",
            before_ms,
        )
        .await
    }

    /// Whether somebody who asks for an earlier answer still has the right by which it was given.
    ///
    /// # Errors
    /// As every read.
    pub async fn still_holds(&self, right: Mandate) -> Result<bool, StoreError> {
        self.database
            .write(Durability::Rebuildable, move |mut transaction| async move {
                match mandate::check(&mut transaction, Some(right)).await {
                    Ok(()) => Ok(true),
                    Err(StoreError::RightWithdrawn) => Ok(false),
                    Err(error) => Err(error),
                }
            })
            .await
    }

    /// Whether an account was given a recovery code, and no others since.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_recovery_code(
        &self,
        user: Uuid,
        code: &LookupHash,
    ) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT user_id FROM recovery_codes WHERE user_id = $1 AND code_hash = $2",
                &[user.into(), Value::from(code)],
            )
            .await?;
        Ok(found.is_some())
    }

    /// Whether there is, or was within the last days, an invitation of this id to a tenant.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_invitation(&self, tenant: Uuid, invitation: Uuid) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT invitation_id FROM one_time_tokens WHERE invitation_id = $1 \
                 AND tenant_id = $2",
                &[invitation.into(), tenant.into()],
            )
            .await?;
        Ok(found.is_some())
    }
}

/// Erases what was answered to a person, but for the answer to the call that asks for it, which is no owner's from
/// then on: what is left of it is a keyed hash, a status, and what everybody is answered.
pub(super) async fn erase(
    transaction: &mut Transaction,
    owner: Uuid,
    last: Option<&LastAnswer>,
) -> Result<(), StoreError> {
    if let Some(LastAnswer { answer_id, answer }) = last {
        transaction
            .execute(
                "UPDATE account_answers SET owner_id = answer_id, running_until_ms = NULL, \
                 status = $3, answer_sealed = $4 WHERE answer_id = $1 AND owner_id = $2 \
                 AND running_until_ms IS NOT NULL",
                &[
                    (*answer_id).into(),
                    owner.into(),
                    answer.status.into(),
                    Value::from(answer.sealed.as_ref()),
                ],
            )
            .await?;
    }
    transaction
        .execute(
            "DELETE FROM account_answers WHERE owner_id = $1",
            &[owner.into()],
        )
        .await
        .map(drop)
}

async fn begin(
    transaction: &mut Transaction,
    key: AnswerKey,
    keys_max: u32,
    now_ms: u64,
) -> Result<Begun, StoreError> {
    let id = Value::from(key.answer_id);
    let forgotten_ms = integer("forgotten_ms", now_ms.saturating_sub(IDEMPOTENCY_WINDOW_MS))?;
    transaction
        .execute(
            "DELETE FROM account_answers WHERE answer_id = $1 AND created_at_ms <= $2",
            &[id, forgotten_ms.into()],
        )
        .await?;
    let Some(row) = transaction.fetch_optional(FIND, &[id]).await? else {
        return Err(StoreError::Corrupt("database_clock is empty".to_owned()));
    };
    let clock_ms: u64 = row.number("now_ms")?;
    let until_ms = clock_ms.saturating_add(RUNNING_MS);
    let until = Value::from(integer("until_ms", until_ms)?);
    let turn = Turn {
        answer_id: key.answer_id,
        until_ms,
    };
    // Who is too late sees it running from now on.
    let running = Begun::Running(RUNNING_MS);
    if let Some(earlier) = Earlier::read(&row)? {
        let over_ms = integer("over_ms", earlier.running_until_ms.unwrap_or_default())?;
        if let Some(begun) = earlier.says(&key, clock_ms) {
            return Ok(begun);
        }
        let taken = transaction
            .execute(
                "UPDATE account_answers SET running_until_ms = $3 WHERE answer_id = $1 \
                 AND running_until_ms = $2",
                &[id, over_ms.into(), until],
            )
            .await?;
        return Ok(match taken {
            0 => running,
            _ => Begun::Yours(turn),
        });
    }
    let values = [key.owner_id.into(), forgotten_ms.into(), keys_max.into()];
    if let Some(row) = transaction.fetch_optional(COUNT, &values).await? {
        let kept: u32 = row.number("kept")?;
        if kept >= keys_max {
            let oldest_ms: Option<u64> = row.number_or_null("oldest_ms")?;
            let oldest_ms = oldest_ms.unwrap_or(now_ms);
            return Ok(Begun::TooMany(
                oldest_ms.saturating_add(IDEMPOTENCY_WINDOW_MS),
            ));
        }
    }
    let added = transaction
        .execute(
            "INSERT INTO account_answers (answer_id, owner_id, fingerprint, created_at_ms, \
             running_until_ms) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (answer_id) DO NOTHING",
            &[
                id,
                key.owner_id.into(),
                Value::Bytes(&key.fingerprint),
                integer("now_ms", now_ms)?.into(),
                until,
            ],
        )
        .await?;
    // Another one began in between: when it is done, the next try finds it.
    Ok(match added {
        0 => running,
        _ => Begun::Yours(turn),
    })
}

/// A row that was there before.
struct Earlier {
    fingerprint: [u8; 32],
    /// `None`: it is done.
    running_until_ms: Option<u64>,
    answer: Option<AccountAnswer>,
}

impl Earlier {
    /// `None` where there is none.
    fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(fingerprint) = row.exactly_or_null("fingerprint")? else {
            return Ok(None);
        };
        let status: Option<u16> = row.number_or_null("status")?;
        let sealed = row.sealed_or_null("answer_sealed")?;
        Ok(Some(Self {
            fingerprint,
            running_until_ms: row.number_or_null("running_until_ms")?,
            answer: status.map(|status| AccountAnswer { status, sealed }),
        }))
    }

    /// What it says of a request; `None` where its turn is over and it was not done.
    fn says(self, key: &AnswerKey, clock_ms: u64) -> Option<Begun> {
        if self.fingerprint != key.fingerprint {
            return Some(Begun::OtherRequest);
        }
        if let Some(answer) = self.answer {
            return Some(Begun::Done(answer));
        }
        // One that would last longer than a turn does was begun by a clock that was ahead: it is over.
        match self.running_until_ms?.checked_sub(clock_ms) {
            Some(left_ms @ 1..=RUNNING_MS) => Some(Begun::Running(left_ms)),
            _ => None,
        }
    }
}
